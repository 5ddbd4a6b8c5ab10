// The only table of the keys of a provisioning blob (blob.ts). The reader, the writers (write-blob.ts, and
// targets/node/lab/boards/provision.ts) and FIELDS use these numbers; test/boards/blob-keys.test.ts checks that they agree.

import { CBOR_ARRAY, CBOR_NOTHING, CBOR_OCTETS, CBOR_TEXT, CBOR_UNSIGNED } from './cbor.ts';

export const FLAG_DOWNGRADE_PREVENTION = 1;
export const FLAG_INITIAL_CONTACT = 2;
export const FLAG_NAME_REMOTE = 4;
export const FLAG_OPTIMIZED_REKEY = 8;
export const FLAG_PRIVATE_ALWAYS = 16;
/** Accept an answer narrower than the offer. */
export const FLAG_NARROW = 32;
/** Rekeys of Child SAs with X25519. */
export const FLAG_PFS = 64;
/** Negotiate Diet-ESP (HCP_PROPOSAL); refuse a Child SA without it. */
export const FLAG_DIET_ESP = 128;
export const FLAG_DIET_ESP_REQUIRED = 256;
export const FLAGS_ALL = 511;

/** PAN identifier. */
export const KEY_PAN_ID = 1;
/** Short address. */
export const KEY_SHORT_ADDRESS = 2;
/** EUI-64, 8 octets. */
export const KEY_EXTENDED_ADDRESS = 3;
/** Link-layer address of the gateway, 2 or 8 octets. */
export const KEY_GATEWAY_LINK = 4;
/** Radio channel. */
export const KEY_CHANNEL = 5;
/** Outer address, 16 octets. */
export const KEY_OUTER = 6;
/** Outer address of the gateway, 16 octets. */
export const KEY_GATEWAY = 7;
/** 6LoWPAN contexts, 18 octets each: bits, prefix, 1 where it decompresses only. */
export const KEY_CONTEXTS = 8;
/** Address of the server, 16 octets. */
export const KEY_SERVER = 9;
/** Its UDP port. */
export const KEY_SERVER_PORT = 10;
/** The own UDP port. */
export const KEY_OWN_PORT = 11;
/** Path of the readings, text. */
export const KEY_PATH = 12;
/** Inner address, 16 octets. */
export const KEY_INNER = 13;
/** 1: the gateway is asked for an inner address. */
export const KEY_REQUEST_ADDRESS = 14;
/** Type of the own identity. */
export const KEY_ID_TYPE = 15;
/** The own identity. */
export const KEY_ID = 16;
/** Type of the gateway's identity. */
export const KEY_REMOTE_ID_TYPE = 17;
/** The gateway's identity. */
export const KEY_REMOTE_ID = 18;
/** Pre-shared key. */
export const KEY_PSK = 19;
/** Ed25519 private key, 32 octets. */
export const KEY_PRIVATE_KEY = 20;
/** Ed25519 public key, 32 octets. */
export const KEY_PUBLIC_KEY = 21;
/** ms between readings. */
export const KEY_INTERVAL = 22;
/** Readings, 0: no end. */
export const KEY_COUNT = 23;
/** us to wait for an acknowledgement of the MAC. */
export const KEY_ACK_WAIT = 24;
/** ms to the first repetition of an IKE request. */
export const KEY_RETRANSMIT_TIME = 25;
/** Times that an IKE request is sent. */
export const KEY_RETRANSMIT_TRIES = 26;
/** ms to a probe. */
export const KEY_DPD_TIME = 27;
/** ms to the rekey of the IKE SA. */
export const KEY_IKE_REKEY_TIME = 28;
/** ms to reauthentication. */
export const KEY_REAUTH_TIME = 29;
/** ms to the rekey of the Child SA. */
export const KEY_REKEY_TIME = 30;
/** Packets to the rekey of the Child SA. */
export const KEY_REKEY_PACKETS = 31;
/** s that a ticket lives. */
export const KEY_TICKET_LIFETIME = 32;
/** ms to the next attempt. */
export const KEY_RETRY_TIME = 33;
/** ms to the next attempt, at most. */
export const KEY_RETRY_MAX = 34;
/** FLAG_*. */
export const KEY_FLAGS = 35;
/** Octets of a nonce. */
export const KEY_NONCE_SIZE = 36;
/** ms of ACK_TIMEOUT [RFC 7252 §4.8]. */
export const KEY_COAP_TIMEOUT = 37;
/** MAX_RETRANSMIT [RFC 7252 §4.8]. */
export const KEY_COAP_RETRANSMIT = 38;
/** Proposals of Diet-ESP: [[pairs of minimum and maximum by attribute]]. */
export const KEY_PROPOSALS = 39;
/** The 8 private numbers of IKE, in the order of PrivateNumbers. */
export const KEY_NUMBERS = 40;
/** One more than the largest key. */
export const KEYS_END = 41;

/** The largest number of 28 bits. */
export const BOARD_MAX = 268435455;
export const PROPOSALS_MAX = 16;

/** A required number. */
export const NEEDED = -1;

/** By key: kind (CBOR_*), least, most (of a number, or of octets), the number where it is absent. */
// biome-ignore format: one key a line
export const FIELDS: number[] = /* @__PURE__ */ [
  CBOR_NOTHING, 0, 0, 0, // no key 0
  CBOR_UNSIGNED, 0, 0xfffe, NEEDED, // panId
  CBOR_UNSIGNED, 0, 0xfffd, 0xffff, // shortAddress
  CBOR_OCTETS, 8, 8, NEEDED, // extendedAddress
  CBOR_OCTETS, 2, 8, NEEDED, // gatewayLink
  CBOR_UNSIGNED, 11, 26, 26, // channel
  CBOR_OCTETS, 16, 16, NEEDED, // outer
  CBOR_OCTETS, 16, 16, NEEDED, // gateway
  CBOR_OCTETS, 0, 288, 0, // contexts
  CBOR_OCTETS, 16, 16, NEEDED, // server
  CBOR_UNSIGNED, 1, 65535, 5683, // serverPort
  CBOR_UNSIGNED, 1, 65535, 5683, // ownPort
  CBOR_TEXT, 1, 64, NEEDED, // path
  CBOR_OCTETS, 16, 16, 0, // inner
  CBOR_UNSIGNED, 0, 1, 0, // requestAddress
  CBOR_UNSIGNED, 1, 255, 11, // idType
  CBOR_OCTETS, 1, 64, NEEDED, // id
  CBOR_UNSIGNED, 1, 255, 11, // remoteIdType
  CBOR_OCTETS, 1, 64, 0, // remoteId
  CBOR_OCTETS, 1, 64, 0, // psk
  CBOR_OCTETS, 32, 32, 0, // privateKey
  CBOR_OCTETS, 32, 32, 0, // publicKey
  CBOR_UNSIGNED, 10, BOARD_MAX, 10000, // interval
  CBOR_UNSIGNED, 0, BOARD_MAX, 0, // count
  CBOR_UNSIGNED, 100, 10000000, 20000, // ackWait
  CBOR_UNSIGNED, 10, BOARD_MAX, 2000, // retransmitTime
  CBOR_UNSIGNED, 1, 20, 6, // retransmitTries
  CBOR_UNSIGNED, 0, BOARD_MAX, 0, // dpdTime
  CBOR_UNSIGNED, 0, BOARD_MAX, 0, // ikeRekeyTime
  CBOR_UNSIGNED, 0, BOARD_MAX, 0, // reauthTime
  CBOR_UNSIGNED, 0, BOARD_MAX, 0, // rekeyTime
  CBOR_UNSIGNED, 0, BOARD_MAX, 0, // rekeyPackets
  CBOR_UNSIGNED, 0, BOARD_MAX, 0, // ticketLifetime
  CBOR_UNSIGNED, 10, BOARD_MAX, 2000, // retryTime
  CBOR_UNSIGNED, 10, BOARD_MAX, 300000, // retryMax
  CBOR_UNSIGNED, 0, FLAGS_ALL, 0, // flags
  CBOR_UNSIGNED, 16, 256, 16, // nonceSize
  CBOR_UNSIGNED, 10, 600000, 2000, // coapTimeout
  CBOR_UNSIGNED, 0, 20, 4, // coapRetransmit
  CBOR_ARRAY, 0, PROPOSALS_MAX, 0, // proposals
  CBOR_ARRAY, 8, 8, 0, // numbers
];
