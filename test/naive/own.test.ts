// own.json equals the generator's output, its entries hold in both directions, and random packets are restored.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { compress } from './compress.ts';
import { reorderRange } from './decompress.ts';
import { FOUR, makeSa, SIX } from './make-sa.ts';
import { fileText, makeFile } from './make-vectors.ts';
import { protect, receiverOf, recoverSn, unprotect } from './naive.ts';
import { packet, patched, raw, udp } from './packets.ts';
import { expectedBack, randomCase } from './random.ts';
import { type DropName, Dropped, type VectorFile } from './types.ts';

const text = readFileSync(new URL('../vectors/own.json', import.meta.url), 'utf8');
const file = JSON.parse(text) as VectorFile;
const octets = (hex: string): Buffer => Buffer.from(hex, 'hex');
const isDrop =
  (...names: DropName[]) =>
  (error: unknown): boolean =>
    error instanceof Dropped && names.includes(error.drop);

test('own.json is what make-vectors.ts writes, and below 620 kB', () => {
  assert.ok(fileText(makeFile()) === text, 'run node --import tsx test/naive/make-vectors.ts');
  assert.ok(text.length < 620_000);
  assert.ok(file.vectors.length >= 300);
  assert.ok(file.refusals!.length >= 40);
  assert.ok(file.rejections!.length >= 30);
});

test('every vector of own.json opens to its inner packet, or to what is said to come back', () => {
  for (const vector of file.vectors) {
    const back = unprotect(vector.sa, octets(vector.wire));
    assert.equal(back.toString('hex'), vector.lossless ? vector.inner : vector.decompressed, vector.id);
    assert.equal(back.toString('hex'), expectedBack(vector.sa, octets(vector.inner)).toString('hex'), vector.id);
  }
});

test('ESP lengths: never longer than ordinary ESP plus the RuleID', () => {
  for (const { id, sa, esp_len, std_esp_len } of file.vectors) {
    // 64-bit alignment may cost up to 4 octets more than the 4-octet alignment of the comparison.
    assert.ok(esp_len <= std_esp_len + (sa.alignment === 64 ? 4 : 0) + (sa.rule_id === null ? 0 : 4), id);
  }
});

test('refusals, rejections, changes on the path', () => {
  for (const { id, sa, inner, drop } of file.refusals!) {
    assert.throws(() => protect(sa, octets(inner)), isDrop(drop), id);
  }
  for (const { id, sa, before, wire, drop } of file.rejections!) {
    const state = receiverOf(sa);
    for (const earlier of before ?? []) unprotect(sa, octets(earlier), state);
    assert.throws(() => unprotect(sa, octets(wire), state), isDrop(drop), id);
  }
  for (const { id, sa, wire, decompressed } of file.on_path!) {
    assert.equal(unprotect(sa, octets(wire)).toString('hex'), decompressed, id);
  }
});

test('SN recovery: the only value of [T+1-R, T+M-R] with the received low bits', () => {
  for (const row of file.sn_recovery) {
    const t = BigInt('0x' + row.T);
    const m = 2n ** BigInt(row.esp_sn_lsb);
    const received = BigInt('0x' + row.received);
    assert.equal(reorderRange(row.esp_sn_lsb, row.window), BigInt(row.R));
    const found = recoverSn(t, received, row.esp_sn_lsb, row.window, row.esn);
    assert.equal(found === null ? null : found.toString(16), row.sn);
    if (row.esp_sn_lsb > 12) continue;
    const low = t + 1n - BigInt(row.R);
    const matches: bigint[] = [];
    for (let sn = low; sn < low + m; sn++) if ((((sn - received) % m) + m) % m === 0n) matches.push(sn);
    assert.equal(matches.length, 1);
    const sn = matches[0]! < 1n ? matches[0]! + m : matches[0]!;
    assert.equal(row.sn, !row.esn && sn >= 2n ** 32n ? null : sn.toString(16), JSON.stringify(row));
  }
});

test('truncation at every length and every flipped ESP bit is dropped', () => {
  const sa = makeSa(6, 17, { esp_spi_lsb: 0, esp_sn_lsb: 8, esp_encr: 'AES_CCM_8_IIV', salt: 'a0a1a2', alignment: 32 });
  const wire = octets(protect(sa, packet(SIX, udp(5001, 4500, octets('010203')))).wire);
  for (let size = 0; size < wire.length; size++) {
    assert.throws(() => unprotect(sa, wire.subarray(0, size)), isDrop('short', 'length'), `${size}`);
    if (size < 40) continue;
    const cut = Buffer.from(wire.subarray(0, size));
    cut.writeUInt16BE(size - 40, 4);
    assert.throws(() => unprotect(sa, cut), isDrop('short', 'icv'), `${size}`);
  }
  for (let bit = 40 * 8; bit < wire.length * 8; bit++) {
    const flipped = Buffer.from(wire);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => unprotect(sa, flipped), isDrop('icv'), `${bit}`);
  }
});

test('packets too long for their headers', () => {
  const long = makeSa(6, 58, { iipc_enabled: false });
  assert.throws(() => protect(long, packet(SIX, raw(58, Buffer.alloc(65500)))), isDrop('too-long'));
  const sa = makeSa(4, 17);
  const inner = packet(FOUR, udp(5001, 4500, octets('01')));
  const wire = (clear: number) =>
    octets(compress(sa, inner, undefined, () => patched(Buffer.alloc(clear), 0, [0x50])).wire);
  // 3 octets of residue stand for 28 octets of header: the restored packet is 25 octets longer than the clear text.
  assert.equal(unprotect(sa, wire(65510)).length, 65535);
  assert.throws(() => unprotect(sa, wire(65511)), isDrop('too-long'));
});

test('property: what is protected comes back', () => {
  const count = { passed: 0, refused: 0 };
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (seed) => {
      const { sa, inner, broken } = randomCase(seed);
      if (broken !== null) {
        assert.throws(() => protect(sa, inner), Dropped);
        count.refused++;
        return;
      }
      const { wire, lossless } = protect(sa, inner);
      const back = unprotect(sa, octets(wire)).toString('hex');
      assert.equal(back, expectedBack(sa, inner).toString('hex'));
      assert.equal(lossless, back === inner.toString('hex'));
      count.passed++;
    }),
    { numRuns: 1500, seed: 20260215 },
  );
  assert.ok(count.refused > 75 && count.refused < 300, `${count.refused} of 1500 refused`);
});
