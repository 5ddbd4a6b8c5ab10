// Extension headers of IPv6 that may precede another header [RFC 8200 §4]: Next Header, length in units of 8 octets without the
// first, the rest.

/** Hop-by-Hop Options: only directly behind the IPv6 header. */
export const PROTO_HOP_BY_HOP = 0;
export const PROTO_ROUTING = 43;
export const PROTO_FRAGMENT = 44;
export const PROTO_DESTINATION = 60;

/** Routing Types with whole addresses: the deprecated type 0 [RFC 5095], and that of Mobile IPv6 [RFC 6275 §6.4]. */
export const ROUTING_0 = 0;
export const ROUTING_MOBILE = 2;

/** Options of one octet, without length and data. */
export const OPTION6_PAD1 = 0;
/** Bit of an option's type: its data may change on the way [RFC 8200 §4.2]. */
export const OPTION6_MUTABLE = 0x20;

/** True for a header whose length is in its second octet. */
export function isExtension(proto: number): boolean {
  return proto === PROTO_HOP_BY_HOP || proto === PROTO_ROUTING || proto === PROTO_DESTINATION;
}

/** Octets of such a header; 0: it does not end before `end`. */
export function extensionSize(buffer: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return 0;
  const size = 8 * (buffer[offset + 1] + 1);
  return size > end - offset ? 0 : size;
}
