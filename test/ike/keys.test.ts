// Keys of IKE against vectors made with another program, published ones, and a second computation.

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { join } from '../../core/ike/codec/octets.ts';
import { createKeyExchange } from '../../core/ike/crypto/key-exchange.ts';
import { initialSeed, keymat, mixPpk, prf, prfPlus, rekeySeed, resumptionSeed } from '../../core/ike/crypto/keys.ts';
import { type IkeCipher, ikeCbcHmac, ikeCbcHmacX256, ikeGcm16 } from '../../core/ike/crypto/suites.ts';
import { natHash } from '../../core/ike/exchange/addresses.ts';
import { deriveSk } from '../../core/ike/exchange/keying.ts';
import { createIkeSa } from '../../core/ike/exchange/registry.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { createSetup } from '../../core/ike/state/setup.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { hex, octetsOf, SPI_I, SPI_R } from './examples.ts';
import * as naive from './observer.ts';
import { createWorld, path, policy } from './pair.ts';

const provider = createNodeProvider();
const count = (from: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => from + i);
const NI = count(0);
const NR = count(0x20);
const SECRET = new Uint8Array(32).fill(0xaa);
const PPK = new Uint8Array(32).fill(0xcc);
const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

function endpoint(): Ike {
  return createWorld(policy('gateway', 'device', 2, 1)).device.ike;
}

/** An IKE SA with the vectors' SPIs and nonces; its keys as the key log has them: SK_ei, SK_er, SK_ai, SK_ar. */
function derived(cipher: IkeCipher, seed: Uint8Array): { sa: IkeSa; log: Uint8Array } {
  const ike = endpoint();
  let log: Uint8Array = new Uint8Array(0);
  ike.keylog = true;
  ike.upper.keys = (_sa, octets) => {
    log = Uint8Array.from(octets);
  };
  const sa = createIkeSa(ike, policy('device', 'gateway', 1, 2), path(), true, 0);
  sa.spis.set(SPI_I, 0);
  sa.spis.set(SPI_R, 8);
  sa.cipher = cipher;
  sa.setup = createSetup();
  deriveSk(ike, sa, join([NI, NR]), seed, sa.setup);
  return { sa, log };
}

function seedOfInit(): Uint8Array {
  const x = createKeyExchange();
  x.nonceI = NI;
  x.nonceR = NR;
  x.secret = SECRET;
  return initialSeed(provider, x);
}

test('SKEYSEED and SK_*', () => {
  const seed = seedOfInit();
  assert.equal(hex(seed), 'e5e25bf1d8a1d28d8abdd6576e23b6e0d4cf5474849df97169ba32c7c9859121');
  const { sa, log } = derived(ikeGcm16, seed);
  assert.equal(hex(sa.skD), '6f34353460d10aa36e430ec3027673b0885ab8c2958840c020786ca612787bd5');
  assert.equal(hex(log), 'bd7633e6e3c35af266e3754bdc3474f8254aa450' + 'ed2c34496ded58b8e22b5953f198f85a6fd4ef95');
  assert.equal(hex(sa.setup!.skPi), '5774d688c17b466f53699d5134c751e616ca8fa019a978360c43d5e261c65199');
  assert.equal(hex(sa.setup!.skPr), 'f6fe62a2b94e2a8afb3527fbdcbbb71c2b27facb77ef85f7618df338ed9e4f0b');
  assert.ok(
    seed.every((octet) => octet === 0),
    'SKEYSEED is wiped',
  );
  const octets = keymat(provider, sa.skD, new Uint8Array(0), join([NI, NR]), 40);
  assert.equal(hex(octets), 'b7a08794d901a9b01c5e8692200e281fe82411ab300bef449352212307b0234718190e3522d2f332');
});

test('SK_* with an integrity algorithm', () => {
  for (const cipher of [ikeCbcHmac, ikeCbcHmacX256]) {
    const seed = seedOfInit();
    const octets = naive.prfPlus(seed, join([NI, NR, SPI_I, SPI_R]), 3 * 32 + 64 + 2 * cipher.keyLength);
    const { sa, log } = derived(cipher, seed);
    assert.equal(hex(sa.skD), octets.toString('hex', 0, 32));
    assert.equal(hex(log), octets.toString('hex', 96, 96 + 2 * cipher.keyLength) + octets.toString('hex', 32, 96));
    assert.equal(hex(sa.setup!.skPi), octets.toString('hex', 96 + 2 * cipher.keyLength, 128 + 2 * cipher.keyLength));
    assert.equal(hex(sa.setup!.skPr), octets.toString('hex', 128 + 2 * cipher.keyLength));
  }
});

test('PPK, resumption, rekey and key pad', () => {
  const skD = octetsOf('6f34353460d10aa36e430ec3027673b0885ab8c2958840c020786ca612787bd5');
  const second = rekeySeed(provider, skD, new Uint8Array(32).fill(0xbb), join([NI, NR]));
  assert.equal(hex(second), 'e7bec8ac599ab2fe7b56ba12a682a04a5c190d6997e5533f8ff5fc5c0652995a');
  assert.equal(
    hex(resumptionSeed(provider, skD, join([NI, NR]))),
    '4f436753933701d453defec048ef8571cf7271d08e0ccb77d59a3448064a103f',
  );
  mixPpk(provider, PPK, skD);
  assert.equal(hex(skD), 'bd8f91dec551165df30136577552798f71208b06a497237b75a88e3c7dfc5ba9');
  assert.equal(
    hex(prf(provider, ascii('secret'), ascii('Key Pad for IKEv2'))),
    '5fd8819cd79c7d1470058863cddc51ba31b4b8c876e6a7a803c3c95aaf71c10d',
  );
});

test('the hash of NAT detection', () => {
  const sa = derived(ikeGcm16, seedOfInit()).sa;
  const address = Uint8Array.of(192, 0, 2, 1);
  assert.equal(hex(natHash(sa, true, address, 4500)), '70433ceb72d8683e19437d7cbaca3f3fc2eb8e6f');
  const response = createHash('sha1')
    .update(join([SPI_I, SPI_R, address, Uint8Array.of(1, 0xf4)]))
    .digest('hex');
  assert.equal(hex(natHash(sa, false, address, 500)), response);
});

test('prf is HMAC-SHA-256, with keys longer than its block too [RFC 4231]', () => {
  assert.equal(
    hex(prf(provider, ascii('Jefe'), ascii('what do ya want for nothing?'))),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
  const long = new Uint8Array(131).fill(0xaa);
  assert.equal(
    hex(prf(provider, long, ascii('Test Using Larger Than Block-Size Key - Hash Key First'))),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  );
});

test('prf+ of every length, and with the longest nonces', () => {
  const key = count(7);
  for (const seedSize of [0, 1, 48, 528, 32 + 512]) {
    const seed = Uint8Array.from({ length: seedSize }, (_, i) => (i * 13) & 0xff);
    for (const length of [0, 1, 31, 32, 33, 64, 224, 300, 8160]) {
      const out = new Uint8Array(length);
      prfPlus(provider, key, seed, out, length);
      let t = Buffer.alloc(0);
      let all = Buffer.alloc(0);
      for (let n = 1; all.length < length; n++) {
        t = createHmac('sha256', key).update(t).update(seed).update(Buffer.of(n)).digest();
        all = Buffer.concat([all, t]);
      }
      assert.equal(hex(out), all.toString('hex', 0, length), seedSize + ' ' + length);
    }
  }
});
