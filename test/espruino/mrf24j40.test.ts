// The driver of the MRF24J40 against a model of the chip's registers: set-up, frames and acknowledgements, loss, faults, sleep.
// Then IKEv2 and secured packets between two drivers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf } from '../../core/base/address.ts';
import { createMac, MAC_RETRIES, type MacUpper } from '../../core/link/mac.ts';
import { createMrf24j40, TX_LIMIT } from '../../targets/espruino/mrf24j40.ts';
import type { Mrf24j40, Mrf24j40Config } from '../../targets/espruino/mrf24j40-api.ts';
import type { Pollable, Radio } from '../../targets/node/host/radio/radio.ts';
import { createMedium, type Medium, type MediumConfig } from '../../targets/node/lab/medium.ts';
import { policy } from '../ike/pair.ts';
import { deviceOn, gatewayOn } from '../ike/radio.ts';
import { Chip } from './mrf24j40-model.ts';

const PAN = 0xabcd;

function eui(short: number): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, 0, 0, 0, short);
}

interface Node {
  chip: Chip;
  driver: Mrf24j40;
}

function nodeOn(
  medium: Medium,
  short: number,
  changes: Partial<Mrf24j40Config> = {},
  prepare?: (c: Chip) => void,
): Node {
  const chip = new Chip(medium);
  prepare?.(chip);
  const driver = createMrf24j40({
    spi: chip.spi,
    cs: chip.cs,
    irq: chip.irq,
    reset: chip.reset,
    channel: 15,
    panId: PAN,
    shortAddress: short,
    extendedAddress: eui(short),
    now: () => medium.now,
    delay: () => {},
    ...changes,
  });
  chip.onEdge = driver.interrupt;
  return { chip, driver };
}

interface MacNode extends Node {
  mac: ReturnType<typeof createMac>;
  heard: string[];
  sent: number[];
}

function macOn(medium: Medium, short: number): MacNode {
  const node = nodeOn(medium, short);
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
    extendedAddress: eui(short),
    phy: node.driver,
    upper,
    random: medium.random.fill,
    queue: 4,
    neighbours: 4,
    ackWait: TX_LIMIT,
  });
  node.driver.onFrame = (frame, offset, length) => mac.receive(frame, offset, length, medium.now);
  medium.attach(node.chip.radio, both(node.driver, mac));
  return { ...node, mac, heard, sent };
}

function both(driver: Mrf24j40, above: Pollable): Pollable {
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

function send(node: MacNode, to: number, text: string, now: number): void {
  const payload = Buffer.from(text);
  node.mac.send(addressOf(Uint8Array.of(to >>> 8, to & 0xff)), payload, 0, payload.length, now);
}

function pair(config: Partial<MediumConfig> = {}): { medium: Medium; a: MacNode; b: MacNode } {
  const medium = createMedium({ seed: 3, ...config });
  return { medium, a: macOn(medium, 2), b: macOn(medium, 1) };
}

test('set-up as in the data sheet: registers, addresses, channel', () => {
  const { chip, driver } = nodeOn(createMedium({ seed: 1 }), 0x1234);
  assert.equal(chip.hardResets, 1);
  assert.equal(driver.counters.silent, 0);
  const short = { 0: 0, 24: 0x98, 46: 0x95, 50: 0xf6, 58: 0x80, 62: 0x40, 63: 0x60 };
  for (const [address, value] of Object.entries(short)) assert.equal(chip.short[Number(address)], value, address);
  const long = { 512: 0x43, 514: 0x80, 518: 0x90, 519: 0x80, 520: 0x10, 544: 0x21 };
  for (const [address, value] of Object.entries(long)) assert.equal(chip.long[Number(address)], value, address);
  assert.deepEqual([...chip.short.subarray(1, 13)], [0xcd, 0xab, 0x34, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 2]);
  assert.equal(chip.channel, 15);
  driver.setChannel(26);
  assert.equal(chip.channel, 26);
  assert.throws(() => driver.setChannel(27), /channel: 27: must be 11\.\.26/);
  driver.setAddress(0x1111, 0xffff, eui(9));
  assert.deepEqual([...chip.short.subarray(1, 6)], [0x11, 0x11, 0xff, 0xff, 9]);
});

test('a frame and its acknowledgement, made by the chips', () => {
  const { medium, a, b } = pair();
  send(a, 1, 'hello', 0);
  medium.settle(1000);
  assert.deepEqual([a.sent, b.heard], [[0], ['hello']]);
  assert.equal(b.chip.acks, 1);
  assert.equal(a.driver.counters.sent, 1);
  assert.deepEqual([b.driver.lqi, b.driver.rssi], [0x6b, 0x94]);
  // On air: the frame, once, and its acknowledgement.
  assert.equal(medium.counters.sent, 2);
});

test('a broadcast is sent without waiting', () => {
  const { medium, a, b } = pair();
  send(a, 0xffff, 'all', 0);
  medium.settle(1000);
  assert.deepEqual([a.sent, b.heard, b.chip.acks], [[0], ['all'], 0]);
});

test('frames of the longest and shortest size, and several in a row, both ways', () => {
  const { medium, a, b } = pair();
  const texts = ['x'.repeat(116), '', 'y'];
  for (const text of texts) {
    send(a, 1, text, medium.now);
    send(b, 2, text, medium.now);
  }
  medium.settle(5000);
  assert.deepEqual([b.heard, a.heard], [texts, texts]);
  assert.deepEqual(
    [a.sent, b.sent],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  );
});

test('frames for others, of another PAN, or on another channel are not taken', () => {
  const { medium, a, b } = pair();
  send(a, 7, 'not for b', 0);
  medium.settle(5000);
  assert.deepEqual([b.heard, b.driver.counters.received, a.sent.length], [[], 0, 1]);
  assert.ok(a.sent[0] < 0);
  b.driver.setAddress(0x1111, 1, eui(1));
  send(a, 1, 'other PAN', medium.now);
  medium.settle(medium.now + 5000);
  assert.deepEqual(b.heard, []);
  b.driver.setAddress(PAN, 1, eui(1));
  send(a, 1, 'again', medium.now);
  medium.settle(medium.now + 5000);
  assert.deepEqual(b.heard, ['again']);
});

test('nobody there: 4 tries of the chip for each of the MAC, then the end is told', () => {
  const medium = createMedium({ seed: 2 });
  const a = macOn(medium, 2);
  send(a, 1, 'hello?', 0);
  medium.settle(10000);
  assert.equal(a.chip.tries, 16);
  assert.equal(a.driver.counters.notAcknowledged, 4);
  assert.equal(a.mac.counters[MAC_RETRIES], 3);
  assert.equal(a.sent.length, 1);
  assert.ok(a.sent[0] < 0);
});

test('a third of the frames lost: all arrive, once each', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { medium, a, b } = pair({ seed, loss: 0.33 });
    const texts = Array.from({ length: 40 }, (_, i) => `number ${i}`);
    for (const text of texts) {
      send(a, 1, text, medium.now);
      medium.settle(medium.now + 20000);
    }
    assert.deepEqual(b.heard, texts, `seed ${seed}`);
    assert.deepEqual(a.sent, Array(40).fill(0), `seed ${seed}`);
    assert.ok(a.chip.tries > 40);
  }
});

test('a channel that is never free', () => {
  const { medium, a } = pair();
  const noise = medium.radio();
  const jam = (): void => {
    noise.transmit(new Uint8Array(127), 0, 127);
    medium.at(medium.now + 4, jam);
  };
  jam();
  send(a, 1, 'hello?', 0);
  medium.run(3000);
  assert.ok(a.driver.counters.channelBusy > 0);
  assert.equal(a.chip.tries, 0);
  assert.ok(a.sent[0] < 0);
});

test('a transmission without an end: counted, the chip reset, and it works again', () => {
  const { medium, a, b } = pair();
  a.chip.isStuck = true;
  send(a, 1, 'stuck', 0);
  medium.run(TX_LIMIT + 10);
  assert.equal(a.driver.counters.stuck, 1);
  assert.equal(a.chip.hardResets, 2);
  medium.settle(5000);
  assert.deepEqual([b.heard, a.sent], [['stuck'], [0]]);
});

test('no chip: counted, nothing is sent, and it is found when it comes', () => {
  const medium = createMedium({ seed: 1 });
  const { driver, chip } = nodeOn(medium, 2, {}, (c) => {
    c.isMute = true;
  });
  assert.equal(driver.counters.silent, 1);
  assert.equal(driver.clear(), false);
  driver.transmit(Uint8Array.of(0x41, 0x88, 1, 0xcd, 0xab, 1, 0, 2, 0, 0, 0), 0, 11);
  assert.equal(driver.counters.refused, 1);
  assert.equal(driver.nextTimeout(), TX_LIMIT);
  driver.poll(TX_LIMIT - 1);
  assert.equal(driver.counters.silent, 1);
  driver.poll(TX_LIMIT);
  assert.equal(driver.counters.silent, 2);
  chip.isMute = false;
  driver.poll(driver.nextTimeout());
  assert.equal(driver.clear(), true);
  assert.equal(driver.nextTimeout(), -1);
});

test('a reset that takes its time is waited for, one that never ends is not', () => {
  const medium = createMedium({ seed: 1 });
  assert.equal(nodeOn(medium, 2, {}, (c) => void (c.resetReads = 5)).driver.counters.silent, 0);
  assert.equal(nodeOn(medium, 2, {}, (c) => void (c.resetReads = 50)).driver.counters.silent, 1);
});

test('a missed edge of INT is found by poll', () => {
  const { medium, a, b } = pair();
  b.chip.losesEdges = true;
  send(a, 0xffff, 'unseen', 0);
  medium.run(20);
  assert.deepEqual(b.heard, []);
  b.driver.poll(medium.now);
  assert.deepEqual(b.heard, ['unseen']);
  assert.equal(b.driver.counters.missed, 1);
});

test('a length that no frame has: counted, the FIFO emptied, and the next frame comes in', () => {
  const { medium, a, b } = pair();
  for (const length of [0, 4, 128, 255]) {
    b.chip.long[0x300] = length;
    b.chip.short[0x31] |= 8;
    b.driver.interrupt();
  }
  assert.equal(b.driver.counters.badLength, 4);
  send(a, 1, 'next', 0);
  medium.settle(1000);
  assert.deepEqual(b.heard, ['next']);
});

test('frames while the FIFO is full are not acknowledged, and come again', () => {
  const { medium, a, b } = pair();
  b.chip.losesEdges = true;
  send(a, 1, 'first', 0);
  send(a, 1, 'second', 0);
  medium.run(30);
  assert.ok(b.chip.overruns > 0);
  b.chip.losesEdges = false;
  b.driver.poll(medium.now);
  medium.settle(5000);
  assert.deepEqual(
    [b.heard, a.sent],
    [
      ['first', 'second'],
      [0, 0],
    ],
  );
});

test('sleep: nothing is heard or sent; wake: all as before', () => {
  const { medium, a, b } = pair();
  assert.equal(b.driver.sleep(), true);
  assert.equal(b.chip.isAsleep, true);
  assert.equal(b.driver.clear(), false);
  send(a, 1, 'asleep', 0);
  medium.settle(5000);
  assert.deepEqual([b.heard, b.chip.acks], [[], 0]);
  b.driver.wake();
  send(a, 1, 'awake', medium.now);
  medium.settle(medium.now + 5000);
  assert.deepEqual(b.heard, ['awake']);
  send(b, 2, 'back', medium.now);
  medium.settle(medium.now + 5000);
  assert.deepEqual(a.heard, ['back']);
});

test('no sleep while a frame is under way', () => {
  const { medium, a } = pair();
  send(a, 1, 'on its way', 0);
  while (a.driver.clear()) medium.run(medium.now + 0.1);
  assert.equal(a.driver.sleep(), false);
  medium.settle(1000);
  assert.equal(a.driver.sleep(), true);
});

test('frames that nobody may send are left out', () => {
  const { chip, driver } = nodeOn(createMedium({ seed: 1 }), 2);
  driver.transmit(new Uint8Array(200), 0, 128);
  driver.transmit(new Uint8Array(200), 0, 4);
  driver.transmit(Uint8Array.of(2, 0, 7, 0, 0), 0, 5);
  assert.equal(driver.clear(), true);
  assert.equal(chip.long[1], 0);
});

/** A medium whose radios are chips with their drivers. */
function chipMedium(medium: Medium): { medium: Medium; nodes: Node[] } {
  const nodes: Node[] = [];
  const radios = new Map<Radio, Node>();
  const proxy = {
    get now() {
      return medium.now;
    },
    // The gateway, address 1, is made first.
    radio: () => {
      const node = nodeOn(medium, nodes.length + 1);
      const radio: Radio = { onFrame: null, clear: node.driver.clear, transmit: node.driver.transmit, close: () => {} };
      node.driver.onFrame = (frame, offset, length) => radio.onFrame?.(frame, offset, length);
      nodes.push(node);
      radios.set(radio, node);
      return radio;
    },
    attach: (radio: Radio, node: Pollable) => {
      const { chip, driver } = radios.get(radio)!;
      medium.attach(chip.radio, both(driver, node));
    },
  };
  return { medium: proxy as unknown as Medium, nodes };
}

for (const loss of [0, 0.1]) {
  test(`IKEv2 and secured packets between two drivers, loss ${loss}`, () => {
    const medium = createMedium({ seed: 11, loss });
    const chips = chipMedium(medium);
    const gateway = gatewayOn(chips.medium, policy('gateway', 'sensor', 2, 1), null, TX_LIMIT);
    const sensor = deviceOn(chips.medium, policy('sensor', 'gateway', 1, 2), {}, TX_LIMIT);
    sensor.device.uplink.connect(null, medium.now);
    medium.run(30000);
    assert.ok(sensor.events.includes('established'), sensor.events.join());
    for (let i = 0; i < 20; i++) {
      assert.ok(sensor.send(`reading ${i}`) > 0);
      medium.run(medium.now + 5000);
      assert.ok(gateway.send(`answer ${i}`) > 0);
      medium.run(medium.now + 5000);
    }
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    assert.deepEqual(
      gateway.heard,
      numbers.map((i) => `reading ${i}`),
    );
    assert.deepEqual(
      sensor.heard,
      numbers.map((i) => `answer ${i}`),
    );
    for (const { driver } of chips.nodes) {
      const { stuck, silent, badLength, missed, refused } = driver.counters;
      assert.deepEqual(
        { stuck, silent, badLength, missed, refused },
        { stuck: 0, silent: 0, badLength: 0, missed: 0, refused: 0 },
      );
    }
  });
}
