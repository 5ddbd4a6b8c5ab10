// SK and SKF: each cipher on each provider, against direct use of node:crypto; damaged and short messages are refused.

import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_FRAGMENT, DROP_ICV, DROP_SHORT, DROP_TRAILER } from '../../core/base/drop.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { IKE_SIZE, type Payloads } from '../../core/ike/codec/message.ts';
import { IKE_AUTH, INFORMATIONAL, PAYLOAD_IDI, PAYLOAD_SK, PAYLOAD_SKF } from '../../core/ike/codec/numbers.ts';
import type { Content } from '../../core/ike/codec/payloads.ts';
import { ALL_IKE_CIPHERS } from '../../core/ike/crypto/all-suites.ts';
import {
  createSkKey,
  innerRoom,
  openMessage,
  type SkKey,
  sealedSize,
  sealMessage,
  wipeSkKey,
} from '../../core/ike/crypto/sk.ts';
import { hasCipher, type IkeCipher, ikeCbcHmac, ikeCcm8, ikeChaCha20, ikeGcm16 } from '../../core/ike/crypto/suites.ts';
import { aeadOf, PROVIDERS } from '../crypto/providers.ts';
import { authRequest, chain, header, hex, octetsOf, payload, payloadsOf, SPI_I } from './examples.ts';

const KEYS = Uint8Array.from({ length: 100 }, (_, i) => 0xff & (i * 7 + 3));
const ENCR_AT = 1;
const AUTH_AT = 60;
const AUTH = authRequest();
const node = PROVIDERS.find((entry) => entry.name === 'node')!.provider;

const keyOf = (provider: Provider, cipher: IkeCipher): SkKey => createSkKey(provider, cipher, KEYS, ENCR_AT, AUTH_AT);
const fresh = (): Content => ({ first: -1, at: -1, size: -1, number: -1, total: -1 });

interface Sealed {
  buffer: Uint8Array;
  at: number;
  length: number;
  p: Payloads;
}

/** What sealMessage takes of its source. */
const part = (first: number, size: number, number = 0, total = 0): Content => ({ first, at: 0, size, number, total });

/** A sealed message in the middle of a buffer; throws when octets around it were written. */
function seal(provider: Provider, k: SkKey, inner: Uint8Array, number = 0, total = 0, at = 4): Sealed {
  const size = sealedSize(k.cipher, inner.length, total !== 0);
  const buffer = new Uint8Array(at + size + 8).fill(0xc3);
  header(buffer, at, total === 0 ? IKE_AUTH : INFORMATIONAL, 8, 1);
  const length = sealMessage(
    provider,
    k,
    buffer.subarray(0, at + size),
    at,
    inner,
    part(AUTH.first, inner.length, number, total),
  );
  assert.equal(length, size);
  assert.ok([...buffer.subarray(0, at), ...buffer.subarray(at + size)].every((octet) => octet === 0xc3));
  return { buffer, at, length, p: payloadsOf(buffer, at, length) };
}

function open(provider: Provider, k: SkKey, message: Sealed): { result: number; opened: Content; text: Uint8Array } {
  const opened = fresh();
  const buffer = message.buffer.slice();
  const result = openMessage(provider, k, buffer, message.at, message.p, 0, opened);
  return { result, opened, text: buffer.slice(opened.at, opened.at + opened.size) };
}

const NAMES: Record<number, string> = { 14: 'ccm', 16: 'ccm', 20: 'gcm' };

/** The text of a sealed message, by node:crypto alone: octets at fixed places. */
function opensslText(cipher: IkeCipher, message: Uint8Array, isFragment: boolean): Uint8Array {
  const ivAt = IKE_SIZE + (isFragment ? 8 : 4);
  const textAt = ivAt + cipher.ivLength;
  const icvAt = message.length - cipher.icvLength;
  const key = KEYS.subarray(ENCR_AT, ENCR_AT + cipher.keyLength);
  if (cipher.integ !== 0) {
    const mac = createHmac('sha256', KEYS.subarray(AUTH_AT, AUTH_AT + 32))
      .update(message.subarray(0, icvAt))
      .digest();
    assert.equal(hex(message.subarray(icvAt)), hex(mac.subarray(0, 16)));
    const d = createDecipheriv(`aes-${cipher.keyBits}-cbc`, key, message.subarray(ivAt, textAt)).setAutoPadding(false);
    return Buffer.concat([d.update(message.subarray(textAt, icvAt)), d.final()]);
  }
  const salt = KEYS.subarray(ENCR_AT + cipher.keyLength, ENCR_AT + cipher.keyLength + cipher.saltLength);
  const nonce = Buffer.concat([salt, message.subarray(ivAt, textAt)]);
  const name = cipher.encr === 28 ? 'chacha20-poly1305' : `aes-${cipher.keyBits}-${NAMES[cipher.encr]}`;
  const d = createDecipheriv(name as 'aes-128-ccm', key, nonce, { authTagLength: cipher.icvLength });
  d.setAuthTag(message.subarray(icvAt));
  d.setAAD(message.subarray(0, ivAt), { plaintextLength: icvAt - textAt });
  const text = d.update(message.subarray(textAt, icvAt));
  d.final();
  return text;
}

test('the ciphers, and who has them', () => {
  const lacking = PROVIDERS.flatMap(({ name, provider }) =>
    ALL_IKE_CIPHERS.filter((cipher) => !hasCipher(provider, cipher)).map((cipher) => name + ' ' + cipher.name),
  );
  assert.equal(ALL_IKE_CIPHERS.length, 8);
  assert.equal(new Set(ALL_IKE_CIPHERS.map((cipher) => cipher.name)).size, 8);
  assert.deepEqual(
    lacking.filter((line) => /^(node|fast) /.test(line)),
    [],
  );
  const none = { ...node, has: (alg: number, length: number) => length !== 32 && node.has(alg, length) };
  assert.equal(hasCipher(none, ikeCbcHmac), false);
  assert.equal(hasCipher(none, ikeGcm16), true);
});

for (const { name, provider } of PROVIDERS) {
  for (const cipher of ALL_IKE_CIPHERS.filter((entry) => hasCipher(provider, entry))) {
    test(`${name} ${cipher.name}: what is sealed is opened, here and by OpenSSL`, () => {
      const k = keyOf(provider, cipher);
      for (const size of [0, 1, 14, 15, 16, 17, 160, 1200]) {
        const inner = Uint8Array.from({ length: size }, (_, i) => i & 0xff);
        for (const [number, total] of [
          [0, 0],
          [1, 3],
          [3, 3],
        ]) {
          const message = seal(provider, k, inner, number, total);
          assert.equal(message.p.type[0], total === 0 ? PAYLOAD_SK : PAYLOAD_SKF);
          const { result, opened, text } = open(provider, keyOf(provider, cipher), message);
          assert.equal(result, 0);
          assert.deepEqual({ ...opened, at: 0 }, { first: number > 1 ? 0 : AUTH.first, at: 0, size, number, total });
          assert.equal(hex(text), hex(inner));
          const octets = message.buffer.slice(message.at, message.at + message.length);
          const clear = opensslText(cipher, octets, total !== 0);
          const padding = clear.length - size - 1;
          assert.equal(hex(clear), hex(inner) + '00'.repeat(padding) + padding.toString(16).padStart(2, '0'));
          assert.ok(padding < cipher.blockSize);
        }
      }
    });

    test(`${name} ${cipher.name}: every flipped bit is refused, and the buffer stays`, () => {
      const k = keyOf(provider, cipher);
      const message = seal(provider, k, AUTH.octets.subarray(0, 33), 2, 4);
      for (let bit = 0; bit < message.length * 8; bit++) {
        const buffer = message.buffer.slice();
        buffer[message.at + (bit >>> 3)] ^= 0x80 >>> (bit & 7);
        const before = hex(buffer);
        const opened = fresh();
        assert.equal(openMessage(provider, k, buffer, message.at, message.p, 0, opened), DROP_ICV, 'bit ' + bit);
        assert.deepEqual(opened, fresh());
        assert.equal(hex(buffer), before, 'bit ' + bit);
      }
      assert.equal(open(provider, k, message).result, 0);
    });

    test(`${name} ${cipher.name}: no length throws, and none but the right one is taken`, () => {
      const k = keyOf(provider, cipher);
      for (const total of [0, 4]) {
        const message = seal(provider, k, AUTH.octets.subarray(0, 33), total && 2, total);
        const whole = message.p.size[0];
        for (let size = total === 0 ? 0 : 4; size < whole; size++) {
          message.p.size[0] = size;
          const { result, opened } = open(provider, k, message);
          assert.ok(result === DROP_SHORT || result === DROP_ICV, size + ': ' + result);
          assert.deepEqual(opened, fresh());
        }
        message.p.size[0] = whole;
        assert.equal(open(provider, k, message).result, 0);
      }
    });
  }
}

test('IKE_AUTH request of the example: 217 octets', () => {
  const message = seal(node, keyOf(node, ikeGcm16), AUTH.octets, 0, 0, 0);
  assert.equal(message.length, 217);
  assert.equal(hex(message.buffer.subarray(16, 32)), '2e202308' + '00000001' + '000000d9' + '230000bd');
  const opened = fresh();
  assert.equal(openMessage(node, keyOf(node, ikeGcm16), message.buffer, 0, message.p, 0, opened), 0);
  const inner = message.buffer.slice(opened.at, opened.at + opened.size);
  assert.equal(opened.first, PAYLOAD_IDI);
  assert.equal(hex(inner), hex(AUTH.octets));
});

test('AES-GCM, octet for octet with the keys of the example', () => {
  const octets = octetsOf('bd7633e6e3c35af266e3754bdc3474f8254aa450');
  const k = createSkKey(node, ikeGcm16, octets, 0, 0);
  const text = Uint8Array.of(1, 2, 3, 4);
  const expected = (counter: number): string => {
    const iv = Buffer.alloc(8);
    iv.writeUInt32BE(counter, 4);
    const c = createCipheriv('aes-128-gcm', octets.subarray(0, 16), Buffer.concat([octets.subarray(16), iv]));
    const size = 28 + 4 + 8 + 5 + 16;
    const aad = Buffer.alloc(32);
    header(aad, 0, IKE_AUTH, 8, 1);
    aad[16] = 46;
    aad.writeUInt32BE(size, 24);
    aad.set([35, 0, 0, size - 28], 28);
    c.setAAD(aad);
    return hex(Buffer.concat([aad, iv, c.update(text), c.update(Uint8Array.of(0)), c.final(), c.getAuthTag()]));
  };
  for (let counter = 0; counter < 3; counter++) {
    const dst = new Uint8Array(61);
    header(dst, 0, IKE_AUTH, 8, 1);
    assert.equal(sealMessage(node, k, dst, 0, text, { first: PAYLOAD_IDI, at: 0, size: 4, number: 0, total: 0 }), 61);
    assert.equal(hex(dst), expected(counter));
  }
});

test('IVs: an AEAD counts, and stops; CBC draws them', () => {
  const seen = new Set<string>();
  for (const cipher of [ikeCcm8, ikeCbcHmac]) {
    const k = keyOf(node, cipher);
    for (let i = 0; i < 50; i++) seen.add(hex(seal(node, k, AUTH.octets, 0, 0, 0).buffer.subarray(32, 40)));
  }
  assert.equal(seen.size, 100);
  const k = keyOf(node, ikeCcm8);
  k.counter = 0xfffffff;
  seal(node, k, AUTH.octets);
  assert.equal(
    sealMessage(node, k, new Uint8Array(500), 0, AUTH.octets, { first: 35, at: 0, size: 160, number: 0, total: 0 }),
    -1,
  );
});

test('room: exactly enough, and one less', () => {
  for (const cipher of ALL_IKE_CIPHERS) {
    for (const isFragment of [false, true]) {
      for (let size = 60; size < 200; size++) {
        const inner = innerRoom(cipher, size, isFragment);
        if (inner >= 0) assert.ok(sealedSize(cipher, inner, isFragment) <= size);
        assert.ok(sealedSize(cipher, Math.max(0, inner + 1), isFragment) > size || inner < -1);
      }
    }
    const k = keyOf(node, cipher);
    const size = sealedSize(cipher, 100, false);
    assert.equal(sealMessage(node, k, new Uint8Array(size + 2), 3, KEYS, part(35, 100)), -1);
    assert.equal(sealMessage(node, k, new Uint8Array(size + 3), 3, KEYS, part(35, 100)), size);
    assert.equal(sealMessage(node, k, new Uint8Array(80000), 0, new Uint8Array(65535), part(35, 65535)), -1);
  }
  assert.equal(innerRoom(ikeChaCha20, 20, false), -37);
});

test("the payloads may lie in the message's own buffer", () => {
  const k = keyOf(node, ikeCbcHmac);
  for (const from of [28, 30, 52, 100]) {
    const dst = new Uint8Array(400);
    dst.set(AUTH.octets, from);
    const text = dst.slice(from, from + 160);
    const length = sealMessage(node, k, dst, 0, dst, { first: AUTH.first, at: from, size: 160, number: 0, total: 0 });
    const opened = fresh();
    assert.equal(openMessage(node, k, dst, 0, payloadsOf(dst, 0, length), 0, opened), 0);
    assert.equal(hex(dst.subarray(opened.at, opened.at + opened.size)), hex(text), 'from ' + from);
  }
});

/** A message with a right ICV around any text, padding and fragment numbers included. */
function forged(cipher: IkeCipher, text: number[], fragment: number[]): Sealed {
  const inner = Uint8Array.from(text.slice(0, -1));
  const own: Provider = {
    ...node,
    // What is sealed is changed on its way into the cipher.
    seal: (key, aead, buffer, offset, length) => {
      buffer.set(text, offset);
      aead.aad.set(fragment, 32);
      buffer.set(fragment, IKE_SIZE + 4);
      node.seal(key, aead, buffer, offset, length);
    },
  };
  return seal(own, keyOf(node, cipher), inner, 1, fragment.length === 0 ? 0 : 1, 0);
}

test('authentic, and wrong: Pad Length past the text, fragment numbers that cannot be', () => {
  for (const cipher of [ikeGcm16, ikeCcm8]) {
    const k = keyOf(node, cipher);
    assert.equal(open(node, k, forged(cipher, [7, 7, 7, 3], [])).result, 0);
    assert.equal(open(node, k, forged(cipher, [7, 7, 7, 3], [])).opened.size, 0);
    assert.equal(open(node, k, forged(cipher, [7, 7, 7, 4], [])).result, DROP_TRAILER);
    assert.equal(open(node, k, forged(cipher, [255], [])).result, DROP_TRAILER);
    assert.equal(open(node, k, forged(cipher, [1, 0], [0, 2, 0, 2])).result, 0);
    for (const fragment of [
      [0, 0, 0, 0],
      [0, 0, 0, 2],
      [0, 3, 0, 2],
      [0, 1, 0, 0],
    ]) {
      assert.equal(open(node, k, forged(cipher, [1, 0], fragment)).result, DROP_FRAGMENT, String(fragment));
    }
  }
});

/** An authentic message whose cipher text has any length: what is sealed is not what a writer would seal. */
function ofLength(cipher: IkeCipher, length: number): Sealed {
  const ivAt = IKE_SIZE + 4;
  const icvAt = ivAt + cipher.ivLength + length;
  const buffer = new Uint8Array(icvAt + cipher.icvLength);
  header(buffer, 0, IKE_AUTH, 8, 1);
  buffer[16] = PAYLOAD_SK;
  buffer[27] = buffer.length;
  buffer.set([0, 0, 0, buffer.length - IKE_SIZE], IKE_SIZE);
  const k = keyOf(node, cipher);
  if (cipher.integ === 0) {
    const nonce = Buffer.alloc(cipher.saltLength + 8);
    nonce.writeUInt32BE(k.salt);
    node.seal(k.key, aeadOf(nonce, buffer.slice(0, ivAt), cipher.icvLength), buffer, ivAt + 8, length);
  } else {
    const mac = new Uint8Array(32);
    node.mac(k.authKey, buffer, 0, icvAt, mac, 0);
    buffer.set(mac.subarray(0, 16), icvAt);
  }
  return { buffer, at: 0, length: buffer.length, p: payloadsOf(buffer, 0, buffer.length) };
}

test('authentic, and wrong: no text at all, and no whole blocks', () => {
  for (const cipher of [ikeGcm16, ikeCcm8, ikeChaCha20]) {
    assert.equal(open(node, keyOf(node, cipher), ofLength(cipher, 0)).result, DROP_SHORT);
    assert.equal(open(node, keyOf(node, cipher), ofLength(cipher, 1)).result, 0);
  }
  for (const length of [0, 1, 15, 17, 31]) {
    assert.equal(open(node, keyOf(node, ikeCbcHmac), ofLength(ikeCbcHmac, length)).result, DROP_SHORT);
  }
  assert.notEqual(open(node, keyOf(node, ikeCbcHmac), ofLength(ikeCbcHmac, 16)).result, DROP_SHORT);
});

/** A message with a Vendor ID payload of `size` octets in clear text before its SK payload. */
function behindClear(size: number): Sealed {
  const clear = chain((w) => payload(w, 43, [], new Uint8Array(size)));
  clear.octets[0] = PAYLOAD_SK;
  const ivAt = IKE_SIZE + clear.octets.length + 4;
  const buffer = new Uint8Array(ivAt + 8 + 5 + 16);
  header(buffer, 0, IKE_AUTH, 8, 1);
  buffer[16] = clear.first;
  new DataView(buffer.buffer).setUint32(24, buffer.length);
  buffer.set(clear.octets, IKE_SIZE);
  buffer.set([35, 0, 0, 4 + 8 + 5 + 16], ivAt - 4);
  buffer.set([9, 8, 7, 6, 0], ivAt + 8);
  const nonce = Buffer.concat([KEYS.subarray(ENCR_AT + 16, ENCR_AT + 20), new Uint8Array(8)]);
  const key = node.key(ikeGcm16.alg, KEYS.slice(ENCR_AT, ENCR_AT + 16));
  node.seal(key, aeadOf(nonce, buffer.slice(0, ivAt), 16), buffer, ivAt + 8, 5);
  const p = payloadsOf(buffer, 0, buffer.length);
  return { buffer, at: 0, length: buffer.length, p };
}

test('payloads in clear text before SK belong to what is authenticated; too many octets of them are dropped', () => {
  const k = keyOf(node, ikeGcm16);
  for (const [size, result] of [
    [0, 0],
    [10, 0],
    [220, 0],
    [221, DROP_SHORT],
  ]) {
    const message = behindClear(size);
    const opened = fresh();
    assert.equal(openMessage(node, k, message.buffer, 0, message.p, 1, opened), result);
    if (result !== 0) continue;
    assert.deepEqual([opened.first, opened.size, message.buffer[opened.at]], [35, 4, 9]);
    const other = behindClear(size);
    other.buffer[30] ^= 1;
    assert.equal(openMessage(node, k, other.buffer, 0, other.p, 1, fresh()), DROP_ICV);
  }
});

test('any payloads, keys and places', () => {
  const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
  fc.assert(
    fc.property(
      fc.constantFrom(...ALL_IKE_CIPHERS),
      octets(100, 100),
      octets(0, 300),
      fc.nat(40),
      fc.nat(8),
      (cipher, keys, inner, at, total) => {
        const k = createSkKey(node, cipher, keys, 0, 50);
        k.counter = at * 1000;
        const message = seal(node, k, inner, total, total, at);
        const { result, opened, text } = open(node, createSkKey(node, cipher, keys, 0, 50), message);
        assert.deepEqual([result, opened.number, opened.total], [0, total, total]);
        assert.equal(hex(text), hex(inner));
        keys[at % 16] ^= 1;
        const other = open(node, createSkKey(node, cipher, keys, 0, 50), message);
        // CBC takes SK_e only after SK_a has verified.
        assert.equal(other.result === 0 && hex(other.text) === hex(inner), false);
      },
    ),
  );
});

test('wiped keys do not work', () => {
  for (const { provider } of PROVIDERS) {
    for (const cipher of [ikeCcm8, ikeCbcHmac].filter((entry) => hasCipher(provider, entry))) {
      const k = keyOf(provider, cipher);
      const message = seal(provider, k, SPI_I);
      wipeSkKey(provider, k);
      assert.equal(k.salt, 0);
      assert.throws(() => open(provider, k, message));
    }
  }
});
