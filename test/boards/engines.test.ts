// `npm run engines`: the table, what it says of what was not measured, and one measurement.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { allVectors, type EngineRow, engineTable, measureBoard } from '../../targets/node/engines/measure.ts';
import { ROOT } from '../cli/run.ts';
import { boardMissing, PATIENCE } from './world.ts';

const FIGURES = {
  messages: 4,
  octets: 804,
  flash: 335532,
  script: 127101,
  memory: 691852,
  heap: 637372,
  perHandshake: 102700000,
  perPacket: 249600,
};

test('a row for each engine; what was not measured says so, and why', () => {
  const rows: EngineRow[] = [
    {
      engine: 'duktape',
      version: '2.7.0',
      vectors: { passed: 277, total: 277 },
      native: FIGURES,
      portable: null,
      notes: [],
    },
    { engine: 'espruino', version: null, vectors: null, native: null, portable: null, notes: ['vectors: not here'] },
  ];
  const [head, line, duktape, espruino, empty, note, ...more] = engineTable(rows).split('\n');
  const columns = head.split('|').length;
  for (const row of [line, duktape, espruino]) assert.equal(row.split('|').length, columns, row);
  assert.equal(
    duktape,
    '| duktape 2.7.0 | 277 of 277 | 4 messages, 804 octets | 127,101 | 335,532 | 691,852 (637,372) | ' +
      '250 k (untested) | 102.7 M (untested) |',
  );
  assert.equal(espruino, `| espruino |${' untested |'.repeat(columns - 3)}`);
  assert.deepEqual([empty, note, more], ['', '- espruino: vectors: not here', ['']]);
});

test('every vector file counts', () => {
  assert.ok(allVectors().length > 250);
});

test('wrong use', () => {
  for (const word of ['basic', '--xml']) {
    const run = spawnSync(process.execPath, ['--import', 'tsx', 'targets/engines.ts', word], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(run.status, 2);
    assert.match(run.stderr, /^usage: npm run engines -- /);
  }
});

test('the application on the board, its instructions counted', {
  timeout: 3 * PATIENCE,
  skip: boardMissing('qemu-mps2-an386', 'duktape'),
}, async () => {
  const figures = await measureBoard('duktape', false);
  assert.deepEqual([figures.messages, figures.octets], [4, FIGURES.octets]);
  assert.ok(figures.script < figures.flash && figures.heap < figures.memory);
  // An order of magnitude: that it counts instructions, not time.
  assert.ok(figures.perPacket > 1e4 && figures.perPacket < 2e7, `${figures.perPacket} for a packet`);
  assert.ok(figures.perHandshake > 1e6 && figures.perHandshake < 1e9, `${figures.perHandshake} for a handshake`);
});
