// Two device objects whose SAs have rules for CoAP: the part that a board may add (core/device/coap-profile.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCoapSend, deliverCoap } from '../../core/device/coap-profile.ts';
import { createDeviceWith, type Device, type DeviceUpper } from '../../core/device/device.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { ACK_WAIT } from '../../core/link/mac.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { contextsOf, innerOf, PAN, PORT, SERVER, saOf, seeded } from '../gateway/support.ts';
import { rulesOf } from './kit.ts';

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** A device on the medium; `isDev`: the sensor, else the server's end. */
function deviceOn(medium: Medium, isDev: boolean): { device: Device; heard: string[] } {
  const radio = medium.radio();
  const heard: string[] = [];
  const upper: DeviceUpper = {
    datagram: (buffer, offset, length, source, from, to) => {
      heard.push(hex(buffer.subarray(offset, offset + length)));
      assert.deepEqual([from, to], [PORT, PORT]);
      assert.equal(
        hex(source.octets.subarray(source.at, source.at + 16)),
        hex(addressOctets(isDev ? SERVER : innerOf(1))!),
      );
    },
    done() {},
  };
  const address = addressOctets(isDev ? innerOf(1) : SERVER)!;
  const device: Device = createDeviceWith(
    {
      provider: seeded(isDev ? 1 : 2),
      parts: FULL_PARTS,
      phy: radio,
      upper,
      panId: PAN,
      shortAddress: isDev ? 1 : 0,
      extendedAddress: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, isDev ? 1 : 0),
      gateway: Uint8Array.of(0, isDev ? 0 : 1),
      address,
      contexts: contextsOf(),
      reassembly: null,
      echo: null,
      maxSize: 256,
      queue: 4,
      ackWait: ACK_WAIT,
    },
    {
      nhc: null,
      clear: () => -1,
      inner: (length, now) => deliverCoap(device, upper, address, length, now),
    },
  );
  const [up, down] = [saOf(1, true, { esp_spi_lsb: 0 }).config, saOf(1, false, { esp_spi_lsb: 0 }).config];
  device.addSas(isDev ? up : down, isDev ? down : up);
  device.outgoing[0].coap = device.incoming[0].coap = rulesOf(['a'], isDev);
  device.send = createCoapSend(device, address);
  radio.onFrame = (frame, offset, length) => device.receive(frame, offset, length, medium.now);
  medium.attach(radio, device);
  return { device, heard };
}

test('payloads both ways, in 42 and 32 octets on air, and any other payload', () => {
  const air: number[] = [];
  const medium = createMedium({
    seed: 4,
    tap: (_now, frame) => {
      if (frame.length > 5) air.push(frame.length + 6);
    },
  });
  const [sensor, server] = [deviceOn(medium, true), deviceOn(medium, false)];
  const ways: [typeof sensor, typeof sensor, string, string, number][] = [
    [sensor, server, SERVER, '4102000101b161ff7b2274223a32312e357d', 42],
    [server, sensor, innerOf(1), '6144000101', 32],
    [sensor, server, SERVER, '12345678', 17 + 3 + 1 + 5 + 8],
    [sensor, server, SERVER, '', 17 + 3 + 1 + 1 + 8],
    [server, sensor, innerOf(1), '4102000101b161ff31', 17 + 3 + 1 + 6 + 8],
  ];
  for (const [from, to, address, digits, octets] of ways) {
    const payload = Uint8Array.from(Buffer.from(digits, 'hex'));
    assert.ok(from.device.send(payload, 0, payload.length, PORT, addressOctets(address)!, PORT, medium.now) > 0);
    medium.run(medium.now + 100);
    assert.equal(to.heard.at(-1), digits);
    assert.equal(air.at(-1), octets);
  }
  const far = new Uint8Array(300);
  assert.ok(sensor.device.send(far, 0, 300, PORT, addressOctets(SERVER)!, PORT, medium.now) < 0);
  assert.ok(sensor.device.send(far, 0, 10, 1, addressOctets(SERVER)!, PORT, medium.now) < 0);
});
