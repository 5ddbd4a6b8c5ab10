// ML-KEM [FIPS 203] of the Node provider: known answers, both implementations against each other, and what is refused.
//
// The known answers are those of Go's crypto/mlkem (TestAccumulated, 100 rounds) for ML-KEM-768, and for the other two sets what
// CIRCL, PQClean and kyber-py agree on: a SHAKE-128 stream with empty input gives seeds, messages and random ciphertexts; encapsulation
// key, ciphertext, secret and implicit rejection go into a second SHAKE-128.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import {
  KE_ANSWERS,
  KE_ML_KEM_512,
  KE_ML_KEM_768,
  KE_ML_KEM_1024,
  KE_OPENS,
  KE_OPENS_LASTING,
  type KeOwn,
  type KePrivate,
} from '../../core/crypto/asymmetric.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import { type MlKem, mlKemOf, nativeMlKem, nobleMlKem } from '../../targets/node/host/provider/ml-kem.ts';

const ROUNDS = 100;
const SETS = [
  {
    method: KE_ML_KEM_512,
    noble: ml_kem512,
    digest: '86b1b4703b8ffef6f7f3290c6dbce4ad954498a0673ded401a94828e8c519a59',
  },
  {
    method: KE_ML_KEM_768,
    noble: ml_kem768,
    digest: '1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415',
  },
  {
    method: KE_ML_KEM_1024,
    noble: ml_kem1024,
    digest: '800018fec3e2723f73f1d657fe239b4d5d8782efaade297e8cd448e54cc2ac00',
  },
];
const asymmetric = createNodeAsymmetric();

for (const { method, noble, digest } of SETS) {
  const { keySize, cipherSize } = nobleMlKem(method);
  const kems: [string, MlKem | null][] = [
    ['noble', nobleMlKem(method)],
    ['node:crypto', nativeMlKem(method)],
  ];

  for (const [name, kem] of kems) {
    const skip = kem === null ? 'this Node has no ML-KEM' : false;

    test(`${name} ${method}: ${ROUNDS} known answers`, { skip }, () => {
      const size = 96 + cipherSize;
      const stream = createHash('shake128', { outputLength: ROUNDS * size }).digest();
      const all = createHash('shake128', { outputLength: 32 });
      for (let at = 0; at < stream.length; at += size) {
        const seed = stream.subarray(at, at + 64);
        // Only noble lets a test choose the message; both decapsulate what comes of it.
        const { publicKey } = noble.keygen(seed);
        const { cipherText, sharedSecret } = noble.encapsulate(publicKey, stream.subarray(at + 64, at + 96));
        assert.deepEqual(Buffer.from(kem!.decapsulate(seed, cipherText)!), Buffer.from(sharedSecret));
        all.update(publicKey).update(cipherText).update(sharedSecret);
        all.update(kem!.decapsulate(seed, stream.subarray(at + 96, at + size))!);
      }
      assert.equal(all.digest('hex'), digest);
    });

    test(`${name} ${method}: pairs, and what is no key and no ciphertext`, { skip }, () => {
      const { key, seed } = kem!.make();
      assert.deepEqual([key.length, seed.length, kem!.keySize, kem!.cipherSize], [keySize, 64, keySize, cipherSize]);
      assert.notDeepEqual(kem!.make().seed, seed);
      const made = kem!.encapsulate(key)!;
      assert.deepEqual([made.cipher.length, made.secret.length], [cipherSize, 32]);
      assert.deepEqual(Buffer.from(kem!.decapsulate(seed, made.cipher)!), Buffer.from(made.secret));
      // One implementation takes what the other makes.
      const other = nobleMlKem(method);
      assert.deepEqual(Buffer.from(other.decapsulate(seed, made.cipher)!), Buffer.from(made.secret));
      const back = other.encapsulate(key)!;
      assert.deepEqual(Buffer.from(kem!.decapsulate(seed, back.cipher)!), Buffer.from(back.secret));
      const forged = Uint8Array.from(made.cipher);
      forged[0] ^= 1;
      assert.notDeepEqual(Buffer.from(kem!.decapsulate(seed, forged)!), Buffer.from(made.secret));
      for (const size of [0, 1, 32, keySize - 1, keySize + 1, 2000]) {
        assert.equal(kem!.encapsulate(new Uint8Array(size)), null, `key of ${size}`);
      }
      for (const size of [0, 1, 32, cipherSize - 1, cipherSize + 1]) {
        assert.equal(kem!.decapsulate(seed, new Uint8Array(size)), null, `ciphertext of ${size}`);
      }
      // The modulus check [FIPS 203 §7.2]: coefficients of 12 bits are below 3329, at each place.
      for (const at of [0, 3, keySize - 35]) {
        for (const [value, fits] of [
          [3328, true],
          [3329, false],
          [4095, false],
        ] as const) {
          const changed = Uint8Array.from(key);
          changed[at] = value & 0xff;
          changed[at + 1] = (changed[at + 1] & 0xf0) | (value >>> 8);
          assert.equal(kem!.encapsulate(changed) !== null, fits, `${value} at ${at}`);
        }
      }
    });
  }

  test(`${method}: as a key exchange, and a half that outlives its process`, () => {
    assert.ok(asymmetric.hasKe(method) && mlKemOf(method)!.keySize === keySize);
    for (const use of [KE_OPENS, KE_OPENS_LASTING] as const) {
      const [own, theirs]: KeOwn[] = [{ own: new Uint8Array(0) }, { own: new Uint8Array(0) }];
      const opens = asymmetric.keStart(method, new Uint8Array(0), 0, use, own);
      const answers = asymmetric.keStart(method, new Uint8Array(0), 0, KE_ANSWERS, theirs);
      assert.deepEqual([own.own.length, theirs.own.length], [keySize, 0]);
      const secrets = [new Uint8Array(40), new Uint8Array(40)];
      const finish = (half: KePrivate, peer: Uint8Array, out: Uint8Array): boolean => {
        const around = Buffer.concat([Buffer.alloc(3), peer, Buffer.alloc(3)]);
        return asymmetric.keFinish(half, around, 3, peer.length, out, 4);
      };
      // The first may be forged: the half is still good.
      assert.equal(finish(answers, own.own.subarray(1), secrets[1]), false);
      assert.equal(finish(answers, new Uint8Array(keySize).fill(255), secrets[1]), false);
      assert.equal(theirs.own.length, 0);
      assert.equal(finish(answers, own.own, secrets[1]), true);
      assert.equal(theirs.own.length, cipherSize);
      assert.equal(finish(opens, theirs.own.subarray(1), secrets[0]), false);
      const half = use === KE_OPENS ? opens : asymmetric.keRestore!(method, Uint8Array.from(opens.octets!));
      assert.equal(finish(half, theirs.own, secrets[0]), true);
      assert.deepEqual(secrets[0], secrets[1]);
      assert.deepEqual([...secrets[0].subarray(0, 4), ...secrets[0].subarray(36)], new Array(8).fill(0));
      assert.equal(finish(half, theirs.own, secrets[0]), false, 'once');
      const wiped = asymmetric.keStart(method, new Uint8Array(0), 0, use, { own: new Uint8Array(0) });
      asymmetric.keWipe(wiped);
      assert.ok(wiped.octets!.every((octet) => octet === 0));
      assert.equal(finish(wiped, theirs.own, secrets[0]), false);
    }
  });
}

test('X25519 does not take a value of another length, whatever the message says', () => {
  const half = asymmetric.keStart(31, new Uint8Array(32), 0);
  assert.equal(asymmetric.keFinish(half, new Uint8Array(64).fill(9), 0, 64, new Uint8Array(32), 0), false);
});
