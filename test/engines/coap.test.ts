// A sensor's CoAP client on every engine: what it must not process, and what it takes. Every datagram that npm `coap-packet`
// can read and every answer is checked with that.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'coap-packet';
import { REJECTED } from '../core/coap-cases.ts';
import { everywhere } from './everywhere.ts';

/** What is taken while a reading is on its way: what, octets, answer, end of the reading. */
const TAKEN: [string, string, string, string, string?][] = [
  ['piggybacked', '6144000000', '', '1 acknowledged'],
  ['piggybacked, with a payload', '6144000000ff31', '', '1 acknowledged'],
  ['piggybacked, with an elective option', '6144000000c0', '', '1 acknowledged'],
  ['piggybacked, not found', '6184000000', '', '1 failed'],
  ['separate', '4144123400', '60001234', '1 acknowledged'],
  ['separate, server error', '41a3123400', '60001234', '1 failed'],
  ['not confirmable', '5144123400', '', '1 acknowledged'],
  ['RST', '70000000', '', '1 failed'],
  ['empty ACK: the answer comes later', '60000000', '', '', 'ack'],
];

const idOf = (what: string, i: number): string => `${i}-${what.replaceAll(/[^a-zA-Z0-9]+/g, '-')}`;
const cases: string[][] = [];
for (const [what, text, answer] of REJECTED) {
  const octets = text.replaceAll(' ', '');
  cases.push([idOf(what, cases.length), 'busy', octets, answer, '']);
  cases.push([idOf(what, cases.length), 'idle', octets, answer, '']);
}
for (const [what, octets, answer, end, more] of TAKEN) {
  cases.push([idOf(what, cases.length), 'busy', octets, answer, end, more ?? '']);
  // Without a reading a response is unexpected.
  cases.push([idOf(what, cases.length), 'idle', octets, octets[0] === '4' ? `7000${octets.slice(4, 8)}` : '', '']);
}

test('answers are what a library reads as RST or ACK of the same message', () => {
  let rejected = 0;
  for (const [id, , octets, answer] of cases) {
    if (answer === '') continue;
    const read = parse(Buffer.from(answer, 'hex'));
    assert.deepEqual(
      [read.code, read.token.length, read.payload.length, read.options.length, read.messageId],
      ['0.00', 0, 0, 0, Number.parseInt(octets.slice(4, 8), 16)],
      id,
    );
    if (read.reset) rejected++;
    else assert.ok(read.ack, id);
  }
  assert.ok(rejected >= 50);
});

everywhere('CoAP client', 'test/engines/coap.entry.ts', cases);
everywhere('CoAP client with mangled properties', 'test/engines/coap.entry.ts', cases, { mangle: true });
