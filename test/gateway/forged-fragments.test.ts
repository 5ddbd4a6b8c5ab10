// Forged fragments on the radio while a sensor connects, in virtual time: they hold no slot that an honest sender needs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf } from '../../core/base/address.ts';
import { emitHeader, FCS_SIZE, FRAME_DATA, FRAME_MAX, FRAME_VERSION_2006, putFcs } from '../../core/wire/ieee802154.ts';
import { emitFragment } from '../../core/wire/sixlowpan.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, PAN } from './support.ts';

/** A FRAGN of a datagram of 1,200 octets that never began. */
function forged(n: number, source: number): Uint8Array {
  const frame = new Uint8Array(FRAME_MAX);
  const to = addressOf(Uint8Array.of(0, 0));
  const from = addressOf(Uint8Array.of(source >>> 8, source & 0xff));
  let at = emitHeader(frame, 0, FRAME_DATA | FRAME_VERSION_2006, n & 0xff, PAN, to, from);
  at += emitFragment(frame, at, 1200, n & 0xffff, 96 * (1 + (n % 10)));
  at += 64;
  putFcs(frame, 0, at);
  return frame.subarray(0, at + FCS_SIZE);
}

/** Milliseconds until a sensor is connected, with forged fragments at `rate` a second from before. */
async function handshake(rate: number, source: (n: number) => number): Promise<number> {
  const medium = createMedium({ seed: 7 });
  const gateway = await createGateway({
    ...airOn(medium),
    ike: ikeOf(),
  });
  const forger = medium.radio();
  const sensor = ikeSensorOn(medium, 1);
  let begun = -1;
  let sent = 0;
  let up = -1;
  for (let ms = 0; ms < 30000 && up < 0; ms++) {
    if (ms === 10000) {
      begun = medium.now;
      sensor.host.uplink.connect(null, medium.now);
    }
    if (sent < (ms * rate) / 1000) {
      const frame = forged(sent, source(sent));
      if (forger.clear()) forger.transmit(frame, 0, frame.length);
      sent++;
    }
    medium.run(medium.now + 1);
    if (sensor.told.includes('up')) up = medium.now - begun;
  }
  const { radios } = gateway.metrics();
  if (rate > 0) assert.ok(radios[0].received >= 50, 'the forged frames are taken by the MAC');
  await gateway.close();
  assert.ok(up > 0, 'connected');
  return up;
}

test('5 forged FRAGN a second cost a handshake next to nothing', async () => {
  const usual = await handshake(0, () => 9);
  // Of one stranger, of many, and under the name of the sensor itself.
  for (const source of [() => 9, (n: number) => 100 + n, () => 1]) {
    const under = await handshake(5, source);
    assert.ok(under <= 1.2 * usual, `${under} ms instead of ${usual}`);
  }
});
