// The portable cryptography on every engine: published known answers, and AES-CCM with the lengths of RFC 4309 and
// RFC 3610 made by Node's own implementation.

import { createCipheriv, createHash } from 'node:crypto';
import { everywhere } from './everywhere.ts';

const KEY = '000102030405060708090a0b0c0d0e0f';

const cases: string[][] = [
  // [FIPS 197 appendix C.1] and [FIPS 197 appendix B].
  ['fips197-c1', 'aes', KEY, '00112233445566778899aabbccddeeff', '69c4e0d86a7b0430d8cdb78070b4c55a'],
  [
    'fips197-b',
    'aes',
    '2b7e151628aed2a6abf7158809cf4f3c',
    '3243f6a8885a308d313198a2e0370734',
    '3925841d02dc09fbdc118597196a0b32',
  ],
  // [RFC 3610 §8] packet vector 1.
  [
    'rfc3610-1',
    'ccm',
    'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf',
    '00000003020100a0a1a2a3a4a5',
    '0001020304050607',
    '08090a0b0c0d0e0f101112131415161718191a1b1c1d1e',
    '588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0',
  ],
];

/** `length` octets that depend on the label only. */
function octets(label: string, length: number): Buffer {
  let all = Buffer.alloc(0);
  for (let i = 0; all.length < length; i++) {
    all = Buffer.concat([
      all,
      createHash('sha256')
        .update(label + ' ' + i)
        .digest(),
    ]); // prettier-ignore
  }
  return all.subarray(0, length);
}

// Nonce, AAD, clear text and ICV, in octets: RFC 4309's 11-octet nonce with ESP's AAD (8, or 12 with ESN), the empty
// and the odd lengths around a block, and the shortest and longest nonce.
const lengths = [
  [11, 8, 0, 8],
  [11, 8, 1, 8],
  [11, 12, 15, 8],
  [11, 12, 16, 16],
  [11, 8, 17, 16],
  [11, 8, 33, 12],
  [11, 0, 40, 8],
  [11, 14, 32, 8],
  [11, 15, 32, 8],
  [7, 30, 48, 16],
  [13, 31, 47, 4],
];
for (const [nonceLength, aadLength, clearLength, icvLength] of lengths) {
  const id = ['ccm', nonceLength, aadLength, clearLength, icvLength].join('-');
  const key = octets(id + ' key', 16);
  const nonce = octets(id + ' nonce', nonceLength);
  const aad = octets(id + ' aad', aadLength);
  const clear = octets(id + ' clear', clearLength);
  const cipher = createCipheriv('aes-128-ccm', key, nonce, { authTagLength: icvLength });
  cipher.setAAD(aad, { plaintextLength: clearLength });
  const sealed = Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
  cases.push([id, 'ccm', ...[key, nonce, aad, clear, sealed].map((part) => part.toString('hex'))]);
}

everywhere('core/crypto', 'test/engines/crypto.entry.ts', cases);
everywhere('core/crypto with mangled properties', 'test/engines/crypto.entry.ts', cases, { mangle: true });
