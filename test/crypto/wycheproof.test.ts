// Project Wycheproof on every provider. Cases outside a provider's range (nonce, key or ICV length) are not run. The test
// compares their number, so that none is lost unseen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ALG_AES_CCM,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
  ALG_HMAC_SHA256,
  type Provider,
} from '../../core/crypto/provider.ts';
import { hex, MORE_PORTABLE, open, PROVIDERS, seal, toHex, wycheproof } from './providers.ts';

interface Case {
  tcId: number;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result: 'valid' | 'invalid';
}

// [cases run, cases out of range] by provider; a provider without the algorithm runs none.
const FILES: { file: string; alg: number; keyLength: number; expected: Record<string, [number, number]> }[] = [
  {
    file: 'aes_ccm_test.json',
    alg: ALG_AES_CCM,
    keyLength: 16,
    expected: { portable: [162, 390], node: [486, 66], fast: [486, 66], 'fast, keys at rest': [486, 66] },
  },
  {
    file: 'aes_gcm_test.json',
    alg: ALG_AES_GCM,
    keyLength: 16,
    expected: {
      'portable for hosts': [67, 249],
      node: [197, 119],
      noble: [197, 119],
      fast: [197, 119],
      'fast, keys at rest': [197, 119],
    },
  },
  {
    file: 'chacha20_poly1305_test.json',
    alg: ALG_CHACHA20_POLY1305,
    keyLength: 32,
    expected: { node: [316, 9], noble: [316, 9], fast: [316, 9], 'fast, keys at rest': [316, 9] },
  },
  {
    file: 'hmac_sha256_test.json',
    alg: ALG_HMAC_SHA256,
    keyLength: 32,
    expected: { portable: [174, 0], node: [174, 0], noble: [174, 0], fast: [174, 0], 'fast, keys at rest': [174, 0] },
  },
];

function inRange(alg: number, nonceLength: number, icvLength: number): boolean {
  if (alg === ALG_AES_CCM) {
    return nonceLength >= 7 && nonceLength <= 13 && icvLength >= 4 && icvLength <= 16 && icvLength % 2 === 0;
  }
  return nonceLength === 12 && icvLength === 16;
}

function runAead(provider: Provider, alg: number, c: Case): void {
  const [key, nonce, aad, text, icv] = [c.key, c.iv, c.aad, c.msg, c.tag].map(hex);
  const sealed = hex(c.ct + c.tag);
  const opened = open(provider, alg, key, nonce, aad, sealed, icv.length);
  if (c.result === 'valid') {
    assert.equal(toHex(seal(provider, alg, key, nonce, aad, text, icv.length)), c.ct + c.tag, `tcId ${c.tcId}`);
    assert.ok(opened !== null, `tcId ${c.tcId}`);
    assert.equal(toHex(opened), c.msg, `tcId ${c.tcId}`);
  } else {
    assert.equal(opened, null, `tcId ${c.tcId}`);
  }
}

function runMac(provider: Provider, c: Case): void {
  const message = hex(c.msg);
  const out = new Uint8Array(32);
  provider.mac(provider.key(ALG_HMAC_SHA256, hex(c.key)), message, 0, message.length, out, 0);
  const same = toHex(out).startsWith(c.tag) && c.tag.length >= 32;
  assert.equal(same, c.result === 'valid', `tcId ${c.tcId}`);
}

for (const { file, alg, keyLength, expected } of FILES) {
  const data = wycheproof(file);
  if (data === null) {
    test(`Wycheproof ${file}`, { skip: 'WYCHEPROOF_DIR not found' }, () => {});
    continue;
  }
  for (const { name, provider } of [...PROVIDERS, { name: 'portable for hosts', provider: MORE_PORTABLE }]) {
    if (!provider.has(alg, keyLength)) continue;
    test(`${name}: Wycheproof ${file}`, () => {
      let run = 0;
      let outside = 0;
      for (const group of data.testGroups) {
        for (const c of group['tests'] as Case[]) {
          const mac = alg === ALG_HMAC_SHA256;
          const taken = mac || inRange(alg, c.iv.length / 2, c.tag.length / 2);
          if (!taken || !provider.has(alg, c.key.length / 2)) {
            outside++;
            continue;
          }
          if (mac) runMac(provider, c);
          else runAead(provider, alg, c);
          run++;
        }
      }
      assert.deepEqual([run, outside], expected[name]);
    });
  }
}
