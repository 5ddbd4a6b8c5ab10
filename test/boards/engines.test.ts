// `npm run engines`: the table, its cells for what was not measured, and one measurement.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import {
  allVectors,
  type BoardFigures,
  type EngineRow,
  engineTable,
  measureBoard,
  STANDARD_BOARD,
} from '../../targets/node/lab/engine-figures.ts';
import { ROOT } from '../cli/run.ts';
import { boardMissing, PATIENCE } from './world.ts';

const FIGURES: BoardFigures = {
  messages: 4,
  octets: 804,
  script: 127101,
  device: { flash: 335532, memory: 691852, heap: 637372, perHandshake: 102700000, perPacket: 249600 },
};

test('a row for each engine; what was not measured says so, and why', () => {
  const none = { native: null, portable: null };
  const rows: EngineRow[] = [
    {
      engine: 'duktape',
      version: '2.7.0',
      vectors: { passed: 277, total: 277 },
      special: none,
      general: { native: FIGURES, portable: null },
      notes: [],
    },
    { engine: 'espruino', version: null, vectors: null, special: none, general: none, notes: ['vectors: not here'] },
    {
      engine: 'lua',
      version: '5.4',
      vectors: null,
      special: { native: { ...FIGURES, device: null }, portable: null },
      general: none,
      notes: [],
    },
  ];
  const [head, line, , duktape, espruino, , lua, , empty, note, ...more] = engineTable(rows).split('\n');
  const columns = head.split('|').length;
  for (const row of [line, duktape, espruino, lua]) assert.equal(row.split('|').length, columns, row);
  assert.equal(
    duktape,
    '| duktape 2.7.0 | 277 of 277 | general | 4 messages, 804 octets | 127,101 | 335,532 | 691,852 (637,372) | ' +
      '250 k (untested) | 102.7 M (untested) |',
  );
  assert.equal(espruino, `| espruino | untested | specialised |${' untested |'.repeat(columns - 5)}`);
  assert.equal(
    lua,
    `| lua 5.4 | untested | specialised | 4 messages, 804 octets | 127,101 |${' untested |'.repeat(4)}`,
  );
  assert.deepEqual([empty, note, more], ['', '- espruino: vectors: not here', ['']]);
});

test('every vector file counts', () => {
  assert.ok(allVectors().length > 250);
});

test('wrong use', () => {
  for (const word of ['basic', '--xml', '--board=toaster']) {
    const run = spawnSync(process.execPath, ['--import', 'tsx', 'targets/engine-figures.ts', word], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(run.status, 2);
    assert.match(run.stderr, /^.*\nusage: npm run engines -- /);
  }
});

test('the application on the board, its instructions counted', {
  timeout: 3 * PATIENCE,
  skip: boardMissing('qemu-mps2-an386', 'duktape'),
}, async () => {
  const figures = await measureBoard(STANDARD_BOARD, 'duktape', false, false);
  const device = figures.device!;
  assert.equal(figures.messages, 4);
  assert.ok(figures.script < device.flash && device.heap < device.memory);
  // An order of magnitude: that it counts instructions, not time.
  assert.ok(device.perPacket > 1e4 && device.perPacket < 2e7, `${device.perPacket} for a packet`);
  assert.ok(device.perHandshake > 1e6 && device.perHandshake < 1e9, `${device.perHandshake} for a handshake`);
});
