import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressOf } from '../../core/base/address.ts';
import {
  DROP_FCS,
  DROP_NOT_FOR_US,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_UNSUPPORTED,
  DROP_VERSION,
} from '../../core/base/drop.ts';
import {
  ACK_SIZE,
  checkFrame,
  copyReversed,
  emitAck,
  emitHeader,
  FRAME_ACK_REQUEST,
  FRAME_DATA,
  FRAME_DST,
  FRAME_PAN_COMPRESSION,
  FRAME_PENDING,
  FRAME_VERSION_2006,
  frameDstLength,
  frameFcs,
  frameHeaderLength,
  frameSrc,
  frameSrcLength,
  put16Le,
  putFcs,
} from '../../core/wire/ieee802154.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const toHex = (bytes: Uint8Array, offset: number, length: number) =>
  Buffer.from(bytes.subarray(offset, offset + length)).toString('hex');

/** A second, bitwise CRC-16 (x^16+x^12+x^5+1, reflected). */
function slowFcs(bytes: Uint8Array): number {
  let crc = 0;
  for (const octet of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const feedback = (crc ^ (octet >>> bit)) & 1;
      crc = (crc >>> 1) ^ (feedback === 1 ? 0x8408 : 0);
    }
  }
  return crc;
}

/** The frame with its last two octets replaced by the right FCS. */
function sealed(text: string): Uint8Array {
  const bytes = hex(text + '0000');
  putFcs(bytes, 0, bytes.length - 2);
  return bytes;
}

test('the FCS of the standard’s acknowledgement example [IEEE 802.15.4-2006 §7.2.1.9]', () => {
  // The example sends 0100 0000 0000 0000 0101 0110 first bit first: 02 00 6a; its FCS bits 0010 0111 1001 1110.
  const frame = hex('02006a0000');
  emitAck(frame, 0, 0, 0x6a);
  assert.equal(toHex(frame, 0, 5), '02006ae479');
  assert.equal(checkFrame(frame, 0, ACK_SIZE), 0);
});

test('the FCS by nibbles is the FCS by bits', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 127, size: 'max' }),
      (bytes) => frameFcs(bytes, 0, bytes.length) === slowFcs(bytes),
    ),
  );
  assert.equal(frameFcs(new Uint8Array(Buffer.from('123456789')), 0, 9), 0x2189, 'CRC-16/KERMIT check value');
});

test('golden data frames: short and extended addresses, compressed and not', () => {
  const frame = new Uint8Array(40);
  const short1 = hex('0001');
  const short2 = hex('beef');
  const long1 = hex('0212 4b00 0600 1122');
  const long2 = hex('0011 2233 4455 6677');
  const flags = FRAME_DATA | FRAME_ACK_REQUEST;
  let size = emitHeader(frame, 0, flags | FRAME_VERSION_2006, 7, 0xabcd, addressOf(short1), addressOf(short2));
  assert.equal(toHex(frame, 0, size), '6198' + '07' + 'cdab' + '0100' + 'efbe');
  size = emitHeader(frame, 0, flags, 8, 0xabcd, addressOf(long1), addressOf(long2));
  assert.equal(toHex(frame, 0, size), '61cc' + '08' + 'cdab' + '22110006004b1202' + '7766554433221100');
  size = emitHeader(frame, 0, FRAME_DATA, 9, 0xabcd, addressOf(hex('ffff')), { octets: long2, at: 0, size: 0 });
  assert.equal(toHex(frame, 0, size), '0108' + '09' + 'cdab' + 'ffff');
  size = emitHeader(frame, 0, FRAME_DATA, 10, 0x1234, { octets: short1, at: 0, size: 0 }, addressOf(short2));
  assert.equal(toHex(frame, 0, size), '0180' + '0a' + '3412' + 'efbe');
  emitAck(frame, 0, FRAME_PENDING, 0x55);
  assert.equal(toHex(frame, 0, 3), '120055');
});

const length = fc.constantFrom(0, 2, 8);
const pan = fc.integer({ min: 0, max: 0xffff });
const header = fc.record({
  sequence: fc.integer({ min: 0, max: 255 }),
  control: fc.constantFrom(1, 0x21, 0x31, 0x1001, 0x1021),
  dstPan: pan,
  dst: fc.uint8Array({ minLength: 8, maxLength: 8, size: 'max' }),
  dstLength: length,
  src: fc.uint8Array({ minLength: 8, maxLength: 8, size: 'max' }),
  srcLength: length,
  payload: fc.uint8Array({ maxLength: 80, size: 'max' }),
  offset: fc.integer({ min: 0, max: 5 }),
});

test('what is emitted is read back, at any offset', () => {
  fc.assert(
    fc.property(header, (h) => {
      const o = h.offset;
      const frame = new Uint8Array(140).fill(0xa5);
      const dst = { octets: h.dst, at: 0, size: h.dstLength };
      const src = { octets: h.src, at: 0, size: h.srcLength };
      const size = emitHeader(frame, o, h.control, h.sequence, h.dstPan, dst, src);
      frame.set(h.payload, o + size);
      const total = putFcs(frame, o, size + h.payload.length);
      assert.equal(total, size + h.payload.length + 2);
      const compressed = h.dstLength * h.srcLength > 0;
      assert.equal((frame[o] & FRAME_PAN_COMPRESSION) !== 0, compressed);
      const pans = (h.dstLength > 0 ? 2 : 0) + (h.srcLength > 0 && !compressed ? 2 : 0);
      assert.equal(size, 3 + pans + h.dstLength + h.srcLength);
      assert.equal(checkFrame(frame, o, total), total < ACK_SIZE ? DROP_SHORT : 0);
      assert.equal(frameHeaderLength(frame, o), size);
      assert.equal(frameDstLength(frame, o), h.dstLength);
      assert.equal(frameSrcLength(frame, o), h.srcLength);
      assert.equal(frame[o + 2], h.sequence);
      const back = new Uint8Array(8);
      if (h.dstLength > 0) {
        assert.equal(frame[o + FRAME_DST] | (frame[o + FRAME_DST + 1] << 8), h.dstPan);
        copyReversed(back, 0, frame, o + FRAME_DST + 2, h.dstLength);
        assert.deepEqual(back.subarray(0, h.dstLength), h.dst.subarray(0, h.dstLength));
      }
      if (h.srcLength > 0) {
        const at = frameSrc(frame, o);
        if (!compressed) assert.equal(frame[at - 2] | (frame[at - 1] << 8), h.dstPan);
        copyReversed(back, 0, frame, at, h.srcLength);
        assert.deepEqual(back.subarray(0, h.srcLength), h.src.subarray(0, h.srcLength));
      }
    }),
  );
});

test('every truncation and every one-bit error is dropped', () => {
  const whole = sealed('61cc08cdab22110006004b12027766554433221100' + '7a3332' + '0102030405');
  assert.equal(checkFrame(whole, 0, whole.length), 0);
  for (let n = 0; n < whole.length; n++) {
    const cut = new Uint8Array(n + 40).fill(0x5a);
    cut.set(whole.subarray(0, n), 20);
    assert.ok(checkFrame(cut, 20, n) < 0, `${n} octets`);
    if (n >= ACK_SIZE) {
      // With a right FCS only the length of the MHR decides.
      putFcs(cut, 20, n - 2);
      assert.equal(checkFrame(cut, 20, n), n < 23 ? DROP_SHORT : 0, `${n} octets, FCS right`);
    }
  }
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const bad = whole.slice();
    bad[bit >>> 3] ^= 1 << (bit & 7);
    assert.equal(checkFrame(bad, 0, bad.length), DROP_FCS, `bit ${bit}`);
  }
});

test('frames of other kinds have their drop codes', () => {
  const check = (text: string) => {
    const bytes = sealed(text);
    return checkFrame(bytes, 0, bytes.length);
  };
  assert.equal(check('0080070100efbe'), DROP_NOT_FOR_US, 'beacon');
  assert.equal(check('0388070100efbeefbe'), DROP_NOT_FOR_US, 'command');
  assert.equal(check('0988070100efbeefbeefbe'), DROP_UNSUPPORTED, 'security');
  assert.equal(check('41a8070100efbeefbe'), DROP_VERSION, 'version 2015');
  assert.equal(check('4184070100efbeefbe'), DROP_VERSION, 'reserved addressing mode');
  assert.equal(check('4180070100efbeefbe'), DROP_VERSION, 'compression without destination');
  const long = new Uint8Array(128);
  putFcs(long, 0, 126);
  assert.equal(checkFrame(long, 0, 128), DROP_TOO_LONG);
});

test('accepted garbage has all its fields inside', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 3, maxLength: 40, size: 'max' }), (bytes) => {
      const frame = new Uint8Array(bytes.length + 2);
      frame.set(bytes);
      putFcs(frame, 0, bytes.length);
      if (checkFrame(frame, 0, frame.length) < 0) return;
      assert.ok(frameHeaderLength(frame, 0) + 2 <= frame.length);
      if (frameSrcLength(frame, 0) > 0) assert.ok(frameSrc(frame, 0) + frameSrcLength(frame, 0) + 2 <= frame.length);
    }),
    { numRuns: 2000 },
  );
  const two = new Uint8Array(2);
  put16Le(two, 0, 0x1234);
  assert.deepEqual([...two], [0x34, 0x12]);
});
