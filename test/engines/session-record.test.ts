// The record of a session on every engine: the octets as a program of this file makes them, round trips, damage.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { RECORD_MAX } from '../../core/device/session-record.ts';
import { everywhere } from './everywhere.ts';
import { recordOf, sessionOf } from './session-record.entry.ts';

const SK_D = 'c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf';

/** The layout in the head of session-record.ts, by Node. */
function record(ticket: string, rest: string[], seconds: string): string {
  const size = (ticket.length / 2).toString(16).padStart(4, '0');
  const head = `0100${size}01fe8003${seconds}${rest.join('')}${SK_D}${ticket}`;
  return head + crc32(Buffer.from(head, 'hex')).toString(16).padStart(8, '0');
}

const cases = (
  [
    ['short', 'a7', ['0010', '0080', '001f'], '00000e10'],
    ['usual', '5a'.repeat(83), ['0010', '0080', '001f'], '00015180'],
    ['no key length', '00'.repeat(20), ['001c', '0000', '0000'], '00000001'],
    ['longest time', 'ff'.repeat(40), ['ffff', 'ffff', 'ffff'], 'ffffffff'],
  ] as const
).map(([id, ticket, rest, seconds]) => [
  id,
  [ticket, SK_D, ...rest, seconds].join('.'),
  record(ticket, [...rest], seconds),
]);

test('the octets of a record; a ticket that has no room', () => {
  for (const [id, text, wanted] of cases) assert.equal(recordOf(sessionOf(text)), wanted, id);
  const text = (octets: number) => ['11'.repeat(octets), SK_D, '0010', '0080', '001f', '00000e10'].join('.');
  assert.equal(recordOf(sessionOf(text(RECORD_MAX - 54))).length, 2 * RECORD_MAX);
  assert.equal(recordOf(sessionOf(text(RECORD_MAX - 53))), '');
  assert.equal(recordOf(sessionOf(text(0))), '');
});

everywhere('session record', 'test/engines/session-record.entry.ts', [...cases, ['noise']]);
everywhere('session record, names mangled', 'test/engines/session-record.entry.ts', [...cases, ['noise']], {
  mangle: true,
});
