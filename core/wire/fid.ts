// Field identifiers. Their numbers are those of SCHC's data model (identities of ietf-schc, RFC 9363). Numbers from 60000 are
// ours: the model has none for ESP, IPv4, TCP, SCTP and UDP-Lite, nor for whole IPv6 addresses, which Diet-ESP uses.

/** Fields of IPv6 [RFC 8200 §3]. SRC and DST are whole addresses, 128 bits. */
export const FID_IPV6_VERSION = 2866;
export const FID_IPV6_DSCP = 2864;
export const FID_IPV6_ECN = 2865;
export const FID_IPV6_FLOW_LABEL = 2859;
export const FID_IPV6_PAYLOAD_LENGTH = 2862;
export const FID_IPV6_NEXT_HEADER = 2861;
export const FID_IPV6_HOP_LIMIT = 2860;
export const FID_IPV6_SRC = 60000;
export const FID_IPV6_DST = 60001;

/** Fields of IPv4 [RFC 791 §3.1]. */
export const FID_IPV4_VERSION = 60010;
export const FID_IPV4_IHL = 60011;
export const FID_IPV4_DSCP = 60012;
export const FID_IPV4_ECN = 60013;
export const FID_IPV4_TOTAL_LENGTH = 60014;
export const FID_IPV4_ID = 60015;
export const FID_IPV4_FLAGS = 60016;
export const FID_IPV4_FRAGMENT_OFFSET = 60017;
export const FID_IPV4_TTL = 60018;
export const FID_IPV4_PROTOCOL = 60019;
export const FID_IPV4_CHECKSUM = 60020;
export const FID_IPV4_SRC = 60021;
export const FID_IPV4_DST = 60022;

/** Fields of UDP [RFC 768]. Ports by direction; schc/fid.ts has them by side. */
export const FID_UDP_SRC_PORT = 60030;
export const FID_UDP_DST_PORT = 60031;
export const FID_UDP_LENGTH = 2852;
export const FID_UDP_CHECKSUM = 2850;

/** Fields of UDP-Lite [RFC 3828 §3.1]. */
export const FID_UDPLITE_SRC_PORT = 60040;
export const FID_UDPLITE_DST_PORT = 60041;
export const FID_UDPLITE_COVERAGE = 60042;
export const FID_UDPLITE_CHECKSUM = 60043;

/** Fields of TCP [RFC 9293 §3.1]. RESERVED has 4 bits, FLAGS 8. */
export const FID_TCP_SRC_PORT = 60050;
export const FID_TCP_DST_PORT = 60051;
export const FID_TCP_SEQUENCE = 60052;
export const FID_TCP_ACKNOWLEDGMENT = 60053;
export const FID_TCP_DATA_OFFSET = 60054;
export const FID_TCP_RESERVED = 60055;
export const FID_TCP_FLAGS = 60056;
export const FID_TCP_WINDOW = 60057;
export const FID_TCP_CHECKSUM = 60058;
export const FID_TCP_URGENT = 60059;

/** Fields of SCTP's common header [RFC 9260 §3.1]; TAG is the Verification Tag. */
export const FID_SCTP_SRC_PORT = 60070;
export const FID_SCTP_DST_PORT = 60071;
export const FID_SCTP_TAG = 60072;
export const FID_SCTP_CHECKSUM = 60073;

/** Fields of ESP [RFC 4303 §2]; PADDING includes Pad Length. */
export const FID_ESP_SPI = 60080;
export const FID_ESP_SN = 60081;
export const FID_ESP_PADDING = 60082;
export const FID_ESP_NEXT_HEADER = 60083;
