// Field identifiers that only users' rules need, beside those of wire/fid.ts and wire/coap.ts: fields of SCHC's data model
// (RFC 9363) that are named by role. Dev is the source of a packet that goes up [RFC 8724 §10.1, §10.7].

/**
 * Identifiers for rules of a user's own, beside those of wire/fid.ts [RFC 9363]: the Traffic Class whole, and addresses
 * in halves of 64 bits and ports by side (Dev, App) instead of by direction.
 */
export const FID_IPV6_TRAFFIC_CLASS = 2863;
export const FID_IPV6_DEV_PREFIX = 2858;
export const FID_IPV6_DEV_IID = 2857;
export const FID_IPV6_APP_PREFIX = 2855;
export const FID_IPV6_APP_IID = 2854;
export const FID_UDP_DEV_PORT = 2851;
export const FID_UDP_APP_PORT = 2848;

/** All options of an IPv4 header, as one variable-length field. A private number, as those in wire/fid.ts. */
export const FID_IPV4_OPTIONS = 60023;
