// ESP [RFC 4303 §2]: SPI, Sequence Number, payload, Padding, Pad Length, Next Header, ICV.

export const PROTO_ESP = 50;
export const ESP_SIZE = 8;
export const ESP_SPI = 0;
export const ESP_SN = 4;
/** "No next header": a dummy packet of traffic flow confidentiality [RFC 4303 §2.6]. */
export const PROTO_NONE = 59;
/** SPI values below are reserved [RFC 4303 §2.1]. */
export const SPI_MIN = 256;
