// Kinds and positions of the strings of a case, see vector-case.ts.

/** Kinds of cases (second string of a case). */
export const CASE_PACKET = 'packet';
/** `createSa` must throw; WANT_FIELD names the field. */
export const CASE_CONFIG = 'config';
/** `outbound` must return a drop code of WANT_CODES. */
export const CASE_REFUSE = 'refuse';
/** After the packets of BEFORE, `inbound` must return a drop code of WANT_CODES, or WANT_DECOMPRESSED. */
export const CASE_REJECT = 'reject';

/** Sequence number recovery: T (in SN_HI and SN_LO), WANT_RECEIVED and the SA's numbers must give WANT_SN. */
export const CASE_SN = 'sn';

// Positions in a case.
export const ID = 0;
export const KIND = 1;
export const IIPC_PROFILE = 2;
export const RULE_ID = 3;
export const DSCP_CDA = 4;
export const ECN_CDA = 5;
export const FLOW_LABEL_CDA = 6;
export const DSCP_LIST = 7;
export const TS_IP_VERSION = 8;
export const TS_IP_SRC_START = 9;
export const TS_IP_SRC_END = 10;
export const TS_IP_DST_START = 11;
export const TS_IP_DST_END = 12;
export const TS_PROTO = 13;
export const TS_PORT_SRC_START = 14;
export const TS_PORT_SRC_END = 15;
export const TS_PORT_DST_START = 16;
export const TS_PORT_DST_END = 17;
export const ALIGNMENT = 18;
export const ESP_TRAILER = 19;
export const IPSEC_MODE = 20;
export const TUNNEL_SRC = 21;
export const TUNNEL_DST = 22;
export const ESP_SPI = 23;
export const ESP_SPI_LSB = 24;
export const ESP_SN_LSB = 25;
export const ESN = 26;
export const SUITE = 27;
export const KEY = 28;
export const SALT = 29;
export const AKEY = 30;
export const SN_HI = 31;
export const SN_LO = 32;
export const REPLAY_WINDOW = 33;
export const INNER = 34;
/** IV that `outbound` must use. */
export const WANT_IV = 35;
export const WANT_RESIDUE_BITS = 36;
export const WANT_PAD_BITS = 37;
export const WANT_IIPC_OUTPUT = 38;
export const WANT_CLEAR_TEXT = 39;
export const WANT_NONCE = 40;
export const WANT_AAD = 41;
export const WANT_CIPHERTEXT = 42;
export const WANT_ICV = 43;
export const WANT_EEC_HEADER = 44;
export const WANT_ESP = 45;
export const WANT_WIRE = 46;
export const WANT_ESP_LEN = 47;
/** The packet that `inbound` must return. */
export const WANT_DECOMPRESSED = 48;
/** Drop codes, separated by commas. */
export const WANT_CODES = 49;
export const WANT_FIELD = 50;
/** The received bits, as a number. */
export const WANT_RECEIVED = 51;
/** 16 digits, or `reject`. */
export const WANT_SN = 52;
/** Packets to receive first, separated by commas. */
export const BEFORE = 53;
/** Length of a case. */
export const CASE_LENGTH = 54;
