// IKE messages on every engine: the examples, damaged copies of them, and fragments sealed, opened and put together.

import assert from 'node:assert/strict';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { authRequest, hex, initRequest, octetsOf, otherPayloads, transforms } from '../ike/examples.ts';
import { everywhere } from './everywhere.ts';
import { outcome } from './ike-message.entry.ts';

const init = initRequest([
  transforms(1, { ciphers: [28], keyBits: [0], prf: [5], ke: [31] }),
  transforms(1, { ciphers: [20, 14], keyBits: [128, 128], prf: [5], ke: [31, 19] }),
]);
const auth = hex(authRequest().octets);
const ts =
  '04000000 | f100000801020304 | 0711001016331633c0000200c00002ff | 070000100000ffff0a0000000affffff' +
  '| 08000028ffff0000 20010db8000000000000000000000000 20010db8000000000000000000000fff';

/** The input, and `count` copies with one to three octets changed and some cut. */
function damagedToo(id: string, kind: string, input: string, count: number): string[][] {
  const random = createRandom(count);
  const cases = [[id, kind, input]];
  for (let i = 0; i < count; i++) {
    let bytes = octetsOf(input);
    for (let left = random.below(3); left >= 0; left--) bytes[random.below(bytes.length)] = random.below(256);
    if (i % 4 === 0) bytes = bytes.slice(0, random.below(bytes.length));
    cases.push([id + '-' + i, kind, hex(bytes)]);
  }
  return cases;
}

const cases = [
  ...damagedToo('init', 'message', hex(init), 12),
  ...damagedToo('sa-ike', 'sa', hex(init.subarray(32, 28 + init[31])), 12),
  ...damagedToo('sa-esp', 'sa', auth.slice(160, 224), 12),
  ...damagedToo('ts', 'ts', hex(octetsOf(ts)), 12),
  ['ccm', 'ccm', auth],
  ['cbc', 'cbc', auth],
  ['ccm-other', 'ccm', hex(otherPayloads().octets)],
].map((strings) => [...strings, outcome(strings)]);

// The examples themselves are taken.
const expected = new Map(cases.map((strings) => [strings[0], strings[3]]));
assert.match(expected.get('init')!, /^0 0 0 33,32,\d+ .* 5$/);
assert.match(expected.get('sa-ike')!, /^0 14 19 /);
assert.match(expected.get('sa-esp')!, /^0 20 0 0000002400000020010304/);
assert.match(expected.get('ts')!, /^0 in .*1633/);
for (const id of ['ccm', 'cbc']) assert.ok(expected.get(id)!.endsWith(' 10 0 160 35 ' + auth), expected.get(id));

everywhere('IKE messages', 'test/engines/ike-message.entry.ts', cases);
everywhere('IKE messages with mangled properties', 'test/engines/ike-message.entry.ts', cases, { mangle: true });
