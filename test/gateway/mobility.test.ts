// The hosts' sides of MOBIKE and redirects: fields of the files, a gateway with two addresses of which one dies, limits of what a
// sensor follows, and where a gateway's SAs are found.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probe } from '../../core/ike/exchange/requests.ts';
import { createMobile, followMobile } from '../../core/ike/ext/mobike.ts';
import { gatewayAt, redirectAnswer, redirectIke, redirector } from '../../core/ike/ext/redirect.ts';
import type { ChildSa } from '../../core/ike/state/child.ts';
import type { Path } from '../../core/ike/state/path.ts';
import { NAT_FORCE } from '../../core/ike/state/policy.ts';
import { espPathOf, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createMobility } from '../../targets/node/gateway/mobility.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { createSensorMobility, type MobilityEvent } from '../../targets/node/sensor/mobility.ts';
import type { UdpLink } from '../../targets/node/sensor/udp-link.ts';
import { type Scene, scene } from '../ike/kit.ts';
import { address, path } from '../ike/pair.ts';

const sensor = (more: string, way = 'udp: {}'): string => `${way}
gateway: { address: "192.0.2.1"${more}
connection: { localId: "keyid:01", remoteId: "fqdn:gateway", auth: { psk: secret } }
`;
const gateway = (more: string): string => `udp: [{ address: "192.0.2.1" }]
connection: { localId: "fqdn:gateway", auth: { psk: secret } }
${more}`;

test('fields of both files, and what is wrong with them', () => {
  const loaded = readSensor(
    's.yaml',
    sensor(', others: ["192.0.2.2"] }\nmobike: true\nredirect: ["192.0.2.3", B.example]'),
  );
  assert.deepEqual([loaded.mobike, loaded.others], [true, [Uint8Array.of(192, 0, 2, 2)]]);
  assert.deepEqual(
    loaded.redirect!.map(({ type, identity }) => [type, Buffer.from(identity).toString('latin1')]),
    [
      [1, '\xc0\x00\x02\x03'],
      [3, 'b.example'],
    ],
  );
  const plain = readSensor('s.yaml', sensor(' }'));
  assert.deepEqual([plain.mobike, plain.others, plain.redirect], [false, [], null]);
  for (const [more, error] of [
    [' }\nmobike: true\ntransport: separate', /mobike: true: is for sensors/],
    [' }\nredirect: ["192.0.2.3"]\nesp: auto', /redirect: .*is for sensors/],
    [', others: ["192.0.2.2"] }', /gateway\.others.*needs `mobike: true`/],
    [', others: [b] }\nmobike: true', /others\[0\]: b/],
    [' }\nredirect: ["1.2.3.256"]', /redirect\[0\]: 1\.2\.3\.256: must be an IP address or a name/],
    [' }\nredirect: ["a b"]', /must be an IP address or a name/],
  ] as const) {
    assert.throws(() => readSensor('s.yaml', sensor(more)), error);
  }
  const { ike } = readGateway('g.yaml', gateway('mobike: true\nredirect: { to: "2001:db8::1" }')).config;
  assert.deepEqual([ike.mobike, ike.redirect!.to.type, ike.redirect!.when], [true, 2, 'draining']);
  assert.deepEqual(
    Object.keys(readGateway('g.yaml', gateway('')).config.ike).filter((key) => /mobike|redirect/.test(key)),
    [],
  );
  assert.throws(
    () => readGateway('g.yaml', gateway('redirect: { to: "-x" }')),
    /redirect\.to: -x: must be an IP address/,
  );
  assert.throws(() => readGateway('g.yaml', gateway('redirect: {}')), /redirect\.to/);
});

interface Roaming {
  s: Scene;
  link: UdpLink;
  events: MobilityEvent[];
  connects: number;
  mobility: ReturnType<typeof createSensorMobility>;
  /** Addresses of gateways that do not answer. */
  dead: Set<number>;
}

const last = (one: Uint8Array): number => one[15]!;
const allowed = [...Array(12).keys()].map((n) => gatewayAt(address(30 + n)));

function roaming(others: Uint8Array[]): Roaming {
  const dead = new Set<number>();
  const s = scene({
    unobserved: true,
    device: { nat: NAT_FORCE, retransmitTries: 9 },
    gateway: { nat: NAT_FORCE },
    filter: (d) => (dead.has(last(d.from.name === 'device' ? d.path.remote : d.path.local)) ? [] : [d]),
  });
  const paths = (remote: Uint8Array): { plain: Path; encapsulated: Path } => {
    const plain = { ...path(), remote };
    return { plain, encapsulated: { ...plain, localPort: 4500, remotePort: 4500, encapsulated: true } };
  };
  const link = {
    ...paths(address(2)),
    moveTo: (to: Uint8Array) => void Object.assign(link, paths(to)),
  } as unknown as UdpLink;
  const events: MobilityEvent[] = [];
  const { device, gateway: other } = s.world;
  const self = { s, link, events, connects: 0, dead } as unknown as Roaming;
  self.mobility = createSensorMobility({
    mobike: true,
    others,
    redirect: allowed,
    look: null,
    link,
    policy: s.device,
    now: () => s.world.now,
    wake: () => {},
    current: () => device.ike.sas[0] ?? null,
    connect() {
      self.connects++;
      s.connect();
    },
    report: (event) => void events.push(event),
  });
  const extended = self.mobility.extend({ extensions: device.ike.extensions } as never);
  device.ike.extensions = extended.extensions;
  self.mobility.attach(device.ike);
  const { ended, established } = device.ike.upper;
  device.ike.upper.ended = (sa, outcome, now) => {
    if (!self.mobility.ended(sa)) ended(sa, outcome, now);
  };
  device.ike.upper.established = (sa, resumed, now) => {
    established(sa, resumed, now);
    self.mobility.established();
  };
  const host = { wants: () => true, accepts: () => true, others: () => [], moved: () => {}, answered: () => {} };
  other.ike.extensions.push(createMobile(host).extension, redirector);
  for (const { ike } of [device, other]) ike.follow = followMobile;
  return self;
}

async function run(r: Roaming, time: number): Promise<void> {
  for (const end = r.s.world.now + time; r.s.world.now < end; ) {
    r.mobility.poll(r.s.world.now);
    r.s.world.run(r.s.world.now + 250);
    // Names are looked up.
    await Promise.resolve();
  }
}

test('a request that nobody answers goes to the next address of the gateway, and the SAs with it', async () => {
  const r = roaming([address(3), address(4)]);
  const sa = r.s.connect();
  assert.equal(sa.state, STATE_ESTABLISHED);
  r.dead.add(2).add(3);
  probe(r.s.world.device.ike, sa, r.s.world.now);
  await run(r, 60000);
  assert.deepEqual(
    r.events.map(({ event, remote }) => [event, remote.slice(-1)]),
    [
      ['moved', '3'],
      ['moved', '4'],
    ],
  );
  const theirs = r.s.world.gateway.ike.sas[0]!;
  assert.deepEqual([last(sa.path.remote), last(espPathOf(theirs).local), sa.state], [4, 4, STATE_ESTABLISHED]);
  // Where no address answers it ends like any other, and does not go round for ever.
  r.dead.add(4);
  probe(r.s.world.device.ike, sa, r.s.world.now);
  await run(r, 1800000);
  assert.equal(r.events.length, 8);
  assert.equal(r.s.world.device.outcomes.length, 1);
});

test('a sensor follows to allowed gateways, five times in five minutes', async () => {
  const r = roaming([]);
  r.s.connect();
  const told = (number: number): void => {
    const [theirs] = r.s.world.gateway.ike.sas.filter(({ state }) => state === STATE_ESTABLISHED);
    assert.ok(redirectIke(r.s.world.gateway.ike, theirs!, gatewayAt(address(number)), r.s.world.now));
  };
  told(99);
  await run(r, 3000);
  assert.deepEqual(
    r.events.map(({ event }) => event),
    ['redirect-refused'],
  );
  assert.equal(r.connects, 0);
  for (let n = 0; n < 7; n++) {
    told(30 + n);
    await run(r, 10000);
  }
  assert.equal(r.connects, 5);
  assert.deepEqual([last(r.link.plain.remote), r.mobility.counters()['redirectsRefused']], [34, 3]);
  // Attempts are sent away before they are anything: the same limit.
  const answers = (): boolean => {
    const request = r.s.world.log.at(-1)!.octets;
    const answer = redirectAnswer(r.s.world.gateway.ike, request, 0, request.length, gatewayAt(address(31)));
    assert.ok(answer.length > 0);
    return r.mobility.takes(answer, 0, answer.length);
  };
  for (let n = 2; n < 50; n++) r.dead.add(n);
  r.s.connect();
  assert.equal(answers(), false);
  await run(r, 1000);
  r.s.world.now += 300000;
  r.s.world.device.ike.sas.length = 0;
  r.s.connect();
  assert.equal(answers(), true);
});

test('an SA is found by the address to which it was made, whichever its packets come to', () => {
  const udp = [1, 2].map((n) => ({ local: Uint8Array.of(192, 0, 2, n), isOpen: true })) as never;
  const mobility = createMobility({ mobike: true, isShared: false, redirect: null, udp, radios: 2, moved: () => {} });
  const at = (n: number, port: number, encapsulated = true): Path =>
    ({ ...path(), local: Uint8Array.of(192, 0, 2, n), port, encapsulated }) as Path;
  mobility.installed({ spiIn: 7 } as ChildSa, at(1, 2));
  mobility.installed({ spiIn: 8 } as ChildSa, at(1, 0));
  mobility.installed({ spiIn: 9 } as ChildSa, at(1, 2, false));
  const local = Uint8Array.of(192, 0, 2, 2);
  assert.deepEqual(mobility.localOf(7, local), Uint8Array.of(192, 0, 2, 1));
  for (const spi of [8, 9, 10]) assert.equal(mobility.localOf(spi, local), local);
  assert.deepEqual([mobility.hasSpi(7), mobility.hasSpi(8)], [true, false]);
  mobility.removed({ spiIn: 7 } as ChildSa);
  assert.equal(mobility.localOf(7, local), local);
  assert.equal(
    mobility.drain(true, [], () => null as never, 0),
    0,
  );
  assert.equal(mobility.isDraining(), false, 'without a place to send anybody');
});
