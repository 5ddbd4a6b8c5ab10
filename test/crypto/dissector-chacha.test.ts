// ChaCha20-Poly1305 as the dissector opens it, against node:crypto and Project Wycheproof. Elsewhere it runs in Lua alone.

import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { createPortable } from '../../core/crypto/portable.ts';
import { ALG_CHACHA20_POLY1305 } from '../../core/crypto/provider.ts';
import { chacha20Poly1305 } from '../../targets/wireshark/chacha.ts';
import { hex, open, toHex, wycheproof } from './providers.ts';

const provider = createPortable([chacha20Poly1305], null);
const opened = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | null =>
  open(provider, ALG_CHACHA20_POLY1305, key, nonce, aad, sealed, 16);

test('what node:crypto seals: every length, blocks of 0xff, and no changed octet', () => {
  for (let length = 1; length < 200; length++) {
    for (const fill of [length & 255, 255]) {
      const [key, nonce, aad, text] = [32, 12, length % 17, length].map((size) => new Uint8Array(size).fill(fill));
      const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
      cipher.setAAD(aad, { plaintextLength: length });
      const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
      assert.deepEqual(opened(key, nonce, aad, sealed), text, `${length} octets`);
      sealed[length + (length % 16)] ^= 1 << (length % 8);
      assert.equal(opened(key, nonce, aad, sealed), null, `${length} octets, changed`);
    }
  }
});

const data = wycheproof('chacha20_poly1305_test.json');
test('Wycheproof', { skip: data === null ? 'WYCHEPROOF_DIR not found' : false }, () => {
  let run = 0;
  for (const group of data!.testGroups) {
    for (const c of group['tests'] as Record<
      'key' | 'iv' | 'aad' | 'ct' | 'tag' | 'msg' | 'result' | 'tcId',
      string
    >[]) {
      if (c.iv.length !== 24 || c.tag.length !== 32 || c.key.length !== 64) continue;
      const result = opened(hex(c.key), hex(c.iv), hex(c.aad), hex(c.ct + c.tag));
      assert.equal(result === null ? null : toHex(result), c.result === 'valid' ? c.msg : null, `tcId ${c.tcId}`);
      run++;
    }
  }
  assert.equal(run, 316);
});
