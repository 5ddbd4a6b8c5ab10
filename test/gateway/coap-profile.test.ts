// A gateway and a sensor from their files, with rules for CoAP, over radios and over UDP: octets on air, loss, rekeys, both
// directions, and files whose rules differ.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { packCoap } from '../../core/dietesp/coap-rules.ts';
import { rekeyChild } from '../../core/ike/exchange/requests.ts';
import { createComparison } from '../../targets/node/gateway/comparison.ts';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { coapPathRules } from '../../targets/node/host/config/coap.ts';
import { readDatagram, writeDatagram } from '../../targets/node/host/datagram.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { schcJson } from '../../targets/node/host/rules/json.ts';
import { type ChildView, childText, childView } from '../../targets/node/host/sa-view.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { eventText } from '../../targets/node/sensor/describe.ts';
import { scratch } from '../cli/run.ts';
import { nameOf } from '../coap/naive.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, memoryStore, PORT, SERVER } from './support.ts';

const PHY = 6;
const server = addressOctets(SERVER)!;
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** `child` of both files. */
const childOf = (coap: string, spi = 0): string =>
  `  child: { compression: { proposals: [{ dscp_cda: lower, ecn_cda: lower, flow_label_cda: zero, alignment: 8, esp_spi_lsb: ${spi}, esp_sn_lsb: 8 }], ${coap} } }\n`;

/** A gateway and a sensor whose files say this about CoAP. */
async function both(options: { gateway: string; sensor: string; loss?: number; spi?: number }) {
  const air: { from: number; octets: number; esp: boolean }[] = [];
  const medium = createMedium({
    seed: 11,
    loss: options.loss ?? 0,
    tap: (_now, frame, from) => {
      // MHR with short addresses, IPHC with next header 50.
      air.push({ from, octets: frame.length + PHY, esp: frame.length > 14 && frame[11] === 0x32 });
    },
  });
  const gateway = await createGateway({ ...airOn(medium), ike: ikeOf(childOf(options.gateway, options.spi)) });
  const sensor = ikeSensorOn(medium, 1, { ike: ', retransmit: 4', top: childOf(options.sensor, options.spi) });
  const came: string[] = [];
  gateway.on('packet', (packet) => came.push(hex(readDatagram(packet, packet.length)!.payload)));
  sensor.host.uplink.connect(null, medium.now);
  medium.run(medium.now + 60000);
  const room = new Uint8Array(1280);
  const build = (payload: Uint8Array, isUp: boolean): number => {
    const own = sensor.address();
    const [source, destination] = isUp ? [own, server] : [server, own];
    return writeDatagram(room, { source, sourcePort: PORT, destination, destinationPort: PORT, payload });
  };
  return {
    medium,
    gateway,
    sensor,
    air,
    came,
    up(payload: Uint8Array) {
      const code = sensor.host.send(room, build(payload, true));
      medium.run(medium.now + 300);
      return code;
    },
    down(payload: Uint8Array) {
      const length = build(payload, false);
      const reason = gateway.send(room.slice(0, length));
      medium.run(medium.now + 300);
      return reason;
    },
    coap: () => Buffer.from(sensor.sa()!.children.at(-1)!.compression?.coap ?? []).toString('hex'),
  };
}

const bytes = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, 'hex'));
const reading18 = bytes('4102000101b161ff7b2274223a32312e357d');
const PATHS = 'coap: { paths: [a], required: true }';

test('a reading of 18 octets takes 42 on air, its answer 32: message IDs, tokens and payloads of any value', async () => {
  const s = await both({ gateway: PATHS, sensor: PATHS });
  assert.deepEqual(s.sensor.told, ['child', 'up']);
  assert.equal(s.coap(), nameOf(['a']));
  const random = createRandom(7).fill;
  const dice = new Uint8Array(13);
  const sums = [0, 0];
  for (let n = 0; n < 300; n++) {
    random(dice, 0, 13);
    const [id, token, payload] = [dice.subarray(0, 2), dice.subarray(2, 3), dice.subarray(3, 13)];
    const reading = Uint8Array.from([0x41, 2, ...id, ...token, 0xb1, 0x61, 0xff, ...payload]);
    assert.equal(reading.length, 18);
    const before = s.air.length;
    assert.ok(s.up(reading) > 0);
    assert.equal(s.came.at(-1), hex(reading));
    assert.equal(s.down(Uint8Array.from([0x61, 0x44, ...id, ...token])), '');
    const frames = s.air.slice(before).filter(({ esp }) => esp);
    assert.deepEqual(
      frames.map(({ octets }) => octets),
      [42, 32],
    );
    sums[0] += frames[0].octets;
    sums[1] += frames[1].octets;
  }
  assert.deepEqual(sums, [300 * 42, 300 * 32]);
  assert.deepEqual(s.sensor.heard.length, 300);
  await s.gateway.close();
});

test('with 8 bits of the SPI beside: 43 and 33', async () => {
  const s = await both({ gateway: PATHS, sensor: PATHS, spi: 8 });
  const before = s.air.length;
  s.up(bytes('4102000101b161ff7b2274223a32312e357d'));
  s.down(bytes('6144000101'));
  assert.deepEqual(
    s.air
      .slice(before)
      .filter(({ esp }) => esp)
      .map(({ octets }) => octets),
    [43, 33],
  );
  await s.gateway.close();
});

test('over a radio that loses frames, with rekeys: what comes is what was sent', async () => {
  const s = await both({ gateway: PATHS, sensor: PATHS, loss: 0.2 });
  const random = createRandom(8);
  const sent = new Set<string>();
  const kinds = ['4102%b161ff', '5102%b161ff', '4101%b162', '4002%', '60001234', 'ff', '1234', '6144%'];
  for (let n = 0; n < 600; n++) {
    if (n % 150 === 100)
      rekeyChild(s.sensor.host.uplink.ike, s.sensor.sa()!, s.sensor.sa()!.children.at(-1)!, s.medium.now);
    const tail = hex(Uint8Array.from({ length: 3 }, () => random.below(256)));
    const text = kinds[random.below(kinds.length)].replace('%', tail);
    const payload = bytes(text.endsWith('ff') && text.length > 2 ? text + hex(Uint8Array.of(n >> 8, n & 255)) : text);
    sent.add(hex(payload));
    s.up(payload);
    s.down(payload);
  }
  assert.ok(s.came.length > 400, String(s.came.length));
  assert.ok(s.sensor.heard.length > 400);
  assert.ok(s.came.every((payload) => sent.has(payload)));
  assert.equal(s.coap(), nameOf(['a']));
  await s.gateway.close();
});

test('a file of rules says the same as the paths it was made from; other rules leave Diet-ESP alone', async () => {
  const file = scratch().file('rules.json', JSON.stringify(schcJson(coapPathRules(['a']))));
  const s = await both({ gateway: `coap: { rules: "${file}" }`, sensor: PATHS });
  assert.equal(s.coap(), nameOf(['a']));
  await s.gateway.close();
  const other = await both({ gateway: 'coap: { paths: [b] }', sensor: 'coap: { paths: [a] }' });
  assert.equal(other.coap(), '');
  // Both sides say so.
  const child = other.sensor.sa()!.children.at(-1)!;
  const view = childView(child);
  assert.equal(view.coapDeclined, true);
  assert.match(
    eventText({ event: 'child', ...view }),
    /Diet-ESP: .*; without rules for CoAP: the peer has none, or others$/,
  );
  assert.match(childText(child, view.suite), /, without rules for CoAP: the peer has none, or others$/);
  assert.equal(childView(s.sensor.sa()!.children.at(-1)!).coapDeclined, undefined);
  // An SA of EESP is not called plain ESP.
  const eesp: ChildView = { ...view, compression: null, protocol: 'EESP' };
  assert.match(eventText({ event: 'child', ...eesp }), /; EESP$/);
  const before = other.air.length;
  other.up(bytes('4102000101b161ff7b2274223a32312e357d'));
  assert.equal(other.came.at(-1), '4102000101b161ff7b2274223a32312e357d');
  assert.deepEqual(
    other.air
      .slice(before)
      .filter(({ esp }) => esp)
      .map(({ octets }) => octets),
    [47],
  );
  await other.gateway.close();
  const refused = await both({ gateway: 'coap: { paths: [b] }', sensor: PATHS });
  assert.deepEqual(refused.sensor.told, ['down -5']);
  await refused.gateway.close();
});

test('a restart with the store: the same rules go on, others are not taken up', async () => {
  for (const path of ['a', 'b']) {
    const medium = createMedium({ seed: 6 });
    const records = new Map<string, Uint8Array>();
    const make = (paths: string, kept: Map<string, Uint8Array>, seed: number): GatewayConfig => ({
      ...airOn(medium, seed),
      ike: ikeOf(childOf(`coap: { paths: [${paths}] }`, 8)),
      store: memoryStore(kept),
    });
    const run = async (time: number): Promise<void> => {
      for (const end = medium.now + time; medium.now < end; ) {
        medium.run(medium.now + 20);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const first = await createGateway(make('a', records, 99));
    const sensor = ikeSensorOn(medium, 1, { top: childOf('coap: { paths: [a] }', 8) });
    sensor.host.uplink.connect(null, medium.now);
    await run(4000);
    const left = new Map(records);
    await first.close();
    const second = await createGateway(make(path, left, 98));
    const came: string[] = [];
    second.on('packet', (packet) => came.push(hex(readDatagram(packet, packet.length)!.payload)));
    const reading = bytes('4102000101b161ff7b2274223a32312e357d');
    const room = new Uint8Array(200);
    // A number that was reserved counts as used: the first may be dropped.
    for (let n = 0; n < 3; n++) {
      const source = sensor.address();
      const to = { source, sourcePort: PORT, destination: server, destinationPort: PORT, payload: reading };
      sensor.host.send(room, writeDatagram(room, to));
      await run(1000);
    }
    assert.equal(came.at(-1), path === 'a' ? hex(reading) : undefined, path);
    await second.close();
  }
});

test('a reload compares rules by their name and role, whatever they have carried', () => {
  const differ = createComparison();
  const read = (coap: string) =>
    readGateway(
      'gateway.yaml',
      `radios: [{ zep: { port: 0 }, panId: 1 }]\nconnection:\n  localId: fqdn:g\n  auth: { psk: s }\n${childOf(coap)}`,
    ).config.ike!.connections[0];
  const before = read('coap: { paths: [a] }');
  packCoap(before.policy.child.coap!.rules, reading18, 0, 18, new Uint8Array(40), 0);
  assert.equal(differ(before, read('coap: { paths: [a] }')), 'same');
  for (const other of ['coap: { paths: [b] }', 'coap: { paths: [a], required: true }', 'required: false']) {
    assert.equal(differ(before, read(other)), 'hard', other);
  }
});

test('what is wrong with the field is refused by line, field, value and limit', () => {
  const files = scratch();
  const name = (text: string): string => files.file(`${createHash('sha1').update(text).digest('hex')}.json`, text);
  const rows: [string, RegExp][] = [
    ['coap: {}', /compression\.coap: none: must have one of `paths` and `rules`/],
    ['coap: { paths: [a], rules: x }', /compression\.coap: both: must have one of/],
    ['notify: none, coap: { paths: [a] }', /compression\.coap: notify none: needs a notify/],
    ['coap: { paths: [a/b, /a//b/] }', /compression\.coap\.paths: \/a\/\/b\/: is there twice/],
    ['coap: { paths: [] }', /compression\.coap\.paths/],
    ['coap: { paths: [a, a] }', /compression\.coap\.paths: a: is there twice/],
    [`coap: { paths: [${'p'.repeat(256)}] }`, /compression\.coap\.paths: p+.*: must have parts of at most 255 octets/],
    ['coap: { rules: /nowhere/rules.json }', /compression\.coap\.rules: /],
    [`coap: { rules: "${name('{ "rules": 1 }')}" }`, /compression\.coap\.rules: .*rules.*must be a list/],
    [`coap: { rules: "${name('{ "rules": [] }')}" }`, /must have one without fields/],
    [`coap: { rules: "${name('xyz')}" }`, /compression\.coap\.rules: /],
    ['coap: { path: [a] }', /compression\.coap\.path: .*paths/],
  ];
  for (const [coap, wanted] of rows) {
    assert.throws(() => ikeOf(`  child: { compression: { ${coap} } }\n`), wanted, coap);
  }
});
