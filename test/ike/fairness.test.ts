// Floods of IKE_SA_INIT and IKE_AUTH, in virtual time: whoever floods has its own share alone [RFC 7296 §2.6].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ID_FQDN } from '../../core/ike/codec/numbers.ts';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { COUNT_COOKIES, COUNT_HALF_OPEN_REFUSED } from '../../core/ike/exchange/registry.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { addOpen, createSources, networkKey, removeOpen, sourceKey, takeSource } from '../../core/ike/setup/sources.ts';
import type { Path } from '../../core/ike/state/path.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { address, createWorld, path, policy, type World } from './pair.ts';

const INIT = 34;
const COOKIE = 16390;

/** An address of network `net` (its /64) and host `host`. */
function at(net: number, host: number): Uint8Array {
  const octets = address(0);
  octets[6] = net >>> 8;
  octets[7] = net & 0xff;
  octets[14] = host >>> 8;
  octets[15] = host & 0xff;
  return octets;
}

/** What a gateway at address 2 hears from there. */
function from(remote: Uint8Array, remotePort = 500): Path {
  return { ...path(), local: address(2), remote, remotePort };
}

interface Town {
  world: World;
  /** An IKE_SA_INIT that no other had, as octets. */
  request(): Buffer;
  /** What the gateway answers. */
  ask(octets: Buffer, over: Path): Buffer | null;
  /** A sensor of its own name at this address begins. */
  sensor(name: string, local: Uint8Array, port?: number): IkeSa;
  /** Key exchanges that the gateway has made. */
  exchanges(): number;
}

function town(halfOpenMax: number, cookieThreshold: number): Town {
  const anyone = { ...policy('gateway', 'device', 2, 1), remoteId: null };
  const world = createWorld(anyone, undefined, { halfOpenMax, cookieThreshold });
  const { ike } = world.gateway;
  let count = 0;
  const calm = ike.asymmetric;
  ike.asymmetric = {
    ...calm,
    keStart: (method, out, offset) => {
      count++;
      return calm.keStart(method, out, offset);
    },
  };
  connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
  const model = Buffer.from(world.queue.splice(0)[0].octets);
  world.device.ike.sas = [];
  world.device.ike.bySpi = {};
  const { fill } = createRandom(7);
  return {
    world,
    exchanges: () => count,
    request() {
      const octets = Buffer.from(model);
      fill(octets, 0, 8);
      return octets;
    },
    ask(octets, over) {
      const before = world.queue.length;
      receiveIke(ike, over, Buffer.from(octets), 0, octets.length, world.now);
      const [answer] = world.queue.splice(before);
      return answer === undefined ? null : Buffer.from(answer.octets);
    },
    sensor(name, local, port = 500) {
      const own = policy(name, 'gateway', 1, 2);
      own.localId = { type: ID_FQDN, data: Uint8Array.from(Buffer.from(name)) };
      return connect(world.device.ike, own, { ...path(), local, localPort: port }, null, world.now);
    },
  };
}

/** The request with the cookie of `answer`, or null where it is none. */
function withCookie(request: Buffer, answer: Buffer | null): Buffer | null {
  if (answer === null || answer[16] !== 41 || answer.readUInt16BE(34) !== COOKIE) return null;
  const notify = answer.subarray(28);
  notify[0] = request[16];
  const out = Buffer.concat([request.subarray(0, 28), notify, request.subarray(28)]);
  out[16] = 41;
  out.writeUInt32BE(out.length, 24);
  return out;
}

/** Plays for `seconds`: `each` 20 times a second, a sensor of its own network 2.5 times a second. How long each took. */
function besides(t: Town, seconds: number, each: () => void): number[] {
  const { world } = t;
  const begun: { sa: IkeSa; at: number; up: number }[] = [];
  const end = world.now + seconds * 1000;
  for (let tick = 0; world.now < end + 5000; tick++) {
    if (world.now < end) each();
    if (tick % 8 === 0 && world.now < end) {
      begun.push({ sa: t.sensor(`s${tick}`, at(1000 + tick, 1)), at: world.now, up: -1 });
    }
    world.run(world.now + 50);
    for (const one of begun) if (one.up < 0 && one.sa.state === STATE_ESTABLISHED) one.up = world.now;
  }
  return begun.map(({ at: since, up }) => (up < 0 ? Number.POSITIVE_INFINITY : up - since));
}

test('200 ports of one host, 500 requests with their cookies a second: other sensors connect', () => {
  const t = town(256, 32);
  let port = 0;
  const times = besides(t, 20, () => {
    for (let i = 0; i < 25; i++) {
      const over = from(at(1, 1), 10000 + (port++ % 200));
      const request = t.request();
      const again = withCookie(request, t.ask(request, over));
      if (again !== null) t.ask(again, over);
    }
  });
  assert.equal(times.length, 50);
  assert.ok(Math.max(...times) <= 5000, `${times}`);
  // The flood may have 256 attempts, and 50 a second; each sensor has one of its own.
  assert.ok(t.exchanges() <= 256 + 50 * 20 + 50 + 10, `${t.exchanges()} key exchanges`);
  assert.ok(t.world.gateway.ike.counters[COUNT_HALF_OPEN_REFUSED] > 5000);
  assert.ok(t.world.gateway.ike.sas.length <= 256 + 50);
});

for (const [nets, rate] of [
  [300, 1000],
  [3000, 2000],
] as const) {
  test(`one host with ${nets} networks of one /48 returns ${rate} cookies a second: sensors elsewhere connect`, () => {
    const t = town(256, 32);
    let next = 0;
    const times = besides(t, 10, () => {
      for (let i = 0; i < rate / 20; i++) {
        next++;
        const remote = at(20000 + (next % nets), next % 10000);
        remote[5] = 1;
        const over = from(remote, 1000 + (next % 999));
        const request = t.request();
        const again = withCookie(request, t.ask(request, over));
        if (again !== null) t.ask(again, over);
      }
    });
    assert.equal(times.length, 25);
    assert.ok(Math.max(...times) <= 5000, `${times}`);
    assert.ok(t.world.gateway.ike.sas.length <= 256 + 25);
  });
}

test('10,000 addresses of many networks that return no cookie: other sensors connect', () => {
  const t = town(256, 32);
  let next = 0;
  const times = besides(t, 20, () => {
    for (let i = 0; i < 50; i++) {
      next++;
      t.ask(t.request(), from(at(5000 + (next % 2500), next % 10000)));
    }
  });
  assert.ok(Math.max(...times) <= 5000, `${times}`);
  assert.ok(t.exchanges() <= 50 + 33 * 2, `${t.exchanges()} key exchanges`);
});

test('many networks that return their cookies: the oldest of the crowd goes, sensors connect', () => {
  const t = town(64, 32);
  let next = 0;
  const times = besides(t, 20, () => {
    // Four networks with 20 a second each.
    for (let net = 0; net < 4; net++) {
      const over = from(at(1 + net, next++ % 1000));
      const request = t.request();
      const answer = t.ask(request, over);
      const again = withCookie(request, answer);
      if (again !== null) t.ask(again, over);
    }
  });
  assert.ok(Math.max(...times) <= 5000, `${times}`);
});

test('identities that nobody knows, 1,660 a second: their attempts count on, a COOKIE is asked for, others connect', () => {
  const t = town(256, 32);
  const { world } = t;
  const { ike } = world.gateway;
  const cookies = ike.counters[COUNT_COOKIES];
  const before = world.device.ike.upper.ended;
  let refused = 0;
  world.device.ike.upper.ended = (...values) => {
    refused++;
    before(...values);
  };
  let count = 0;
  // Each proves nothing: another pre-shared key. Real key exchanges, so fewer seconds.
  const times = besides(t, 3, () => {
    for (let i = 0; i < 83; i++) {
      const own = policy(`x${count++}`, 'gateway', 1, 2);
      own.psk = Uint8Array.of(1);
      own.retransmitTries = 1;
      connect(world.device.ike, own, { ...path(), local: at(1, 1), localPort: 1024 + count }, null, world.now);
    }
  });
  assert.ok(Math.max(...times) <= 5000, `${times}`);
  assert.ok(refused > 300);
  assert.ok(t.exchanges() <= 256 + 50 * 8 + 20, `${t.exchanges()} key exchanges`);
  assert.ok(ike.counters[COUNT_COOKIES] - cookies > 300);
});

test('400 honest sensors behind one address all connect, with room for 64 at a time', () => {
  const t = town(64, 16);
  // As many at a time as the world hands over in one go.
  const sas: IkeSa[] = [];
  while (sas.length < 400) {
    for (let i = 0; i < 100; i++) sas.push(t.sensor(`n${sas.length}`, at(1, 1), 1024 + sas.length));
    t.world.settle();
  }
  for (let i = 0; i < 40; i++) t.world.run(t.world.now + 1000);
  assert.equal(sas.filter(({ state }) => state === STATE_ESTABLISHED).length, 400);
});

test('a source is an IPv4 address, the /64 of an IPv6 address, the link-layer address on a radio', () => {
  const key = (remote: Uint8Array, link = new Uint8Array(0)): string => sourceKey({ ...path(), remote, link });
  assert.equal(key(at(1, 1)), key(at(1, 2)));
  assert.notEqual(key(at(1, 1)), key(at(2, 1)));
  assert.notEqual(key(Uint8Array.of(10, 0, 0, 1)), key(Uint8Array.of(10, 0, 0, 2)));
  assert.equal(key(at(1, 1), Uint8Array.of(0, 1)), key(at(2, 1), Uint8Array.of(0, 1)));
  assert.notEqual(key(at(1, 1), Uint8Array.of(0, 1)), key(at(1, 1), Uint8Array.of(0, 2)));
});

test('a network is the /24 of an IPv4 address, the /48 of an IPv6 address, the link-layer address on a radio', () => {
  const key = (remote: Uint8Array, link = new Uint8Array(0)): string => networkKey({ ...path(), remote, link });
  const far = at(1, 1);
  far[5] = 1;
  assert.equal(key(at(1, 1)), key(at(2, 1)));
  assert.notEqual(key(at(1, 1)), key(far));
  assert.equal(key(Uint8Array.of(10, 0, 0, 1)), key(Uint8Array.of(10, 0, 0, 2)));
  assert.notEqual(key(Uint8Array.of(10, 0, 0, 1)), key(Uint8Array.of(10, 0, 1, 1)));
  assert.notEqual(key(at(1, 1), Uint8Array.of(0, 1)), key(at(1, 1), Uint8Array.of(0, 2)));
});

test('the table of sources is bounded, and forgets none that has half-open SAs', () => {
  const sources = createSources();
  const held = Array.from({ length: 100 }, (_, index) => {
    const source = takeSource(sources, `held${index}`, 10, 0);
    const open = { sa: {} as IkeSa, asker: '', source, twin: null, since: 0, before: null, after: null };
    addOpen(sources, open);
    return open;
  });
  for (let i = 0; i < 10000; i++) takeSource(sources, `s${i}`, 10, i);
  assert.ok(Object.keys(sources.byKey).length <= 1024);
  assert.equal(sources.count, Object.keys(sources.byKey).length);
  for (const { source } of held) assert.equal(sources.byKey[source.key], source);
  assert.equal(sources.top, 1);
  for (const open of held) removeOpen(sources, open);
  assert.equal(sources.top, 0);
});

test('in one crowd the oldest of the source with the most gives way, and the others are answered again', () => {
  const t = town(4, 1000);
  const flood: Buffer[] = [];
  for (let i = 0; i < 4; i++) {
    flood.push(t.request());
    t.ask(flood[i], from(at(1, 1), 1000 + i));
  }
  const exchanges = t.exchanges();
  assert.equal(t.ask(t.request(), from(at(1, 1), 1004)), null, 'the source itself has no room');
  const sa = t.sensor('other', at(2, 1));
  t.world.settle();
  assert.equal(sa.state, STATE_ESTABLISHED);
  assert.equal(t.exchanges(), exchanges + 1);
  assert.equal(t.ask(flood[1], from(at(1, 1), 1001))?.[18], INIT);
  assert.equal(t.exchanges(), exchanges + 1, 'answered again');
});
