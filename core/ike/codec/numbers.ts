// Numbers of IKEv2 [RFC 7296 §3; IANA registry "Internet Key Exchange Version 2 (IKEv2) Parameters"]. The ones that IANA
// has not assigned are in private-numbers.ts.

export const IKE_SA_INIT = 34;
export const IKE_AUTH = 35;
export const CREATE_CHILD_SA = 36;
export const INFORMATIONAL = 37;
export const IKE_SESSION_RESUME = 38;
export const IKE_INTERMEDIATE = 43;

/** Flags of the header: sender is the original initiator; the message is a response. */
export const FLAG_INITIATOR = 0x08;
export const FLAG_RESPONSE = 0x20;

export const PROTOCOL_IKE = 1;
export const PROTOCOL_ESP = 3;

export const PAYLOAD_SA = 33;
export const PAYLOAD_KE = 34;
export const PAYLOAD_IDI = 35;
export const PAYLOAD_IDR = 36;
export const PAYLOAD_CERT = 37;
export const PAYLOAD_CERTREQ = 38;
export const PAYLOAD_AUTH = 39;
export const PAYLOAD_NONCE = 40;
export const PAYLOAD_NOTIFY = 41;
export const PAYLOAD_DELETE = 42;
export const PAYLOAD_VENDOR = 43;
export const PAYLOAD_TSI = 44;
export const PAYLOAD_TSR = 45;
export const PAYLOAD_SK = 46;
export const PAYLOAD_CP = 47;
export const PAYLOAD_EAP = 48;
export const PAYLOAD_SKF = 53;

export const TRANSFORM_ENCR = 1;
export const TRANSFORM_PRF = 2;
export const TRANSFORM_INTEG = 3;
export const TRANSFORM_KE = 4;
export const TRANSFORM_SN = 5;

export const PRF_HMAC_SHA2_256 = 5;
export const INTEG_HMAC_SHA2_256_128 = 12;

/** Error notifies; 0 stands for none. */
export const N_UNSUPPORTED_CRITICAL_PAYLOAD = 1;
export const N_INVALID_IKE_SPI = 4;
export const N_INVALID_MAJOR_VERSION = 5;
export const N_INVALID_SYNTAX = 7;
export const N_INVALID_MESSAGE_ID = 9;
export const N_INVALID_SPI = 11;
export const N_NO_PROPOSAL_CHOSEN = 14;
export const N_INVALID_KE_PAYLOAD = 17;
export const N_AUTHENTICATION_FAILED = 24;
export const N_SINGLE_PAIR_REQUIRED = 34;
export const N_NO_ADDITIONAL_SAS = 35;
export const N_INTERNAL_ADDRESS_FAILURE = 36;
export const N_FAILED_CP_REQUIRED = 37;
export const N_TS_UNACCEPTABLE = 38;
export const N_INVALID_SELECTORS = 39;
export const N_TEMPORARY_FAILURE = 43;
export const N_CHILD_SA_NOT_FOUND = 44;
/** Notifies from here on report a status. */
export const N_STATUS = 16384;
export const N_INITIAL_CONTACT = 16384;
export const N_NAT_DETECTION_SOURCE_IP = 16388;
export const N_NAT_DETECTION_DESTINATION_IP = 16389;
export const N_COOKIE = 16390;
export const N_USE_TRANSPORT_MODE = 16391;
export const N_REKEY_SA = 16393;
export const N_TICKET_LT_OPAQUE = 16409;
export const N_TICKET_REQUEST = 16410;
export const N_TICKET_NACK = 16412;
export const N_TICKET_OPAQUE = 16413;
export const N_FRAGMENTATION_SUPPORTED = 16430;
export const N_SIGNATURE_HASH_ALGORITHMS = 16431;
export const N_USE_PPK = 16435;
export const N_PPK_IDENTITY = 16436;
export const N_NO_PPK_AUTH = 16437;
export const N_INTERMEDIATE_EXCHANGE_SUPPORTED = 16438;
export const N_SUPPORTED_AUTH_METHODS = 16443;
export const N_USE_PPK_INT = 16445;
export const N_PPK_IDENTITY_KEY = 16446;
/** Downgrade prevention [draft-ietf-ipsecme-ikev2-downgrade-prevention]. */
export const N_FULL_TRANSCRIPT_AUTH = 16447;

export const ID_IPV4_ADDR = 1;
export const ID_FQDN = 2;
export const ID_IPV6_ADDR = 5;
export const ID_KEY_ID = 11;

export const AUTH_SHARED_KEY = 2;
export const AUTH_DIGITAL_SIGNATURE = 14;
export type AuthMethod = typeof AUTH_SHARED_KEY | typeof AUTH_DIGITAL_SIGNATURE;

/** Signature hash "Identity", for Ed25519 [RFC 8420 §2]. */
export const HASH_IDENTITY = 5;

export const TS_IPV4_ADDR_RANGE = 7;
export const TS_IPV6_ADDR_RANGE = 8;

export const CP_REQUEST = 1;
export const CP_REPLY = 2;
export const CP_INTERNAL_IP4_ADDRESS = 1;
export const CP_INTERNAL_IP6_ADDRESS = 8;
