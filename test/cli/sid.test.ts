// Rules that a command writes are read again: JSON, CBOR with SIDs of its own or of a .sid file.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSchcCbor, schcCbor } from '../../targets/node/host/rules/cbor.ts';
import { readSchcJson } from '../../targets/node/host/rules/json.ts';
import { FIELD_NAMES } from '../../targets/node/host/rules/names.ts';
import { readSidFile } from '../../targets/node/host/rules/sid.ts';
import { dietesp, EXAMPLES, scratch } from './run.ts';

const files = scratch();
const ENTRY = '/ietf-schc:schc/rule/entry';
// biome-ignore format: a list
const PATHS = [
  '/ietf-schc:schc', '/ietf-schc:schc/rule', '/ietf-schc:schc/rule/rule-nature', '/ietf-schc:schc/rule/rule-id-value',
  '/ietf-schc:schc/rule/rule-id-length', ENTRY, `${ENTRY}/field-id`, `${ENTRY}/field-length`, `${ENTRY}/field-position`,
  `${ENTRY}/direction-indicator`, `${ENTRY}/matching-operator`, `${ENTRY}/comp-decomp-action`,
  ...['target-value', 'matching-operator-value', 'comp-decomp-action-value'].flatMap((name) =>
    ['', '/value', '/index'].map((end) => `${ENTRY}/${name}${end}`)),
];
// biome-ignore format: a list
const IDENTITIES = [
  'mo-equal', 'mo-ignore', 'mo-msb', 'mo-match-mapping', 'cda-not-sent', 'cda-value-sent', 'cda-lsb', 'cda-mapping-sent',
  'cda-compute', 'cda-deviid', 'cda-appiid', 'di-bidirectional', 'di-up', 'di-down', 'fl-variable', 'fl-token-length',
  'nature-compression', 'nature-no-compression', 'nature-fragmentation', 'a-thing-of-another-release',
];
/** Another order than any listing, as texts. */
const ITEMS = [
  ...IDENTITIES,
  ...[...FIELD_NAMES.values()].filter((name) => !name.includes('esp')),
  ...PATHS.toReversed(),
].map((identifier, i) => ({ identifier, sid: String(70000 - 3 * i) }));
const sidFile = (changes: object = {}, items: unknown = ITEMS): string =>
  JSON.stringify({ 'ietf-sid-file:sid-file': { 'module-name': 'ietf-schc', item: items, ...changes } });

/** Rule sets of every SA of the examples. */
const SETS = ['tunnel.yaml', 'range.yaml', 'leshan.yaml', 'transport.json'];

test('what rules --json and --schc write is read; CBOR comes back with SIDs of ours and of a file', async () => {
  const sids = readSidFile(sidFile());
  for (const name of SETS) {
    const json = await dietesp('rules', '--sa', join(EXAMPLES, name), '--json');
    const schc = await dietesp('rules', '--sa', join(EXAMPLES, name), '--schc');
    const sets = schc.stdout.trim().split('\n').map(readSchcJson);
    const list = JSON.parse(json.stdout) as unknown[];
    assert.deepEqual(
      list.map((sa) => readSchcJson(JSON.stringify([sa]))),
      sets,
      name,
    );
    if (list.length > 1) assert.throws(() => readSchcJson(json.stdout), /file: SAs \d+: one at a time/);
    for (const rules of sets) {
      const plain = schcCbor(rules);
      const other = schcCbor(rules, sids);
      assert.notDeepEqual(other, plain);
      assert.deepEqual(readSchcCbor(other, sids), readSchcCbor(plain));
    }
  }
});

test('known numbers: a rule with the SIDs of a file, octet by octet', () => {
  const sids = readSidFile(
    sidFile(
      {},
      [...PATHS, ...IDENTITIES, 'fid-ipv6-version'].map((identifier, i) => ({ identifier, sid: 5000 + i })),
    ),
  );
  const [version] = readSchcJson(
    '{"rules":[{"ruleId":1,"ruleIdLength":8,"fields":[{"field":"fid-ipv6-version","length":4,"target":["0x06"],' +
      '"operator":"equal","action":"not-sent"}]}]}',
  );
  assert.equal(
    Buffer.from(schcCbor([version], sids)).toString('hex'),
    // schc 5000: rule +1: value +2, length +3, nature +1 (5037), entry +4: id +1 (5041), length +2, position +3, direction +4 (5032),
    // target +7: index +2, value +1; operator +5 (5021), action +6 (5025).
    'a1191388a10181a40201030801' +
      '1913ad0481a7' +
      '011913b1' +
      '0204' +
      '0301' +
      '041913a8' +
      '0781a202000141' +
      '06' +
      '0519139d' +
      '061913a1',
  );
});

test('rules --cbor --sid FILE; files that are none', async () => {
  const sa = join(EXAMPLES, 'tunnel.yaml');
  const good = files.file('good.sid', sidFile());
  const { code, stderr } = await dietesp('rules', '--sa', sa, '--cbor', '--sid', good);
  assert.equal(code, 0, stderr);
  for (const [text, message] of [
    ['{', /bad\.sid: not JSON/],
    ['{}', /bad\.sid: ietf-sid-file:sid-file/],
    [sidFile({ 'module-name': 'ietf-system' }), /bad\.sid: module-name "ietf-system": must be ietf-schc/],
    [sidFile({}, 3), /bad\.sid: item 3: must be a list/],
    [sidFile({}, [{ identifier: 'x', sid: 'y' }]), /bad\.sid: item\[0\]\.sid "y": must be a whole number/],
    [sidFile({}, [{ sid: 1 }]), /bad\.sid: item\[0\]\.identifier/],
    [
      sidFile({}, [
        { identifier: 'a', sid: 1 },
        { identifier: 'b', sid: 1 },
      ]),
      /item\[1\]\.sid 1: a has it already/,
    ],
    [sidFile({}, ITEMS.slice(0, -1)), /bad\.sid: item "\/ietf-schc:schc": has no SID/],
    [sidFile({}, ITEMS.slice(1)), /bad\.sid: SID 2908: is not in the \.sid file/],
  ] as const) {
    const run = await dietesp('rules', '--sa', sa, '--cbor', '--sid', files.file('bad.sid', text));
    assert.equal(run.code, 1, text.slice(0, 60));
    assert.match(run.stderr, message);
  }
  const wrong = await dietesp('rules', '--sa', sa, '--sid', good);
  assert.deepEqual([wrong.code, /--sid: only with --cbor/.test(wrong.stderr)], [2, true]);
  assert.ok(readFileSync(good).length > 0);
});
