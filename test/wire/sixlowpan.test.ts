import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_CHECKSUM, DROP_DISPATCH, DROP_SHORT, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import { createContexts, emitFragment, setContext, setDecompressOnly } from '../../core/wire/sixlowpan.ts';
import type { NextHeaderCompression } from '../../core/wire/sixlowpan-iphc.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';
import {
  compressed,
  DST_IID,
  decompressed,
  type Fields,
  hex,
  IIDS,
  LINK_DST,
  LINK_SRC,
  NONE,
  packetOf,
  SRC_IID,
  toHex,
  udpOf,
} from './sixlowpan.ts';

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
  golden('unspecified, no context is looked at', { src: '00'.repeat(16), dst: LINK_DST }, '7a43 32', contexts);
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
  emitFragment(out, 0, 2047, 0xffff, 2040);
  assert.equal(toHex(out), 'e7ffffffff');
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

test('a context with C=0 is used to decompress only [RFC 6775 §4.2]', () => {
  const contexts = createContexts(3);
  const prefix = hex('2001 0db8 0000 0000 0000 0000 0000 0000');
  for (const id of [0, 2]) setContext(contexts, id, prefix, 0, 64);
  const packets = [
    // Both addresses, and a multicast address with its prefix [RFC 3306], are made of the prefix.
    packetOf({ src: '2001 0db8 0000 0000 0000 0000 0000 0001', dst: '2001 0db8 0000 0000 0000 0000 0000 0009' }),
    packetOf({ src: LINK_SRC, dst: 'ff32 0040 2001 0db8 0000 0000 0000 0007' }),
    packetOf({ src: '00'.repeat(16), dst: '2001 0db8 0000 0000 0000 0000 0000 0009' }),
  ];
  const active = packets.map((packet) => compressed(packet, contexts));
  setDecompressOnly(contexts, 0);
  const other = packets.map((packet) => compressed(packet, contexts));
  setDecompressOnly(contexts, 2);
  const none = packets.map((packet) => compressed(packet, contexts));
  packets.forEach((packet, i) => {
    assert.equal(other[i].size, active[i].size + 1, 'context 2, which costs the octet of the identifiers');
    assert.deepEqual(none[i].wire, compressed(packet, NONE).wire);
    assert.ok(none[i].size > other[i].size);
    for (const { wire } of [active[i], other[i], none[i]]) {
      const { result, packet: back } = decompressed(wire, contexts);
      assert.equal(result, packet.length);
      assert.deepEqual(back, packet);
    }
  });
  setContext(contexts, 0, prefix, 0, 64);
  assert.deepEqual(compressed(packets[0], contexts).wire, active[0].wire, 'set again, it compresses');
  assert.throws(() => setDecompressOnly(contexts, 3), /context: 3: must be 0\.\.2/);
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
  assert.throws(() => createContexts(17), /contexts: 17: must be 0\.\.16/);
  assert.throws(() => setContext(createContexts(2), 2, new Uint8Array(16), 0, 64), /context: 2: must be 0\.\.1/);
  assert.throws(() => setContext(createContexts(2), 0, new Uint8Array(16), 0, 129), /129: must be 0\.\.128/);
});
