// Numbers of EESP version 0 [draft-ietf-ipsecme-eesp-03]. IANA has assigned none of them.

/** IP protocol number: the first of those for experiments [RFC 3692 §2.1], until IANA assigns one. */
export const PROTO_EESP = 253;
/** First octet of every packet: the bit that ESP's SPIs then lack, version 0, reserved bits 0 [draft-ietf-ipsecme-eesp §2.1]. */
export const EESP_FIRST = 0x80;
/** Octets of the base header without options. */
export const EESP_BASE = 8;
/** Octets of the sequence number in the peer header. */
export const EESP_SN_SIZE = 8;
/** Octets of the Payload Info header. */
export const EESP_INFO_SIZE = 4;
/** Most octets of options. */
export const EESP_OPTIONS_MAX = 255;

/** One octet of padding between options. */
export const OPTION_PAD1 = 0;
/** Padding of two octets and more. */
export const OPTION_PADN = 1;
/** Octets that are authenticated and not encrypted; nobody here allows them. */
export const OPTION_CRYPT_OFFSET = 2;
/** The first option of the private range. */
export const OPTION_PRIVATE = 224;

/** Largest Sub SA ID that this side accepts or sends with: each Sub SA costs a key and a window. */
export const EESP_MAX_ID = 255;

/** No SSKDF: one key, and Session ID 0. */
export const SSKDF_NONE = 0;
/** HKDF with SHA2-256. SHA2-384 (2) and SHA2-512 (3) are not here: providers have no such HMAC. */
export const SSKDF_HKDF_SHA2_256 = 1;
