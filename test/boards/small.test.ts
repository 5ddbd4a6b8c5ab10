// The specialised device in 32 kB of RAM: IKEv2, readings, both rekeys, the end and a new connection, in a heap of 18 kB.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBoard } from '../../targets/build/board-file.ts';
import { createLab } from '../../targets/node/lab/boards/lab.ts';
import { figuresOf } from '../../targets/node/lab/boards/run.ts';
import { provisionOf } from '../../targets/node/lab/boards/special.ts';
import { buildImage, startBoard } from '../../targets/node/lab/boards/start.ts';
import { boardMissing, PATIENCE } from './world.ts';

const NAME = 'qemu-mps2-an386-32k';

test('a board with 32 kB of RAM', { timeout: 3 * PATIENCE, skip: boardMissing(NAME, 'jerryscript') }, async () => {
  const board = loadBoard(NAME);
  const lab = await createLab({
    nodes: 1,
    seed: 3,
    loss: 0.1,
    secret: 'small',
    count: 3,
    interval: 0.2,
    isSpecial: true,
  });
  try {
    const sensor = { file: 'the board', text: lab.nodes[0].file };
    const image = await buildImage(board, 'jerryscript', sensor);
    const { ram, heap, stack } = image.memory!;
    assert.ok(ram + heap + stack <= board.ram!.size, `${ram} + ${heap} + ${stack}`);
    const running = await startBoard(board, {
      image: image.file,
      blob: provisionOf(sensor.file, sensor.text, false),
      entropy: '/dev/urandom',
    });
    try {
      lab.bridge.join('board', running.radio);
      await running.console.waitFor(/^ike established /, PATIENCE);
      await running.console.waitFor(/^done 3 0$/, PATIENCE);
      for (const [command, line] of [
        ['rekey', /^child removed/],
        ['rekey-ike', /^ike rekeyed/],
        ['send 2', /^reading 5 acknowledged/],
        ['delete', /^ike ended outcome=/],
        ['connect', /^ike established /],
        ['send 2', /^reading 7 acknowledged/],
      ] as const) {
        running.send(command);
        await running.console.waitFor(line, PATIENCE);
      }
      running.send('stats');
      const stats = figuresOf((await running.console.waitFor(/^stats .*$/, PATIENCE))[0]);
      assert.ok(stats['memory'] <= board.ram!.size && stats['heap'] < board.heap.jerryscript!, JSON.stringify(stats));
    } finally {
      await running.quit();
    }
  } finally {
    await lab.close();
  }
});
