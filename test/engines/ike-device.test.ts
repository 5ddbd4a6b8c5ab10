// The device with IKEv2 on every engine: handshake, readings, a rekey, Delete. All engines must send the same frames as Node,
// whose steps are checked here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everywhere } from './everywhere.ts';
import { handshake } from './ike-device.entry.ts';

const [steps, frames] = handshake();

test('the steps on Node', () => {
  assert.equal(steps, 'installed.established.aabbcc.installed.ddeeff.removed.removed.ended./aabbcc.ddeeff.end.');
  assert.ok(frames.length / 2 > 500);
});

everywhere('device with IKEv2', 'test/engines/ike-device.entry.ts', [['handshake', steps, frames]]);
