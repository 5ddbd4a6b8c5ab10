// A gateway hands out copies only: no live SA, no key and no part of its configuration can be reached from the gateway object.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, pairOf } from './support.ts';

const PSK = Buffer.from('a pre-shared key of thirty-two o');
const PRIVATE_KEY = new Uint8Array(32).map((_, i) => 3 * i + 1);
const TICKET_KEY = new Uint8Array(16).map((_, i) => 200 + i);
/** Members that only live SAs, endpoints, providers and policies have. */
const LIVE = [
  'skD',
  'skIn',
  'skPi',
  'psk',
  'privateKey',
  'ticketKey',
  'form',
  'sas',
  'seal',
  'bySpi',
  'policy',
  'salt',
];

/** Every object and function that can be reached from `start` by its members, with the way there. */
function reach(start: unknown, name: string): Map<object, string> {
  const found = new Map<object, string>();
  const waiting: [unknown, string][] = [[start, name]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [value, way] = next;
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || found.has(value)) continue;
    // What every program has is no way to a gateway's secrets.
    if (value === Function.prototype || value === Object.prototype || value === Array.prototype) continue;
    found.set(value, way);
    if (ArrayBuffer.isView(value)) continue;
    if (value instanceof Map) waiting.push([[...value], `${way}.entries`]);
    if (value instanceof Set) waiting.push([[...value], `${way}.values`]);
    for (const key of Reflect.ownKeys(value)) {
      const member = Object.getOwnPropertyDescriptor(value, key)!;
      for (const part of [member.value, member.get, member.set]) waiting.push([part, `${way}.${String(key)}`]);
    }
    waiting.push([Object.getPrototypeOf(value), `${way}.prototype`]);
  }
  return found;
}

/** The secrets among what was reached, and members that only live things have. */
function betrayed(found: Map<object, string>, secrets: string[]): string[] {
  const wrong: string[] = [];
  const texts: [string, string][] = [];
  for (const [value, way] of found) {
    if (ArrayBuffer.isView(value)) {
      texts.push([Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex'), way]);
      continue;
    }
    for (const name of LIVE) {
      // `metrics().sas` is a list of counters.
      if (name === 'sas' && /metrics(\(\)|\(\)\.ike)$/.test(way)) continue;
      if (Object.hasOwn(value, name)) wrong.push(`${way}.${name}`);
    }
    for (const key of Reflect.ownKeys(value)) {
      const member = Object.getOwnPropertyDescriptor(value, key)!.value as unknown;
      if (typeof member === 'string')
        texts.push([member + Buffer.from(member).toString('hex'), `${way}.${String(key)}`]);
    }
  }
  for (const secret of secrets)
    for (const [text, way] of texts) if (text.includes(secret)) wrong.push(`${way}: ${secret}`);
  return wrong;
}

test('nothing that is reached from a gateway is a live SA, a key, or its configuration', async () => {
  const medium = createMedium({ seed: 11 });
  const ike = ikeOf();
  ike.connections[0].policy.psk = Uint8Array.from(PSK);
  ike.connections[0].policy.privateKey = PRIVATE_KEY;
  ike.ticketKey = TICKET_KEY;
  const configured = pairOf(7);
  const { gateway, ike: live } = await startGateway({
    ...airOn(medium),
    sas: configured,
    ike,
  });
  const told: unknown[] = [];
  for (const name of ['packet', 'peer', 'lost', 'back', 'up', 'down', 'childFailed'] as const) {
    told.push(gateway.on(name, (...values: unknown[]) => void told.push(values)));
  }
  const sensor = ikeSensorOn(medium, 1, { psk: PSK.toString() });
  sensor.host.uplink.connect(null, medium.now);
  medium.run(medium.now + 5000);
  sensor.send('hello');
  medium.run(medium.now + 1000);
  const [sa] = live.sas();
  const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
  const secrets = [PSK, PRIVATE_KEY, TICKET_KEY, sa.skD, ...configured.map(({ config }) => config.key)].map(hex);
  assert.ok(secrets.every((secret) => secret.length >= 32));

  const views = gateway.ikeSas();
  assert.deepEqual(
    views.map(({ peer, state, children }) => [peer, state, children.length]),
    [['keyid:0001', 'established', 1]],
  );
  assert.ok(told.length > 8, 'events came');
  const all = new Map<object, string>();
  for (const [value, name] of [
    [gateway, 'gateway'],
    [views, 'ikeSas()'],
    [gateway.metrics(), 'metrics()'],
    [told, 'told'],
    [gateway.send(new Uint8Array(40)), 'send()'],
    [gateway.askIke(views[0].id, 'probe'), 'askIke()'],
  ] as const) {
    for (const [found, way] of reach(value, name)) all.set(found, way);
  }
  assert.ok(all.size > 50, `${all.size} objects`);
  assert.deepEqual(betrayed(all, secrets), []);

  // It would have been found.
  const livePart = betrayed(reach(live.sas(), 'live'), secrets);
  for (const name of ['live.0.skD', 'live.0.policy']) assert.ok(livePart.includes(name), name);
  assert.ok(livePart.includes(`live.0.skD: ${hex(sa.skD)}`));
  assert.ok(livePart.some((way) => way.endsWith(`: ${hex(PSK)}`)));

  // A copy: what is done to it changes nothing.
  views[0].children.length = 0;
  views[0].state = 'ending';
  gateway.metrics().ike!.sas.length = 0;
  assert.deepEqual([gateway.ikeSas()[0].state, gateway.ikeSas()[0].children.length], ['established', 1]);
  assert.equal(gateway.metrics().ike!.sas.length, 1);
  assert.equal(gateway.askIke('00', 'probe'), 'no-sa');
  await gateway.close();
  assert.equal(gateway.askIke(views[0].id, 'probe'), 'closed');
});
