// The shipped code against the naive second implementation and against each other, on random input.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aesEncrypt, aesExpand } from '../../core/crypto/aes.ts';
import { aesDecrypt } from '../../core/crypto/aes-inverse.ts';
import { ALG_AES_CBC, ALG_AES_CCM, ALG_HMAC_SHA256 } from '../../core/crypto/provider.ts';
import { sha256End, sha256New, sha256Start, sha256Update } from '../../core/crypto/sha256.ts';
import { naiveAes, naiveCcmSeal, naiveH, naiveK, naiveSha256 } from './naive.ts';
import { open, PROVIDERS, seal, toHex } from './providers.ts';

const octets = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });

test('AES-128 equals the naive one, and its inverse undoes it', () => {
  fc.assert(
    fc.property(octets(16), octets(16), (key, text) => {
      const w = aesExpand(key);
      const block = new Uint8Array(20);
      aesEncrypt(w, text, block);
      assert.deepEqual([...block.subarray(0, 16)], naiveAes([...key], [...text]));
      block.copyWithin(4, 0, 16);
      aesDecrypt(w, block, 4);
      assert.deepEqual([...block.subarray(4)], [...text]);
    }),
    { numRuns: 300 },
  );
});

for (const { name, provider } of PROVIDERS) {
  if (!provider.has(ALG_AES_CCM, 16)) continue;
  test(`${name}: AES-CCM equals the naive one for every nonce and ICV length`, () => {
    const lengths = fc.record({ nonce: fc.integer({ min: 7, max: 13 }), icv: fc.integer({ min: 2, max: 8 }) });
    fc.assert(
      fc.property(lengths, octets(16), octets(13), octets(0, 70), octets(0, 70), (l, key, nonces, aad, text) => {
        const nonce = nonces.subarray(0, l.nonce);
        const icvLength = 2 * l.icv;
        const sealed = seal(provider, ALG_AES_CCM, key, nonce, aad, text, icvLength);
        assert.deepEqual([...sealed], naiveCcmSeal([...key], [...nonce], [...aad], [...text], icvLength));
        assert.deepEqual(open(provider, ALG_AES_CCM, key, nonce, aad, sealed, icvLength), text);
      }),
      { numRuns: 150 },
    );
  });
}

test('SHA-256 equals the naive one, in one piece and in several', () => {
  fc.assert(
    fc.property(octets(0, 300), fc.array(fc.integer({ min: 0, max: 130 })), (message, cuts) => {
      const s = sha256New();
      const out = new Uint8Array(32);
      let done = 0;
      sha256Start(s);
      for (const cut of [...cuts, message.length]) {
        const length = Math.min(cut, message.length - done);
        sha256Update(s, message, done, length);
        done += length;
      }
      sha256End(s, out, 0);
      assert.deepEqual([...out], naiveSha256([...message]));
    }),
  );
});

// A wrong K would show in any digest; this names the cause. The naive constants come from integer roots.
test('the constants of SHA-256 are exact', () => {
  assert.deepEqual([naiveK[0], naiveK[63], naiveH[0], naiveH[7]], [0x428a2f98, 0xc67178f2, 0x6a09e667, 0x5be0cd19]);
  const s = sha256New();
  sha256Start(s);
  assert.deepEqual(
    [...s.h].map((word) => word >>> 0),
    naiveH,
  );
});

// The others agree with node:crypto's provider wherever both have the algorithm, also where lengths switch the code.
const reference = PROVIDERS.find(({ name }) => name === 'node')!.provider;
for (const { name, provider } of PROVIDERS) {
  if (provider === reference) continue;
  test(`${name}: AES-CBC and HMAC equal node's`, () => {
    fc.assert(
      fc.property(octets(16), octets(1, 100), octets(0, 300), (key, macKey, message) => {
        const outs = [provider, reference].map((p) => {
          const buffer = new Uint8Array(32 + 16 + (message.length & ~15));
          p.mac(p.key(ALG_HMAC_SHA256, macKey), message, 0, message.length, buffer, 0);
          buffer.set(message.subarray(0, buffer.length - 48), 48);
          p.cbc(p.key(ALG_AES_CBC, key), true, buffer, 16, 48, buffer.length - 48);
          const sealed = toHex(buffer);
          p.cbc(p.key(ALG_AES_CBC, key), false, buffer, 16, 48, buffer.length - 48);
          assert.equal(toHex(buffer.subarray(48)), toHex(message.subarray(0, buffer.length - 48)));
          return sealed;
        });
        assert.equal(outs[0], outs[1]);
      }),
    );
  });

  if (!provider.has(ALG_AES_CCM, 16)) continue;
  test(`${name}: AES-CCM of longer packets and AAD equals node's`, () => {
    const key = new Uint8Array(16).fill(7);
    const nonce = new Uint8Array(11).fill(9);
    const sizes = [0, 1, 15, 16, 17, 61, 62, 63, 64, 255, 256, 511, 512, 513, 4095, 4096, 4097, 65535];
    for (const size of sizes) {
      for (const [length, aadLength] of [
        [size, 8],
        [20, Math.min(size, 65279)],
      ]) {
        const text = Uint8Array.from({ length }, (_, n) => (n * 7) & 0xff);
        const aad = Uint8Array.from({ length: aadLength }, (_, n) => (n * 11) & 0xff);
        const sealed = seal(provider, ALG_AES_CCM, key, nonce, aad, text, 8);
        assert.ok(toHex(sealed) === toHex(seal(reference, ALG_AES_CCM, key, nonce, aad, text, 8)), `${length}`);
        assert.deepEqual(open(provider, ALG_AES_CCM, key, nonce, aad, sealed, 8), text);
      }
    }
  });
}
