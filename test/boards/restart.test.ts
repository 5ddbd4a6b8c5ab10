// A board without debugger and semihosting. An end that somebody outside may cause (no memory left, a fault, a failed source
// of randomness) leads to a restart after a while; the radio is silent until then. After an end that a restart does not mend,
// or that a command ordered, the board sleeps. A session that the board kept is resumed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBoard } from '../../targets/build/board-file.ts';
import { buildFirmware } from '../../targets/build/firmware/firmware.ts';
import { createLab } from '../../targets/node/lab/boards/lab.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import { startBoard } from '../../targets/node/lab/boards/start.ts';
import { LONG, missing, start } from './firmware-kit.ts';

const NAME = 'qemu-mps2-an386';
const ENTRY = 'test/boards/pipe.entry.ts';

test('out of memory, a crash, no entropy: the board comes back, again and again', {
  skip: missing(NAME, 'lua'),
}, async () => {
  const board = await start(NAME, 'lua', ENTRY, { isAlone: true });
  try {
    await board.console.waitFor(/^ready$/, LONG);
    for (const [line, halt] of [
      ['heap', /^halt 21 memory$/],
      ['crash', /^halt 22 script error$/],
      ['exit 20', null],
    ] as const) {
      board.send(line);
      if (halt !== null) await board.console.waitFor(halt, LONG);
      await board.console.waitFor(/^ready$/, LONG);
    }
    // As before: it takes commands and frames.
    board.send('hello');
    await board.console.waitFor(/^heard hello$/, LONG);
    // What was ordered is obeyed: no `ready` comes between.
    board.send('exit 7');
    board.send('hello');
    await board.reset();
    await board.console.waitFor(/^ready$/, LONG);
    board.send('again');
    await board.console.waitFor(/^heard again$/, LONG);
    assert.equal(board.console.lines().filter((line) => line === 'ready').length, 5);
  } finally {
    await board.quit();
  }
});

test('a reset: the session in what stands for flash is resumed, with other Child SAs', {
  skip: missing(NAME, 'lua'),
}, async () => {
  const lab = await createLab({
    nodes: 1,
    seed: 5,
    loss: 0,
    secret: 'test',
    count: 1,
    interval: 0.01,
    resumption: 3600,
  });
  const board = loadBoard(NAME);
  const { elf } = await buildFirmware(board, 'lua');
  const blob = readProvision('node', lab.nodes[0].file);
  const running = await startBoard(board, { image: elf, blob, entropy: '/dev/urandom' });
  try {
    lab.bridge.join('board', running.radio);
    const spis = new Set<string>();
    for (const resumed of [0, 1, 1]) {
      const [, spi] = await running.console.waitFor(/^child installed spi=(\S+)$/, LONG);
      assert.ok(!spis.has(spi), 'another Child SA');
      spis.add(spi);
      await running.console.waitFor(new RegExp(`^ike established messages=4 .* resumed=${resumed}$`), LONG);
      await running.console.waitFor(/^done 1 0$/, LONG);
      running.send('stats');
      await running.console.waitFor(/^stats .* saves=1$/, LONG);
      await running.reset();
    }
  } finally {
    await running.quit();
    await lab.close();
  }
});
