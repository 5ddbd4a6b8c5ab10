// Key exchange, signatures and SHA-1: the examples of the standards, and the promises of core/crypto/asymmetric.ts.

import assert from 'node:assert/strict';
import {
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  randomFillSync,
} from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Asymmetric, KE_P256, KE_X25519, type KePrivate, keSize } from '../../core/crypto/asymmetric.ts';
import type { HmacKey } from '../../core/crypto/hmac.ts';
import { createPortableKe, type PortableHalf } from '../../core/crypto/portable-asymmetric.ts';
import { ALG_HMAC_SHA256 } from '../../core/crypto/provider.ts';
import { sha1 } from '../../core/crypto/sha1.ts';
import { x25519 } from '../../core/crypto/x25519.ts';
import { createNodeAsymmetric, type NodeHalf } from '../../targets/node/host/provider/asymmetric.ts';
import { createFastProvider, type FastKey } from '../../targets/node/host/provider/fast.ts';
import { hex, PROVIDERS, toHex } from './providers.ts';

const portable = createPortableKe((buffer, offset, length) => {
  randomFillSync(buffer, offset, length);
});
const node = createNodeAsymmetric();
const IMPLEMENTATIONS: {
  name: string;
  asymmetric: Asymmetric;
  half: (method: number, octets: Uint8Array) => KePrivate;
}[] = [
  {
    name: 'portable',
    asymmetric: portable,
    half: (method, scalar): PortableHalf => ({ method, scalar: Uint8Array.from(scalar) }),
  },
  { name: 'node', asymmetric: node, half: nodeHalf },
];

function x25519Key(octets: Uint8Array): ReturnType<typeof createPrivateKey> {
  // PKCS #8 [RFC 8410 §7].
  const der = Buffer.concat([hex('302e020100300506032b656e04220420'), octets]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

function nodeHalf(method: number, octets: Uint8Array): NodeHalf {
  if (method === KE_X25519) return { method, x25519: x25519Key(octets), p256: null };
  const p256 = createECDH('prime256v1');
  p256.setPrivateKey(octets);
  return { method, x25519: null, p256 };
}

const MARK = 0xa5;

/** `keFinish` between guarded octets: the secret or null. */
function finish(asymmetric: Asymmetric, half: KePrivate, peer: Uint8Array): string | null {
  const out = new Uint8Array(40).fill(MARK);
  const from = new Uint8Array(peer.length + 7);
  from.set(peer, 3);
  const good = asymmetric.keFinish(half, from, 3, peer.length, out, 4);
  const untouched = good ? [...out.subarray(0, 4), ...out.subarray(36)] : [...out];
  assert.ok(untouched.every((octet) => octet === MARK));
  return good ? toHex(out.subarray(4, 36)) : null;
}

function scalarMult(scalar: Uint8Array, u: Uint8Array): Uint8Array {
  const out = new Uint8Array(32);
  x25519(out, 0, scalar, 0, u, 0);
  return out;
}

test('X25519, RFC 7748 §5.2', () => {
  for (const [scalar, u, result] of [
    [
      'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    ],
    [
      '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    ],
  ]) {
    assert.equal(toHex(scalarMult(hex(scalar), hex(u))), result);
  }
});

test('X25519, RFC 7748 §5.2: 1 and 1,000 iterations', () => {
  let k = new Uint8Array(32);
  k[0] = 9;
  let u = k;
  for (let n = 1; n <= 1000; n++) {
    const next = Uint8Array.from(scalarMult(k, u));
    u = k;
    k = next;
    if (n === 1) assert.equal(toHex(k), '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079');
  }
  assert.equal(toHex(k), '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
});

// [RFC 7748 §6.1]
const ALICE = {
  private: hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
  public: hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'),
};
const BOB = {
  private: hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'),
  public: hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'),
};
const SHARED = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';

test('portable: public values of RFC 7748 §6.1 from its private ones', () => {
  for (const side of [ALICE, BOB]) {
    const known = createPortableKe((buffer, offset) => buffer.set(side.private, offset));
    const out = new Uint8Array(34);
    known.keWipe(known.keStart(KE_X25519, out, 1));
    assert.equal(toHex(out), `00${toHex(side.public)}00`);
  }
});

// [RFC 5903 §8.1], coordinates after each other.
const INITIATOR = {
  private: hex('c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433'),
  public: hex(`dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180
    5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3`),
};
const RESPONDER = {
  private: hex('c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53'),
  public: hex(`d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63
    56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab`),
};

for (const { name, asymmetric, half } of IMPLEMENTATIONS) {
  test(`${name}: the secret of RFC 7748 §6.1`, () => {
    assert.equal(finish(asymmetric, half(KE_X25519, ALICE.private), BOB.public), SHARED);
    assert.equal(finish(asymmetric, half(KE_X25519, BOB.private), ALICE.public), SHARED);
  });

  for (const method of [KE_X25519, KE_P256]) {
    if (!asymmetric.hasKe(method)) {
      test(`${name}: keStart throws for method ${method}`, () => {
        assert.throws(() => asymmetric.keStart(method, new Uint8Array(64), 0), /method: 19/);
      });
      continue;
    }
    test(`${name}: two sides of method ${method} agree, with fresh keys each time`, () => {
      const seen = new Set<string>();
      for (let n = 0; n < 20; n++) {
        const values = [new Uint8Array(70).fill(MARK), new Uint8Array(70).fill(MARK)];
        const halves = values.map((value) => asymmetric.keStart(method, value, 3));
        const publics = values.map((value) => value.slice(3, 3 + keSize(method)));
        for (const value of values) {
          const around = [...value.subarray(0, 3), ...value.subarray(3 + keSize(method))];
          assert.ok(around.every((octet) => octet === MARK));
          seen.add(toHex(value));
        }
        const secret = finish(asymmetric, halves[0], publics[1]);
        assert.ok(secret !== null);
        assert.equal(secret, finish(asymmetric, halves[1], publics[0]));
        seen.add(secret);
      }
      assert.equal(seen.size, 60);
    });

    test(`${name}: method ${method} refuses other lengths, and a half that was used or wiped`, () => {
      const size = keSize(method);
      const value = new Uint8Array(size);
      const own = (): KePrivate => asymmetric.keStart(method, value, 0);
      asymmetric.keWipe(own());
      for (const length of [0, 1, size - 1, size + 1]) {
        const longer = new Uint8Array(length);
        longer.set(value.subarray(0, length));
        const started = asymmetric.keStart(method, new Uint8Array(size), 0);
        assert.equal(finish(asymmetric, started, longer), null);
        // The refused value may have been forged: the half is good for another.
        assert.equal(started.method, method);
        assert.notEqual(finish(asymmetric, started, value), null);
        assert.equal(started.method, 0);
      }
      const used = asymmetric.keStart(method, new Uint8Array(size), 0);
      assert.notEqual(finish(asymmetric, used, value), null);
      assert.equal(finish(asymmetric, used, value), null);
      const wiped = asymmetric.keStart(method, new Uint8Array(size), 0);
      asymmetric.keWipe(wiped);
      assert.equal(finish(asymmetric, wiped, value), null);
    });
  }

  test(`${name}: points of small order are refused, RFC 7748 §6.1`, () => {
    for (const u of ['00', '01', 'ecffff', 'edffff', 'eeffff']) {
      const peer = new Uint8Array(32).fill(u.length > 2 ? 0xff : 0);
      peer.set(hex(u));
      if (u.length > 2) peer[31] = 0x7f;
      assert.equal(finish(asymmetric, half(KE_X25519, ALICE.private), peer), null, u);
    }
  });
}

test('portable: a used half holds no octet of the scalar; no random source, no key', () => {
  const half = portable.keStart(KE_X25519, new Uint8Array(32), 0) as PortableHalf;
  assert.ok(half.scalar.some((octet) => octet !== 0));
  finish(portable, half, BOB.public);
  assert.ok(half.scalar.every((octet) => octet === 0));
  assert.throws(() => createPortableKe(null).keStart(KE_X25519, new Uint8Array(32), 0), /random/);
});

test('portable X25519 equals that of node:crypto, in place too', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (octets) => {
      const [scalar, u] = [octets.slice(0, 32), octets.slice(32)];
      const key = createPublicKey({
        key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(u).toString('base64url') },
        format: 'jwk',
      });
      const expected = toHex(diffieHellman({ privateKey: x25519Key(scalar), publicKey: key }));
      assert.equal(toHex(scalarMult(scalar, u)), expected);
      x25519(octets, 0, octets, 0, octets, 32);
      assert.equal(toHex(octets), expected + toHex(u));
    }),
    { numRuns: 200 },
  );
});

test('node: P-256, RFC 5903 §8.1, and points that are none', () => {
  const secret = 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de';
  for (const side of [INITIATOR, RESPONDER]) {
    assert.equal(nodeHalf(KE_P256, side.private).p256!.getPublicKey('hex'), `04${toHex(side.public)}`);
  }
  assert.equal(finish(node, nodeHalf(KE_P256, INITIATOR.private), RESPONDER.public), secret);
  assert.equal(finish(node, nodeHalf(KE_P256, RESPONDER.private), INITIATOR.public), secret);
  for (let octet = 0; octet < 64; octet++) {
    const moved = RESPONDER.public.slice();
    moved[octet] ^= 1;
    assert.equal(finish(node, nodeHalf(KE_P256, INITIATOR.private), moved), null);
  }
  assert.equal(finish(node, nodeHalf(KE_P256, INITIATOR.private), new Uint8Array(64)), null);
  assert.equal(finish(node, nodeHalf(KE_P256, INITIATOR.private), new Uint8Array(64).fill(0xff)), null);
});

// [RFC 8032 §7.1] private key, public key, message, signature: tests 1, 2, 3 and SHA(abc).
const ED25519 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    `e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b
     d25bf5f0595bbe24655141438e7a100b`,
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    `92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c
     387b2eaeb4302aeeb00d291612bb0c00`,
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    `6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659
     4a7c15e9716ed28dc027beceea1ec40a`,
  ],
  [
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    createHash('sha512').update('abc').digest('hex'),
    `dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030
     3dca179c138ac17ad9bef1177331a704`,
  ],
];

test('node: Ed25519, RFC 8032 §7.1', () => {
  assert.ok(node.hasEd25519());
  // One array for all keys: a remembered one must not be taken for its successor.
  const key = new Uint8Array(32);
  for (const [secret, publicKey, message, signature] of ED25519) {
    key.set(hex(secret));
    const buffer = hex(`ff${message}ff`);
    const length = buffer.length - 2;
    const out = new Uint8Array(70).fill(MARK);
    for (let n = 0; n < 2; n++) node.sign(key, buffer, 1, length, out, 2);
    assert.equal(toHex(out), `a5a5${signature.replaceAll(/\s/g, '')}a5a5a5a5`);
    assert.ok(node.verify(hex(publicKey), buffer, 1, length, out, 2));
    for (let octet = 2; octet < 66; octet++) {
      const moved = out.slice();
      moved[octet] ^= 4;
      assert.ok(!node.verify(hex(publicKey), buffer, 1, length, moved, 2));
    }
    assert.ok(!node.verify(hex(publicKey), buffer, 0, length + 1, out, 2));
    assert.ok(!node.verify(hex(publicKey), buffer, 1, length, out, 20));
    assert.ok(!node.verify(hex(publicKey).subarray(1), buffer, 1, length, out, 2));
  }
  assert.ok(!node.verify(hex(ED25519[0][1]), key, 0, 0, hex(ED25519[1][3]), 0));
  assert.throws(() => node.sign(new Uint8Array(31), key, 0, 1, new Uint8Array(64), 0), /privateKey\.length: 31/);
});

test('portable: no Ed25519', () => {
  assert.ok(!portable.hasEd25519());
  assert.throws(() => portable.sign(new Uint8Array(32), new Uint8Array(1), 0, 1, new Uint8Array(64), 0), /Ed25519/);
  assert.ok(!portable.verify(hex(ED25519[0][1]), new Uint8Array(1), 0, 0, hex(ED25519[0][3]), 0));
});

test('SHA-1, FIPS 180-4 examples', () => {
  for (const [text, digest] of [
    ['', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['abc', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq', '84983e441c3bd26ebaae4aa1f95129e5e54670f1'],
    ['a'.repeat(1000000), '34aa973cd4c4daa4f61eeb2bdbad27316534016f'],
  ]) {
    const octets = Uint8Array.from(Buffer.from(text));
    const out = new Uint8Array(20);
    sha1(octets, 0, octets.length, out, 0);
    assert.equal(toHex(out), digest);
  }
});

test('SHA-1 of every short length equals that of node:crypto', () => {
  for (let length = 0; length < 200; length++) {
    const octets = Uint8Array.from({ length: length + 4 }, (_, n) => (n * 29 + length) & 0xff);
    const out = new Uint8Array(22);
    sha1(octets, 2, length, out, 1);
    const digest = createHash('sha1')
      .update(octets.subarray(2, 2 + length))
      .digest('hex');
    assert.equal(toHex(out), `00${digest}00`);
  }
});

// IKE keys its PRF with Ni | Nr: up to 512 octets [RFC 7296 §2.14, §2.10], and with a pre-shared key of any length. Thrice
// each: the fast provider prepares a key for more messages at the second.
for (const { name, provider } of PROVIDERS) {
  test(`${name}: HMAC keys of 1 to 512 octets`, () => {
    for (let length = 1; length <= 512; length++) {
      const key = Uint8Array.from({ length }, (_, n) => (n * 31 + length) & 0xff);
      assert.ok(provider.has(ALG_HMAC_SHA256, length));
      const made = provider.key(ALG_HMAC_SHA256, key);
      for (let round = 0; round < 3; round++) {
        const message = key.subarray(0, (length + 50 * round) % 150);
        const out = new Uint8Array(34);
        provider.mac(made, message, 0, message.length, out, 1);
        assert.equal(toHex(out), `00${createHmac('sha256', key).update(message).digest('hex')}00`);
      }
      provider.wipe(made);
    }
  });
}

test('fast: wiping a key that saw several messages leaves nothing of it', () => {
  const provider = createFastProvider();
  const key = provider.key(ALG_HMAC_SHA256, hex('0102030405')) as FastKey;
  const buffer = new Uint8Array(64);
  for (let round = 0; round < 2; round++) provider.mac(key, buffer, 0, 32, buffer, 32);
  const prepared = key.hmac as HmacKey;
  assert.ok(prepared.inner.some((word) => word !== 0));
  provider.wipe(key);
  const left = [key.octets, prepared.inner, prepared.outer, prepared.hash.h, prepared.hash.block];
  assert.ok(left.every((array) => array.every((x: number) => x === 0)));
  assert.throws(() => provider.mac(key, buffer, 0, 32, buffer, 32), /key\.alg 0/);
});
