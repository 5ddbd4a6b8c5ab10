// A board without debugger and semihosting. An end that somebody outside may cause (no memory left, a fault, a failed source
// of randomness) leads to a restart after a while; the radio is silent until then. After an end that a restart does not mend,
// or that a command ordered, the board sleeps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
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
