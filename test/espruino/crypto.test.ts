// Espruino's own cryptography, on the Linux build: published vectors with nonces that are not zero, equality with Node on
// random cases, and the whole vector file with the native provider.

import assert from 'node:assert/strict';
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { engineMissing, runCases } from '../../targets/build/engines.ts';
import { ESPRUINO_MEMBERS } from '../../targets/build/espruino-names.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { casesOf, type VectorFile } from '../../targets/build/vector-file.ts';

const LIMIT_MS = 240000;

/** `length` octets that depend on the label only. */
function octets(label: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) parts.push(createHash('sha256').update(`${label} ${i}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}

function hex(...parts: Buffer[]): string[] {
  return parts.map((part) => part.toString('hex'));
}

const RFC3610_KEY = 'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf';
const COUNT = octetsFrom(0, 33);

function octetsFrom(first: number, length: number): string {
  return Buffer.from(Array.from({ length }, (_, i) => first + i)).toString('hex');
}

// [RFC 3610 §8] Packet Vectors 1 to 6: number, head of the nonce, AAD octets, octets in all, result.
const RFC3610: [number, string, number, number, string][] = [
  [1, '00000003020100', 8, 31, '588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0'],
  [2, '00000004030201', 8, 32, '72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916'],
  [3, '00000005040302', 8, 33, '51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5'],
  [4, '00000006050403', 12, 31, 'a28c6865939a9a79faaa5c4c2a9d4a91cdac8c96c861b9c9e61ef1'],
  [5, '00000007060504', 12, 32, 'dcf1fb7b5d9e23fb9d4e131253658ad86ebdca3e51e83f077d9c2d93'],
  [6, '00000008070605', 12, 33, '6fc1b011f006568b5171a42d953d469b2570a4bd87405a0443ac91cb94'],
];

const cases: string[][] = [
  ['native', 'native', '3'],
  ['random', 'random', '00'.repeat(33)],
  ['limits', 'limits'],
];
for (const [number, nonce, aad, length, result] of RFC3610) {
  const text = COUNT.slice(2 * aad, 2 * length);
  cases.push([`rfc3610-${number}`, 'ccm', RFC3610_KEY, `${nonce}a0a1a2a3a4a5`, COUNT.slice(0, 2 * aad), text, result]);
}
// ESP's lengths [RFC 4309]: 11 octets of nonce, 8 or 12 of AAD; and those at the edges of a block and of the arguments.
for (const [nonceLength, aadLength, length, icvLength] of [
  [11, 8, 1, 8],
  [11, 12, 15, 8],
  [11, 12, 16, 16],
  [11, 8, 17, 16],
  [11, 0, 40, 8],
  [11, 14, 32, 8],
  [11, 15, 32, 8],
  [7, 30, 48, 16],
  [13, 31, 47, 4],
  [11, 8, 300, 12],
  [11, 8, 1280, 8],
]) {
  const id = `ccm-${nonceLength}-${aadLength}-${length}-${icvLength}`;
  const [key, nonce] = [octets(`${id} key`, 16), octets(`${id} nonce`, nonceLength)];
  const [aad, clear] = [octets(`${id} aad`, aadLength), octets(`${id} clear`, length)];
  const cipher = createCipheriv('aes-128-ccm', key, nonce, { authTagLength: icvLength });
  cipher.setAAD(aad, { plaintextLength: length });
  const sealed = Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
  cases.push([id, 'ccm', ...hex(key, nonce, aad, clear, sealed)]);
}
// No clear text [Wycheproof aes_ccm_test, tcId 260].
cases.push([
  'ccm-empty',
  'ccm',
  '7a970406a747c2327ecbc8b107a190cd',
  '99b079de952d60da0d034b',
  '2f080b2deb6644ef',
  '',
  '9dca9ba441013ce9fc0ac3dbf414626d',
]);

// [RFC 4231 §4] Test cases 1 to 4, 6, 7: key, message, MAC.
const LARGER = 'Test Using Larger Than Block-Size Key - Hash Key First';
const LARGER_BOTH =
  'This is a test using a larger than block-size key and a larger than block-size data. ' +
  'The key needs to be hashed before being used by the HMAC algorithm.';
const RFC4231: [Buffer, Buffer, string][] = [
  [Buffer.alloc(20, 0x0b), Buffer.from('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    Buffer.from('Jefe'),
    Buffer.from('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [Buffer.alloc(20, 0xaa), Buffer.alloc(50, 0xdd), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [
    Buffer.from(octetsFrom(1, 25), 'hex'),
    Buffer.alloc(50, 0xcd),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
  [Buffer.alloc(131, 0xaa), Buffer.from(LARGER), '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'],
  [
    Buffer.alloc(131, 0xaa),
    Buffer.from(LARGER_BOTH),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
];
RFC4231.forEach(([key, message, mac], i) => {
  cases.push([`rfc4231-${i + 1}`, 'hmac', ...hex(key, message), mac]);
});
for (const [keyLength, length] of [
  [16, 0],
  [32, 1],
  [32, 50],
  [64, 64],
  [65, 200],
  [32, 1500],
]) {
  const key = octets('hmac key', keyLength);
  const message = octets('hmac', length);
  const mac = createHmac('sha256', key).update(message).digest();
  cases.push([`hmac-${keyLength}-${length}`, 'hmac', ...hex(key, message, mac)]);
}
for (const blocks of [1, 2, 5]) {
  const [key, iv, clear] = [octets('cbc key', 16), octets('cbc iv', 16), octets('cbc', 16 * blocks)];
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  cases.push([`cbc-${blocks}`, 'cbc', ...hex(key, iv, clear, Buffer.concat([cipher.update(clear), cipher.final()]))]);
}

for (const mangle of [false, ESPRUINO_MEMBERS]) {
  const name = mangle === false ? '' : ', names mangled';
  test(`native cryptography${name}`, { skip: engineMissing('espruino') }, async () => {
    const report = await runCases('espruino', 'test/espruino/crypto.entry.ts', cases, LIMIT_MS, { mangle });
    assert.deepEqual(report.failures, []);
    assert.equal(report.passed, cases.length);
  });
}

test('the vector files with native cryptography', { skip: engineMissing('espruino') }, async () => {
  const folder = join(sourceRoot(), 'test', 'vectors');
  const files = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as VectorFile);
  const vectors = files
    .filter(
      (file) => Array.isArray(file.vectors) && (file.vectors[0] as { sa?: unknown } | undefined)?.sa !== undefined,
    )
    .flatMap((file) => casesOf(file));
  const report = await runCases('espruino', 'test/espruino/native-vectors.entry.ts', vectors, LIMIT_MS);
  assert.deepEqual(report.failures, []);
  assert.equal(report.passed + report.skipped.length, vectors.length);
  assert.ok(report.passed >= 18, `${report.passed} passed`);
});
