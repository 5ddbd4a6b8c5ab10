// The promises of every provider: it refuses a packet with any bit changed and leaves it unchanged, wipes keys, and throws
// for arguments outside its range, with field, value and limit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import {
  ALG_AES_CBC,
  ALG_AES_CCM,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
  ALG_HMAC_SHA256,
} from '../../core/crypto/provider.ts';
import { CcmSimd, simdAvailable } from '../../targets/node/host/provider/ccm-simd.ts';
import { AEADS, aeadOf, open, PROVIDERS, seal, toHex } from './providers.ts';

const count = (length: number, from = 1): Uint8Array => Uint8Array.from({ length }, (_, n) => (from + n) & 0xff);

function flipped(octets: Uint8Array, bit: number): Uint8Array {
  const copied = octets.slice();
  copied[Math.floor(bit / 8)] ^= 1 << (bit % 8);
  return copied;
}

for (const { name, provider } of PROVIDERS) {
  for (const { alg, name: algName, keyLength, nonceLength, icvLength } of AEADS) {
    if (!provider.has(alg, keyLength)) continue;
    test(`${name}: ${algName} with ICV ${icvLength} refuses every packet with one bit changed`, () => {
      const key = count(keyLength, 3);
      for (const length of [0, 1, 16, 21, 600]) {
        // Every bit of short packets, some of a long one.
        const step = length > 100 ? 97 : 1;
        const nonce = count(nonceLength, 50);
        const aad = count(8, 90);
        const sealed = seal(provider, alg, key, nonce, aad, count(length, 7), icvLength);
        const attempt = (n: Uint8Array, a: Uint8Array, s: Uint8Array) => open(provider, alg, key, n, a, s, icvLength);
        // `open` of the helper throws when the packet does not stay as it was.
        for (let bit = 0; bit < sealed.length * 8; bit += step) {
          assert.equal(attempt(nonce, aad, flipped(sealed, bit)), null, `bit ${bit}`);
        }
        for (let bit = 0; bit < nonce.length * 8; bit++) assert.equal(attempt(flipped(nonce, bit), aad, sealed), null);
        for (let bit = 0; bit < aad.length * 8; bit++) assert.equal(attempt(nonce, flipped(aad, bit), sealed), null);
        assert.equal(attempt(nonce, aad.subarray(0, 7), sealed), null);
        assert.deepEqual(attempt(nonce, aad, sealed), count(length, 7));
      }
    });
  }
}

// All octets and words of a key, wherever they are.
function secrets(value: unknown): number[] {
  if (ArrayBuffer.isView(value)) return [...(value as Uint8Array)];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(secrets);
}

for (const { name, provider } of PROVIDERS) {
  test(`${name}: wipe leaves no octet of a key, and the key is refused afterwards`, () => {
    for (const alg of [ALG_AES_CCM, ALG_AES_GCM, ALG_CHACHA20_POLY1305, ALG_AES_CBC, ALG_HMAC_SHA256]) {
      const octets = count(alg === ALG_CHACHA20_POLY1305 ? 32 : 16);
      if (!provider.has(alg, octets.length)) continue;
      const key = provider.key(alg, octets);
      const buffer = new Uint8Array(80);
      if (alg === ALG_HMAC_SHA256) provider.mac(key, buffer, 0, 40, buffer, 40);
      // Or the address where WebAssembly has them.
      assert.ok(secrets(key).some((x) => x !== 0) || (key as { slot?: number }).slot !== 0);
      provider.wipe(key);
      assert.ok(secrets(key).every((x) => x === 0));
      // The caller's octets are its own.
      assert.deepEqual(octets, count(octets.length));
      const nonce = count(alg === ALG_AES_CCM ? 11 : 12);
      assert.throws(() => provider.seal(key, aeadOf(nonce, buffer.subarray(0, 8), 16), buffer, 0, 20), /key\.alg 0/);
      assert.throws(() => provider.open(key, aeadOf(nonce, buffer.subarray(0, 8), 16), buffer, 0, 20), /key\.alg 0/);
      assert.throws(() => provider.cbc(key, true, buffer, 0, 16, 16), /key\.alg 0/);
      assert.throws(() => provider.mac(key, buffer, 0, 8, buffer, 40), /key\.alg 0/);
      provider.wipe(key);
    }
  });

  test(`${name}: a key is independent of the octets it was made from`, () => {
    const octets = count(32);
    const key = provider.key(ALG_HMAC_SHA256, octets);
    const out = new Uint8Array(64);
    provider.mac(key, octets, 0, 0, out, 0);
    octets.fill(0);
    provider.mac(key, octets, 0, 0, out, 32);
    assert.equal(toHex(out.subarray(0, 32)), toHex(out.subarray(32)));
  });

  test(`${name}: has() and key() agree`, () => {
    for (let alg = 0; alg < 8; alg++) {
      for (const length of [0, 1, 8, 15, 16, 17, 20, 24, 32, 33, 64, 131]) {
        const make = () => provider.wipe(provider.key(alg, count(length)));
        if (provider.has(alg, length)) make();
        else assert.throws(make, /key\.(alg|length):? \d+/);
      }
    }
  });

  test(`${name}: random octets go where they belong`, () => {
    const buffer = new Uint8Array(100);
    provider.random(buffer, 10, 64);
    assert.ok(buffer.subarray(0, 10).every((x) => x === 0) && buffer.subarray(74).every((x) => x === 0));
    assert.ok(new Set(buffer.subarray(10, 74)).size > 20);
  });

  test(`${name}: arguments outside the range throw and name field, value and limit`, () => {
    const buffer = new Uint8Array(100);
    if (provider.has(ALG_AES_CCM, 16)) {
      const key = provider.key(ALG_AES_CCM, count(16));
      const run = (nonce: number, aad: number, length: number, icv: number) => () =>
        provider.seal(
          key,
          { nonce: buffer, nonceLength: nonce, aad: buffer, aadLength: aad, icvLength: icv },
          buffer,
          0,
          length,
        );
      assert.throws(run(6, 8, 20, 8), /nonceLength: 6: must be 7\.\.13/);
      assert.throws(run(14, 8, 20, 8), /nonceLength: 14: must be 7\.\.13/);
      assert.throws(run(11, 8, 20, 2), /icvLength: 2: must be 4\.\.16/);
      assert.throws(run(11, 8, 20, 18), /icvLength: 18: must be 4\.\.16/);
      assert.throws(run(11, 8, 20, 9), /icvLength modulo 2: 1: must be 0/);
      assert.throws(run(11, 65280, 20, 8), /aadLength: 65280: must be 0\.\.65279/);
      assert.throws(run(11, 8, -1, 8), /length: -1/);
      assert.throws(run(13, 8, 65536, 8), /length: 65536/);
      assert.throws(
        () => provider.open(key, aeadOf(buffer.subarray(0, 6), buffer.subarray(0, 8), 8), buffer, 0, 20),
        /nonceLength: 6/,
      );
      assert.ok(buffer.every((x) => x === 0));
    }
    const cbc = provider.key(ALG_AES_CBC, count(16));
    assert.throws(() => provider.cbc(cbc, true, buffer, 0, 16, 17), /length modulo 16: 1: must be 0/);
    if (provider.has(ALG_AES_GCM, 16)) {
      const gcm = provider.key(ALG_AES_GCM, count(16));
      assert.throws(
        () => provider.seal(gcm, aeadOf(buffer.subarray(0, 11), buffer.subarray(0, 8), 16), buffer, 0, 20),
        /nonceLength: 11/,
      );
      assert.throws(
        () => provider.seal(gcm, aeadOf(buffer.subarray(0, 12), buffer.subarray(0, 8), 8), buffer, 0, 20),
        /icvLength: 8/,
      );
      assert.throws(
        () => provider.seal(gcm, aeadOf(buffer.subarray(0, 12), buffer.subarray(0, 8), 16), buffer, 80, 20),
        /116: must be 0\.\.100/,
      );
    }
  });
}

test('a portable provider has only its parts, and no random source unless one is brought', () => {
  const provider = createPortable([aesCcm], null);
  assert.ok(provider.has(ALG_AES_CCM, 16));
  assert.ok(!provider.has(ALG_AES_CCM, 32) && !provider.has(ALG_AES_CBC, 16) && !provider.has(ALG_HMAC_SHA256, 32));
  assert.throws(() => provider.key(ALG_HMAC_SHA256, count(32)), /key\.alg 5/);
  assert.throws(() => provider.random(new Uint8Array(8), 0, 8), /random/);
});

test('10,000 keys in WebAssembly: separate, wiped, their slots used again', { skip: !simdAvailable() }, () => {
  const KEYS = 10000;
  const simd = new CcmSimd();
  const reference = PROVIDERS.find(({ name }) => name === 'node')!.provider;
  const keyOf = (n: number): Uint8Array => Uint8Array.from([n & 0xff, n >>> 8, ...count(14)]);
  const slots = Array.from({ length: KEYS }, (_, n) => simd.expand(keyOf(n)));
  assert.equal(new Set(slots).size, KEYS);
  const nonce = count(11);
  for (let n = 0; n < KEYS; n += 379) {
    const buffer = new Uint8Array(28);
    simd.seal(slots[n], aeadOf(nonce, nonce.subarray(0, 8), 8), buffer, 0, 20);
    assert.equal(
      toHex(buffer),
      toHex(seal(reference, ALG_AES_CCM, keyOf(n), nonce, nonce.subarray(0, 8), new Uint8Array(20), 8)),
    );
  }
  const used = simd.slots().length;
  assert.ok(used >= KEYS * 176);
  for (const slot of slots) simd.release(slot);
  assert.ok(simd.slots().every((octet) => octet === 0));
  const again = Array.from({ length: KEYS }, (_, n) => simd.expand(keyOf(n + 1)));
  assert.equal(new Set(again).size, KEYS);
  assert.equal(simd.slots().length, used);
});

test('keys at rest: ten in the room of one, expanded when they are used, wiped with their place', {
  skip: !simdAvailable(),
}, () => {
  const simd = new CcmSimd();
  const reference = PROVIDERS.find(({ name }) => name === 'node')!.provider;
  const keyOf = (n: number): Uint8Array => Uint8Array.from([n & 0xff, n >>> 8, ...count(14)]);
  const nonce = count(11);
  const places = Array.from({ length: 1000 }, (_, n) => simd.rest(keyOf(n)));
  assert.equal(new Set(places).size, places.length);
  // In turns with one that stays expanded.
  const other = simd.expand(keyOf(5000));
  for (const n of [0, 1, 1, 999, 0, 500]) {
    for (const [slot, key] of [
      [simd.wake(places[n]), keyOf(n)],
      [other, keyOf(5000)],
    ] as const) {
      const buffer = new Uint8Array(28);
      simd.seal(slot, aeadOf(nonce, nonce.subarray(0, 8), 8), buffer, 0, 20);
      const wanted = seal(reference, ALG_AES_CCM, key, nonce, nonce.subarray(0, 8), new Uint8Array(20), 8);
      assert.equal(toHex(buffer), toHex(wanted));
    }
  }
  const used = simd.slots().length;
  assert.ok(used < 1000 * 17 + 3 * 176, `${used} octets`);
  simd.release(other);
  // The one that is awake, too.
  for (const place of places) simd.forget(place);
  assert.ok(simd.slots().every((octet) => octet === 0));
  const again = Array.from({ length: 1000 }, (_, n) => simd.rest(keyOf(n + 1)));
  assert.equal(new Set(again).size, again.length);
  assert.equal(simd.slots().length, used);
  // A new key at the place of the one that was awake is not taken for that.
  const buffer = new Uint8Array(28);
  simd.seal(simd.wake(places[500]), aeadOf(nonce, nonce.subarray(0, 8), 8), buffer, 0, 20);
  const key = keyOf(again.indexOf(places[500]) + 1);
  assert.equal(
    toHex(buffer),
    toHex(seal(reference, ALG_AES_CCM, key, nonce, nonce.subarray(0, 8), new Uint8Array(20), 8)),
  );
});
