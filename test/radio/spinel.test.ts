// Radios behind Spinel: framing and values against octets of OpenThread's co-processor, damage of every kind, a model of a
// co-processor that is reset, pulled out and refused, and a gateway with a sensor over OpenThread's simulated one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_NO_ACK } from '../../core/base/drop.ts';
import { putFcs } from '../../core/wire/ieee802154.ts';
import { onPath } from '../../targets/build/engines.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createBridge } from '../../targets/node/host/radio/bridge.ts';
import { createHdlcDecoder, HDLC_MAX, hdlcFrame } from '../../targets/node/host/radio/spinel/hdlc.ts';
import * as n from '../../targets/node/host/radio/spinel/numbers.ts';
import { createReader, createWriter } from '../../targets/node/host/radio/spinel/packed.ts';
import { createSpinelRadio, type SpinelConfig, type SpinelRadio } from '../../targets/node/host/radio/spinel/radio.ts';
import { createRcp } from '../../targets/node/host/radio/spinel/rcp.ts';
import { parseEnd, parseRaw } from '../../targets/node/host/radio/spinel/stream-raw.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor } from '../../targets/node/sensor/sensor.ts';
import { freePorts } from '../support/free-ports.ts';
import { createModel, type Model } from './spinel-model.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** What a decoder makes of octets, in pieces. */
function decoded(pieces: Uint8Array[]) {
  const frames: string[] = [];
  const counters = { frames: 0, damaged: 0, oversized: 0 };
  const decoder = createHdlcDecoder((frame) => frames.push(hexOf(frame)), counters);
  for (const piece of pieces) decoder.push(piece);
  return { frames, counters };
}

// Octets that OpenThread's simulated co-processor (3ae741f95) sent.
const RESET_NOTE = '7e80060070ee747e';
const CHANNELS = '7e8606220b0c0d0e0f107d31127d331415161718191aafbb7e';

test('frames on the line are those of OpenThread', () => {
  assert.equal(hexOf(hdlcFrame(bytes('80060070'))), RESET_NOTE);
  const { frames } = decoded([bytes(RESET_NOTE), bytes(CHANNELS)]);
  assert.deepEqual(frames, ['80060070', '8606220b0c0d0e0f101112131415161718191a']);
  assert.equal(hexOf(hdlcFrame(bytes(frames[1]))), CHANNELS);
  // The check value of CRC-16/X.25 is 906e.
  assert.match(hexOf(hdlcFrame(new TextEncoder().encode('123456789'))), /6e907e$/);
});

test('packed numbers, texts and lists', () => {
  for (const [value, octets] of [
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [1337, 'b90a'],
    [0x120b, '8b24'],
    [2 ** 21 - 1, 'ffff7f'],
  ] as const) {
    assert.equal(hexOf(createWriter().packed(value).octets()), octets);
    assert.equal(createReader(bytes(octets)).packed(), value);
  }
  assert.throws(() => createWriter().packed(2 ** 21));
  const reader = createReader(bytes('ffffff7f'));
  assert.equal(reader.packed(), 0);
  assert.equal(reader.isWhole(), false);
});

test('garbage, cut and long frames cost themselves alone, and are counted', () => {
  const good = hdlcFrame(bytes('8006002a'));
  const long = new Uint8Array(HDLC_MAX + 100).fill(0x55);
  const { frames, counters } = decoded([
    bytes('0011223344'),
    good,
    long,
    good,
    good.subarray(0, 4),
    good,
    bytes('7e7e7d7e'),
  ]);
  assert.deepEqual(frames, Array(3).fill('8006002a'));
  assert.equal(counters.oversized, 1);
  assert.ok(counters.damaged >= 2, String(counters.damaged));
});

test('whatever comes, nothing throws, and the next frame is found', () => {
  const long = process.env.DIETESP_LONG === '1';
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.nat(400),
      (junk, octets, cut) => {
        const frame = hdlcFrame(octets);
        const all = Buffer.concat([junk, Uint8Array.of(0x7e), frame]);
        const at = Math.min(cut, all.length);
        const { frames } = decoded([all.subarray(0, at), all.subarray(at)]);
        assert.equal(frames.at(-1), hexOf(octets));
      },
    ),
    { numRuns: long ? 20000 : 500 },
  );
  const counters = { frames: 0, damaged: 0, oversized: 0, malformed: 0, stray: 0 };
  const rcp = createRcp(
    { write() {}, is: (property, value) => void (property === n.PROP_STREAM_RAW && parseRaw(value)), reset() {} },
    counters,
  );
  fc.assert(
    fc.property(
      fc.constantFrom(0x80, 0x81, 0x8f, 0x90, 0x40),
      fc.constantFrom(6, 7, 8, 2, 300),
      fc.uint8Array({ maxLength: 160 }),
      (header, command, rest) => {
        rcp.push(hdlcFrame(createWriter().octet(header).packed(command).raw(rest).octets()));
        parseEnd(rest);
        parseRaw(rest);
        createReader(rest).text();
      },
    ),
    { numRuns: long ? 20000 : 500 },
  );
  assert.ok(counters.malformed > 0 && counters.stray > 0);
  rcp.end('');
});

const PAN = 0xabcd;

function radioOn(model: Model, index: number, more: Partial<SpinelConfig> = {}): SpinelRadio {
  return createSpinelRadio({
    line: model.line,
    channel: 26,
    panId: PAN,
    shortAddress: index,
    extendedAddress: null,
    reopenAfter: 5,
    answerTime: 300,
    ...more,
  });
}

function frameTo(short: number, sequence: number): Uint8Array {
  const frame = new Uint8Array(32);
  frame.set([0x61, 0x98, sequence, 0xcd, 0xab, short & 0xff, short >> 8, 9, 0, 1, 2, 3]);
  return frame.slice(0, putFcs(frame, 0, 12));
}

/** Two models on one air, and the radio of the first. */
async function pair(more: Partial<SpinelConfig> = {}) {
  const air = createBridge({ seed: 1, loss: 0 });
  const model = createModel(air.radio('a'), 1);
  const other = createModel(air.radio('b'), 2);
  const ends: string[] = [];
  const states: string[] = [];
  const listeners = new Set<() => void>();
  const radio = radioOn(model, 1, more);
  const peer = radioOn(other, 2);
  const changed = (): void => listeners.forEach((listener) => void listener());
  const got: string[] = [];
  await Promise.all([radio.ready, peer.ready]);
  radio.onEnd = (sequence, result) => {
    ends.push(`${sequence} ${result}`);
    changed();
  };
  radio.onState = (isUp, text) => {
    states.push(`${isUp ? 'back' : 'lost'}: ${text}`);
    changed();
  };
  peer.onFrame = (frame, offset, length) => {
    got.push(hexOf(frame.subarray(offset, offset + length)));
    assert.deepEqual(peer.signal!(), { rssi: -61, noise: null, lqi: 200, channel: 26 });
    changed();
  };
  const until = (done: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!done()) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
    });
  const send = (frame: Uint8Array): void => radio.transmit(frame, 0, frame.length);
  const close = async (): Promise<void> => {
    radio.close();
    peer.close();
    air.close();
    await Promise.all([radio.closed, peer.closed]);
  };
  return { model, other, radio, peer, ends, states, got, until, send, close };
}

test('frames go one at a time, with their ends, and the FCS is made anew', async () => {
  const { model, radio, ends, got, until, send, close } = await pair();
  try {
    const frames = [frameTo(2, 1), frameTo(7, 2), frameTo(0xffff, 3)];
    frames[2][0] &= ~0x20;
    putFcs(frames[2], 0, frames[2].length - 2);
    for (const frame of frames) send(frame);
    // What the MAC repeats while its end is not known is not sent twice; nor is its acknowledgement, which the radio makes.
    send(frames[0]);
    send(bytes('0200079a32'));
    await until(() => ends.length === 2 && new Set(got).size === 2);
    assert.deepEqual(ends, ['1 0', `2 ${DROP_NO_ACK}`]);
    // A busy machine may repeat a frame.
    assert.deepEqual([...new Set(got)], [hexOf(frames[0]), hexOf(frames[2])]);
    assert.equal(model.asked.length, 3);
    assert.deepEqual([radio.counters.sent, radio.counters.noAck], [2, 1]);
    assert.equal(hexOf(radio.eui64!()!), '0200000000000001');
    send(new Uint8Array(128));
    assert.equal(radio.counters.badLength, 1);
  } finally {
    await close();
  }
});

test('a reset in the middle: it is set up again, and the frame goes', async () => {
  const { model, radio, ends, states, got, until, send, close } = await pair();
  try {
    model.holdsEnds = true;
    send(frameTo(2, 5));
    await until(() => got.length === 1);
    model.holdsEnds = false;
    model.reset(120);
    await until(() => ends.length === 1);
    assert.deepEqual(ends, ['5 0']);
    assert.equal(radio.counters.resets, 1);
    // It was never gone.
    assert.deepEqual(states, []);
    // Garbage, half a frame and a frame that is too long change nothing.
    model.say(new Uint8Array(5000).fill(0x41));
    model.say(hdlcFrame(bytes('8006002a')).subarray(0, 3));
    send(frameTo(2, 6));
    await until(() => ends.length === 2);
    assert.equal(ends[1], '6 0');
    assert.ok(radio.counters.oversized + radio.counters.damaged >= 1);
  } finally {
    await close();
  }
});

test('a dongle pulled out and back, and one that stops answering', async () => {
  const { model, radio, ends, states, until, send, close } = await pair({ watch: 20 });
  try {
    model.unplug();
    await until(() => states.length === 1);
    assert.match(states[0], /^lost: /);
    assert.equal(radio.device!().isUp, false);
    send(frameTo(2, 1));
    model.isGone = false;
    await until(() => ends.length === 1);
    assert.equal(ends[0], '1 0');
    assert.match(states[1], /^back: MODEL\/1; tests, Spinel 4\.3, API 10/);
    model.isMute = true;
    await until(() => states.length === 3);
    assert.match(states[2], /^lost: PHY_RSSI: no answer in 300 ms/);
    model.isMute = false;
    await until(() => states.length === 4);
    assert.deepEqual([radio.counters.lost, radio.counters.back], [2, 2]);
    assert.ok(model.opened >= 3);
  } finally {
    await close();
  }
});

test('what cannot be used is refused, with the reason', async () => {
  const packed = (...values: number[]) =>
    values.reduce((writer, value) => writer.packed(value), createWriter()).octets();
  const cases: [number, Uint8Array, RegExp][] = [
    [n.PROP_PROTOCOL_VERSION, packed(5, 0), /Spinel 5\.0: must be 4\.x$/],
    [n.PROP_CAPS, packed(n.CAP_MAC_RAW), /is no radio co-processor \(RCP\)/],
    [n.PROP_RCP_API_VERSION, packed(3), /RCP API 3: must be 4 or newer/],
    [n.PROP_RCP_MIN_HOST_API_VERSION, packed(12), /wants a host of RCP API 12 or newer: this one has 11/],
    [n.PROP_RADIO_CAPS, packed(n.RADIO_ACK_TIMEOUT | n.RADIO_CSMA_BACKOFF), /cannot transmit-retries, which/],
    [n.PROP_PHY_CHAN_SUPPORTED, Uint8Array.of(11, 12), /channel 26: must be one of 11, 12$/],
    [n.PROP_HWADDR, Uint8Array.of(1), /HWADDR: the value is too short/],
  ];
  for (const [property, value, reason] of cases) {
    const model = createModel(null, 1);
    model.values.set(property, value);
    const radio = radioOn(model, 1);
    await assert.rejects(radio.ready, reason);
    radio.close();
    await radio.closed;
  }
  const mute = createModel(null, 1);
  mute.isMute = true;
  const radio = radioOn(mute, 1, { answerTime: 20 });
  await assert.rejects(radio.ready, /nothing answers in Spinel/);
  radio.close();
  const absent = createModel(null, 1);
  absent.isGone = true;
  const missing = radioOn(absent, 1);
  await assert.rejects(missing.ready, /^Error: no such port$/);
  missing.close();
  await Promise.all([radio.closed, missing.closed]);
});

/** A gateway and a sensor on these radios: an IKE SA, a reading, what is known of the signal. */
async function readings(gatewayRadio: string, sensorRadio: string, rssi: number): Promise<void> {
  const provider = createFastProvider();
  const file = readGateway(
    'gateway.yaml',
    `radios: [{ spinel: ${gatewayRadio}, panId: ${PAN}, shortAddress: 0 }]
addresses: ["fe80::ff:fe00:0"]
pool: ["2001:db8:1::/64"]
connection: { localId: fqdn:gateway, remoteId: fqdn:sensor1, auth: { psk: "a key for tests" } }
state: "off"
`,
  );
  const gateway = await createGateway({ ...file.config, provider });
  try {
    const loaded = readSensor(
      'sensor.yaml',
      `radio: { spinel: ${sensorRadio}, panId: ${PAN}, shortAddress: 1 }
address: fe80::ff:fe00:1
gateway: { address: "fe80::ff:fe00:0", link: "0000" }
server: { address: "2001:db8::1" }
connection: { localId: fqdn:sensor1, remoteId: fqdn:gateway, requestAddress: ipv6, auth: { psk: "a key for tests" } }
state: "off"
`,
    );
    const options = { provider, keylog: null, echoPort: 0, retry: false, waits: false, report() {} };
    const sensor = await openSensor(loaded, options);
    try {
      assert.equal(await sensor.connect(false), '');
      const packet = new Promise<Uint8Array>((resolve) => gateway.once('packet', resolve));
      assert.equal(sensor.send(new TextEncoder().encode('21.5'), loaded.server!.address, 5683, 5683), '');
      assert.match(Buffer.from(await packet).toString(), /21\.5$/);
      const { radios, peers } = gateway.metrics();
      assert.equal(peers[0].signal?.rssi, rssi);
      assert.equal(radios[0].device?.isUp, true);
      assert.ok(radios[0].device!.counters.sent >= 2);
    } finally {
      await sensor.close();
    }
  } finally {
    await gateway.close();
  }
}

test('a gateway and a sensor over two models, reached by TCP', async () => {
  const air = createBridge({ seed: 1, loss: 0 });
  const servers = [1, 2].map((id) => {
    const model = createModel(air.radio(String(id)), id);
    return createServer((socket) => {
      model.line.open(
        (stream) => stream.pipe(socket).pipe(stream),
        () => {},
      );
    });
  });
  try {
    const places = await Promise.all(
      servers.map(async (server) => {
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        return `{ tcp: "127.0.0.1:${(server.address() as { port: number }).port}" }`;
      }),
    );
    await readings(places[0], places[1], -61);
  } finally {
    for (const server of servers) server.close();
    air.close();
  }
});

const OT_RCP = onPath('ot-rcp');
// OpenThread 3ae741f95: cmake -DOT_PLATFORM=simulation -DOT_RCP=ON -DOT_APP_RCP=ON.
const absent =
  "ot-rcp is not on PATH: OpenThread's simulated co-processor (platform simulation, OT_RCP; tested: 3ae741f95)";

test("a gateway and a sensor over OpenThread's simulated co-processors", {
  skip: OT_RCP === undefined ? absent : false,
}, async () => {
  const port = await freePorts(3);
  // Its frames go to a multicast group on the loopback, port PORT_BASE.
  process.env.PORT_BASE = String(port);
  await readings('{ command: [ot-rcp, "1"] }', '{ command: [ot-rcp, "2"] }', -20);
});
