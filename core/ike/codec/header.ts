// The IKE header [RFC 7296 §3.1].

/** Octets of the IKE header, and the offsets of its fields. */
export const IKE_SIZE = 28;
export const IKE_SPI_I = 0;
export const IKE_SPI_R = 8;
export const IKE_NEXT = 16;
export const IKE_VERSION = 17;
export const IKE_EXCHANGE = 18;
export const IKE_FLAGS = 19;
export const IKE_MESSAGE_ID = 20;
export const IKE_LENGTH = 24;
