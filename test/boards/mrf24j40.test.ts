// The MRF24J40's driver of firmware against the model of the chip's registers: set-up, frames and acknowledgements, loss,
// faults. Then IKEv2 and secured packets between two drivers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf } from '../../core/base/address.ts';
import { createMac, type MacUpper } from '../../core/link/mac.ts';
import type { Pollable, Radio } from '../../targets/node/host/radio/radio.ts';
import { createMedium, type Medium, type MediumConfig } from '../../targets/node/lab/medium.ts';
import { policy } from '../ike/pair.ts';
import { deviceOn, gatewayOn } from '../ike/radio.ts';
import { packageMissing } from '../support/packages.ts';
import { euiOf, type HostDriver, hostDriver, TX_LIMIT } from './mrf24j40-host.ts';

const skip = packageMissing('gcc');
const PAN = 0xabcd;
const CHANNEL = 15;

function tuned(medium: Medium, short: number): HostDriver {
  const driver = hostDriver(medium);
  driver.tune(CHANNEL, PAN, short);
  return driver;
}

/** Polled in order, the driver first. */
function both(driver: HostDriver, above: Pollable): Pollable {
  return {
    poll: (now) => {
      driver.poll(now);
      above.poll(now);
    },
    nextTimeout: () => {
      const times = [driver.nextTimeout(), above.nextTimeout()].filter((time) => time >= 0);
      return times.length === 0 ? -1 : Math.min(...times);
    },
  };
}

interface MacNode {
  driver: HostDriver;
  heard: string[];
  sent: number[];
  send(to: number, text: string): void;
}

function macOn(medium: Medium, short: number): MacNode {
  const driver = tuned(medium, short);
  const heard: string[] = [];
  const sent: number[] = [];
  const upper: MacUpper = {
    received: (buffer, offset, length) =>
      void heard.push(Buffer.from(buffer.subarray(offset, offset + length)).toString()),
    sent: (_handle, result) => void sent.push(result),
  };
  const mac = createMac({
    panId: PAN,
    shortAddress: short,
    extendedAddress: euiOf(short),
    phy: driver.radio,
    upper,
    random: medium.random.fill,
    queue: 4,
    neighbours: 4,
    ackWait: TX_LIMIT,
  });
  driver.radio.onFrame = (frame, offset, length) => mac.receive(frame, offset, length, medium.now);
  medium.attach(driver.chip.radio, both(driver, mac));
  const send = (to: number, text: string): void => {
    const payload = Buffer.from(text);
    mac.send(addressOf(Uint8Array.of(to >>> 8, to & 0xff)), payload, 0, payload.length, medium.now);
  };
  return { driver, heard, sent, send };
}

function pair(config: Partial<MediumConfig> = {}): { medium: Medium; a: MacNode; b: MacNode } {
  const medium = createMedium({ seed: 3, ...config });
  return { medium, a: macOn(medium, 2), b: macOn(medium, 1) };
}

const FINE = { dropped: 0, stuck: 0, refused: 0, busy: 0, notAcknowledged: 0, badLength: 0 };

test('set-up as in the data sheet: registers, addresses, channel', { skip }, () => {
  const { chip, ...driver } = tuned(createMedium({ seed: 1 }), 0x1234);
  assert.equal(chip.hardResets, 1);
  const short = { 0: 0, 24: 0x98, 46: 0x95, 50: 0xf6, 58: 0x80, 62: 0x40, 63: 0x60 };
  for (const [address, value] of Object.entries(short)) assert.equal(chip.short[Number(address)], value, address);
  const long = { 512: 0x43, 514: 0x80, 518: 0x90, 519: 0x80, 520: 0x10, 544: 0x21 };
  for (const [address, value] of Object.entries(long)) assert.equal(chip.long[Number(address)], value, address);
  assert.deepEqual([...chip.short.subarray(1, 13)], [0xcd, 0xab, 0x34, 0x12, 0x34, 0x12, 0, 0, 0, 0, 0, 2]);
  assert.equal(chip.channel, CHANNEL);
  driver.tune(26, 0x1111, 0xffff);
  assert.equal(chip.channel, 26);
  assert.deepEqual([...chip.short.subarray(1, 5)], [0x11, 0x11, 0xff, 0xff]);
});

test('a frame and its acknowledgement, made by the chips; its strength', { skip }, () => {
  const { medium, a, b } = pair();
  a.send(1, 'hello');
  medium.settle(1000);
  assert.deepEqual([a.sent, b.heard, b.driver.chip.acks], [[0], ['hello'], 1]);
  assert.deepEqual(a.driver.state(), { ...FINE, sent: 1 });
  // 0x94 on the chip's scale.
  assert.equal(b.driver.rssi, -59);
  // On air: the frame, once, and its acknowledgement.
  assert.equal(medium.counters.sent, 2);
});

test('a broadcast, and frames of the longest and shortest size, several in a row, both ways', { skip }, () => {
  const { medium, a, b } = pair();
  a.send(0xffff, 'all');
  medium.settle(1000);
  assert.deepEqual([a.sent, b.heard, b.driver.chip.acks], [[0], ['all'], 0]);
  const texts = ['x'.repeat(116), '', 'y'];
  for (const text of texts) {
    a.send(1, text);
    b.send(2, text);
  }
  medium.settle(5000);
  assert.deepEqual([b.heard.slice(1), a.heard], [texts, texts]);
  assert.deepEqual([a.sent, b.sent], [Array(4).fill(0), Array(3).fill(0)]);
});

test('frames for others are not taken; nobody there: 4 tries of the chip for each of the MAC', { skip }, () => {
  const { medium, a, b } = pair();
  a.send(7, 'not for b');
  medium.settle(10000);
  assert.deepEqual(b.heard, []);
  assert.ok(a.sent[0] < 0);
  assert.equal(a.driver.chip.tries, 16);
  assert.equal(a.driver.state().notAcknowledged, 4);
  b.driver.tune(CHANNEL, 0x1111, 1);
  a.send(1, 'other PAN');
  medium.settle(medium.now + 10000);
  assert.deepEqual(b.heard, []);
});

test('a third of the frames lost: all arrive, once each', { skip }, () => {
  const { medium, a, b } = pair({ seed: 4, loss: 0.33 });
  const texts = Array.from({ length: 40 }, (_none, i) => `number ${i}`);
  for (const text of texts) {
    a.send(1, text);
    medium.settle(medium.now + 20000);
  }
  assert.deepEqual([b.heard, a.sent], [texts, Array(40).fill(0)]);
  assert.ok(a.driver.chip.tries > 40);
});

test('a channel that is never free', { skip }, () => {
  const { medium, a } = pair();
  const noise = medium.radio();
  const jam = (): void => {
    noise.transmit(new Uint8Array(127), 0, 127);
    medium.at(medium.now + 4, jam);
  };
  jam();
  a.send(1, 'hello?');
  medium.run(3000);
  assert.ok(a.driver.state().busy > 0);
  assert.equal(a.driver.chip.tries, 0);
  assert.ok(a.sent[0] < 0);
});

test('a transmission without an end: counted, the chip reset, and it works again', { skip }, () => {
  const { medium, a, b } = pair();
  a.driver.chip.isStuck = true;
  a.send(1, 'stuck');
  medium.run(2 * TX_LIMIT);
  assert.equal(a.driver.state().stuck, 1);
  assert.equal(a.driver.chip.hardResets, 2);
  medium.settle(5000);
  assert.deepEqual([b.heard, a.sent], [['stuck'], [0]]);
});

test('no chip: nothing is sent and nothing hangs, and it is found when it comes', { skip }, () => {
  const medium = createMedium({ seed: 1 });
  const driver = hostDriver(medium);
  const frame = Uint8Array.of(0x41, 0x88, 1, 0xcd, 0xab, 1, 0, 2, 0, 0, 0);
  // Before it is tuned.
  assert.equal(driver.transmit(frame), false);
  assert.equal(driver.chip.hardResets, 0);
  driver.chip.isMute = true;
  driver.tune(CHANNEL, PAN, 2);
  assert.deepEqual([driver.ready(), driver.transmit(frame), driver.chip.hardResets], [false, false, 1]);
  assert.ok(driver.delayed < 20, String(driver.delayed));
  medium.at(TX_LIMIT, () => {
    assert.equal(driver.transmit(frame), false);
    driver.chip.isMute = false;
  });
  medium.run(2 * TX_LIMIT + 10);
  assert.equal(driver.chip.hardResets, 2);
  assert.equal(driver.transmit(frame), true);
  assert.deepEqual([driver.chip.hardResets, driver.chip.channel], [3, CHANNEL]);
  assert.equal(driver.state().refused, 3);
});

test('a length that no frame has: counted, the FIFO emptied, and the next frame comes in', { skip }, () => {
  const { medium, a, b } = pair();
  for (const length of [0, 4, 128, 255]) {
    b.driver.chip.long[0x300] = length;
    b.driver.chip.short[0x31] |= 8;
    assert.equal(b.driver.ready(), true);
    b.driver.poll(0);
  }
  assert.equal(b.driver.state().badLength, 4);
  a.send(1, 'next');
  medium.settle(1000);
  assert.deepEqual(b.heard, ['next']);
});

test('one frame at a time; own acknowledgements are left to the chip', { skip }, () => {
  const driver = tuned(createMedium({ seed: 1 }), 2);
  const frame = Uint8Array.of(0x61, 0xdc, 9, 0xcd, 0xab, ...Array(8).fill(1), ...Array(8).fill(2), 5, 6, 0, 0);
  assert.equal(driver.transmit(Uint8Array.of(2, 0, 7, 0, 0)), true);
  assert.equal(driver.chip.long[1], 0);
  assert.deepEqual([driver.transmit(frame), driver.transmit(frame)], [true, false]);
  // Header and whole length of the frame, without FCS; an acknowledgement is asked for.
  assert.deepEqual([...driver.chip.long.subarray(0, 2)], [21, 23]);
  assert.equal(driver.chip.short[0x1b] & 4, 4);
  assert.equal(driver.state().refused, 1);
});

test('more frames than the script takes: dropped and counted', { skip }, () => {
  const { medium, a, b } = pair();
  // It looks at the radio, and takes nothing out of the ring.
  b.driver.chip.onEdge = () => void b.driver.transmit(Uint8Array.of(2, 0, 7, 0, 0));
  for (let i = 0; i < 10; i++) {
    a.send(1, `frame ${i}`);
    medium.settle(medium.now + 200);
  }
  assert.equal(b.driver.state().dropped, 3);
  let taken = 0;
  b.driver.radio.onFrame = () => void taken++;
  b.driver.poll(medium.now);
  assert.equal(taken, 7);
});

/** A medium whose radios are chips with their drivers; the gateway, address 1, is made first. */
function chipMedium(medium: Medium): { medium: Medium; drivers: HostDriver[] } {
  const drivers: HostDriver[] = [];
  const proxy = {
    get now() {
      return medium.now;
    },
    radio: () => {
      const driver = tuned(medium, drivers.length + 1);
      drivers.push(driver);
      return driver.radio;
    },
    attach: (radio: Radio, node: Pollable) => {
      const driver = drivers.find((one) => one.radio === radio)!;
      medium.attach(driver.chip.radio, both(driver, node));
    },
  };
  return { medium: proxy as unknown as Medium, drivers };
}

test('IKEv2 and secured packets between two drivers at 10 % loss', { skip }, () => {
  const medium = createMedium({ seed: 11, loss: 0.1 });
  const chips = chipMedium(medium);
  const gateway = gatewayOn(chips.medium, policy('gateway', 'sensor', 2, 1), null, TX_LIMIT);
  const sensor = deviceOn(chips.medium, policy('sensor', 'gateway', 1, 2), {}, TX_LIMIT);
  sensor.device.uplink.connect(null, medium.now);
  medium.run(30000);
  assert.ok(sensor.events.includes('established'), sensor.events.join());
  const numbers = Array.from({ length: 10 }, (_none, i) => i);
  for (const i of numbers) {
    assert.ok(sensor.send(`reading ${i}`) > 0);
    medium.run(medium.now + 5000);
    assert.ok(gateway.send(`answer ${i}`) > 0);
    medium.run(medium.now + 5000);
  }
  assert.deepEqual(
    gateway.heard,
    numbers.map((i) => `reading ${i}`),
  );
  assert.deepEqual(
    sensor.heard,
    numbers.map((i) => `answer ${i}`),
  );
  for (const driver of chips.drivers) {
    const { dropped, stuck, badLength } = driver.state();
    assert.deepEqual([dropped, stuck, badLength], [0, 0, 0]);
  }
});
