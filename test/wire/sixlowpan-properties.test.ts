import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import { createContexts, setContext, setDecompressOnly } from '../../core/wire/sixlowpan.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';
import { compressed, decompressed, hex, iidsOf, packetOf, toHex } from './sixlowpan.ts';

const octets = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
const address = fc
  .record({
    kind: fc.integer({ min: 0, max: 9 }),
    random: octets(16),
    context: fc.integer({ min: 0, max: 15 }),
  })
  .map((a) => a);

/** Addresses near the encodings' borders: prefixes of contexts, interface identifiers of the link, multicast. */
function shaped(
  a: { kind: number; random: Uint8Array; context: number },
  contexts: Uint8Array,
  iids: Uint8Array,
  iid: number,
): Uint8Array {
  const out = a.random.slice();
  const prefix = contexts.subarray(a.context * 18 + 1, a.context * 18 + 17);
  if (a.kind === 0) return new Uint8Array(16);
  if (a.kind < 4) out.set([0xfe, 0x80, 0, 0, 0, 0, 0, 0]);
  else if (a.kind < 7 && contexts.length > 0) out.set(prefix.subarray(0, 8));
  else if (a.kind === 7) {
    out.fill(0, 2, 10 + (a.random[0] % 6));
    out[0] = 0xff;
  } else if (a.kind === 8) {
    out.set([0xff, a.random[1], a.random[2], contexts.length > 0 ? contexts[a.context * 18] : 64]);
    if (contexts.length > 0) out.set(prefix.subarray(0, 8), 4);
  }
  if (a.kind < 7 && a.kind % 3 === 1) out.set(iids.subarray(iid, iid + 8), 8);
  if (a.kind < 7 && a.kind % 3 === 2) out.set([0, 0, 0, 0xff, 0xfe, 0], 8);
  return out;
}

const link = fc.oneof(octets(2), octets(8));
const model = fc.record({
  bits: fc.array(fc.integer({ min: 0, max: 128 }), { minLength: 16, maxLength: 16 }),
  prefixes: octets(256),
  count: fc.constantFrom(0, 1, 2, 16),
  src: link,
  dst: link,
  source: address,
  destination: address,
  tc: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })),
  flow: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xfffff })),
  hops: fc.oneof(fc.constantFrom(1, 64, 255), fc.integer({ min: 0, max: 255 })),
  next: fc.oneof(fc.constantFrom(17, 50), fc.integer({ min: 0, max: 255 })),
  payload: fc.uint8Array({ maxLength: 60, size: 'max' }),
  udp: fc.boolean(),
  elide: fc.boolean(),
});

test('round trip: random headers, contexts and addresses; never longer than the IPv6 header', () => {
  let shortest = 99;
  fc.assert(
    fc.property(model, (m) => {
      const contexts = createContexts(m.count);
      for (let i = 0; i < m.count; i++) {
        setContext(contexts, i, m.prefixes, 16 * i, m.bits[i]);
        if (m.payload.length % 4 === i) setDecompressOnly(contexts, i);
      }
      const iids = iidsOf(m.src, m.dst);
      const at = (a: typeof m.source) => ({ ...a, context: m.count > 0 ? a.context % m.count : 0 });
      const nhc = m.udp ? createUdpCompression(m.elide) : null;
      const packet = packetOf({
        tc: m.tc,
        flow: m.flow,
        hops: m.hops,
        next: m.next,
        src: toHex(shaped(at(m.source), contexts, iids, 0)),
        dst: toHex(shaped(at(m.destination), contexts, iids, 8)),
        payload: toHex(m.payload),
      });
      if (m.next === 17 && m.payload.length >= 8) packet.set([0, m.payload.length], 44);
      const { size, covers, wire } = compressed(packet, contexts, iids, nhc);
      shortest = Math.min(shortest, size);
      assert.ok(size <= covers, `${size} octets for ${covers}`);
      const back = decompressed(wire, contexts, iids, nhc);
      assert.equal(toHex(back.packet), toHex(packet));
      // As a first fragment: length fields come from the datagram's size.
      const first = decompressed(wire.subarray(0, size), contexts, iids, nhc, packet.length);
      if (first.result !== DROP_UNSUPPORTED) {
        assert.equal(toHex(first.packet), toHex(packet.subarray(0, covers)));
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(shortest <= 4);
});

/** Octets of the inline address for each mode that RFC 6282 allows, by its own words: the oracle for "shortest". */
function cheapest(a: Uint8Array, source: boolean, contexts: Uint8Array, iids: Uint8Array, only0: boolean): number {
  const text = toHex(a);
  const iid = toHex(iids.subarray(source ? 0 : 8, source ? 8 : 16));
  const table: { bits: string }[] = [];
  for (let i = 0; i * 18 < contexts.length && (i === 0 || !only0); i++) {
    if (contexts[i * 18 + 17] === 1) continue;
    let bits = '';
    for (let b = 0; b < contexts[i * 18]; b++) bits += (contexts[i * 18 + 1 + (b >>> 3)] >>> (7 - (b & 7))) & 1;
    if (bits !== '') table.push({ bits });
  }
  const binary = [...a].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const overlay = (bits: string, low: string) => bits + ('0'.repeat(64) + low).slice(bits.length);
  const bin = (hexText: string) => [...hex(hexText)].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  if (!source && a[0] === 0xff) {
    if (text.startsWith('ff02' + '00'.repeat(13))) return 1;
    if (text.slice(4, 26) === '0'.repeat(22)) return 4;
    if (text.slice(4, 22) === '0'.repeat(18)) return 6;
    for (const { bits } of table) {
      if (
        binary.slice(24, 32) === bits.length.toString(2).padStart(8, '0') &&
        binary.slice(32, 96) === bits.slice(0, 64).padEnd(64, '0')
      )
        return 6;
    }
    return 16;
  }
  if (source && /^0+$/.test(text)) return 0;
  let best = text.startsWith('fe80' + '00'.repeat(6)) ? 8 : 16;
  if (best === 8 && text.slice(16) === iid) best = 0;
  else if (best === 8 && text.slice(16, 28) === '000000fffe00') best = 2;
  for (const { bits } of table) {
    if (overlay(bits, bin(iid)) === binary) best = 0;
    else if (overlay(bits, bin('000000fffe00' + text.slice(28))) === binary) best = Math.min(best, 2);
    else if (overlay(bits, binary.slice(64)) === binary) best = Math.min(best, 8);
  }
  return best;
}

test('the compressor chooses the shortest encoding', () => {
  fc.assert(
    fc.property(model, (m) => {
      const contexts = createContexts(m.count);
      for (let i = 0; i < m.count; i++) {
        setContext(contexts, i, m.prefixes, 16 * i, m.bits[i]);
        if (m.payload.length % 4 === i) setDecompressOnly(contexts, i);
      }
      const iids = iidsOf(m.src, m.dst);
      const at = (a: typeof m.source) => ({ ...a, context: m.count > 0 ? a.context % m.count : 0 });
      const src = shaped(at(m.source), contexts, iids, 0);
      const dst = shaped(at(m.destination), contexts, iids, 8);
      const packet = packetOf({ src: toHex(src), dst: toHex(dst) });
      const { size } = compressed(packet, contexts, iids);
      const plain = cheapest(src, true, contexts, iids, true) + cheapest(dst, false, contexts, iids, true);
      const other = 1 + cheapest(src, true, contexts, iids, false) + cheapest(dst, false, contexts, iids, false);
      assert.equal(size, 3 + Math.min(plain, other));
    }),
    { numRuns: 3000 },
  );
});
