// Kept contexts of OpenSSL (evp.ts) against node:crypto: many keys in turns, every kind and length, with packets between them
// that must be refused; and that no context stays when its key is wiped.

import assert from 'node:assert/strict';
import { createDecipheriv, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ALG_AES_CCM, ALG_AES_GCM, ALG_CHACHA20_POLY1305, type Key } from '../../core/crypto/provider.ts';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { createSa, defaultConfig, destroySa } from '../../core/esp/sa.ts';
import { aesGcm16 } from '../../core/esp/suites.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { evpOf } from '../../targets/node/host/provider/evp.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { sensorAttributes, sensorPacket } from '../bench/pipeline.ts';
import { aeadOf } from './providers.ts';

const skip = existsSync(join(sourceRoot(), 'node_modules', 'koffi')) ? false : 'the package koffi not found';

const KINDS = [
  ...[16, 24, 32].map((size) => ({ alg: ALG_AES_GCM, size, nonces: [12], icvs: [16] })),
  ...[16, 24, 32].map((size) => ({ alg: ALG_AES_CCM, size, nonces: [7, 11, 12, 13], icvs: [4, 8, 12, 16] })),
  { alg: ALG_CHACHA20_POLY1305, size: 32, nonces: [12], icvs: [16] },
];

/** Numbers below `limit`, always the same ones. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

test('Node has an OpenSSL that is known', { skip }, () => {
  assert.notEqual(evpOf(), null);
});

test('many keys in turns: as node:crypto, and what is wrong is refused', { skip }, () => {
  const next = numbers(1);
  const octets = (length: number): Uint8Array => Uint8Array.from({ length }, () => next(256));
  const node = createNodeProvider();
  const fast = createFastProvider();
  const pairs = KINDS.flatMap((kind) => {
    return [0, 1].map(() => {
      const key = octets(kind.size);
      return { kind, keys: [node.key(kind.alg, key), fast.key(kind.alg, key)] as [Key, Key] };
    });
  });
  let refused = 0;
  for (let n = 0; n < 4000; n++) {
    const { kind, keys } = pairs[next(pairs.length)];
    const icv = kind.icvs[next(kind.icvs.length)];
    const aead = aeadOf(octets(kind.nonces[next(kind.nonces.length)]), octets([0, 8, 12, 64, 65][next(5)]), icv);
    const length = [0, 1, 16, 95, 96, 97, 128, 129, 512, 513, 1400][next(11)];
    const text = octets(length);
    const [mine, other] = [0, 1].map(() => {
      const buffer = new Uint8Array(length + icv + 6).fill(0x5a);
      buffer.set(text, 3);
      return buffer;
    });
    node.seal(keys[0], aead, other, 3, length);
    fast.seal(keys[1], aead, mine, 3, length);
    assert.deepEqual(mine, other, `sealed: alg ${kind.alg}, ${kind.size}, ${length}, ${aead.aadLength}`);
    // Half of the packets come damaged first: in the text, the ICV, the AAD or the nonce.
    if (next(2) === 0) {
      const damaged = mine.slice();
      const bad = { ...aead, aad: aead.aad.slice(), nonce: aead.nonce.slice() };
      const what = next(3);
      if (what === 0 && aead.aadLength > 0) bad.aad[next(aead.aadLength)] ^= 1 << next(8);
      else if (what === 1) bad.nonce[next(aead.nonceLength)] ^= 1 << next(8);
      else damaged[3 + next(length + icv)] ^= 1 << next(8);
      const before = damaged.slice();
      assert.equal(fast.open(keys[1], bad, damaged, 3, length), false, 'a damaged packet was taken');
      assert.deepEqual(damaged, before, 'a packet that was refused has changed');
      refused++;
    }
    assert.equal(fast.open(keys[1], aead, mine, 3, length), true, 'a good packet was refused');
    assert.deepEqual(mine.subarray(3, 3 + length), text);
  }
  assert.ok(refused > 1000);
  for (const { keys } of pairs) {
    node.wipe(keys[0]);
    fast.wipe(keys[1]);
  }
});

test('a packet that was refused leaves no error for a later call of node:crypto', { skip }, () => {
  const says = (call: () => unknown): string => {
    try {
      call();
      return 'nothing';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const certificate = (): unknown => new X509Certificate(new Uint8Array(10));
  const opened = (): unknown => {
    const cipher = createDecipheriv('aes-128-ccm', new Uint8Array(16), new Uint8Array(11), { authTagLength: 8 });
    cipher.setAuthTag(new Uint8Array(8));
    cipher.update(new Uint8Array(20));
    return cipher.final();
  };
  const before = [says(certificate), says(opened)];
  const fast = createFastProvider();
  for (const kind of KINDS) {
    const key = fast.key(kind.alg, new Uint8Array(kind.size));
    const aead = aeadOf(new Uint8Array(kind.nonces[0]), new Uint8Array(8), kind.icvs[0]);
    const buffer = new Uint8Array(256);
    assert.equal(fast.open(key, aead, buffer, 0, 200), false);
    assert.deepEqual([says(certificate), says(opened)], before, `alg ${kind.alg}`);
    fast.wipe(key);
  }
});

test('contexts go with their keys: rekeys leave none', { skip }, () => {
  const evp = evpOf()!;
  const before = evp.count();
  const fast = createFastProvider();
  const endpoint = createEndpoint(FULL_PARTS, fast);
  const attributes = sensorAttributes(0);
  const packet = sensorPacket(attributes, 28);
  const wire = new Uint8Array(512);
  for (let n = 0; n < 300; n++) {
    const config = defaultConfig(attributes, aesGcm16);
    config.key = new Uint8Array(16).fill(n & 0xff);
    config.salt = new Uint8Array(4);
    const sa = createSa(FULL_PARTS, fast, config);
    assert.ok(outbound(endpoint, sa, packet, 0, packet.length, wire, 0, 0) > 0);
    assert.equal(evp.count(), before + 1);
    destroySa(fast, sa);
    assert.equal(evp.count(), before);
  }
  // A key that was made and not used has none, and one that is wiped is no key any more.
  const key = fast.key(ALG_AES_GCM, new Uint8Array(16));
  assert.equal(evp.count(), before);
  const aead = aeadOf(new Uint8Array(12), new Uint8Array(8), 16);
  fast.seal(key, aead, wire, 0, 100);
  fast.wipe(key);
  fast.wipe(key);
  assert.equal(evp.count(), before);
  assert.throws(() => fast.seal(key, aead, wire, 0, 100), /wiped key/);
});
