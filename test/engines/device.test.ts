// The device object on every engine: payloads both ways under Diet-ESP, in one frame and in fragments. All engines must send
// the same frames as Node, whose sizes are checked here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange } from './device.entry.ts';
import { everywhere } from './everywhere.ts';

/** Octets from PHY header to FCS are 6 more than these; an acknowledgement is 5. */
const FRAME = 42;
const ACK = 5;

const reading = Buffer.from('a reading of 18 oc');
const cases = [reading, Buffer.alloc(0), Buffer.alloc(200, 0x5a)].map((payload, i) => {
  const hex = payload.toString('hex');
  return ['payload-' + i, hex, exchange(hex)];
});

test('a reading takes 48 octets on air, each way', () => {
  assert.equal(cases[0][2].length / 2, 2 * (FRAME + ACK));
  assert.equal(cases[1][2].length / 2, 2 * (FRAME - reading.length + ACK));
  assert.ok(cases[2][2].length / 2 > 2 * (200 + 2 * FRAME - 2 * reading.length));
});

everywhere('device', 'test/engines/device.entry.ts', cases);
everywhere('device with mangled properties', 'test/engines/device.entry.ts', cases, { mangle: true });
