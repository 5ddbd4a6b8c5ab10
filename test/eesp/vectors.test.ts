// EESP packets of the naive side against the core, in both directions; and the key derivation of Sub SAs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALG_HMAC_SHA256 } from '../../core/crypto/provider.ts';
import { hkdfSha256 } from '../../core/eesp/sskdf.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import { endpointOf, type Kind, LEFT, provider, RIGHT, receive, saOf, send } from './kit.ts';
import { makeVectors, type Vector } from './make-vectors.ts';
import { subKeys } from './naive.ts';

const hex = (octets: Uint8Array | string): string =>
  typeof octets === 'string' ? octets : Buffer.from(octets).toString('hex');
const octetsOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const vectors = JSON.parse(readFileSync(new URL('../vectors/eesp.json', import.meta.url), 'utf8')) as Vector[];

test('the vectors are what the naive side makes', () => {
  assert.deepEqual(vectors, JSON.parse(JSON.stringify(makeVectors())));
  assert.equal(vectors.length, 10 * 4 * 3 + 6 * 4);
});

/** The SA before the packet of a vector. */
function kindOf(v: Vector): Kind {
  const hasSn = v.sn !== '';
  const before = hasSn ? BigInt(v.sn) - 1n : 0n;
  const root = v.root === '' ? { keys: octetsOf(v.keys) } : {};
  return {
    suite: v.suite,
    version: v.version,
    tunnel: v.mode === 'tunnel',
    ...root,
    eesp: { hasSn, session: v.session, keyLength: v.keyOctets },
    change: { snHi: Number(before >> 32n), snLo: Number(before & 0xffffffffn) },
  };
}

test('every vector: sent as it is written, and taken', () => {
  for (const v of vectors) {
    const kind = kindOf(v);
    const inner = octetsOf(v.inner);
    assert.equal(hex(send(endpointOf(), saOf(kind), inner)), v.wire, v.name);
    const receiver = saOf(kind);
    const e = endpointOf(receiver);
    const ends: [Uint8Array, Uint8Array] =
      v.mode === 'tunnel'
        ? [LEFT, RIGHT]
        : v.version === 6
          ? [inner.slice(8, 24), inner.slice(24, 40)]
          : [inner.slice(12, 16), inner.slice(16, 20)];
    const back = receive(e, octetsOf(v.wire), ...ends);
    // In transport mode the outer header is the inner one, but for what the way changed.
    const from = v.mode === 'tunnel' ? 0 : v.version === 6 ? 40 : 20;
    assert.equal(hex(back).slice(2 * from), v.inner.slice(2 * from), v.name);
    assert.equal(hex(receive(e, octetsOf(v.wire), ...ends)), v.sn === '' ? hex(back) : 'replay', v.name);
  }
});

test('SSKDF_HKDF_SHA2_256: the known answer, every length and Session ID, on both providers', () => {
  const root = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
  assert.equal(subKeys(root, 3, 20).toString('hex'), '4738d113cd2ec25b5b4ae1eba194d2876d74b7a7');
  for (const own of [provider, createPortableProvider()]) {
    const key = own.key(ALG_HMAC_SHA256, Uint8Array.from(root));
    for (const session of [0, 1, 3, 255, 256, 65535]) {
      for (const length of [19, 20, 32, 35, 36, 64, 65]) {
        const out = new Uint8Array(length);
        hkdfSha256.expand(own, key, session, out, length);
        assert.equal(hex(out), subKeys(root, session, length).toString('hex'), `${session} ${length}`);
      }
    }
  }
});
