// core/device/session-record.ts on an engine. A case: [id, session as hex fields joined by '.', record]. The record is what Node
// made of the session at EARLIER; it is made again, read back, cut at every length, changed in its bits, and found damaged.

import { copy, u16, u32 } from '../../core/base/bytes.ts';
import { decodeSession, encodeSession, RECORD_MAX } from '../../core/device/session-record.ts';
import type { Session } from '../../core/ike/state/sa.ts';
import type { Report } from './report.ts';
import { begin, createReport, end, expect, expectNumber, expectTrue, finish, hex, octets } from './report.ts';

/** Clocks of the run that writes and of the one that reads. */
const EARLIER = 5000;
const LATER = 70;
const MARK = '01fe8003';

/** ticket . SK_d . ENCR . key bits . KE . seconds */
export function sessionOf(text: string): Session {
  const fields = text.split('.');
  return {
    ticket: octets(fields[0]),
    skD: octets(fields[1]),
    encr: u16(octets(fields[2]), 0),
    keyBits: u16(octets(fields[3]), 0),
    ke: u16(octets(fields[4]), 0) as Session['ke'],
    expires: EARLIER + u32(octets(fields[5]), 0) * 1000 + 999,
  };
}

export function recordOf(session: Session): string {
  const out = new Uint8Array(RECORD_MAX + 8);
  return hex(out, 0, encodeSession(session, octets(MARK), EARLIER, out));
}

function play(report: Report, session: Session, wanted: string): void {
  const mark = octets(MARK);
  expect(report, 'record', wanted, recordOf(session));
  const record = octets(wanted);
  const length = record.length;
  const read = decodeSession(record, length, mark, LATER);
  expectTrue(report, 'read', read !== null);
  if (read === null) return;
  expect(report, 'ticket', hex(session.ticket, 0, session.ticket.length), hex(read.ticket, 0, read.ticket.length));
  expect(report, 'SK_d', hex(session.skD, 0, 32), hex(read.skD, 0, read.skD.length));
  expectNumber(report, 'ENCR', session.encr, read.encr);
  expectNumber(report, 'key bits', session.keyBits, read.keyBits);
  expectNumber(report, 'KE', session.ke, read.ke);
  expectNumber(report, 'expires', session.expires - 999 - EARLIER + LATER, read.expires);
  // With more behind it, as flash has.
  const area = new Uint8Array(RECORD_MAX);
  copy(area, 0, record, 0, length);
  expectTrue(report, 'behind', decodeSession(area, RECORD_MAX, mark, LATER) !== null);
  let taken = 0;
  for (let cut = 0; cut < length; cut++) if (decodeSession(record, cut, mark, LATER) !== null) taken++;
  // The shortest in every bit; some engines are slow.
  const step = length < 60 ? 1 : 29;
  for (let bit = 0; bit < 8 * length; bit += step) {
    const at = bit >>> 3;
    record[at] = record[at] ^ (1 << (bit & 7));
    if (decodeSession(record, length, mark, LATER) !== null) taken++;
    record[at] = record[at] ^ (1 << (bit & 7));
  }
  for (let bit = 0; bit < 32; bit++) {
    mark[bit >>> 3] = mark[bit >>> 3] ^ (1 << (bit & 7));
    if (decodeSession(record, length, mark, LATER) !== null) taken++;
    mark[bit >>> 3] = mark[bit >>> 3] ^ (1 << (bit & 7));
  }
  expectNumber(report, 'damaged and taken', 0, taken);
  // No room, no time left, an SK_d of another length.
  const out = new Uint8Array(RECORD_MAX);
  expectNumber(report, 'room', 0, encodeSession(session, mark, EARLIER, new Uint8Array(length - 1)));
  expectNumber(report, 'late', 0, encodeSession(session, mark, session.expires - 998, out));
  session.skD = new Uint8Array(31);
  expectNumber(report, 'short', 0, encodeSession(session, mark, EARLIER, out));
}

/** Octets that are no record: erased flash, memory that was never written, noise. */
function noise(report: Report): void {
  const buffer = new Uint8Array(RECORD_MAX + 100);
  const mark = octets(MARK);
  let taken = 0;
  let seed = 7;
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < buffer.length; i++) {
      seed = (seed * 75 + 74) % 65537;
      buffer[i] = round === 0 ? 0 : round === 1 ? 0xff : seed & 0xff;
    }
    // The head of a record, and any length.
    if (round > 20) copy(buffer, 0, octets('010000' + hex(buffer, 3, 1) + MARK), 0, 8);
    if (round > 30) buffer[2] = 0xff;
    if (decodeSession(buffer, buffer.length, mark, LATER) !== null) taken++;
    if (decodeSession(buffer, 60, mark, LATER) !== null) taken++;
    if (decodeSession(buffer, 100000, mark, LATER) !== null) taken++;
  }
  expectNumber(report, 'noise taken', 0, taken);
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    if (cases[i][0] === 'noise') noise(report);
    else play(report, sessionOf(cases[i][1]), cases[i][2]);
    end(report);
  }
  finish(report);
}
