// SAs with subspaces: their octets, their windows, and what is refused [draft-ponchon-ipsecme-anti-replay-subspaces-03]. The
// expected packets are of test/naive/subspaces.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../core/crypto/provider.ts';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { limitKey } from '../../core/esp/key-limits.ts';
import { createSa, isExpired, type Sa, type SaConfig } from '../../core/esp/sa.ts';
import { classSubspace, createSubspaceSuite, useSubspace } from '../../core/esp/subspaces.ts';
import type { Suite } from '../../core/esp/suites.ts';
import { isNewest } from '../../core/esp/window.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { type SubspaceCase, subspaceCases } from '../naive/subspaces.ts';
import type { Sa as NaiveSa } from '../naive/types.ts';
import vectors from '../vectors/subspaces.json' with { type: 'json' };
import {
  configOf,
  easySa,
  endpointOf,
  hex,
  ORDINARY,
  octetsOf,
  packetOf,
  provider,
  receive,
  send,
  stateOf,
} from './support.ts';

const inner = packet(SIX, udp(5001, 4500, Buffer.from('0102030405', 'hex')));
const OUTER = 40;

const suiteOf = (name: string): Suite => ALL_SUITES.find((suite) => suite.name === name)!;

function saWith(count: number, suite = 'AES_GCM_16_IIV', change: Partial<SaConfig> = {}): Sa {
  return easySa(
    6,
    17,
    { ...ORDINARY, esp_encr: suite as NaiveSa['esp_encr'] },
    {
      suite: createSubspaceSuite(suiteOf(suite), count),
      ...change,
    },
  );
}

/** The SA of a case. */
function saOf(c: SubspaceCase, by: Provider): Sa {
  const config = configOf(makeSa(6, 17, { ...ORDINARY, esp_spi: c.spi }), {
    suite: createSubspaceSuite(suiteOf(c.suite), c.count),
    key: octetsOf(c.key),
    salt: octetsOf(c.salt),
    authKey: octetsOf(c.authKey),
  });
  return createSa(FULL_PARTS, by, config);
}

/** An endpoint with this provider. */
function endpointBy(by: Provider, ...sas: Sa[]): Endpoint {
  const endpoint = createEndpoint(FULL_PARTS, by);
  for (const sa of sas) addInbound(endpoint, sa);
  return endpoint;
}

/** Moves the counter of the subspace in use. */
function setCounter(sa: Sa, counter: number): void {
  sa.snHi = Math.floor(sa.snHi / 65536) * 65536 + Math.floor(counter / 2 ** 32);
  sa.snLo = counter % 2 ** 32;
}

/** What 100 packets look like on the wire, of ID and counter given. */
function wires(sa: Sa, id: number, count: number): Uint8Array[] {
  useSubspace(sa, id);
  return Array.from({ length: count }, () => packetOf(send(endpointOf(), sa, inner)));
}

test('vectors, out and in, with each suite and provider', () => {
  assert.deepEqual(vectors, subspaceCases(), 'test/vectors/subspaces.json is of test/naive/subspaces.ts');
  const providers = [provider, createFastProvider(), createPortableProvider()];
  const plays = vectors.flatMap((c) => providers.map((by): [SubspaceCase, Provider] => [c, by]));
  let played = 0;
  for (const [c, by] of plays) {
    const { alg, keyLength } = suiteOf(c.suite);
    if (alg !== 0 && !by.has(alg, keyLength)) continue;
    played++;
    const sender = saOf(c, by);
    useSubspace(sender, c.subspace);
    setCounter(sender, c.counter - 1);
    const endpoint = endpointBy(by);
    endpoint.fixedIv = octetsOf(c.iv);
    const wire = packetOf(send(endpoint, sender, octetsOf(c.inner)));
    assert.equal(hex(wire.subarray(OUTER)), c.esp, c.id);
    const receiver = endpointBy(by, saOf(c, by));
    assert.equal(hex(packetOf(receive(receiver, wire))), c.inner, c.id);
    assert.equal(receive(receiver, wire), 'replay', c.id);
    // Each octet counts: none of the header, the IV, the text and the ICV may change.
    for (let at = OUTER; at < wire.length; at++) {
      const changed = wire.slice();
      changed[at] ^= 0x80;
      const result = receive(endpointBy(by, saOf(c, by)), changed);
      assert.ok(typeof result === 'string', `${c.id}: octet ${at - OUTER} may change`);
    }
  }
  assert.ok(played >= 2 * vectors.length, `${played} played`);
});

test('each subspace counts from 1 and has a window of its own, made after a good packet', () => {
  for (const window of [32, 64, 4096]) {
    const sender = saWith(8);
    const receiver = saWith(8, 'AES_GCM_16_IIV', { replayWindow: window });
    const to = endpointOf(receiver);
    const slow = wires(sender, 0, 3);
    const fast = wires(sender, 7, window * 2 + 9);
    const more = wires(sender, 0, 1);
    assert.equal(hex(fast[0].subarray(OUTER + 4, OUTER + 12)), '0007000000000001');
    assert.equal(hex(more[0].subarray(OUTER + 4, OUTER + 12)), '0000000000000004');
    const forged = fast[0].slice();
    forged[forged.length - 1] ^= 1;
    assert.equal(receive(to, forged), 'icv');
    assert.deepEqual(receiver.subspaces!.list, [], 'a forged packet makes no window');
    for (const wire of fast) packetOf(receive(to, wire));
    assert.deepEqual(
      receiver.subspaces!.list.map((one) => one !== null),
      [...Array<boolean>(7).fill(false), true],
    );
    // Late by any number of packets of another subspace.
    slow.reverse().forEach((wire, index) => {
      packetOf(receive(to, wire));
      // Who follows a peer to another address goes by the newest packet of a subspace.
      assert.equal(isNewest(receiver, to.sn.hi, to.sn.lo), index === 0);
    });
    assert.equal(isNewest(receiver, 3 * 65536, 1), false);
    packetOf(receive(to, more[0]));
    for (const wire of [...slow, ...fast, ...more]) assert.equal(receive(to, wire), 'replay');
    assert.deepEqual([receiver.packets, receiver.dropReplay], [fast.length + 4, fast.length + 4]);
  }
});

test('an ID that was not agreed is dropped before any cryptography', () => {
  for (const [count, id] of [
    [1, 1],
    [16, 16],
    [65535, 65535],
    [16, 65535],
  ]) {
    const wire = wires(saWith(65536), id, 1)[0];
    const receiver = saWith(count);
    const to = endpointOf(receiver);
    const before = stateOf(receiver);
    assert.equal(receive(to, wire), 'subspace');
    assert.deepEqual([to.trials, to.drops[28], stateOf(receiver)], [0, 1, before]);
    packetOf(receive(endpointOf(saWith(id + 1 > 65535 ? 65536 : id + 1)), wire));
  }
  const zero = wires(saWith(2), 1, 1)[0];
  zero.fill(0, OUTER + 6, OUTER + 12);
  const to = endpointOf(saWith(2));
  assert.deepEqual([receive(to, zero), to.trials], ['sequence', 0]);
});

test('a counter ends at 2^48 - 1; another subspace goes on', () => {
  const sender = saWith(2);
  const receiver = endpointOf(saWith(2));
  setCounter(sender, 2 ** 48 - 3);
  for (let i = 0; i < 2; i++) packetOf(receive(receiver, packetOf(send(receiver, sender, inner))));
  assert.deepEqual([sender.snHi, sender.snLo], [0xffff, 0xffffffff]);
  for (let i = 0; i < 2; i++) assert.equal(send(receiver, sender, inner), 'exhausted');
  useSubspace(sender, 1);
  setCounter(sender, 2 ** 32 - 2);
  for (let i = 0; i < 3; i++) packetOf(receive(receiver, packetOf(send(receiver, sender, inner))));
  assert.deepEqual([sender.snHi, sender.snLo], [0x10001, 1]);
  useSubspace(sender, 0);
  assert.equal(send(receiver, sender, inner), 'exhausted');
});

test('lifetimes count over all subspaces, in both directions', () => {
  const limits = { softPackets: 4, hardPackets: 6, softBytes: 0, hardBytes: 0 };
  const sender = saWith(16, 'AES_GCM_16_IIV', limits);
  const receiver = saWith(16, 'AES_GCM_16_IIV', limits);
  const free = saWith(16);
  const to = endpointOf(receiver);
  for (let i = 0; i < 6; i++) {
    for (const sa of [sender, free]) useSubspace(sa, i);
    packetOf(receive(to, packetOf(send(to, sender, inner))));
    packetOf(send(to, free, inner));
  }
  useSubspace(sender, 9);
  assert.equal(send(to, sender, inner), 'lifetime');
  useSubspace(free, 9);
  assert.equal(receive(to, packetOf(send(to, free, inner))), 'lifetime');
  const octets = saWith(16, 'AES_GCM_16_IIV', { hardBytes: 3 * inner.length });
  for (let i = 0; i < 3; i++) {
    useSubspace(octets, i);
    packetOf(send(to, octets, inner));
  }
  assert.ok(isExpired(octets, 0));
});

test('lifetimes are no longer than one key bears, whatever the counters bear', () => {
  const limits: [string, number, number][] = [
    ['AES_GCM_16_IIV', 2 ** 33, 2 ** 39],
    ['AES_CCM_8', 2 ** 32, 2 ** 37],
    ['AES_CBC_HMAC_SHA2_256_128', 2 ** 34, 2 ** 39],
    ['CHACHA20_POLY1305_IIV', 0, 0],
    ['NULL_HMAC_SHA2_256_128', 0, 0],
  ];
  for (const [name, packets, bytes] of limits) {
    const config = configOf(makeSa(6, 17, ORDINARY), { suite: createSubspaceSuite(suiteOf(name), 4) });
    limitKey(config);
    const { hardPackets, hardBytes, softPackets, softBytes } = config;
    assert.deepEqual([hardPackets, hardBytes], [packets, bytes], name);
    assert.deepEqual([softPackets, softBytes], [packets * 0.75, bytes * 0.75], name);
    // At worst 1.3 blocks a packet beside n / 16, and what the mode adds: below an advantage of 2^-57.
    const blocks = bytes / 16 + 1.3 * packets;
    const [used, bits] = name.startsWith('AES_CCM') ? [2 * blocks + 3 * packets, 128] : [blocks, 129];
    const sum = name.startsWith('AES_GCM') ? used + packets : used;
    if (sum > 0) assert.ok(2 * Math.log2(sum) - bits < -57, name);
    const own = { ...config, hardPackets: 9, softPackets: 5, hardBytes: 1000, softBytes: 10 };
    limitKey(own);
    assert.deepEqual([own.hardPackets, own.softPackets, own.hardBytes, own.softBytes], [9, 5, 1000, 10], name);
  }
});

test('subspaces without plain ESP, with ESN, of a wrong number or going on are refused', () => {
  const config =
    (naive: Partial<NaiveSa>, change: Partial<SaConfig> = {}) =>
    () =>
      easySa(6, 17, { ...ORDINARY, ...naive }, { suite: createSubspaceSuite(suiteOf('AES_GCM_16'), 4), ...change });
  const plain = 'subspaces: 4: must be absent with Diet-ESP: they need plain ESP';
  for (const naive of [{ iipc_enabled: true }, { esp_sn_lsb: 8 }, { esp_spi_lsb: 8 }, { alignment: 8 as const }]) {
    assert.throws(config(naive), { message: plain });
  }
  assert.throws(config({ esn: true }), { message: 'esn: 1: must be 0 with subspaces: their numbers have 64 bits' });
  assert.throws(config({}, { snLo: 7 }), { message: 'esp_sn: 7: must be 0 with subspaces: each counts from 1' });
  config({})();
  for (const count of [0, -1, 65537, 1.5, Number.NaN]) {
    assert.throws(() => createSubspaceSuite(suiteOf('AES_CCM_8_IIV'), count), {
      message: `subspaces: ${count}: must be 1..65536`,
    });
  }
  const sa = saWith(16);
  for (const id of [16, -1, Number.NaN]) {
    assert.throws(() => useSubspace(sa, id), { message: `subspace: ${id}: must be 0..15` });
  }
  // Other SAs take no notice.
  const one = easySa(6, 17, ORDINARY);
  useSubspace(one, 5);
  assert.deepEqual([one.snHi, one.snLo, one.subspaces], [0, 0, undefined]);
  assert.notEqual(one.form, sa.form);
  assert.equal(configOf(makeSa(6, 17, ORDINARY)).suite.subspaces, undefined);
});

test('the subspace of a packet is its class of service', () => {
  for (const version of [4, 6]) {
    for (let dscp = 0; dscp < 64; dscp++) {
      const ends = version === 6 ? SIX : { src: '10.0.0.1', dst: '10.0.0.2' };
      const octets = packet({ ...ends, dscp, ecn: 3 }, udp(1, 2, Buffer.alloc(3)));
      for (const count of [1, 2, 8, 65536]) {
        assert.equal(classSubspace(octets, 0, count), Math.floor(dscp / 8) % count);
      }
    }
  }
});

test('any packets, reordered between and within subspaces, come in once', () => {
  const random = createRandom(11);
  const octet = new Uint8Array(2);
  const draw = (below: number): number => {
    random.fill(octet, 0, 2);
    return (octet[0] * 256 + octet[1]) % below;
  };
  for (const suite of ALL_SUITES) {
    const sender = saWith(5, suite.name);
    const to = endpointOf(saWith(5, suite.name, { replayWindow: 64 }));
    const from = endpointOf();
    const sent: { at: number; wire: Uint8Array }[] = [];
    for (let i = 0; i < 400; i++) {
      const id = draw(5);
      useSubspace(sender, id);
      // Queues that differ by 300 packets; within one, up to 20.
      sent.push({ at: i + id * 75 + draw(20), wire: packetOf(send(from, sender, inner)) });
    }
    sent.sort((a, b) => a.at - b.at);
    for (const { wire } of sent) assert.equal(hex(packetOf(receive(to, wire))), inner.toString('hex'));
    for (const { wire } of sent) assert.equal(receive(to, wire), 'replay');
  }
});
