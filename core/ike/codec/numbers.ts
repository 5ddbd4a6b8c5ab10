// Numbers of IKEv2 [RFC 7296 §3; IANA registry "Internet Key Exchange Version 2 (IKEv2) Parameters"]. private-numbers.ts has
// those that IANA has not assigned.

/** Opens an IKE SA: proposals, key exchange, nonces [RFC 7296 §1.2]. */
export const IKE_SA_INIT = 34;
/** Authenticates it, and sets up the first Child SA [RFC 7296 §1.2]. */
export const IKE_AUTH = 35;
/** Makes another Child SA, or rekeys one or the IKE SA [RFC 7296 §1.3]. */
export const CREATE_CHILD_SA = 36;
/** Deletes, errors, signs of life [RFC 7296 §1.4]. */
export const INFORMATIONAL = 37;
/** Opens an IKE SA with the ticket of an earlier one [RFC 5723]. */
export const IKE_SESSION_RESUME = 38;
/** Rounds between IKE_SA_INIT and IKE_AUTH [RFC 9242]. */
export const IKE_INTERMEDIATE = 43;
/** Further key exchanges after CREATE_CHILD_SA [RFC 9370]. */
export const IKE_FOLLOWUP_KE = 44;
/** Exchange Types. */
export type Exchange =
  | typeof IKE_SA_INIT
  | typeof IKE_AUTH
  | typeof CREATE_CHILD_SA
  | typeof INFORMATIONAL
  | typeof IKE_SESSION_RESUME
  | typeof IKE_INTERMEDIATE
  | typeof IKE_FOLLOWUP_KE;

/** Flags of the header: sender is the original initiator; the message is a response. */
export const FLAG_INITIATOR = 0x08;
export const FLAG_RESPONSE = 0x20;

/** Security Protocol Identifiers [RFC 7296 §3.3.1]. */
export const PROTOCOL_IKE = 1;
export const PROTOCOL_AH = 2;
export const PROTOCOL_ESP = 3;

/** Payload types [RFC 7296 §3.2]; SKF is an encrypted fragment [RFC 7383]. */
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
/** Payload types. */
export type PayloadType =
  | typeof PAYLOAD_SA
  | typeof PAYLOAD_KE
  | typeof PAYLOAD_IDI
  | typeof PAYLOAD_IDR
  | typeof PAYLOAD_CERT
  | typeof PAYLOAD_CERTREQ
  | typeof PAYLOAD_AUTH
  | typeof PAYLOAD_NONCE
  | typeof PAYLOAD_NOTIFY
  | typeof PAYLOAD_DELETE
  | typeof PAYLOAD_VENDOR
  | typeof PAYLOAD_TSI
  | typeof PAYLOAD_TSR
  | typeof PAYLOAD_SK
  | typeof PAYLOAD_CP
  | typeof PAYLOAD_EAP
  | typeof PAYLOAD_SKF;

/** Transform Types [RFC 7296 §3.3.2]; SN is "Sequence Numbers", first called ESN. */
export const TRANSFORM_ENCR = 1;
export const TRANSFORM_PRF = 2;
export const TRANSFORM_INTEG = 3;
export const TRANSFORM_KE = 4;
export const TRANSFORM_SN = 5;
/** Transform Types of plain IKEv2; extensions have others (`Transform`). */
export type TransformType =
  | typeof TRANSFORM_ENCR
  | typeof TRANSFORM_PRF
  | typeof TRANSFORM_INTEG
  | typeof TRANSFORM_KE
  | typeof TRANSFORM_SN;

/** ADDKE1 to ADDKE7: additional key exchanges [RFC 9370 §2.2.1]. */
export const TRANSFORM_ADDKE1 = 6;
export const TRANSFORM_ADDKE7 = 12;

/** The pseudorandom function of all key derivation here [RFC 4868]. */
export const PRF_HMAC_SHA2_256 = 5 as const;
/** The integrity algorithm beside ciphers that are no AEAD [RFC 4868]. */
export const INTEG_HMAC_SHA2_256_128 = 12;
/** Pseudorandom functions. */
export type Prf = typeof PRF_HMAC_SHA2_256;
/** 32-bit sequence numbers, extended ones, or 32-bit unspecified ones [RFC 9838 §2.6], which AH alone has here. */
export type SnTransform = 0 | 1 | 2;

/** Error notifies; 0: none. */
export const N_UNSUPPORTED_CRITICAL_PAYLOAD = 1 as const;
export const N_INVALID_IKE_SPI = 4 as const;
export const N_INVALID_MAJOR_VERSION = 5 as const;
export const N_INVALID_SYNTAX = 7 as const;
export const N_INVALID_MESSAGE_ID = 9 as const;
export const N_INVALID_SPI = 11 as const;
export const N_NO_PROPOSAL_CHOSEN = 14 as const;
export const N_INVALID_KE_PAYLOAD = 17 as const;
export const N_AUTHENTICATION_FAILED = 24 as const;
export const N_SINGLE_PAIR_REQUIRED = 34 as const;
export const N_NO_ADDITIONAL_SAS = 35 as const;
export const N_INTERNAL_ADDRESS_FAILURE = 36 as const;
export const N_FAILED_CP_REQUIRED = 37 as const;
export const N_TS_UNACCEPTABLE = 38 as const;
export const N_INVALID_SELECTORS = 39 as const;
export const N_TEMPORARY_FAILURE = 43 as const;
export const N_CHILD_SA_NOT_FOUND = 44 as const;
export const N_STATE_NOT_FOUND = 47 as const;
/** What became of a change of addresses [RFC 4555 §4.1]. */
export const N_UNACCEPTABLE_ADDRESSES = 40 as const;
export const N_UNEXPECTED_NAT_DETECTED = 41 as const;
/** No further Child SA with these selectors [RFC 9611 §5.2]. */
export const N_TS_MAX_QUEUE = 48 as const;
/** Errors that this side sends or understands. */
export type ErrorNotify =
  | typeof N_UNSUPPORTED_CRITICAL_PAYLOAD
  | typeof N_INVALID_IKE_SPI
  | typeof N_INVALID_MAJOR_VERSION
  | typeof N_INVALID_SYNTAX
  | typeof N_INVALID_MESSAGE_ID
  | typeof N_INVALID_SPI
  | typeof N_NO_PROPOSAL_CHOSEN
  | typeof N_INVALID_KE_PAYLOAD
  | typeof N_AUTHENTICATION_FAILED
  | typeof N_SINGLE_PAIR_REQUIRED
  | typeof N_NO_ADDITIONAL_SAS
  | typeof N_INTERNAL_ADDRESS_FAILURE
  | typeof N_FAILED_CP_REQUIRED
  | typeof N_TS_UNACCEPTABLE
  | typeof N_INVALID_SELECTORS
  | typeof N_UNACCEPTABLE_ADDRESSES
  | typeof N_UNEXPECTED_NAT_DETECTED
  | typeof N_TEMPORARY_FAILURE
  | typeof N_CHILD_SA_NOT_FOUND
  | typeof N_STATE_NOT_FOUND
  | typeof N_TS_MAX_QUEUE;
/**
 * An error as a peer told it, or an extension's own: any number below N_STATUS. A bare number is none; `errorOf` and
 * `errorNotify` make them.
 */
export type ErrorType = ErrorNotify | (number & { readonly isErrorNotify: true });
/** Notifies from here on report a status. */
export const N_STATUS = 16384 as const;
export const N_INITIAL_CONTACT = 16384 as const;
export const N_ADDITIONAL_TS_POSSIBLE = 16386 as const;
export const N_NAT_DETECTION_SOURCE_IP = 16388 as const;
export const N_NAT_DETECTION_DESTINATION_IP = 16389 as const;
export const N_COOKIE = 16390 as const;
export const N_IPCOMP_SUPPORTED = 16387 as const;
export const N_USE_TRANSPORT_MODE = 16391 as const;
export const N_REKEY_SA = 16393 as const;
export const N_ESP_TFC_PADDING_NOT_SUPPORTED = 16394 as const;
/** Mobility and multihoming [RFC 4555 §4.2]. */
export const N_MOBIKE_SUPPORTED = 16396 as const;
export const N_ADDITIONAL_IP4_ADDRESS = 16397 as const;
export const N_ADDITIONAL_IP6_ADDRESS = 16398 as const;
export const N_NO_ADDITIONAL_ADDRESSES = 16399 as const;
export const N_UPDATE_SA_ADDRESSES = 16400 as const;
export const N_COOKIE2 = 16401 as const;
export const N_NO_NATS_ALLOWED = 16402 as const;
/** Another gateway [RFC 5685 §10]. */
export const N_REDIRECT_SUPPORTED = 16406 as const;
export const N_REDIRECT = 16407 as const;
export const N_REDIRECTED_FROM = 16408 as const;
export const N_TICKET_LT_OPAQUE = 16409 as const;
export const N_TICKET_REQUEST = 16410 as const;
export const N_TICKET_NACK = 16412 as const;
export const N_TICKET_OPAQUE = 16413 as const;
/** Quick crash detection [RFC 6290]. */
export const N_QCD_TOKEN = 16419 as const;
/** Synchronisation after a failover [RFC 6311]. */
export const N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED = 16420 as const;
export const N_IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED = 16421 as const;
export const N_IKEV2_MESSAGE_ID_SYNC = 16422 as const;
export const N_IPSEC_REPLAY_COUNTER_SYNC = 16423 as const;
export const N_FRAGMENTATION_SUPPORTED = 16430 as const;
export const N_SIGNATURE_HASH_ALGORITHMS = 16431 as const;
export const N_USE_PPK = 16435 as const;
export const N_PPK_IDENTITY = 16436 as const;
export const N_NO_PPK_AUTH = 16437 as const;
export const N_INTERMEDIATE_EXCHANGE_SUPPORTED = 16438 as const;
/** Links a round of IKE_FOLLOWUP_KE to what it continues [RFC 9370 §2.2.4]. */
export const N_ADDITIONAL_KEY_EXCHANGE = 16441 as const;
export const N_SUPPORTED_AUTH_METHODS = 16443 as const;
/** One of several Child SAs with the same selectors [RFC 9611 §5.1]. */
export const N_SA_RESOURCE_INFO = 16444 as const;
export const N_USE_PPK_INT = 16445 as const;
export const N_PPK_IDENTITY_KEY = 16446 as const;
/** Downgrade prevention [draft-ietf-ipsecme-ikev2-downgrade-prevention]. */
export const N_FULL_TRANSCRIPT_AUTH = 16447 as const;

/** ID Types [RFC 7296 §3.5]. */
export const ID_IPV4_ADDR = 1 as const;
export const ID_FQDN = 2 as const;
export const ID_IPV6_ADDR = 5 as const;
export const ID_KEY_ID = 11 as const;
/** ID Types that both sides may prove. */
export type IdType = typeof ID_IPV4_ADDR | typeof ID_FQDN | typeof ID_IPV6_ADDR | typeof ID_KEY_ID;

/** Authentication Methods [RFC 7296 §3.8, RFC 7427]. */
export const AUTH_SHARED_KEY = 2 as const;
export const AUTH_DIGITAL_SIGNATURE = 14 as const;
/** Authentication Methods. */
export type AuthMethod = typeof AUTH_SHARED_KEY | typeof AUTH_DIGITAL_SIGNATURE;

/** Signature hash "Identity", for Ed25519 [RFC 8420 §2]. */
export const HASH_IDENTITY = 5;

/** TS Types [RFC 7296 §3.13.1]. */
export const TS_IPV4_ADDR_RANGE = 7;
export const TS_IPV6_ADDR_RANGE = 8;
/** TS Types. */
export type TsType = typeof TS_IPV4_ADDR_RANGE | typeof TS_IPV6_ADDR_RANGE;

/** CFG Types, and Configuration Attributes of inner addresses [RFC 7296 §3.15]. */
export const CP_REQUEST = 1 as const;
export const CP_REPLY = 2 as const;
export const CP_INTERNAL_IP4_ADDRESS = 1 as const;
export const CP_INTERNAL_IP6_ADDRESS = 8 as const;
/** Kinds of inner addresses that an initiator may ask for. */
export type AddressType = typeof CP_INTERNAL_IP4_ADDRESS | typeof CP_INTERNAL_IP6_ADDRESS;
