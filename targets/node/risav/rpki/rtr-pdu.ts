// PDUs of the RPKI-to-Router protocol, version 1 [RFC 8210 §5] and version 0 [RFC 6810 §5], as a router reads and writes them.

import type { Vrp } from './vrps.ts';

export const SERIAL_NOTIFY = 0;
export const CACHE_RESPONSE = 3;
export const END_OF_DATA = 7;
export const CACHE_RESET = 8;
export const ERROR_REPORT = 10;
const SERIAL_QUERY = 1;
const RESET_QUERY = 2;
const IPV4_PREFIX = 4;
const IPV6_PREFIX = 6;
const ROUTER_KEY = 9;
const HEAD = 8;
/** The largest PDU: an Error Report with another one in it, or a Router Key. */
const PDU_MAX = 65536;

/** Error codes of RFC 8210 §12. */
export const CORRUPT_DATA = 0;
export const NO_DATA = 2;
export const UNSUPPORTED_VERSION = 4;
export const UNSUPPORTED_PDU = 5;
export const UNKNOWN_WITHDRAWAL = 6;
export const DUPLICATE = 7;
export const UNEXPECTED_VERSION = 8;

/** What is wrong with octets of the cache, and the code with which it is told. */
export class RtrError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Times {
  /** Seconds: to the next query, to the next attempt after a failure, and until the data counts no more. */
  refresh: number;
  retry: number;
  expire: number;
}

/** Of RFC 8210 §6, which version 0 has too. */
export const TIMES: Times = { refresh: 3600, retry: 600, expire: 7200 };

export type Pdu =
  | { kind: typeof SERIAL_NOTIFY | typeof CACHE_RESPONSE; session: number; serial: number }
  | { kind: 'prefix'; isAnnounced: boolean; vrp: Vrp }
  | { kind: typeof END_OF_DATA; session: number; serial: number; times: Times }
  | { kind: typeof CACHE_RESET }
  /** A key for BGPsec: not used here. */
  | { kind: 'key' }
  | { kind: typeof ERROR_REPORT; code: number; text: string };

/** A number of `least` to `most`, else the nearest of them [RFC 8210 §6]. */
const within = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

function lengthIs(type: number, length: number, wanted: number): void {
  if (length !== wanted)
    throw new RtrError(CORRUPT_DATA, `PDU of type ${type} has ${length} octets: must be ${wanted}`);
}

function prefixOf(octets: Buffer, isV4: boolean): Pdu {
  const [flags, length, maxLength] = [octets[8], octets[9], octets[10]];
  const size = isV4 ? 4 : 16;
  const address = BigInt('0x' + octets.toString('hex', 12, 12 + size));
  const width = size * 8;
  const isRight = length <= maxLength && maxLength <= width && flags <= 1;
  if (!isRight || address & ((1n << BigInt(width - length)) - 1n))
    throw new RtrError(CORRUPT_DATA, `prefix with flags ${flags}, length ${length}, longest ${maxLength}`);
  const as = octets.readUInt32BE(12 + size);
  return {
    kind: 'prefix',
    isAnnounced: flags === 1,
    vrp: { family: isV4 ? 'v4' : 'v6', address, length, maxLength, as },
  };
}

function errorOf(octets: Buffer, code: number): Pdu {
  const length = octets.length >= 16 ? octets.readUInt32BE(8) : 0;
  const at = 12 + length;
  // An error in an error is answered by nothing [RFC 8210 §5.11].
  const text = at + 4 <= octets.length ? octets.toString('utf8', at + 4, at + 4 + octets.readUInt32BE(at)) : '';
  return { kind: ERROR_REPORT, code, text: text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200) };
}

/** Reads a whole PDU. Throws an RtrError. */
function readPdu(octets: Buffer, version: number): Pdu {
  const type = octets[1];
  const session = octets.readUInt16BE(2);
  const length = octets.length;
  if (type === ERROR_REPORT) return errorOf(octets, session);
  if (octets[0] !== version) throw new RtrError(UNEXPECTED_VERSION, `version ${octets[0]}: ${version} was agreed`);
  switch (type) {
    case SERIAL_NOTIFY:
      lengthIs(type, length, 12);
      return { kind: type, session, serial: octets.readUInt32BE(8) };
    case CACHE_RESPONSE:
      lengthIs(type, length, HEAD);
      return { kind: type, session, serial: 0 };
    case IPV4_PREFIX:
    case IPV6_PREFIX:
      lengthIs(type, length, type === IPV4_PREFIX ? 20 : 32);
      return prefixOf(octets, type === IPV4_PREFIX);
    case END_OF_DATA: {
      lengthIs(type, length, version === 0 ? 12 : 24);
      const serial = octets.readUInt32BE(8);
      if (version === 0) return { kind: type, session, serial, times: TIMES };
      const refresh = within(octets.readUInt32BE(12), 1, 86400);
      const retry = within(octets.readUInt32BE(16), 1, 7200);
      const expire = within(octets.readUInt32BE(20), 600, 172800);
      return { kind: type, session, serial, times: { refresh, retry, expire: Math.max(expire, refresh, retry) } };
    }
    case CACHE_RESET:
      lengthIs(type, length, HEAD);
      return { kind: type };
    case ROUTER_KEY:
      if (version === 0 || length < 32) throw new RtrError(UNSUPPORTED_PDU, 'a Router Key PDU');
      return { kind: 'key' };
    default:
      throw new RtrError(UNSUPPORTED_PDU, `PDU of type ${type}`);
  }
}

export interface Reader {
  /** The version in use: the first PDU may have a lower one than was asked for, where a cache answers so. */
  version(): number;
  /** Takes what came; the whole PDUs in it, in order. Throws an RtrError. */
  take(octets: Uint8Array): Generator<Pdu>;
}

/** Cuts a stream into PDUs of `asked`, or of 0 if they are of that from the first one on [RFC 8210 §7]. */
export function createReader(asked: number): Reader {
  let rest: Buffer = Buffer.alloc(0);
  let version = asked;
  let isFirst = true;
  return {
    version: () => version,
    *take(octets) {
      rest = rest.length === 0 ? Buffer.from(octets) : Buffer.concat([rest, octets]);
      let at = 0;
      while (rest.length - at >= HEAD) {
        const length = rest.readUInt32BE(at + 4);
        if (length < HEAD || length > PDU_MAX)
          throw new RtrError(CORRUPT_DATA, `PDU of ${length} octets: must be ${HEAD} to ${PDU_MAX}`);
        if (rest.length - at < length) break;
        const pdu = rest.subarray(at, at + length);
        at += length;
        if (isFirst && pdu[1] !== ERROR_REPORT) {
          if (pdu[0] === 0) version = 0;
          isFirst = false;
        }
        yield readPdu(pdu, version);
      }
      rest = rest.subarray(at);
    },
  };
}

function head(version: number, type: number, session: number, length: number): Buffer {
  const out = Buffer.alloc(length);
  out[0] = version;
  out[1] = type;
  out.writeUInt16BE(session, 2);
  out.writeUInt32BE(length, 4);
  return out;
}

export const resetQuery = (version: number): Buffer => head(version, RESET_QUERY, 0, HEAD);

export function serialQuery(version: number, session: number, serial: number): Buffer {
  const out = head(version, SERIAL_QUERY, session, 12);
  out.writeUInt32BE(serial, 8);
  return out;
}

/** An Error Report without the PDU that it is about. */
export function errorReport(version: number, code: number, text: string): Buffer {
  const octets = Buffer.from(text.slice(0, 200), 'utf8');
  const out = head(version, ERROR_REPORT, code, 16 + octets.length);
  out.writeUInt32BE(octets.length, 12);
  octets.copy(out, 16);
  return out;
}
