// The portable cryptography on every engine: published known answers, and AES-CCM with the lengths of RFC 4309 and
// RFC 3610 made by Node's own implementation.

import { createCipheriv, createHash, createHmac } from 'node:crypto';
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
  // No clear text, which Node's AES-CCM refuses [Wycheproof aes_ccm_test, tcId 260].
  [
    'ccm-empty',
    'ccm',
    '7a970406a747c2327ecbc8b107a190cd',
    '99b079de952d60da0d034b',
    '2f080b2deb6644ef',
    '',
    '9dca9ba441013ce9fc0ac3dbf414626d',
  ],
  // [FIPS 180-4] example 'abc'; [RFC 4231 §4.3] test case 2; [NIST SP 800-38A F.2.1] first block.
  ['sha256-abc', 'sha256', '616263', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'rfc4231-2',
    'hmac',
    '4a656665',
    '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'sp800-38a-f21',
    'cbc',
    '2b7e151628aed2a6abf7158809cf4f3c',
    KEY,
    '6bc1bee22e409f96e93d7e117393172a',
    '7649abac8119b246cee98e9b12e9197d',
  ],
];

/** `length` octets that depend on the label only. */
function octets(label: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++)
    parts.push(
      createHash('sha256')
        .update(label + i)
        .digest(),
    );
  return Buffer.concat(parts).subarray(0, length);
}

// Nonce, AAD, clear text and ICV, in octets: RFC 4309's 11-octet nonce with ESP's AAD (8, or 12 with ESN), the
// odd lengths around a block, and the shortest and longest nonce.
const lengths = [
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

// Around the 64-octet block and the 56 octets after which the length needs one more.
for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 200]) {
  const message = octets('sha256', length);
  cases.push([
    'sha256-' + length,
    'sha256',
    message.toString('hex'),
    createHash('sha256').update(message).digest('hex'),
  ]);
}

for (const [keyLength, length] of [
  [16, 0],
  [32, 50],
  [64, 64],
  [65, 1],
  [131, 100],
]) {
  const key = octets('hmac key', keyLength);
  const message = octets('hmac', length);
  cases.push([
    ['hmac', keyLength, length].join('-'),
    'hmac',
    key.toString('hex'),
    message.toString('hex'),
    createHmac('sha256', key).update(message).digest('hex'),
  ]);
}

for (const blocks of [1, 2, 5]) {
  const key = octets('cbc key', 16);
  const iv = octets('cbc iv', 16);
  const clear = octets('cbc', 16 * blocks);
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  const sealed = Buffer.concat([cipher.update(clear), cipher.final()]);
  cases.push(['cbc-' + blocks, 'cbc', ...[key, iv, clear, sealed].map((part) => part.toString('hex'))]);
}

everywhere('core/crypto', 'test/engines/crypto.entry.ts', cases);
everywhere('core/crypto with mangled properties', 'test/engines/crypto.entry.ts', cases, { mangle: true });
