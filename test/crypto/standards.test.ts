// Every primitive against the examples of its standard, on every provider that has it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aesEncrypt, aesExpand } from '../../core/crypto/aes.ts';
import { aesDecrypt } from '../../core/crypto/aes-inverse.ts';
import {
  ALG_AES_CBC,
  ALG_AES_CCM,
  ALG_AES_CMAC,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
  ALG_HMAC_SHA256,
} from '../../core/crypto/provider.ts';
import { sha256End, sha256New, sha256Start, sha256Update } from '../../core/crypto/sha256.ts';
import { hex, MORE_PORTABLE, open, PROVIDERS, seal, toHex } from './providers.ts';

const ascending = (from: number, length: number): string => toHex(Uint8Array.from({ length }, (_, n) => from + n));

const AES = [
  // [FIPS 197 appendix B, appendix C.1]
  ['2b7e151628aed2a6abf7158809cf4f3c', '3243f6a8885a308d313198a2e0370734', '3925841d02dc09fbdc118597196a0b32'],
  ['000102030405060708090a0b0c0d0e0f', '00112233445566778899aabbccddeeff', '69c4e0d86a7b0430d8cdb78070b4c55a'],
];

test('AES-128, FIPS 197 appendices B and C.1', () => {
  for (const [key, text, cipherText] of AES) {
    const w = aesExpand(hex(key));
    const block = hex(text);
    aesEncrypt(w, block, block);
    assert.equal(toHex(block), cipherText);
    aesDecrypt(w, block, 0);
    assert.equal(toHex(block), text);
  }
});

test('AES-128 key expansion, FIPS 197 appendix A.1', () => {
  const w = aesExpand(hex(AES[0][0]));
  assert.deepEqual([...w.subarray(80)], [0xd014, 0xf9a8, 0xc9ee, 0x2589, 0xe13f, 0x0cc8, 0xb663, 0x0ca6]);
});

// [SP 800-38A F.2.1]
const CBC = {
  key: '2b7e151628aed2a6abf7158809cf4f3c',
  iv: '000102030405060708090a0b0c0d0e0f',
  text: `6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710`,
  cipherText: `7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2
    73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7`,
};

// [FIPS 180-4], its examples: https://csrc.nist.gov, "SHA-256" of "abc" and of 448 bits; the empty message; 10^6 "a".
const SHA256 = [
  ['', 1, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 1, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    1,
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  ['aaaaaaaaaa', 100000, 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
] as const;

test('SHA-256, FIPS 180-4 examples', () => {
  for (const [text, times, digest] of SHA256) {
    const s = sha256New();
    const out = new Uint8Array(32);
    const octets = Uint8Array.from(Buffer.from(text));
    sha256Start(s);
    for (let n = 0; n < times; n++) sha256Update(s, octets, 0, octets.length);
    sha256End(s, out, 0);
    assert.equal(toHex(out), digest);
  }
});

const ascii = (text: string): string => Buffer.from(text).toString('hex');
// [RFC 4231 §4], HMAC-SHA-256; case 5 is of truncation.
const HMAC = [
  ['0b'.repeat(20), ascii('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    ascii('Jefe'),
    ascii('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [ascending(1, 25), 'cd'.repeat(50), '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b'],
  ['0c'.repeat(20), ascii('Test With Truncation'), 'a3b6167473100ee06e0c796c2955552b'],
  [
    'aa'.repeat(131),
    ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    'aa'.repeat(131),
    ascii(
      'This is a test using a larger than block-size key and a larger than block-size data. ' +
        'The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
];

const RFC3610_KEY = 'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf';
const SP800_38C_KEY = ascending(0x40, 16);
// key, nonce, AAD, text, cipher text, ICV
const CCM = [
  // [RFC 3610 §8] packet vectors 1, 2, 3, 6, 7, 12, 13.
  [
    RFC3610_KEY,
    '00000003020100a0a1a2a3a4a5',
    ascending(0, 8),
    ascending(8, 23),
    '588c979a61c663d2f066d0c2c0f989806d5f6b61dac384',
    '17e8d12cfdf926e0',
  ],
  [
    RFC3610_KEY,
    '00000004030201a0a1a2a3a4a5',
    ascending(0, 8),
    ascending(8, 24),
    '72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3b',
    'a091d56e10400916',
  ],
  [
    RFC3610_KEY,
    '00000005040302a0a1a2a3a4a5',
    ascending(0, 8),
    ascending(8, 25),
    '51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da859657',
    '4adaa76fbd9fb0c5',
  ],
  [
    RFC3610_KEY,
    '00000008070605a0a1a2a3a4a5',
    ascending(0, 12),
    ascending(12, 21),
    '6fc1b011f006568b5171a42d953d469b2570a4bd87',
    '405a0443ac91cb94',
  ],
  [
    RFC3610_KEY,
    '00000009080706a0a1a2a3a4a5',
    ascending(0, 8),
    ascending(8, 23),
    '0135d1b2c95f41d5d1d4fec185d166b8094e999dfed96c',
    '048c56602c97acbb7490',
  ],
  [
    RFC3610_KEY,
    '0000000e0d0c0ba0a1a2a3a4a5',
    ascending(0, 12),
    ascending(12, 21),
    'c0ffa0d6f05bdb67f24d43a4338d2aa4bed7b20e43',
    'cd1aa31662e7ad65d6db',
  ],
  [
    'd7828d13b2b0bdc325a76236df93cc6b',
    '00412b4ea9cdbe3c9696766cfa',
    '0be1a88bace018b1',
    '08e8cf97d820ea258460e96ad9cf5289054d895ceac47c',
    '4cb97f86a2a4689a877947ab8091ef5386a6ffbdd080f8',
    'e78cf7cb0cddd7b3',
  ],
  // [SP 800-38C appendix C] examples 1 to 3: nonces of 7, 8 and 12 octets.
  [SP800_38C_KEY, ascending(0x10, 7), ascending(0, 8), ascending(0x20, 4), '7162015b', '4dac255d'],
  [
    SP800_38C_KEY,
    ascending(0x10, 8),
    ascending(0, 16),
    ascending(0x20, 16),
    'd2a1f0e051ea5f62081a7792073d593d',
    '1fc64fbfaccd',
  ],
  [
    SP800_38C_KEY,
    ascending(0x10, 12),
    ascending(0, 20),
    ascending(0x20, 24),
    'e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5',
    '484392fbc1b09951',
  ],
];

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 1 to 4.
const GCM_KEY = 'feffe9928665731c6d6a8f9467308308';
const GCM_TEXT = `d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
  1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255`;
const GCM_CIPHER_TEXT = `42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
  21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985`;
const sixty = (text: string): string => toHex(hex(text).subarray(0, 60));
const GCM = [
  ['00'.repeat(16), '00'.repeat(12), '', '', '', '58e2fccefa7e3061367f1d57a4e7455a'],
  [
    '00'.repeat(16),
    '00'.repeat(12),
    '',
    '00'.repeat(16),
    '0388dace60b6a392f328c2b971b2fe78',
    'ab6e47d42cec13bdf53a67b21257bddf',
  ],
  [GCM_KEY, 'cafebabefacedbaddecaf888', '', GCM_TEXT, GCM_CIPHER_TEXT, '4d5c2af327cd64a62cf35abd2ba6fab4'],
  [
    GCM_KEY,
    'cafebabefacedbaddecaf888',
    'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    sixty(GCM_TEXT),
    sixty(GCM_CIPHER_TEXT),
    '5bc94fbc3221a5db94fae95ae7121a47',
  ],
];

const CHACHA_KEY = ascending(0x80, 32);
const CHACHA = [
  // [RFC 8439 §2.8.2]
  [
    CHACHA_KEY,
    '070000004041424344454647',
    '50515253c0c1c2c3c4c5c6c7',
    ascii(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
        'sunscreen would be it.',
    ),
    `d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b
     1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
     3ff4def08e4b7a9de576d26586cec64b6116`,
    '1ae10b594f09e26a7e902ecbd0600691',
  ],
  // [RFC 7634 appendix A] an ESP packet, [appendix B] an IKE message.
  [
    CHACHA_KEY,
    'a0a1a2a31011121314151617',
    '0102030400000005',
    `45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec1000073627${ascending(8, 48)}01020204`,
    `24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f7
     2aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0`,
    '76aaa8266b7fb0f7b11b369907e1ad43',
  ],
  [
    CHACHA_KEY,
    'a0a1a2a31011121314151617',
    'c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029',
    '0000000c000040010000000a00',
    '610394701f8d017f7c12924889',
    '6b71bfe25236efd7cdc67066906315b2',
  ],
];

const AEAD = [
  { name: 'AES-CCM, RFC 3610 §8 and SP 800-38C appendix C', alg: ALG_AES_CCM, cases: CCM },
  { name: 'AES-GCM, test cases 1 to 4 of its specification', alg: ALG_AES_GCM, cases: GCM },
  { name: 'ChaCha20-Poly1305, RFC 8439 §2.8.2, RFC 7634', alg: ALG_CHACHA20_POLY1305, cases: CHACHA },
];

for (const { name, provider } of PROVIDERS) {
  for (const { name: title, alg, cases } of AEAD) {
    if (!provider.has(alg, hex(cases[0][0]).length)) continue;
    test(`${name}: ${title}`, () => {
      for (const row of cases) {
        const [key, nonce, aad, text, cipherText, icv] = row.map(hex);
        const sealed = toHex(cipherText) + toHex(icv);
        assert.equal(toHex(seal(provider, alg, key, nonce, aad, text, icv.length)), sealed);
        const opened = open(provider, alg, key, nonce, aad, hex(sealed), icv.length);
        assert.ok(opened !== null);
        assert.equal(toHex(opened), toHex(text));
      }
    });
  }

  test(`${name}: AES-CBC, SP 800-38A F.2.1`, () => {
    const key = provider.key(ALG_AES_CBC, hex(CBC.key));
    const buffer = new Uint8Array(3 + 16 + 2 + 64);
    buffer.set(hex(CBC.iv), 3);
    buffer.set(hex(CBC.text), 21);
    provider.cbc(key, true, buffer, 3, 21, 64);
    assert.equal(toHex(buffer.subarray(21)), toHex(hex(CBC.cipherText)));
    assert.equal(toHex(buffer.subarray(0, 21)), `000000${CBC.iv}0000`);
    provider.cbc(key, false, buffer, 3, 21, 64);
    assert.equal(toHex(buffer.subarray(21)), toHex(hex(CBC.text)));
    provider.cbc(key, true, buffer, 3, 21, 0);
    assert.equal(toHex(buffer.subarray(21)), toHex(hex(CBC.text)));
  });

  test(`${name}: HMAC-SHA-256, RFC 4231 §4`, () => {
    for (const [key, message, expected] of HMAC) {
      const k = provider.key(ALG_HMAC_SHA256, hex(key));
      const buffer = hex(`ffff${message}ff`);
      const out = new Uint8Array(36);
      // Twice: the key's state must not move.
      for (let n = 0; n < 2; n++) {
        out.fill(0);
        provider.mac(k, buffer, 2, buffer.length - 3, out, 1);
        assert.equal(toHex(out).slice(2, 2 + expected.length), expected);
        assert.equal(toHex(out).slice(66), '000000');
      }
    }
  });
}

const CMAC_TEXT = `6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710`;
// Key, octets of the text, MAC: [RFC 4493 §4]; [SP 800-38B D.2, D.3].
const CMAC: [string, number, string][] = [
  ['2b7e151628aed2a6abf7158809cf4f3c', 0, 'bb1d6929e95937287fa37d129b756746'],
  ['2b7e151628aed2a6abf7158809cf4f3c', 16, '070a16b46b4d4144f79bdd9dd04a287c'],
  ['2b7e151628aed2a6abf7158809cf4f3c', 40, 'dfa66747de9ae63030ca32611497c827'],
  ['2b7e151628aed2a6abf7158809cf4f3c', 64, '51f0bebf7e3b9d92fc49741779363cfe'],
  ['8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b', 64, 'a1d5df0eed790f794d77589659f39a11'],
  ['603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', 64, 'e1992190549f6ed5696a2c056c315410'],
];

for (const { name, provider } of [...PROVIDERS, { name: 'portable, GCM and CMAC', provider: MORE_PORTABLE }]) {
  if (!provider.has(ALG_AES_CMAC, 16)) continue;
  test(`${name}: AES-CMAC, RFC 4493 and SP 800-38B examples`, () => {
    const text = hex(CMAC_TEXT);
    for (const [key, length, mac] of CMAC) {
      if (!provider.has(ALG_AES_CMAC, key.length / 2)) continue;
      const out = new Uint8Array(18);
      provider.mac(provider.key(ALG_AES_CMAC, hex(key)), text, 0, length, out, 1);
      assert.equal(toHex(out), `00${mac}00`);
    }
  });
}
