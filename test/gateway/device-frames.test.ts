// A device whose application answers from within `datagram`, with views of the received octets; and its largest packet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDevice, type Device } from '../../core/device/device.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { ACK_WAIT } from '../../core/link/mac.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { contextsOf, PAN, pairOf, SERVER, seeded, sensorOn } from './support.ts';

const MAX = 200;

test('a device answers the source of a datagram from within the call, and takes packets of exactly maxSize', () => {
  const medium = createMedium({ seed: 1 });
  const sensor = sensorOn(medium, 1);
  const radio = medium.radio();
  const got: number[] = [];
  const device: Device = createDevice({
    provider: seeded(2),
    parts: FULL_PARTS,
    phy: radio,
    upper: {
      datagram(buffer, offset, length, source, sourcePort, port, now) {
        got.push(length);
        const to = source.octets.subarray(source.at, source.at + source.size);
        assert.ok(device.send(buffer.subarray(offset), 0, Math.min(length, 3), port, to, sourcePort, now) > 0);
      },
      done() {},
    },
    panId: PAN,
    shortAddress: 0,
    extendedAddress: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0),
    gateway: Uint8Array.of(0, 1),
    address: addressOctets(SERVER)!,
    contexts: contextsOf(),
    reassembly: createReassembly(1, 1280, 1000),
    echo: null,
    maxSize: MAX,
    queue: 4,
    ackWait: ACK_WAIT,
  });
  const [up, down] = pairOf(1);
  device.addSas(down.config, up.config);
  radio.onFrame = (frame, offset, length) => device.receive(frame, offset, length, medium.now);
  medium.attach(radio, device);

  for (const length of [3, MAX - 48, MAX - 47]) {
    assert.ok(sensor.send('abc'.padEnd(length, '.')) > 0);
    medium.run(medium.now + 500);
  }
  assert.deepEqual(got, [3, MAX - 48]);
  assert.deepEqual(sensor.heard, ['abc', 'abc']);
});
