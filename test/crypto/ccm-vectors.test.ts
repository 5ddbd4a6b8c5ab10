// The 1,000 packets of test/vectors/aes-ccm-rfc4309.json [RFC 4309] on every provider with AES-CCM.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALG_AES_CCM } from '../../core/crypto/provider.ts';
import { ccmVectors } from './make-ccm-vectors.ts';
import { hex, open, PROVIDERS, seal, toHex } from './providers.ts';

type Row = [number, string, string, string, string];

const file = readFileSync(new URL('../vectors/aes-ccm-rfc4309.json', import.meta.url), 'utf8');
const { keys, vectors } = JSON.parse(file) as { keys: string[]; vectors: Row[] };

test('the vector file is what its generator makes', () => {
  assert.ok(ccmVectors() === file);
  assert.equal(vectors.length, 1000);
  const shapes = new Set(
    vectors.map(([, nonce, aad, , out], n) =>
      [nonce, aad, out.slice(vectors[n][3].length)].map((x) => x.length / 2).join(),
    ),
  );
  assert.deepEqual([...shapes].sort(), ['11,12,16', '11,12,8', '11,8,16', '11,8,8']);
  assert.equal(new Set(vectors.map(([, , , text]) => text.length / 2)).size, 121);
});

for (const { name, provider } of PROVIDERS) {
  if (!provider.has(ALG_AES_CCM, 16)) continue;
  test(`${name}: 1,000 AES-CCM packets`, () => {
    for (const [n, row] of vectors.entries()) {
      const key = hex(keys[row[0]]);
      const [nonce, aad, text, out] = row.slice(1).map((part) => hex(part as string));
      const icvLength = out.length - text.length;
      assert.equal(toHex(seal(provider, ALG_AES_CCM, key, nonce, aad, text, icvLength)), row[4], `vector ${n}`);
      const opened = open(provider, ALG_AES_CCM, key, nonce, aad, out, icvLength);
      assert.ok(opened !== null && toHex(opened) === row[3], `vector ${n}`);
    }
  });
}
