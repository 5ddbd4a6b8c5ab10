// X25519, the portable key exchange, SHA-1 and HMAC with IKE's longer keys on every engine. The cases of
// X25519 are few: Espruino takes three seconds for each.

import { createHash, createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { everywhere } from './everywhere.ts';

const ENTRY = 'test/engines/asymmetric.entry.ts';

const ALICE = '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a';
const ALICE_PUBLIC = '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a';
const BOB_PUBLIC = 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f';
const SHARED = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
// A point of order 8 [RFC 7748 §6.1; Wycheproof x25519_test, tcId 65].
const LOW_ORDER = 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800';

const ladder: string[][] = [
  // [RFC 7748 §5.2]
  [
    'rfc7748-5.2-1',
    'x25519',
    'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
    'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  ],
  [
    'rfc7748-5.2-2',
    'x25519',
    '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
    'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
    '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
  ],
  // [RFC 7748 §6.1], and a secret of zeros.
  ['rfc7748-6.1', 'exchange', ALICE, BOB_PUBLIC, ALICE_PUBLIC, SHARED],
  ['low-order', 'refuse', ALICE, LOW_ORDER],
  ['short', 'refuse', ALICE, BOB_PUBLIC.slice(2)],
];

/** `length` octets that depend on the length only. */
function octets(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, n) => (n * 37 + length) & 0xff));
}

const hashes: string[][] = [
  // [FIPS 180-4] examples 'abc' and of 448 bits.
  ['sha1-abc', 'sha1', '616263', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  [
    'sha1-448',
    'sha1',
    Buffer.from('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq').toString('hex'),
    '84983e441c3bd26ebaae4aa1f95129e5e54670f1',
  ],
];
// NAT_DETECTION hashes 22 or 34 octets; around one block and two.
for (const length of [0, 22, 34, 55, 56, 63, 64, 65, 119, 120]) {
  const message = octets(length);
  const digest = createHash('sha1').update(message).digest('hex');
  hashes.push([`sha1-${length}`, 'sha1', message.toString('hex'), digest]);
}
// Ni | Nr of the shortest and the longest nonces, and common ones.
for (const length of [32, 64, 65, 512]) {
  const mac = createHmac('sha256', octets(length)).update(octets(40)).digest('hex');
  hashes.push([`hmac-${length}`, 'hmac', octets(length).toString('hex'), octets(40).toString('hex'), mac]);
}

everywhere('SHA-1, and HMAC with long keys', ENTRY, hashes);
everywhere('X25519 and key exchange', ENTRY, ladder);
everywhere('X25519 with mangled properties', ENTRY, ladder.slice(0, 1), { mangle: true });

// Edge cases of each kind; results in all of the range that is reduced at the end.
const EDGES = ['EdgeCaseShared', 'NonCanonicalPublic', 'EdgeCasePrivateKey', 'SmallPublicKey', 'LowOrderPublic'];
const PER_KIND = 2;

interface Vector {
  tcId: number;
  flags: string[];
  public: string;
  private: string;
  shared: string;
}

const file = resolve(sourceRoot(), process.env['WYCHEPROOF_DIR'] ?? '../shared/wycheproof');
const path = join(file, 'x25519_test.json');
if (!existsSync(path)) {
  test('Wycheproof X25519 on the engines', { skip: 'WYCHEPROOF_DIR not found' }, () => {});
} else {
  const groups = JSON.parse(readFileSync(path, 'utf8')).testGroups as { tests: Vector[] }[];
  const vectors = groups.flatMap((group) => group.tests);
  const chosen = EDGES.flatMap((flag) => vectors.filter((v) => v.flags.includes(flag)).slice(0, PER_KIND));
  const unique = [...new Set(chosen)];
  everywhere(
    'Wycheproof X25519',
    ENTRY,
    unique.map((v) => [String(v.tcId), 'x25519', v.private, v.public, v.shared]),
  );
}
