// Received packets that are cut or changed: nothing throws, nothing authenticates, and no window or counter moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { addInbound, createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { createSa } from '../../core/esp/sa.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import { internetChecksum } from '../naive/bits.ts';
import { makeSa, OUTER_FOUR, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { randomCase } from '../naive/random.ts';
import type { Suite } from '../naive/types.ts';
import { configOf, dropsOf, endpointOf, hex, packetOf, receive, saOf, send, stateOf } from './support.ts';

/** Outer length and header checksum made right for the octets there are. */
function fitted(wire: Uint8Array): Uint8Array {
  const copy = Buffer.from(wire);
  if (copy[0]! >> 4 === 6) {
    copy.writeUInt16BE(copy.length - 40, 4);
  } else {
    copy.writeUInt16BE(copy.length, 2);
    copy.writeUInt16BE(0, 10);
    copy.writeUInt16BE(internetChecksum(copy.subarray(0, (copy[0]! & 15) * 4)), 10);
  }
  return copy;
}

const headerSize = (wire: Uint8Array): number => (wire[0] >> 4 === 6 ? 40 : (wire[0] & 15) * 4);

/** SAs of every suite, with and without ESN, both modes. */
function* cases() {
  for (const { name } of ALL_SUITES) {
    for (const esn of [false, true]) {
      for (const [lsbSpi, lsbSn] of [
        [8, 8],
        [0, 8],
        [0, 0],
        [4, 12],
        [32, 32],
      ]) {
        const change = { esp_encr: name as Suite, esn, esp_spi_lsb: lsbSpi, esp_sn_lsb: lsbSn, esp_sn: '7' };
        const options = lsbSpi === 4 ? { ...change, tunnel_ip: OUTER_FOUR } : change;
        yield makeSa(6, 17, { ...options, ipsec_mode: lsbSn === 8 && lsbSpi === 8 ? 'transport' : 'tunnel' });
      }
    }
  }
}

const inner = packet(SIX, udp(5001, 4500, Buffer.from('0102030405', 'hex')));

test('truncation at every length is dropped and moves nothing', () => {
  for (const sa of cases()) {
    const wire = packetOf(send(endpointOf(), saOf(sa), inner));
    const receiver = saOf(sa);
    const endpoint = endpointOf(receiver);
    const state = stateOf(receiver);
    for (let size = 0; size < wire.length; size++) {
      const said = receive(endpoint, wire.subarray(0, size));
      assert.ok(said === 'short' || said === 'length', `${size}: ${said}`);
      if (size < headerSize(wire)) continue;
      const cut = receive(endpoint, fitted(wire.subarray(0, size)));
      assert.ok(['short', 'icv', 'no-sa'].includes(String(cut)), `${size} fitted: ${cut}`);
    }
    assert.equal(stateOf(receiver), state);
    assert.equal(hex(packetOf(receive(endpoint, wire))), hex(inner), 'the whole packet still comes in');
  }
});

test('every single-bit flip of the ESP part is dropped and moves nothing', () => {
  let flips = 0;
  for (const sa of cases()) {
    const wire = packetOf(send(endpointOf(), saOf(sa), inner));
    const receiver = saOf(sa);
    const endpoint = endpointOf(receiver);
    const state = stateOf(receiver);
    for (let bit = headerSize(wire) * 8; bit < wire.length * 8; bit++) {
      const flipped = wire.slice();
      flipped[bit >> 3] ^= 0x80 >> (bit & 7);
      const said = receive(endpoint, flipped);
      assert.ok(['icv', 'no-sa', 'sequence', 'replay'].includes(String(said)), `bit ${bit}: ${said}`);
      flips++;
    }
    assert.equal(stateOf(receiver), state);
    assert.equal(hex(packetOf(receive(endpoint, wire))), hex(inner));
  }
  assert.ok(flips > 20000);
});

test('flips on random SAs, with a window that has holes; global drops add up', () => {
  for (let seed = 1; seed < 300; seed++) {
    const { sa, inner: text, broken } = randomCase(seed);
    if (broken !== null || text.length > 200) continue;
    const sender = saOf({ ...sa, esp_sn: '5' });
    const wires = Array.from({ length: 4 }, () => packetOf(send(endpointOf(), sender, text)));
    const receiver = saOf({ ...sa, esp_sn: '5' });
    const endpoint = endpointOf(receiver);
    // The third is missing; with fewer than two bits of SN the fourth cannot be told from it.
    for (const index of sa.esp_sn_lsb < 2 ? [0, 1] : [0, 1, 3]) packetOf(receive(endpoint, wires[index]));
    const state = stateOf(receiver);
    let drops = 0;
    for (let bit = headerSize(wires[2]) * 8; bit < wires[2].length * 8; bit += 3) {
      const flipped = wires[2].slice();
      flipped[bit >> 3] ^= 0x80 >> (bit & 7);
      assert.equal(typeof receive(endpoint, flipped), 'string', `seed ${seed} bit ${bit}`);
      drops++;
    }
    assert.equal(stateOf(receiver), state, `seed ${seed}`);
    const counted = endpoint.drops.reduce((a, b) => a + b, 0);
    assert.equal(counted, drops);
    assert.equal(dropsOf(receiver) + endpoint.drops[9], drops, 'per SA, but for those without an SA');
    if (sa.esp_sn_lsb >= 2) packetOf(receive(endpoint, wires[2]));
  }
});

test('a packet that does not verify leaves the octets as they came', () => {
  for (const provider of [createFastProvider(), createPortableProvider()]) {
    for (const sa of cases()) {
      const config = configOf(sa);
      if (config.suite.alg !== 0 && !provider.has(config.suite.alg, config.key.length)) continue;
      const wire = packetOf(send(endpointOf(), saOf(sa), inner));
      wire[wire.length - 1] ^= 1;
      const endpoint = createEndpoint(FULL_PARTS, provider);
      addInbound(endpoint, createSa(FULL_PARTS, provider, config));
      const src = wire.slice();
      const dst = new Uint8Array(200).fill(0x77);
      assert.ok(inbound(endpoint, src, 0, src.length, dst, 0, 0) < 0);
      assert.equal(hex(src), hex(wire));
      assert.ok(
        dst.every((octet) => octet === 0x77),
        'nothing of it is written',
      );
    }
  }
});

test('no octet of the outer header makes anything throw', () => {
  for (const sa of [
    makeSa(6, 17),
    makeSa(6, 17, { tunnel_ip: OUTER_FOUR }),
    makeSa(6, 17, { ipsec_mode: 'transport' }),
  ]) {
    const wire = packetOf(send(endpointOf(), saOf(sa), inner));
    for (let bit = 0; bit < headerSize(wire) * 8; bit++) {
      for (const fix of [false, true]) {
        const flipped = wire.slice();
        flipped[bit >> 3] ^= 0x80 >> (bit & 7);
        const whole = fix && flipped[0] >> 4 === 4 && headerSize(flipped) >= 20 ? fitted(flipped) : flipped;
        const said = receive(endpointOf(saOf(sa)), whole);
        const known = ['version', 'length', 'checksum', 'unsupported', 'no-sa', 'short', 'icv', 'selector', 'ecn'];
        assert.ok(typeof said !== 'string' || known.includes(said), `bit ${bit}: ${said}`);
      }
    }
  }
});
