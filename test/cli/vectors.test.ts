// The vector runner on Node and on the installed engines: passes, failures, and its messages.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Engine, engineMissing } from '../../targets/build/engines.ts';
import { casesOf, type VectorFile } from '../../targets/build/vector-file.ts';
import { dietesp, isOneLine, ROOT, scratch } from './run.ts';

const files = scratch();
const CCM = join(ROOT, 'test', 'vectors', 'aes-ccm-rfc4309.json');
const DIET = join(ROOT, 'test', 'vectors', 'diet-esp.json');
const ALL = readdirSync(join(ROOT, 'test', 'vectors'))
  .map((name) => join(ROOT, 'test', 'vectors', name))
  .filter((file) => casesIn(file) > 0);

function casesIn(file: string): number {
  const parsed = JSON.parse(readFileSync(file, 'utf8')) as VectorFile & { format?: string };
  return Array.isArray(parsed.vectors) && parsed.vectors[0]?.sa !== undefined ? casesOf(parsed).length : 0;
}

interface Results {
  passed: number;
  failed: number;
  skipped: number;
  failures: { id: string; field: string; expected: string; actual: string }[];
}

function vectorsOf(): { vectors: Record<string, unknown>[] } {
  return JSON.parse(readFileSync(DIET, 'utf8'));
}

for (const provider of ['fast', 'node', 'noble', 'portable']) {
  test(`all vectors pass with the provider ${provider}`, async () => {
    const { code, stdout, stderr } = await dietesp('vectors', ...ALL, '--provider', provider, '--json');
    assert.equal(stderr, '');
    const results = JSON.parse(stdout) as Results;
    assert.deepEqual(results.failures, []);
    assert.equal(code, 0);
    const total = ALL.reduce((sum, file) => sum + casesIn(file), 0);
    assert.equal(results.passed + results.skipped, total);
    // The portable set has AES-CCM alone, @noble/ciphers has all but AES-CCM.
    assert.equal(results.skipped > 0, provider === 'portable' || provider === 'noble');
  });
}

/** Espruino takes a minute for own.json: one in three of it by default, all where DIETESP_LONG=1. */
function filesFor(engine: Engine): string[] {
  if (engine !== 'espruino' || process.env.DIETESP_LONG === '1') return ALL;
  return ALL.map((path) => {
    if (!path.endsWith('own.json')) return path;
    const file = JSON.parse(readFileSync(path, 'utf8')) as VectorFile;
    const vectors = file.vectors!.filter((_vector, index) => index % 3 === 0);
    return files.file('third.json', JSON.stringify({ ...file, vectors }));
  });
}

const OTHERS: Engine[] = ['lua', 'duktape', 'jerryscript', 'espruino'];
for (const engine of OTHERS) {
  test(`vectors pass on ${engine}`, { skip: engineMissing(engine) }, async () => {
    const { code, stdout, stderr } = await dietesp('vectors', ...filesFor(engine), '--engine', engine);
    assert.equal(stderr, '');
    assert.match(stdout, /^\d+ passed, 0 failed, \d+ skipped\n$/);
    assert.equal(code, 0);
    assert.ok(Number.parseInt(stdout, 10) >= 18);
  });
}

for (const provider of ['fast', 'node', 'portable']) {
  test(`AES-CCM vectors pass with the provider ${provider}`, async () => {
    const { code, stdout, stderr } = await dietesp('vectors', CCM, '--provider', provider);
    assert.deepEqual([code, stdout, stderr], [0, '1000 passed, 0 failed\n', '']);
  });
}

for (const engine of OTHERS) {
  test(`AES-CCM vectors pass on ${engine}`, { skip: engineMissing(engine) }, async () => {
    const file = JSON.parse(readFileSync(CCM, 'utf8')) as { keys: string[]; vectors: unknown[] };
    const few = files.file(`ccm-${engine}.json`, JSON.stringify({ ...file, vectors: file.vectors.slice(0, 40) }));
    const { code, stdout, stderr } = await dietesp('vectors', few, '--engine', engine);
    assert.deepEqual([code, stdout, stderr], [0, '40 passed, 0 failed\n', '']);
  });
}

test('wrong AES-CCM vectors are found, and malformed ones refused', async () => {
  const { keys, vectors } = JSON.parse(readFileSync(CCM, 'utf8')) as { keys: string[]; vectors: string[][] };
  const [at, nonce, aad, text, out] = vectors[5];
  const run = (...row: unknown[]) =>
    dietesp('vectors', files.file('row.json', JSON.stringify({ keys, vectors: [row] })));
  const wrong = await run(at, nonce, aad, text, `${out.slice(0, -2)}00`);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /^vectors\[0\]: sealed: expected [0-9a-f]+00, actual [0-9a-f]+\n0 passed, 1 failed\n$/);
  const refused: [unknown[], RegExp][] = [
    [[99, nonce, aad, text, out], /row\.json: vectors\[0\]\.key: 99: must be 0\.\.9$/m],
    [[at, 'xy', aad, text, out], /vectors\[0\]\.nonce: xy: must be hexadecimal octets$/m],
    [[at, 'aabb', aad, text, out], /vectors\[0\]\.nonce: 2 octets: must be 11$/m],
    [[at, nonce, aad, text, text], /vectors\[0\]\.out: an ICV of 0 octets: must have 8 or 16$/m],
    [[at, nonce], /vectors\[0\]: must be a list of five$/m],
  ];
  for (const [row, message] of refused) {
    const { code, stderr } = await run(...row);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
  const none = await dietesp('vectors', CCM, '--provider', 'noble');
  assert.equal(none.stdout, '0 passed, 0 failed, 1000 skipped\n');
});

test('the portable provider names what it skips', async () => {
  const { code, stdout } = await dietesp('vectors', DIET, '--provider', 'portable', '--verbose');
  assert.equal(code, 0);
  assert.match(stdout, /^A1: skipped: no AES_GCM_16_IIV from the provider$/m);
});

/** Field of vector A5 (or another) -> a wrong value, and the field that the runner has to name. */
const WRONG: [string, string, unknown, string][] = [
  ['A3', 'residue_bits', '10111010101010111100110111101011101', 'residue_bits'],
  ['A3', 'iipc_output', 'baabcdeb804401006101', 'iipc_output'],
  ['A5', 'clear_text', '303132333435363738390012', 'clear_text'],
  ['A5', 'nonce', 'a0a1a20011223344556678', 'nonce'],
  ['A5', 'aad', 'c0ffee0100000003', 'aad'],
  ['A5', 'ciphertext', '59586bbafba989167ff45541', 'ciphertext'],
  ['A5', 'icv', 'cb973182f7ce0261', 'icv'],
  ['A6', 'aad', 'c0ffee01000000033031323334353637383900000002', 'aad'],
  ['A5', 'eec_header', 'ee010003', 'eec_header'],
  ['A5', 'esp_len', 33, 'esp_len'],
  ['B6', 'decompressed', '60', 'decompressed'],
];

for (const [id, field, value, named] of WRONG) {
  test(`a wrong ${field} is found`, async () => {
    const file = vectorsOf();
    const vector = file.vectors.find((candidate) => candidate.id === id)!;
    vector[field] = value;
    delete vector['residue'];
    const path = files.file(`${id}-${field}.json`, JSON.stringify({ vectors: [vector] }));
    const { code, stdout } = await dietesp('vectors', path);
    assert.equal(code, 1);
    const lines = stdout.trim().split('\n');
    assert.equal(lines.length, 2);
    assert.ok(lines[0].startsWith(`${id}: ${named}: expected ${value}, actual `), lines[0]);
    assert.equal(lines[1], '0 passed, 1 failed');
  });
}

test('a wrong sequence number recovery is found', async () => {
  const row = { T: '0', received: '1', esp_sn_lsb: 8, window: 64, esn: false, sn: '2' };
  const path = files.file('sn.json', JSON.stringify({ sn_recovery: [row] }));
  const { code, stdout } = await dietesp('vectors', path);
  assert.equal(code, 1);
  assert.match(stdout, /^sn_recovery\[0\]: sn: expected 0+2, actual 0+1\n0 passed, 1 failed\n$/);
});

test('refusals and rejections: the right reason passes, another one fails', async () => {
  const [first] = vectorsOf().vectors as { sa: Record<string, unknown>; inner: string; wire: string }[];
  const refused = { id: 'R', sa: { ...first.sa, ts_port_dst: [4501, 4501] }, inner: first.inner, drop: 'selector' };
  const config = { id: 'C', sa: { ...first.sa, esp_sn_lsb: 7 }, inner: first.inner, field: 'esp_sn_lsb' };
  const wire = `${first.wire.slice(0, -1)}0`;
  const changed = { id: 'I', sa: first.sa, wire, drop: 'short', also: ['icv'] };
  const replayed = { id: 'P', sa: first.sa, before: [first.wire], wire: first.wire, drop: 'replay' };
  const path = files.file(
    'right.json',
    JSON.stringify({ refusals: [refused, config], rejections: [changed, replayed] }),
  );
  const right = await dietesp('vectors', path);
  assert.equal(right.stdout, '4 passed, 0 failed\n');
  const wrong = files.file(
    'wrong.json',
    JSON.stringify({
      refusals: [
        { ...refused, drop: 'checksum' },
        { ...config, field: 'esp_spi' },
        { ...config, sa: first.sa },
      ],
      rejections: [
        { ...changed, also: [] },
        { ...replayed, before: [wire] },
        { ...changed, wire: first.wire },
      ],
    }),
  );
  const { code, stdout } = await dietesp('vectors', wrong);
  assert.equal(code, 1);
  assert.deepEqual(stdout.trim().split('\n').slice(0, 3), [
    'R: outbound: expected checksum, actual selector',
    'C: esp_spi: expected refused, actual esp_sn_lsb: 7: esp_spi_lsb + esp_sn_lsb must be a multiple of 8',
    'C: esp_sn_lsb: expected refused, actual accepted',
  ]);
  assert.match(stdout, /^I: inbound: expected short, actual icv$/m);
  assert.match(stdout, /^P: before\[0\]: expected accepted, actual -10$/m);
  assert.match(stdout, /^I: inbound: expected short or icv, actual accepted$/m);
  assert.match(stdout, /^0 passed, 6 failed$/m);
});

test('missing fields are not checked, unknown ones ignored', async () => {
  const [first] = vectorsOf().vectors;
  const path = files.file(
    'few.json',
    JSON.stringify({ vectors: [{ id: 'X', sa: first['sa'], inner: first['inner'], x: 1 }] }),
  );
  const { code, stdout } = await dietesp('vectors', path);
  assert.equal(stdout, '1 passed, 0 failed\n');
  assert.equal(code, 0);
});

test('files that are no vectors', async () => {
  const cases: [string, RegExp][] = [
    [files.file('broken.json', '{"vectors": ['), /broken\.json: /],
    [files.file('sa.json', '{"vectors": [{"id": "X"}]}'), /sa\.json: X: sa: \(missing\): is required/],
    [files.file('spi.json', '{"vectors": [{"id": "X", "sa": {}}]}'), /spi\.json: X: sa\.esp_spi: undefined: must be/],
    [files.file('none.json', '{"vectors": []}'), /none\.json: no vectors/],
    [files.file('null.json', 'null'), /null\.json: not a vector file/],
    [files.path('missing.json'), /missing\.json: no such file or directory/],
  ];
  for (const [file, message] of cases) {
    const { code, stderr } = await dietesp('vectors', file);
    assert.equal(code, 1);
    assert.ok(isOneLine(stderr), stderr);
    assert.match(stderr, message);
  }
});

test('a file that is not JSON is not quoted: it may hold a key', async () => {
  const path = files.file('psk.txt', 'correct horse battery staple\n');
  const { code, stderr } = await dietesp('vectors', path);
  assert.equal(code, 1);
  assert.equal(stderr, `error: ${path}: not JSON\n`);
});
