// A board's provisioning blob: identity, key, peer and policy, at a fixed address of its flash.
//
//   "DESP" (4) | version 1 (1) | 0 (1) | octets of CBOR (2) | CBOR | CRC-32 of all before (4)
//
// Integers are big-endian. The CBOR is one map [RFC 8949]; its keys are KEY_* of blob-keys.ts.
//
// A reader refuses an unknown positive key and ignores an unknown negative one. Times are below 2^28 ms, which is a number of
// 28 bits on every engine. dietesp provision writes blobs (targets/node/lab/boards/provision.ts).

import { copy, u16 } from '../../core/base/bytes.ts';
import { crc32 } from '../../core/base/crc32.ts';
import { type PrivateNumbers, privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import type { CompressionProposal } from '../../core/ike/state/compression.ts';
import {
  BLOB_CBOR,
  BLOB_CRC,
  BLOB_FIELD,
  BLOB_HEAD,
  BLOB_LENGTH,
  BLOB_MAGIC,
  BLOB_NONE,
  BLOB_TAIL,
  BLOB_VERSION,
} from './blob-codes.ts';
import {
  FIELDS,
  KEY_ACK_WAIT,
  KEY_CHANNEL,
  KEY_COAP_RETRANSMIT,
  KEY_COAP_TIMEOUT,
  KEY_CONTEXTS,
  KEY_COUNT,
  KEY_DPD_TIME,
  KEY_EXTENDED_ADDRESS,
  KEY_FLAGS,
  KEY_GATEWAY,
  KEY_GATEWAY_LINK,
  KEY_ID,
  KEY_ID_TYPE,
  KEY_IKE_REKEY_TIME,
  KEY_INNER,
  KEY_INTERVAL,
  KEY_NONCE_SIZE,
  KEY_NUMBERS,
  KEY_OUTER,
  KEY_OWN_PORT,
  KEY_PAN_ID,
  KEY_PATH,
  KEY_PRIVATE_KEY,
  KEY_PSK,
  KEY_PUBLIC_KEY,
  KEY_REAUTH_TIME,
  KEY_REKEY_PACKETS,
  KEY_REKEY_TIME,
  KEY_REMOTE_ID,
  KEY_REMOTE_ID_TYPE,
  KEY_REQUEST_ADDRESS,
  KEY_RETRANSMIT_TIME,
  KEY_RETRANSMIT_TRIES,
  KEY_RETRY_MAX,
  KEY_RETRY_TIME,
  KEY_SERVER,
  KEY_SERVER_PORT,
  KEY_SHORT_ADDRESS,
  KEY_TICKET_LIFETIME,
  KEYS_END,
  NEEDED,
} from './blob-keys.ts';
import {
  CBOR_ARRAY,
  CBOR_MAP,
  CBOR_NEGATIVE,
  CBOR_UNSIGNED,
  type CborReader,
  cborHead,
  cborSkip,
  createCborReader,
} from './cbor.ts';

export {
  BLOB_CBOR,
  BLOB_CRC,
  BLOB_FIELD,
  BLOB_HEAD,
  BLOB_LENGTH,
  BLOB_MAGIC,
  BLOB_MAX,
  BLOB_NONE,
  BLOB_TAIL,
  BLOB_VERSION,
} from './blob-codes.ts';

const CONTEXT_SIZE = 18;
const ATTRIBUTES = 7;
const PAIRS_MAX = 32;

/** A blob's fields. Absent octets have length 0. Times are in milliseconds unless a field says otherwise. */
export interface BoardConfig {
  panId: number;
  /** 0xffff: none. */
  shortAddress: number;
  extendedAddress: Uint8Array;
  gatewayLink: Uint8Array;
  channel: number;
  outer: Uint8Array;
  gateway: Uint8Array;
  /** A table as of createContexts. */
  contexts: Uint8Array;
  server: Uint8Array;
  serverPort: number;
  ownPort: number;
  path: Uint8Array;
  inner: Uint8Array;
  /** 1: the gateway gives the inner address. */
  requestAddress: number;
  idType: number;
  id: Uint8Array;
  remoteIdType: number;
  remoteId: Uint8Array;
  psk: Uint8Array;
  privateKey: Uint8Array;
  publicKey: Uint8Array;
  interval: number;
  count: number;
  /** Microseconds. */
  ackWait: number;
  retransmitTime: number;
  retransmitTries: number;
  dpdTime: number;
  ikeRekeyTime: number;
  reauthTime: number;
  rekeyTime: number;
  rekeyPackets: number;
  /** Seconds. */
  ticketLifetime: number;
  retryTime: number;
  retryMax: number;
  flags: number;
  nonceSize: number;
  coapTimeout: number;
  coapRetransmit: number;
  proposals: CompressionProposal[];
  numbers: PrivateNumbers;
  /** The blob's CRC-32, 4 octets: names this configuration. */
  mark: Uint8Array;
}

/** `code`: 0, or BLOB_*; `config` is null then. */
export interface BlobResult {
  code: number;
  config: BoardConfig | null;
}

/** The frame of a blob: 0 when magic, version, length and CRC are right. */
function checkFrame(buffer: Uint8Array, length: number): number {
  let any = 0;
  let all = 0xff;
  for (let i = 0; i < 4 && i < length; i++) {
    any = any | buffer[i];
    all = all & buffer[i];
  }
  // Erased flash, or memory that was never written.
  if (length <= 0 || any === 0 || all === 0xff) return BLOB_NONE;
  // "DESP"
  if (length >= 4 && (u16(buffer, 0) !== 0x4445 || u16(buffer, 2) !== 0x5350)) return BLOB_MAGIC;
  if (length < BLOB_HEAD) return BLOB_LENGTH;
  if (buffer[4] !== 1 || buffer[5] !== 0) return BLOB_VERSION;
  const end = BLOB_HEAD + u16(buffer, 6);
  if (end + BLOB_TAIL > length) return BLOB_LENGTH;
  const crc = new Uint16Array(2);
  crc32(buffer, 0, end, crc);
  return crc[0] === u16(buffer, end) && crc[1] === u16(buffer, end + 2) ? 0 : BLOB_CRC;
}

function take(r: CborReader): Uint8Array {
  const octets = new Uint8Array(r.value);
  for (let i = 0; i < octets.length; i++) octets[i] = r.buffer[r.at + i];
  r.at += octets.length;
  return octets;
}

/** Reads `count` numbers up to `most` to `list`. False: something else is there. */
function readNumbers(r: CborReader, count: number, most: number, list: number[]): boolean {
  let fits = true;
  for (let i = 0; i < count && !r.bad; i++) {
    if (cborHead(r) !== CBOR_UNSIGNED || r.value > most) fits = false;
    if (!fits) return false;
    list.push(r.value);
  }
  return true;
}

/** Reads proposals. False: one lacks a pair of minimum and maximum for an attribute. */
function readProposals(r: CborReader, count: number, list: CompressionProposal[]): boolean {
  for (let i = 0; i < count && !r.bad; i++) {
    if (cborHead(r) !== CBOR_ARRAY || r.value !== ATTRIBUTES) return false;
    const allowed: number[][] = [];
    for (let type = 0; type < ATTRIBUTES && !r.bad; type++) {
      const pairs: number[] = [];
      if (cborHead(r) !== CBOR_ARRAY || (r.value & 1) !== 0 || r.value > PAIRS_MAX) return false;
      if (!readNumbers(r, r.value, 32, pairs)) return false;
      for (let k = 0; k < pairs.length; k += 2) if (pairs[k] > pairs[k + 1]) return false;
      allowed.push(pairs);
    }
    list.push({ allowed: allowed });
  }
  return true;
}

/** Checks fields against each other: 0 or BLOB_FIELD. */
function checkConfig(c: BoardConfig): number {
  const link = c.gatewayLink.length;
  let good = link === 2 || link === 8;
  if (c.psk.length === 0 && (c.privateKey.length === 0 || c.publicKey.length === 0)) good = false;
  if (c.contexts.length % CONTEXT_SIZE !== 0) good = false;
  for (let at = 0; at < c.contexts.length; at += CONTEXT_SIZE) if (c.contexts[at] > 128) good = false;
  return good && c.retryMax >= c.retryTime ? 0 : BLOB_FIELD;
}

/** Reads the map. Returns 0, BLOB_CBOR or BLOB_FIELD. */
function readMap(
  r: CborReader,
  numbers: Float64Array,
  octets: Uint8Array[],
  proposals: CompressionProposal[],
  registered: number[],
): number {
  const seen = new Uint8Array(KEYS_END);
  if (cborHead(r) !== CBOR_MAP) return BLOB_CBOR;
  const pairs = r.value;
  let code = 0;
  for (let i = 0; i < pairs && !r.bad; i++) {
    const kind = cborHead(r);
    const key = r.value;
    if (kind === CBOR_NEGATIVE) {
      cborSkip(r);
      continue;
    }
    if (kind !== CBOR_UNSIGNED) return BLOB_CBOR;
    if (key === 0 || key >= KEYS_END) {
      code = BLOB_FIELD;
      cborSkip(r);
      continue;
    }
    if (seen[key] !== 0) return BLOB_CBOR;
    seen[key] = 1;
    const field = 4 * key;
    const begin = r.at;
    if (cborHead(r) !== FIELDS[field] || r.value < FIELDS[field + 1] || r.value > FIELDS[field + 2]) {
      // The rest may still be no CBOR.
      code = BLOB_FIELD;
      if (!r.bad) {
        r.at = begin;
        cborSkip(r);
      }
      continue;
    }
    if (FIELDS[field] === CBOR_UNSIGNED) numbers[key] = r.value;
    else if (FIELDS[field] !== CBOR_ARRAY) octets[key] = take(r);
    else {
      const fits =
        key === KEY_NUMBERS ? readNumbers(r, r.value, 0xffff, registered) : readProposals(r, r.value, proposals);
      if (!fits) {
        code = BLOB_FIELD;
        r.at = r.bad ? r.at : begin;
        cborSkip(r);
      }
    }
  }
  if (r.bad || r.at !== r.end) return BLOB_CBOR;
  for (let key = 1; key < KEYS_END; key++) {
    if (seen[key] === 0 && FIELDS[4 * key + 3] === NEEDED) code = BLOB_FIELD;
  }
  return code;
}

/** KEY_NUMBERS: the private numbers of IKE, in the order of the blob. */
export function numberList(n: PrivateNumbers): number[] {
  return [
    n.hcpProposal,
    n.ehcSupported,
    n.ehcUnacceptableParameter,
    n.optimizedRekeySupported,
    n.optimizedRekey,
    n.childSaPfsInfoSupported,
    n.dscp,
    n.tsDscp,
  ];
}

/** The other way round. */
function numbersOf(list: number[]): PrivateNumbers {
  return {
    hcpProposal: list[0],
    ehcSupported: list[1],
    ehcUnacceptableParameter: list[2],
    optimizedRekeySupported: list[3],
    optimizedRekey: list[4],
    childSaPfsInfoSupported: list[5],
    dscp: list[6],
    tsDscp: list[7],
  };
}

/** Reads the blob in buffer[0..length). Never throws, whatever the octets are. */
export function readBlob(buffer: Uint8Array, length: number): BlobResult {
  const refused = checkFrame(buffer, Math.min(length, buffer.length));
  if (refused !== 0) return { code: refused, config: null };
  const n = new Float64Array(KEYS_END);
  const o: Uint8Array[] = [];
  const none = new Uint8Array(0);
  const proposals: CompressionProposal[] = [];
  const registered: number[] = [];
  for (let key = 0; key < KEYS_END; key++) {
    n[key] = FIELDS[4 * key + 3];
    o.push(none);
  }
  const reader = createCborReader(buffer, BLOB_HEAD, BLOB_HEAD + u16(buffer, 6));
  const code = readMap(reader, n, o, proposals, registered);
  if (code !== 0) return { code: code, config: null };
  const mark = new Uint8Array(BLOB_TAIL);
  copy(mark, 0, buffer, reader.end, BLOB_TAIL);
  const config: BoardConfig = {
    panId: n[KEY_PAN_ID],
    shortAddress: n[KEY_SHORT_ADDRESS],
    extendedAddress: o[KEY_EXTENDED_ADDRESS],
    gatewayLink: o[KEY_GATEWAY_LINK],
    channel: n[KEY_CHANNEL],
    outer: o[KEY_OUTER],
    gateway: o[KEY_GATEWAY],
    contexts: o[KEY_CONTEXTS],
    server: o[KEY_SERVER],
    serverPort: n[KEY_SERVER_PORT],
    ownPort: n[KEY_OWN_PORT],
    path: o[KEY_PATH],
    inner: o[KEY_INNER],
    requestAddress: n[KEY_REQUEST_ADDRESS],
    idType: n[KEY_ID_TYPE],
    id: o[KEY_ID],
    remoteIdType: n[KEY_REMOTE_ID_TYPE],
    remoteId: o[KEY_REMOTE_ID],
    psk: o[KEY_PSK],
    privateKey: o[KEY_PRIVATE_KEY],
    publicKey: o[KEY_PUBLIC_KEY],
    interval: n[KEY_INTERVAL],
    count: n[KEY_COUNT],
    ackWait: n[KEY_ACK_WAIT],
    retransmitTime: n[KEY_RETRANSMIT_TIME],
    retransmitTries: n[KEY_RETRANSMIT_TRIES],
    dpdTime: n[KEY_DPD_TIME],
    ikeRekeyTime: n[KEY_IKE_REKEY_TIME],
    reauthTime: n[KEY_REAUTH_TIME],
    rekeyTime: n[KEY_REKEY_TIME],
    rekeyPackets: n[KEY_REKEY_PACKETS],
    ticketLifetime: n[KEY_TICKET_LIFETIME],
    retryTime: n[KEY_RETRY_TIME],
    retryMax: n[KEY_RETRY_MAX],
    flags: n[KEY_FLAGS],
    nonceSize: n[KEY_NONCE_SIZE],
    coapTimeout: n[KEY_COAP_TIMEOUT],
    coapRetransmit: n[KEY_COAP_RETRANSMIT],
    proposals: proposals,
    numbers: registered.length > 0 ? numbersOf(registered) : privateNumbers(),
    mark: mark,
  };
  const problem = checkConfig(config);
  return { code: problem, config: problem === 0 ? config : null };
}
