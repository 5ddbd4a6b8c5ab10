// A session [RFC 5723] as one small record, for flash that keeps it over a restart or a power cut:
//
//   version 1 (1) | 0 (1) | octets of the ticket (2) | mark (4) | seconds left (4) | ENCR (2) | key bits (2) | KE (2) |
//   SK_d (32) | ticket | CRC-32 of all before (4)
//
// Integers are big-endian. The mark names the configuration that the session belongs to. A record holds no sequence number:
// what resumes has new keys. The time that a device is off does not count; a gateway refuses a ticket that is too old.

import { copy, equal, put16, put32, u16, u32 } from '../base/bytes.ts';
import { crc32 } from '../base/crc32.ts';
import type { KeMethod } from '../crypto/asymmetric.ts';
import type { Session } from '../ike/state/session.ts';

/** Octets of the longest record. A longer ticket is not kept. */
export const RECORD_MAX = 512;
/** Octets of a mark. */
export const MARK_SIZE = 4;

const RECORD_VERSION = 1;
const RECORD_SK_D = 18;
const RECORD_SK_SIZE = 32;
const RECORD_TICKET = RECORD_SK_D + RECORD_SK_SIZE;
const RECORD_TAIL = 4;

/**
 * Writes the record of `session` to out[0..), at `now` on the endpoint's clock in milliseconds. `mark` has MARK_SIZE octets.
 * Returns its octets; 0: it has no room in `out` or in RECORD_MAX, or the ticket has ended.
 */
export function encodeSession(session: Session, mark: Uint8Array, now: number, out: Uint8Array): number {
  const ticket = session.ticket;
  const end = RECORD_TICKET + ticket.length;
  const left = Math.min(0xffffffff, Math.floor((session.expires - now) / 1000));
  if (left < 1 || ticket.length < 1 || session.skD.length !== RECORD_SK_SIZE) return 0;
  if (end + RECORD_TAIL > RECORD_MAX || end + RECORD_TAIL > out.length) return 0;
  out[0] = RECORD_VERSION;
  out[1] = 0;
  put16(out, 2, ticket.length);
  copy(out, 4, mark, 0, MARK_SIZE);
  put32(out, 8, left);
  put16(out, 12, session.encr);
  put16(out, 14, session.keyBits);
  put16(out, 16, session.ke);
  copy(out, RECORD_SK_D, session.skD, 0, RECORD_SK_SIZE);
  copy(out, RECORD_TICKET, ticket, 0, ticket.length);
  const crc = new Uint16Array(2);
  crc32(out, 0, end, crc);
  put16(out, end, crc[0]);
  put16(out, end + 2, crc[1]);
  return end + RECORD_TAIL;
}

/**
 * The session in buffer[0..length), whatever the octets are; null: there is none, it is damaged, or it has another mark. More
 * octets may follow the record. `now`: when it is read, for `Session.expires`.
 */
export function decodeSession(buffer: Uint8Array, length: number, mark: Uint8Array, now: number): Session | null {
  const room = Math.min(length, buffer.length, RECORD_MAX);
  if (room < RECORD_TICKET + 1 + RECORD_TAIL || buffer[0] !== RECORD_VERSION || buffer[1] !== 0) return null;
  const size = u16(buffer, 2);
  const end = RECORD_TICKET + size;
  if (size < 1 || end + RECORD_TAIL > room || !equal(buffer, 4, mark, 0, MARK_SIZE)) return null;
  const crc = new Uint16Array(2);
  crc32(buffer, 0, end, crc);
  if (crc[0] !== u16(buffer, end) || crc[1] !== u16(buffer, end + 2)) return null;
  const session: Session = {
    ticket: new Uint8Array(size),
    skD: new Uint8Array(RECORD_SK_SIZE),
    encr: u16(buffer, 12),
    keyBits: u16(buffer, 14),
    ke: u16(buffer, 16) as KeMethod | 0,
    expires: now + u32(buffer, 8) * 1000,
  };
  copy(session.ticket, 0, buffer, RECORD_TICKET, size);
  copy(session.skD, 0, buffer, RECORD_SK_D, RECORD_SK_SIZE);
  return session;
}
