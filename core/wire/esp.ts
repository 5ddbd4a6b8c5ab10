// ESP [RFC 4303 §2]: SPI, Sequence Number, payload, Padding, Pad Length, Next Header, ICV.

/** Protocol number of ESP [RFC 4303]. */
export const PROTO_ESP = 50;
/** "No next header": a dummy packet of traffic flow confidentiality [RFC 4303 §2.6]. */
export const PROTO_NONE = 59;
/** SPI values below are reserved [RFC 4303 §2.1]. */
export const SPI_MIN = 256;
