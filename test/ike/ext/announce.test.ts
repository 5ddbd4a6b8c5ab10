// SUPPORTED_AUTH_METHODS [RFC 9593].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Announced,
  announceEd25519,
  announceSharedKey,
  isEd25519,
  MAX_METHODS,
  readAnnounced,
} from '../../../core/ike/ext/announce.ts';
import { N_INVALID_SYNTAX, N_SUPPORTED_AUTH_METHODS } from '../../../core/ike/numbers.ts';
import { bytes, damaged, dataOf, guarded, hex, notify } from './support.ts';

const TEXT = '000000140000403b' + '0a0e00300506032b6570' + '0202';

function read(octets: Uint8Array): { result: number; list: Announced[]; ed25519: boolean[] } {
  const { buffer, at } = guarded(octets);
  const list: Announced[] = [];
  const result = readAnnounced(buffer, at, octets.length, list);
  const ed25519 = list.map((announced) => isEd25519(buffer, announced));
  return { result, list: list.map((a) => ({ ...a, algorithmAt: a.algorithmAt - at })), ed25519 };
}

test('both blobs of ours, both ways', () => {
  assert.equal(
    notify(N_SUPPORTED_AUTH_METHODS, (w) => {
      announceEd25519(w, 0);
      announceSharedKey(w);
    }),
    TEXT,
  );
  const { result, list, ed25519 } = read(dataOf(N_SUPPORTED_AUTH_METHODS, TEXT));
  assert.equal(result, 0);
  assert.deepEqual(list, [
    { method: 14, certLink: 0, algorithmAt: 3, algorithmSize: 7 },
    { method: 2, certLink: 0, algorithmAt: 13, algorithmSize: 0 },
  ]);
  assert.deepEqual(ed25519, [true, false]);
});

test('blobs of other methods and lengths', () => {
  // ECDSA with CA 2, NULL, a signature with P-256, an Ed25519 algorithm of another method, and none at all.
  const text = '030902' + '020d' + '0f0e01300a06082a8648ce3d040302' + '0a0900300506032b6570' + '030e00';
  const { result, list, ed25519 } = read(bytes(text));
  assert.equal(result, 0);
  assert.deepEqual(
    list.map(({ method, certLink, algorithmSize }) => [method, certLink, algorithmSize]),
    [
      [9, 2, 0],
      [13, 0, 0],
      [14, 1, 12],
      [9, 0, 7],
      [14, 0, 0],
    ],
  );
  assert.ok(!ed25519.includes(true));
  assert.equal(read(bytes('')).result, 0);
});

test('malformed blobs, and the limit', () => {
  for (const [text, count] of [
    ['00', 0],
    ['0102', 0],
    ['02', 0],
    ['020203', 1],
    ['0202ff0203', 1],
    ['02020302', 1],
  ] as const) {
    const { result, list } = read(bytes(text));
    assert.equal(result, N_INVALID_SYNTAX, text);
    assert.equal(list.length, count, text);
  }
  const { result, list } = read(bytes('0202'.repeat(MAX_METHODS + 1)));
  assert.equal(result, 0);
  assert.equal(list.length, MAX_METHODS);
});

test('cuts, one-bit changes and random octets: nothing throws or reads outside', () => {
  const data = dataOf(N_SUPPORTED_AUTH_METHODS, TEXT);
  for (const octets of damaged(data)) read(octets);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      const { result, list } = read(octets);
      assert.ok(result === 0 || result === N_INVALID_SYNTAX);
      for (const { algorithmAt, algorithmSize } of list) {
        assert.ok(algorithmSize === 0 || algorithmAt + algorithmSize <= octets.length);
      }
    }),
  );
  assert.equal(hex(data).length, 24);
});
