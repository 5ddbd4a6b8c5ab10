// SAs of AH: replays, the ends of counters, senders that share a key, Scopes, lifetimes, refused configurations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addInboundAh, allocateAhSpi, createAhEndpoint, removeInboundAh } from '../../core/ah/endpoint.ts';
import { scopeOfPacket, stripAh } from '../../core/ah/inbound.ts';
import { ahAesGmac128 } from '../../core/ah/suites.ts';
import {
  DROP_EXHAUSTED,
  DROP_ICV,
  DROP_LIFETIME,
  DROP_NO_SA,
  DROP_REPLAY,
  DROP_SELECTOR,
  DROP_SEQUENCE,
  DROP_UNSUPPORTED,
} from '../../core/base/drop.ts';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { destroySa } from '../../core/esp/sa.ts';
import { aesGcm16 } from '../../core/esp/suites.ts';
import { provider } from '../interop/associations.ts';
import { ipv4Checksum } from '../naive/bits.ts';
import { packet, udp } from '../naive/packets.ts';
import { AS_RIGHT, deliver, endpointOf, type Given, receive, SPI, saOf, send } from './kit.ts';
import { four, fragment, six } from './packets.ts';

const wireOf = (given: Given, inner: Buffer): Buffer => send(saOf(given), inner) as Buffer;

test('replays: each number once, in any order, and none left of the window; a damaged packet does not move it', () => {
  for (const numbers of [0, 1]) {
    const given: Given = { ah: { numbers }, config: numbers === 1 ? { snHi: 4, snLo: 2 ** 32 - 40 } : {} };
    const sender = saOf(given);
    const wires = Array.from({ length: 150 }, () => send(sender, six()) as Buffer);
    const receiver = saOf(given);
    const e = endpointOf(receiver);
    const order = [5, 0, 63, 2, 149, 100, 86];
    for (const n of order) assert.deepEqual(receive(e, wires[n]!), six(), `${n}`);
    for (const n of order)
      assert.ok([DROP_REPLAY, DROP_SEQUENCE, DROP_ICV].includes(receive(e, wires[n]!) as number), `${n}`);
    assert.equal(receive(e, wires[86]!), DROP_REPLAY);
    const forged = Buffer.from(wires[140]!);
    forged[forged.length - 1]! ^= 1;
    assert.equal(receive(e, forged), DROP_ICV);
    assert.deepEqual(receive(e, wires[140]!), six());
    assert.ok(receiver.dropIcv >= 1 && receiver.dropReplay >= 1);
    assert.equal(e.esp.received, order.length + 1);
  }
});

test('the ends of counters: 32 bits, 64 bits, a sender of several, and unspecified numbers that begin again', () => {
  const last = 2 ** 32 - 1;
  assert.equal(send(saOf({ config: { snLo: last } }), six()), DROP_EXHAUSTED);
  assert.equal(send(saOf({ ah: { numbers: 1 }, config: { snHi: last, snLo: last } }), six()), DROP_EXHAUSTED);
  const shared: Given = {
    suite: ahAesGmac128,
    ah: { numbers: 2, scope: 1, sender: 3 },
    config: { snHi: 65535, snLo: last },
  };
  assert.equal(send(saOf(shared), six()), DROP_EXHAUSTED);
  // Number 0 does not come with 32 bits.
  const zero = wireOf({}, six());
  zero.fill(0, 48, 52);
  assert.equal(deliver({}, zero), DROP_SEQUENCE);
  const again: Given = { ah: { numbers: 2 }, config: { snLo: last } };
  const wire = wireOf(again, six());
  assert.equal(wire.readUInt32BE(48), 0);
  const e = endpointOf(saOf({ ah: { numbers: 2 } }));
  for (let i = 0; i < 3; i++) assert.deepEqual(receive(e, wire), six());
});

test('senders that share a key never have the same IV', () => {
  const ivs = new Set<string>();
  for (const sender of [0, 1, 2, 65535]) {
    const sa = saOf({ suite: ahAesGmac128, ah: { numbers: 2, scope: 1, sender } });
    for (let i = 0; i < 50; i++) ivs.add((send(sa, six()) as Buffer).subarray(52, 60).toString('hex'));
  }
  assert.equal(ivs.size, 200);
});

test('Scope 1: found by AS and SPI for both IP versions; Scope, SPI and AS of others have no SA', () => {
  const given: Given = { ah: { scope: 1 } };
  // Two ASes with the same SPI.
  const right = saOf({ ah: { scope: 1, peerAs: AS_RIGHT } });
  const e = endpointOf(saOf(given), right, saOf({ version: 6 }));
  const sender = saOf(given);
  for (const inner of [six(), four(), six([], 300)]) assert.deepEqual(receive(e, send(sender, inner) as Buffer), inner);
  assert.equal(right.packets, 0);
  // Every other value of the octet: a classic SA with this SPI and key does not take it, either.
  for (let scope = 0; scope < 256; scope++) {
    if (scope === 1) continue;
    const altered = send(sender, six()) as Buffer;
    altered[43] = scope;
    assert.equal(receive(e, altered), scope === 0 ? DROP_ICV : DROP_UNSUPPORTED);
  }
  const classic = wireOf({ config: { snLo: 1000 } }, six());
  assert.equal(scopeOfPacket(e, classic, 0, classic.length), 0);
  classic[43] = 1;
  assert.equal(receive(e, classic), DROP_ICV);
  const from = (src: string): Buffer => packet({ src, dst: '2001:db8:2::9' }, udp(1, 2, Buffer.alloc(5)));
  // From an AS that nobody knows, and from one that has no SA any more.
  assert.equal(receive(e, send(sender, from('2001:db8:9::1')) as Buffer), DROP_NO_SA);
  removeInboundAh(e, right);
  assert.equal(receive(e, send(sender, from('2001:db8:2::1')) as Buffer), DROP_NO_SA);
  assert.throws(() => addInboundAh(e, saOf(given)), /ah_spi/);
  assert.throws(() => addInboundAh(e, saOf({ ah: { scope: 1, peerAs: 0 } })), /ah\.peer_as/);
  for (let i = 0; i < 100; i++) assert.ok(allocateAhSpi(e) >= 256 && allocateAhSpi(e) !== SPI);
  const without = createAhEndpoint(createEndpoint(FULL_PARTS, provider), null);
  addInboundAh(without, saOf(given));
  assert.equal(receive(without, send(sender, six()) as Buffer), DROP_NO_SA);
});

test('AH inside AH: the border takes its own out, and that of the hosts stays as it was', () => {
  for (const inner of [six(), four()]) {
    const version = inner[0]! >>> 4;
    const hosts = wireOf({ version }, inner);
    const between = wireOf({ version, ah: { scope: 1 } }, hosts);
    assert.deepEqual(deliver({ version, ah: { scope: 1 } }, between), hosts);
    assert.deepEqual(deliver({ version }, hosts), inner);
    const e = endpointOf();
    const dst = new Uint8Array(2000);
    assert.equal(scopeOfPacket(e, between, 0, between.length), 1);
    const length = stripAh(e, between, 0, between.length, dst, 0);
    assert.deepEqual(Buffer.from(dst.subarray(0, length)), hosts);
    assert.equal(stripAh(e, hosts, 0, hosts.length, dst, 0), DROP_UNSUPPORTED);
    assert.equal(stripAh(e, inner, 0, inner.length, dst, 0), DROP_UNSUPPORTED);
  }
});

test('fragments: refused; with Scope 1 those of IPv6 are covered as they are', () => {
  for (const part of [fragment(0, 1), fragment(5, 0), fragment(0, 0)]) {
    const inner = six([part]);
    assert.equal(send(saOf(), inner), DROP_UNSUPPORTED);
    const wire = wireOf({ ah: { scope: 1 } }, inner);
    assert.equal(wire[40], 44);
    assert.deepEqual(deliver({ ah: { scope: 1 } }, wire), inner);
  }
  for (const field of [0x2000, 1, 0x2005]) {
    const piece = four();
    piece.writeUInt16BE(field, 6);
    piece.writeUInt16BE(ipv4Checksum(piece.subarray(0, 20)), 10);
    assert.equal(send(saOf({ version: 4 }), piece), DROP_UNSUPPORTED);
    assert.equal(send(saOf({ version: 4, ah: { scope: 1 } }), piece), DROP_UNSUPPORTED);
  }
});

test('selectors, lifetimes, the end of an SA', () => {
  const only: Given = { values: { ts_proto: 17, ts_port_dst: [4501, 4501] } };
  assert.deepEqual(deliver(only, wireOf({}, six())), six());
  const other = packet({ src: '2001:db8:1::5', dst: '2001:db8:2::9' }, udp(1, 4502, Buffer.alloc(5)));
  assert.equal(send(saOf(only), other), DROP_SELECTOR);
  assert.equal(deliver(only, wireOf({}, other)), DROP_SELECTOR);
  const sender = saOf({ config: { hardPackets: 2 } });
  const wires = [0, 1, 2].map(() => send(sender, six()));
  assert.equal(wires[2], DROP_LIFETIME);
  const receiver = saOf({ config: { hardPackets: 1 } });
  const e = endpointOf(receiver);
  assert.deepEqual(receive(e, wires[0] as Buffer), six());
  assert.equal(receive(e, wires[1] as Buffer), DROP_LIFETIME);
  destroySa(provider, sender);
  assert.equal(send(sender, six()), DROP_LIFETIME);
  assert.equal(e.esp.drops[-DROP_LIFETIME], 1);
});

test('configurations that cannot be, by field', () => {
  const rows: [Given, RegExp][] = [
    [{ suite: aesGcm16 }, /suite: AES_GCM_16/],
    [{ config: { key: new Uint8Array(31) } }, /key: 31 octets: must be 32/],
    [{ suite: ahAesGmac128, config: { salt: new Uint8Array(3) } }, /salt: 3 octets/],
    [{ ah: { scope: 2 } }, /ah\.scope: 2/],
    [{ outer: 4, ah: { scope: 1 } }, /ah\.scope: 1: must be 0 in a tunnel/],
    [{ ah: { peerAs: 5 } }, /ah\.peer_as: 5: must be 0/],
    [{ ah: { scope: 1, peerAs: 2 ** 32 } }, /ah\.peer_as/],
    [{ ah: { numbers: 3 } }, /ah\.numbers: 3/],
    [{ ah: { sender: 65536 } }, /ah\.sender: 65536/],
    [{ ah: { numbers: 2 }, config: { replayWindow: 32 } }, /replay_window: 32/],
    [{ values: { esn: true } }, /esn: 1: must be 0/],
    [{ values: { esp_spi_lsb: 16 } }, /esp_spi_lsb: 16/],
  ];
  for (const [given, message] of rows) assert.throws(() => saOf(given), message, JSON.stringify(given));
});
