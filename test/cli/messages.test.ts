// Help for new users: messages that say what to do, and outputs that other commands accept.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSaFile } from '../../targets/node/host/config/sa.ts';
import { rulesOf } from '../../targets/node/host/explain/rules-view.ts';
import { readSchcJson } from '../../targets/node/host/rules/json.ts';
import { widthOf } from '../../targets/node/host/terminal.ts';
import { dietesp, EXAMPLES, isOneLine, scratch } from './run.ts';

const files = scratch();

test('rules --schc is what the reader of SCHC rules takes', async () => {
  const file = join(EXAMPLES, 'sensor.yaml');
  const { code, stdout } = await dietesp('rules', '--sa', file, '--schc');
  assert.equal(code, 0);
  const read = stdout
    .trimEnd()
    .split('\n')
    .map((line) => readSchcJson(line));
  const sas = loadSaFile(file);
  assert.equal(read.length, sas.length);
  for (const [index, { attributes, config }] of sas.entries()) {
    assert.equal(read[index].length, 3);
    const own = rulesOf(attributes, config.suite)[1].fields.map(({ descriptor }) => descriptor);
    const fields = read[index][1].fields;
    assert.deepEqual(
      fields.map(({ fid, mo, cda }) => [fid, mo, cda]),
      own.map(({ fid, mo, cda }) => [fid, mo, cda]),
    );
  }
});

test('a serial port that is not there is an error at once', async () => {
  for (const option of ['serial', 'tty']) {
    const { code, stderr } = await dietesp('bridge', `--${option}`, files.path('ttyNone'));
    assert.equal(code, 1);
    assert.equal(stderr, `error: --${option}: ${files.path('ttyNone')}: no such port\n`);
  }
});

test('flash --dry-run prints commands whose files are there, or are made by them', async () => {
  const image = files.file('image.bin', 'four');
  const sensor = join(EXAMPLES, 'sensor-ike.yaml');
  const args = ['--board', 'netduinoplus2', '--image', image, '--provision', sensor, '--dry-run'];
  const { code, stdout, stderr } = await dietesp('flash', ...args);
  assert.equal(code, 0, stderr);
  const [, provision, program] = stdout.trimEnd().split('\n');
  assert.equal(provision, `dietesp provision --config ${sensor} --out provision.bin`);
  assert.match(program, /\{provision\.bin\} verify/);
  assert.doesNotMatch(stdout, /dietesp-flash-/);
});

test('flash refuses a board whose radio has no pins', async () => {
  const image = files.file('script.js', 'print(1)');
  const { code, stderr } = await dietesp('flash', '--board', 'bangle-js2', '--image', image, '--dry-run');
  assert.equal(code, 1);
  assert.ok(isOneLine(stderr), stderr);
  assert.match(stderr, /boards\/bangle-js2\/board\.json: radio\.cs: \(missing\)/);
  const pico = await dietesp('flash', '--board', 'espruino-pico', '--image', image, '--dry-run');
  assert.equal(pico.code, 0, pico.stderr);
  assert.match(pico.stdout, /^dietesp flash --board espruino-pico --image .*script\.js --port PORT$/m);
});

test('build --module espruino says what does it', async () => {
  const { code, stderr } = await dietesp('build', '--module', 'espruino');
  assert.equal(code, 2);
  assert.match(stderr, /must be one of lua, duktape, jerryscript; .*dietesp build --board espruino-linux/);
});

test('vectors: large files are read, empty ones refused', async () => {
  const text = JSON.stringify({ comment: 'x'.repeat(1500000), vectors: [] });
  const large = await dietesp('vectors', files.file('large.json', text));
  assert.match(large.stderr, /large\.json: no vectors: of Diet-ESP/);
});

test('a terminal of width 0 has 80 columns', () => {
  assert.deepEqual(
    [widthOf({ columns: 0 }), widthOf({}), widthOf({ columns: 5 }), widthOf({ columns: 132 })],
    [80, 80, 20, 132],
  );
});
