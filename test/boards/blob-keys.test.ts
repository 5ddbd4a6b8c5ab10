// Reader and writer of a provisioning blob use one table of keys (targets/board/blob-keys.ts): for every name, a written value
// is read back under the same name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BoardConfig, readBlob } from '../../targets/board/blob.ts';
import type { BlobFields } from '../../targets/board/blob-fields.ts';
import * as K from '../../targets/board/blob-keys.ts';
import { CBOR_OCTETS, CBOR_TEXT, CBOR_UNSIGNED } from '../../targets/board/cbor.ts';
import { NAMES, writeBlob } from '../../targets/board/write-blob.ts';

const KEYS = Object.entries(K).filter(([name]) => /^KEY_/.test(name)) as [string, number][];
const camel = (name: string): string =>
  name
    .slice(4)
    .toLowerCase()
    .replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

test('every key has a number of its own, a row of FIELDS and a name', () => {
  assert.deepEqual(
    KEYS.map(([, key]) => key).sort((a, b) => a - b),
    Array.from({ length: K.KEYS_END - 1 }, (_, i) => i + 1),
  );
  assert.equal(K.FIELDS.length, 4 * K.KEYS_END);
  // The private numbers are not written on a board.
  for (const [name, key] of KEYS) {
    if (key !== K.KEY_NUMBERS) assert.equal(NAMES[key - 1], camel(name), name);
  }
  assert.equal(NAMES.length, KEYS.length - 1);
});

test('what is written under a name comes back under it', () => {
  const given: BlobFields = {};
  const expected: Record<string, unknown> = {};
  for (const [name, key] of KEYS) {
    const [kind, least, most] = K.FIELDS.slice(4 * key);
    // A value for each, no two alike.
    const size = key === K.KEY_CONTEXTS ? 18 : Math.max(least, key === K.KEY_GATEWAY_LINK ? 8 : 1);
    const value = kind === CBOR_UNSIGNED ? Math.min(most, least + key) : new Uint8Array(size).fill(key);
    if (kind !== CBOR_UNSIGNED && kind !== CBOR_OCTETS && kind !== CBOR_TEXT) continue;
    given[camel(name)] = value;
    expected[camel(name)] = value;
  }
  given.retryMax = expected.retryMax = 5000;
  const blob = writeBlob(given, Object.keys(given));
  const { code, config } = readBlob(blob, blob.length);
  assert.equal(code, 0);
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(config![name as keyof BoardConfig], value, name);
  }
  assert.equal(Object.keys(expected).length, KEYS.length - 2);
});
