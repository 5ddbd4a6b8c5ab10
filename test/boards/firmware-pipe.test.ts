// Firmware images in QEMU: boot, console, clock, entropy, provisioning area, restart, faults of the script, and the
// radio pipe while the board and this machine are busy.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { QemuBoard } from '../../targets/node/lab/boards/qemu.ts';
import { COMBINATIONS, missingNow, PATIENCE, start } from './firmware-kit.ts';

const ENTRY = 'test/boards/pipe.entry.ts';
const LIMIT = 600000;
const BLOB = Uint8Array.of(0x44, 0x45, 0x53, 0x50, 1, 0, 0, 9);

/** Sends frames one after the other, each when the one before has come back. */
async function echo(board: QemuBoard, frames: readonly Uint8Array[]): Promise<void> {
  await board.radio.ready;
  for (const frame of frames) {
    let limit: NodeJS.Timeout | undefined;
    const back = new Promise<string>((resolve, reject) => {
      board.radio.onFrame = (octets, offset, length) =>
        resolve(Buffer.from(octets.subarray(offset, offset + length)).toString('hex'));
      limit = setTimeout(() => reject(new Error('no echo of ' + frame.length + ' octets')), PATIENCE);
    });
    board.radio.transmit(frame, 0, frame.length);
    try {
      assert.equal(await back, Buffer.from(frame).toString('hex'));
    } finally {
      clearTimeout(limit);
    }
  }
}

function framesOf(count: number, salt: number): Uint8Array[] {
  // The pipe's own mark is among the octets.
  return Array.from({ length: count }, (_none, n) =>
    Uint8Array.from({ length: 5 + ((n * 37 + salt) % 123) }, (_value, i) =>
      i === 3 ? 0xa7 : (i * 31 + n + salt) & 255,
    ),
  );
}

/** Under two threads that only compute; 10 where DIETESP_LONG=1. */
const RUNS = process.env.DIETESP_LONG === '1' ? 10 : 3;

for (const [name, engine] of COMBINATIONS) {
  const skip = missingNow(name, engine);
  test(`${name} with ${engine}: console, clock, area, entropy, restart, exit`, { skip, timeout: LIMIT }, async (t) => {
    const entropy = Uint8Array.from({ length: 20 }, (_none, i) => i + 1);
    const board = await start(name, engine, ENTRY, { blob: BLOB, entropy });
    t.after(() => board.quit());
    const says = (pattern: RegExp): Promise<RegExpExecArray> => board.console.waitFor(pattern, PATIENCE);
    await says(/^ready$/);
    board.send('area');
    assert.equal((await says(/^area (\d+) (\w+)$/))[2], '4445535001000009');
    board.send('random 16');
    await says(/^random 0102030405060708090a0b0c0d0e0f10$/);
    // The four that are left are too few.
    board.send('random 16');
    await says(/^random none$/);
    board.send('time');
    await says(/^time passed$/);
    board.sendOctets(Buffer.from('\r\n\nodd ~\r\n' + 'y'.repeat(600) + '\n'));
    await says(/^heard odd ~$/);
    assert.match((await says(/^heard (y+)$/))[1], /^y{64}$/);
    board.send('memory');
    const [, memory, heap] = await says(/^memory (\d+) heap (\d+)$/);
    assert.ok(Number(heap) > 1000 && Number(memory) > Number(heap), memory + ' ' + heap);
    board.send('restart');
    await says(/^ready$/);
    board.send('area');
    await says(/^area \d+ 4445535001000009$/);
    board.send('exit 7');
    assert.equal((await board.exited).code, 7);
  });

  test(`${name} with ${engine}: no entropy, no area, faults of the script`, { skip, timeout: LIMIT }, async (t) => {
    for (const [command, line, code] of [
      ['crash', /^halt 22 script error$/, 22],
      ['heap', /^halt 21 memory$/, 21],
      // Calls without end: an engine's own limit, its heap, or the fault of a stack that is full.
      ['deep', /^halt 2[123] (memory|script error|fault)$/, 0],
    ] as const) {
      const board = await start(name, engine, ENTRY);
      t.after(() => board.quit());
      await board.console.waitFor(/^ready$/, PATIENCE);
      board.send('area');
      await board.console.waitFor(/^area 0 $/, PATIENCE);
      board.send('random 1');
      await board.console.waitFor(/^random none$/, PATIENCE);
      board.send(command);
      await board.console.waitFor(line, PATIENCE);
      const end = (await board.exited).code;
      if (code === 0) assert.ok(end === 21 || end === 22 || end === 23, String(end));
      else assert.equal(end, code);
    }
  });

  test(`${name} with ${engine}: more frames than the radio pipe holds`, { skip, timeout: LIMIT }, async (t) => {
    const board = await start(name, engine, ENTRY);
    t.after(() => board.quit());
    await board.console.waitFor(/^ready$/, PATIENCE);
    await echo(board, framesOf(3, 1));
    // More than the ring holds: some are dropped, none hangs the board, and it goes on.
    for (const frame of framesOf(200, 2)) board.radio.transmit(frame, 0, frame.length);
    let seen = 0;
    let marked = -1;
    board.radio.onFrame = (octets, offset, length) => {
      if (length === 7 && octets[offset] === 0x5e) marked = octets[offset + 1];
      else seen++;
    };
    // A mark is dropped too while the ring is full. When the last one comes back nothing is under way any more.
    for (let number = 0; marked !== number - 1 || number === 0; number++) {
      const mark = Uint8Array.of(0x5e, number, 2, 3, 4, 5, 6);
      board.radio.transmit(mark, 0, mark.length);
      for (let i = 0; i < 100 && marked !== number; i++) {
        board.send('area');
        await board.console.waitFor(/^area 0 $/, PATIENCE);
      }
    }
    assert.ok(seen > 0 && seen <= 200, String(seen));
    await echo(board, framesOf(20, 3));
  });

  test(`${name} with ${engine}: ${RUNS} runs of the pipe, board and machine busy`, {
    skip,
    timeout: LIMIT,
  }, async (t) => {
    const burners = [0, 1].map(() => new Worker('for (;;);', { eval: true }));
    t.after(() => Promise.all(burners.map((burner) => burner.terminate())));
    for (let run = 0; run < RUNS; run++) {
      const board = await start(name, engine, ENTRY);
      t.after(() => board.quit());
      await board.console.waitFor(/^ready$/, PATIENCE);
      board.send('work');
      await echo(board, framesOf(40, run));
      await board.quit();
    }
  });
}
