// Makes a provisioning blob (blob.ts) on the board, for scripts that contain their configuration: an object with the field
// names of BoardConfig and the blob's units.

import { copy, fill, put16 } from '../../core/base/bytes.ts';
import { crc32 } from '../../core/base/crc32.ts';
import { BLOB_HEAD, BLOB_MAX, BLOB_TAIL } from './blob.ts';
import type { BlobFields } from './blob-fields.ts';
import { FIELDS, KEY_PROPOSALS } from './blob-keys.ts';
import { CBOR_OCTETS, CBOR_TEXT, CBOR_UNSIGNED } from './cbor.ts';
import { octetsOf } from './octets.ts';

/** Names by key, from 1 on. They are texts, so that mangling keeps them. */
export const NAMES = [
  'panId',
  'shortAddress',
  'extendedAddress',
  'gatewayLink',
  'channel',
  'outer',
  'gateway',
  'contexts',
  'server',
  'serverPort',
  'ownPort',
  'path',
  'inner',
  'requestAddress',
  'idType',
  'id',
  'remoteIdType',
  'remoteId',
  'psk',
  'privateKey',
  'publicKey',
  'interval',
  'count',
  'ackWait',
  'retransmitTime',
  'retransmitTries',
  'dpdTime',
  'ikeRekeyTime',
  'reauthTime',
  'rekeyTime',
  'rekeyPackets',
  'ticketLifetime',
  'retryTime',
  'retryMax',
  'flags',
  'nonceSize',
  'coapTimeout',
  'coapRetransmit',
  'proposals',
];

interface Writer {
  buffer: Uint8Array;
  at: number;
}

function put(w: Writer, octet: number): void {
  if (w.at >= BLOB_MAX - BLOB_HEAD - BLOB_TAIL) throw new Error('provision: longer than ' + BLOB_MAX + ' octets');
  w.buffer[w.at] = octet;
  w.at++;
}

/** The head of a CBOR item [RFC 8949 §3]. */
function putHead(w: Writer, kind: number, value: number): void {
  if (value < 24) put(w, kind * 32 + value);
  else if (value < 256) {
    put(w, kind * 32 + 24);
    put(w, value);
  } else if (value < 65536) {
    put(w, kind * 32 + 25);
    put(w, value >>> 8);
    put(w, value & 0xff);
  } else {
    put(w, kind * 32 + 26);
    for (let shift = 24; shift >= 0; shift -= 8) put(w, (value >>> shift) & 0xff);
  }
}

/** Writes nested arrays of numbers of any depth. */
function putNumbers(w: Writer, value: unknown): void {
  if (typeof value === 'number') putHead(w, CBOR_UNSIGNED, value);
  else {
    const list = value as unknown[];
    putHead(w, 4, list.length);
    for (let i = 0; i < list.length; i++) putNumbers(w, list[i]);
  }
}

function putOctets(w: Writer, kind: number, value: unknown): void {
  const octets = typeof value === 'string' ? octetsOf(value) : (value as Uint8Array);
  putHead(w, kind, octets.length);
  for (let i = 0; i < octets.length; i++) put(w, octets[i] & 0xff);
}

function measureOf(kind: number, value: unknown): number {
  if (kind !== CBOR_OCTETS && kind !== CBOR_TEXT) return value as number;
  return typeof value === 'string' ? value.length : (value as Uint8Array).length;
}

/** A blob's octets: given as they are, as a string with a character for each, or made from fields. */
export function blobOf(provision: Uint8Array | string | BlobFields, namesOf: (of: unknown) => string[]): Uint8Array {
  if (typeof provision === 'string') return octetsOf(provision);
  if ((provision as Uint8Array).length !== undefined) return provision as Uint8Array;
  return writeBlob(provision as BlobFields, namesOf(provision));
}

/** Magic, version, length and CRC round the map cbor[0..size). */
export function frameOf(cbor: Uint8Array, size: number): Uint8Array {
  const end = BLOB_HEAD + size;
  const blob = new Uint8Array(end + BLOB_TAIL);
  // "DESP"
  put16(blob, 0, 0x4445);
  put16(blob, 2, 0x5350);
  blob[4] = 1;
  put16(blob, 6, size);
  copy(blob, BLOB_HEAD, cbor, 0, size);
  const crc = new Uint16Array(2);
  crc32(blob, 0, end, crc);
  put16(blob, end, crc[0]);
  put16(blob, end + 2, crc[1]);
  return blob;
}

/** Throws for an unknown name or a value out of range, with field, value and limits. */
export function writeBlob(fields: BlobFields, names: string[]): Uint8Array {
  const w: Writer = { buffer: new Uint8Array(BLOB_MAX), at: 0 };
  for (let i = 0; i < names.length; i++) {
    if (NAMES.indexOf(names[i]) < 0) throw new Error('provision.' + names[i] + ': no such field');
  }
  let pairs = 0;
  for (let i = 0; i < NAMES.length; i++) if (fields[NAMES[i]] !== undefined) pairs++;
  putHead(w, 5, pairs);
  for (let i = 0; i < NAMES.length; i++) {
    const value = fields[NAMES[i]];
    if (value === undefined) continue;
    const key = i + 1;
    const kind = FIELDS[4 * key];
    const measure = measureOf(kind, value);
    const least = FIELDS[4 * key + 1];
    const most = FIELDS[4 * key + 2];
    if (key !== KEY_PROPOSALS && !(measure >= least && measure <= most)) {
      throw new Error('provision.' + NAMES[i] + ': ' + measure + ': must be ' + least + '..' + most);
    }
    putHead(w, CBOR_UNSIGNED, key);
    if (kind === CBOR_UNSIGNED) putHead(w, CBOR_UNSIGNED, value as number);
    else if (key === KEY_PROPOSALS) putNumbers(w, value);
    else putOctets(w, kind, value);
  }
  const blob = frameOf(w.buffer, w.at);
  // It held the key.
  fill(w.buffer, 0, BLOB_MAX, 0);
  return blob;
}
