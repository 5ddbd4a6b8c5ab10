import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pseudoSum, putChecksum } from '../../core/checksum.ts';
import { DROP_CHECKSUM, DROP_DISPATCH, DROP_SHORT, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../../core/drop.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { createContexts, emitFragment, fragmentSize, putInterfaceId, setContext } from '../../core/wire/sixlowpan.ts';
import {
  compressIphc,
  decompressIphc,
  IPHC_MAX,
  iphcCovers,
  type NextHeaderCompression,
} from '../../core/wire/sixlowpan-iphc.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const SRC = hex('0212 4b00 0600 1122');
const DST = hex('beef');
const SRC_IID = '0012 4b00 0600 1122';
const DST_IID = '0000 00ff fe00 beef';

function iidsOf(src: Uint8Array, dst: Uint8Array): Uint8Array {
  const iids = new Uint8Array(16);
  putInterfaceId(iids, 0, src, 0, src.length);
  putInterfaceId(iids, 8, dst, 0, dst.length);
  return iids;
}
const IIDS = iidsOf(SRC, DST);

interface Fields {
  tc?: number;
  flow?: number;
  next?: number;
  hops?: number;
  src: string;
  dst: string;
  payload?: string;
}

function packetOf(f: Fields): Uint8Array {
  const payload = hex(f.payload ?? '0102030405');
  const packet = new Uint8Array(40 + payload.length);
  emitIpv6(packet, 0, f.tc ?? 0, f.flow ?? 0, payload.length, f.next ?? 50, f.hops ?? 64);
  packet.set(hex(f.src), 8);
  packet.set(hex(f.dst), 24);
  packet.set(payload, 40);
  return packet;
}

function udpOf(src: number, dst: number, payload = '0a0b0c', checksum = -1): Uint8Array {
  const data = hex(payload);
  const packet = packetOf({
    next: 17,
    src: LINK_SRC,
    dst: LINK_DST,
    payload: '00'.repeat(8) + payload,
  });
  const view = new DataView(packet.buffer);
  view.setUint16(40, src);
  view.setUint16(42, dst);
  view.setUint16(44, 8 + data.length);
  putChecksum(packet, 46, 40, 8 + data.length, pseudoSum(packet, 0, 17, 8 + data.length), 0xffff);
  if (checksum >= 0) view.setUint16(46, checksum);
  return packet;
}

function compressed(packet: Uint8Array, contexts: Uint8Array, iids = IIDS, nhc: NextHeaderCompression | null = null) {
  const out = new Uint8Array(IPHC_MAX + 20).fill(0xee);
  const size = compressIphc(packet, 0, packet.length, out, 3, contexts, iids, nhc);
  assert.deepEqual([...out.subarray(0, 3)], [0xee, 0xee, 0xee]);
  assert.ok(out.subarray(3 + size).every((octet) => octet === 0xee));
  const covers = iphcCovers(out, 3, nhc);
  const wire = new Uint8Array(size + packet.length - covers);
  wire.set(out.subarray(3, 3 + size));
  wire.set(packet.subarray(covers), size);
  return { size, covers, wire };
}

/** Decompresses with sentinels round both buffers: nothing outside may be written, or read into the result. */
function decompressed(
  wire: Uint8Array,
  contexts: Uint8Array,
  iids = IIDS,
  nhc: NextHeaderCompression | null = null,
  size = 0,
  room = 1400,
) {
  const results = [0x00, 0xff].map((sentinel) => {
    const from = new Uint8Array(wire.length + 80).fill(sentinel);
    from.set(wire, 40);
    const to = new Uint8Array(room + 20).fill(0xc3);
    const result = decompressIphc(from, 40, wire.length, to, 10, room, size, contexts, iids, nhc);
    assert.ok(to.subarray(0, 10).every((octet) => octet === 0xc3));
    assert.ok(to.subarray(10 + (result < 0 ? room : result)).every((octet) => octet === 0xc3));
    return { result, packet: to.slice(10, 10 + Math.max(0, result)) };
  });
  assert.deepEqual(results[0], results[1]);
  return results[0];
}

const NONE = createContexts(0);
const LINK_SRC = 'fe80 0000 0000 0000' + SRC_IID;
const LINK_DST = 'fe80 0000 0000 0000' + DST_IID;

function golden(name: string, f: Fields, wire: string, contexts = NONE): void {
  const packet = packetOf(f);
  const { size, wire: got } = compressed(packet, contexts);
  assert.equal(toHex(got.subarray(0, size)), wire.replace(/\s/g, ''), name);
  const back = decompressed(got, contexts);
  assert.equal(toHex(back.packet), toHex(packet), name);
}

test('golden IPHC headers: fields', () => {
  const f = { src: LINK_SRC, dst: LINK_DST };
  golden('smallest', f, '7a33 32');
  golden('TF 10: DSCP 46, ECN 1', { ...f, tc: 0xb9 }, '7233 6e 32');
  golden('TF 01: ECN and flow label', { ...f, tc: 2, flow: 0xabcde }, '6a33 8abcde 32');
  golden('TF 01: flow label alone', { ...f, flow: 0x00100 }, '6a33 000100 32');
  golden('TF 00: all', { ...f, tc: 0xff, flow: 1 }, '6233 ff000001 32');
  golden('hop limit 1', { ...f, hops: 1 }, '7933 32');
  golden('hop limit 255', { ...f, hops: 255 }, '7b33 32');
  golden('hop limit inline', { ...f, hops: 63 }, '7833 32 3f');
  golden('hop limit 0', { ...f, hops: 0 }, '7833 32 00');
});

test('golden IPHC headers: stateless addresses', () => {
  const global = '2001 0db8 0000 0000 0000 0000 0000 0001';
  golden('16 bits', { src: 'fe80 0000 0000 0000 0000 00ff fe00 0042', dst: LINK_DST }, '7a23 32 0042');
  golden('64 bits', { src: 'fe80 0000 0000 0000 0000 00ff ff00 0042', dst: LINK_DST }, '7a13 32 000000ffff000042');
  golden('128 bits', { src: global, dst: LINK_DST }, '7a03 32' + global);
  golden('unspecified', { src: '00'.repeat(16), dst: LINK_DST }, '7a43 32');
  golden('destination ::', { src: LINK_SRC, dst: '00'.repeat(16) }, '7a30 32' + '00'.repeat(16));
  golden('destination 16 bits', { src: LINK_SRC, dst: 'fe80 0000 0000 0000 0000 00ff fe00 0042' }, '7a32 32 0042');
  golden(
    'fe80 with more bits',
    { src: LINK_SRC, dst: 'fe80 0000 0000 0001' + DST_IID },
    '7a30 32 fe80000000000001' + DST_IID,
  );
});

test('golden IPHC headers: multicast', () => {
  const contexts = createContexts(2);
  setContext(contexts, 1, hex('2001 0db8 0001 0002 0000 0000 0000 0000'), 0, 64);
  const src = LINK_SRC;
  golden('8 bits', { src, dst: 'ff02 0000 0000 0000 0000 0000 0000 0001' }, '7a3b 32 01');
  golden('32 bits', { src, dst: 'ff05 0000 0000 0000 0000 0000 0001 0003' }, '7a3a 32 05010003');
  golden('48 bits', { src, dst: 'ff02 0000 0000 0000 0000 0001 ff01 0203' }, '7a39 32 0201ff010203');
  golden(
    '128 bits',
    { src, dst: 'ff02 0000 0000 0000 0001 0001 ff01 0203' },
    '7a38 32 ff02000000000000 00010001ff010203',
  );
  golden(
    'prefix-based: context',
    { src, dst: 'ff35 0040 2001 0db8 0001 0002 1234 5678' },
    '7abc 01 32 350012345678',
    contexts,
  );
});

test('golden IPHC headers: contexts', () => {
  const contexts = createContexts(16);
  setContext(contexts, 0, hex('2001 0db8 0000 0000 ffff 0000 0000 0000'), 0, 64);
  setContext(contexts, 3, hex('fd00 0001 0000 0000 0000 0000 0000 0007'), 0, 128);
  setContext(contexts, 15, hex('fd00 0002 0000 0000 0000 0000 0000 0000'), 0, 52);
  const at0 = '2001 0db8 0000 0000';
  golden('context 0, from the link', { src: at0 + SRC_IID, dst: at0 + DST_IID }, '7a77 32', contexts);
  golden('context 0, 16 bits', { src: at0 + '000000fffe001234', dst: LINK_DST }, '7a63 32 1234', contexts);
  golden('context 0, 64 bits', { src: at0 + '0000000000001234', dst: LINK_DST }, '7a53 32 0000000000001234', contexts);
  golden('whole address', { src: LINK_SRC, dst: 'fd00 0001 0000 0000 0000 0000 0000 0007' }, '7ab7 03 32', contexts);
  golden('52 bits', { src: 'fd00 0002 0000 0000' + SRC_IID, dst: at0 + DST_IID }, '7af7 f0 32', contexts);
  golden(
    'bits between are not zero',
    { src: 'fd00 0002 0000 0f00' + SRC_IID, dst: LINK_DST },
    '7a03 32 fd00000200000f00' + SRC_IID,
    contexts,
  );
  // One more octet for CID pays only when it saves more than one.
  golden(
    'multicast stays stateless',
    { src: LINK_SRC, dst: 'ff02 0000 0000 0000 0000 0000 0000 0001' },
    '7a3b 32 01',
    contexts,
  );
});

test('fragment headers [RFC 4944 §5.3]', () => {
  const out = new Uint8Array(5);
  assert.equal(emitFragment(out, 0, 192, 0x1234, 0), 4);
  assert.equal(toHex(out.subarray(0, 4)), 'c0c01234');
  assert.equal(emitFragment(out, 0, 192, 0x1234, 96), 5);
  assert.equal(toHex(out), 'e0c012340c');
  assert.equal(fragmentSize(out, 0), 192);
  emitFragment(out, 0, 2047, 0xffff, 2040);
  assert.equal(toHex(out), 'e7ffffffff');
  assert.equal(fragmentSize(out, 0), 2047);
});

test('golden UDP headers [RFC 6282 §4.3.3]', () => {
  const udp = createUdpCompression(false);
  const ports: [number, number, string][] = [
    [0x1234, 0x5678, 'f0 1234 5678'],
    [0x1234, 0xf056, 'f1 1234 56'],
    [0xf012, 0x5678, 'f2 12 5678'],
    [0xf012, 0xf0b8, 'f1 f012 b8'],
    [0xf0b2, 0xf0b8, 'f3 28'],
    [5683, 5683, 'f0 1633 1633'],
  ];
  for (const [src, dst, wire] of ports) {
    const packet = udpOf(src, dst);
    const { size, wire: got } = compressed(packet, NONE, IIDS, udp);
    assert.equal(toHex(got.subarray(0, size)), '7e33' + wire.replace(/\s/g, '') + toHex(packet.subarray(46, 48)));
    assert.equal(toHex(decompressed(got, NONE, IIDS, udp).packet), toHex(packet));
  }
  const elide = createUdpCompression(true);
  const packet = udpOf(0xf0b2, 0xf0b8);
  const elided = compressed(packet, NONE, IIDS, elide);
  assert.equal(toHex(elided.wire), '7e33f7280a0b0c');
  assert.equal(toHex(decompressed(elided.wire, NONE, IIDS, elide).packet), toHex(packet));
  assert.equal(decompressed(elided.wire, NONE, IIDS, udp).result, DROP_UNSUPPORTED);
  assert.equal(decompressed(elided.wire, NONE, IIDS, elide, 200).result, DROP_UNSUPPORTED, 'fragment');
  const wrong = udpOf(0xf0b2, 0xf0b8, '0a0b0c', 0x1111);
  assert.equal(
    toHex(compressed(wrong, NONE, IIDS, elide).wire),
    '7e33f32811110a0b0c',
    'a wrong checksum is not elided',
  );
  const long = udpOf(1, 2, '00'.repeat(60));
  assert.equal(compressed(long, NONE, IIDS, elide).size, 9, 'no elision where fragments are possible');
  assert.equal(compressed(udpOf(1, 2, '', 0), NONE, IIDS, udp).covers, 40, 'checksum 0 stays as it is');
  assert.equal(decompressed(hex('7e33f3280000'), NONE, IIDS, udp).result, DROP_CHECKSUM);
  assert.equal(decompressed(hex('7e33e000000000'), NONE, IIDS, udp).result, DROP_DISPATCH, 'extension header');
});

test('unknown dispatches, modes and contexts are dropped', () => {
  const contexts = createContexts(2);
  setContext(contexts, 0, hex('2001 0db8 0000 0000 0000 0000 0000 0000'), 0, 64);
  const result = (wire: string, table = contexts, nhc: NextHeaderCompression | null = null) =>
    decompressed(hex(wire + '00'.repeat(40)), table, IIDS, nhc).result;
  for (const first of ['00', '3f', '41', '42', '50', '80', 'bf', 'c0', 'e0', 'f0', 'ff']) {
    assert.equal(result(first), DROP_DISPATCH, first);
  }
  assert.ok(result('7a3332') > 0);
  assert.equal(result('7a3432'), DROP_DISPATCH, 'M=0 DAC=1 DAM=00 is reserved');
  for (const mode of ['d', 'e', 'f']) assert.equal(result('7a3' + mode + '32'), DROP_DISPATCH, 'multicast ' + mode);
  assert.ok(result('7a7732') > 0);
  assert.equal(result('7a7732', NONE), DROP_DISPATCH, 'no context 0');
  assert.equal(result('7af71032'), DROP_DISPATCH, 'context 1 is not set');
  assert.equal(result('7af70f32'), DROP_DISPATCH, 'context 15 is not in the table');
  assert.equal(result('7e33f0'), DROP_DISPATCH, 'NHC without a codec');
});

test('room and truncation', () => {
  const contexts = createContexts(16);
  setContext(contexts, 5, hex('2001 0db8 0000 0000 0000 0000 0000 0000'), 0, 64);
  const udp = createUdpCompression(false);
  const cases = [
    compressed(packetOf({ src: LINK_SRC, dst: LINK_DST }), contexts),
    compressed(
      packetOf({ tc: 1, flow: 1, hops: 3, src: '20'.repeat(16), dst: '30'.repeat(16), payload: '' }),
      contexts,
    ),
    compressed(packetOf({ src: LINK_SRC, dst: '2001 0db8 0000 0000 0000 0000 0000 0009' }), contexts),
    compressed(udpOf(1, 2, '01'), contexts, IIDS, udp),
  ];
  for (const { size, wire } of cases) {
    const whole = decompressed(wire, contexts, IIDS, udp);
    for (let n = 0; n < wire.length; n++) {
      const cut = decompressed(wire.subarray(0, n), contexts, IIDS, udp);
      if (n < size) assert.equal(cut.result, DROP_SHORT, `${n} of ${size}`);
      else assert.equal(cut.result, whole.result - (wire.length - n));
    }
    for (let room = 0; room < whole.result; room++) {
      assert.equal(decompressed(wire, contexts, IIDS, udp, 0, room).result, DROP_TOO_LONG);
    }
    assert.equal(decompressed(wire, contexts, IIDS, udp, 0, whole.result).result, whole.result);
  }
});

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
  const prefix = contexts.subarray(a.context * 17 + 1, a.context * 17 + 17);
  if (a.kind === 0) return new Uint8Array(16);
  if (a.kind < 4) out.set([0xfe, 0x80, 0, 0, 0, 0, 0, 0]);
  else if (a.kind < 7 && contexts.length > 0) out.set(prefix.subarray(0, 8));
  else if (a.kind === 7) {
    out.fill(0, 2, 10 + (a.random[0] % 6));
    out[0] = 0xff;
  } else if (a.kind === 8) {
    out.set([0xff, a.random[1], a.random[2], contexts.length > 0 ? contexts[a.context * 17] : 64]);
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
      for (let i = 0; i < m.count; i++) setContext(contexts, i, m.prefixes, 16 * i, m.bits[i]);
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
  for (let i = 0; i * 17 < contexts.length && (i === 0 || !only0); i++) {
    let bits = '';
    for (let b = 0; b < contexts[i * 17]; b++) bits += (contexts[i * 17 + 1 + (b >>> 3)] >>> (7 - (b & 7))) & 1;
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
      for (let i = 0; i < m.count; i++) setContext(contexts, i, m.prefixes, 16 * i, m.bits[i]);
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

test('garbage never throws and stays inside', () => {
  const contexts = createContexts(16);
  for (let i = 0; i < 16; i += 2) setContext(contexts, i, hex('2001 0db8 0000 0000 1122 3344 5566 7788'), 0, 8 * i + 5);
  const udp = createUdpCompression(true);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 127, size: 'max' }),
      fc.boolean(),
      fc.integer({ min: 0, max: 2047 }),
      (bytes, iphc, size) => {
        if (iphc && bytes.length > 0) bytes[0] = 0x60 | (bytes[0] & 31);
        decompressed(bytes, contexts, IIDS, udp, size);
        decompressed(bytes, contexts, IIDS, udp, 0, 60);
      },
    ),
    { numRuns: 3000 },
  );
});

test('contexts are checked when they are set', () => {
  assert.throws(() => createContexts(17), /contexts 17: must be 0\.\.16/);
  assert.throws(() => setContext(createContexts(2), 2, new Uint8Array(16), 0, 64), /context 2: must be 0\.\.1/);
  assert.throws(() => setContext(createContexts(2), 0, new Uint8Array(16), 0, 129), /129: must be 0\.\.128/);
});
