// The sensor as it ships, on Espruino's Linux build, with a gateway over a lossy radio: IKEv2, readings, rekey, restart, and
// its end with an invalid blob. X25519 runs in JavaScript there and takes seconds, so the time limits are long.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBoard } from '../../targets/build/board-file.ts';
import {
  type EspruinoBoardProcess,
  espruinoRunMissing,
  startEspruino,
} from '../../targets/node/lab/boards/espruino-run.ts';
import { createLab } from '../../targets/node/lab/boards/lab.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import { buildImage } from '../../targets/node/lab/boards/start.ts';

const skip = espruinoRunMissing();
const LIMIT = 240000;

async function script(): Promise<string> {
  return (await buildImage(loadBoard('espruino-linux'), 'espruino')).file;
}

test('IKEv2, readings at 10 % loss, a rekey, and a restart that resumes by the record in the Storage', {
  skip,
}, async () => {
  const options = { nodes: 1, seed: 5, loss: 0.1, secret: 'espruino', count: 10, interval: 0.2 };
  const lab = await createLab({ ...options, resumption: 3600 });
  let board: EspruinoBoardProcess | undefined;
  try {
    const [node] = lab.nodes;
    board = await startEspruino({ script: await script(), blob: readProvision('node', node.file) });
    lab.bridge.join('espruino', board.radio);
    const { console: lines } = board;
    await lines.waitFor(/^dietesp \d+\.\d+\.\d+ espruino native=3$/, LIMIT);
    await lines.waitFor(/^provision ok id=61 short=0001$/, LIMIT);
    await lines.waitFor(/^ike established messages=\d+ octets=\d+ ms=\d+ resumed=0$/, LIMIT);
    await lines.waitFor(/^done 10 0$/, LIMIT);
    board.send('rekey');
    await lines.waitFor(/^child installed/, LIMIT);
    await lines.waitFor(/^child removed$/, LIMIT);
    board.send('send 2');
    await lines.waitFor(/^reading 12 acknowledged/, LIMIT);
    board.send('nonsense');
    board.send('stats');
    const stats = await lines.waitFor(
      /^stats heap=(\d+) .* sent=(\d+) received=(\d+) drops=\d+ console-bad=1 saves=1$/,
      LIMIT,
    );
    assert.ok(Number(stats[1]) > 0 && Number(stats[2]) >= 12 && Number(stats[3]) >= 12, stats[0]);
    board.send('restart');
    await lines.waitFor(/^ike established .* resumed=1$/, LIMIT);
    await lines.waitFor(/^reading 1 acknowledged/, LIMIT);
    const numbers = node.readings.map((text) => JSON.parse(text).n as number);
    for (let n = 1; n <= 12; n++) assert.ok(numbers.includes(n), `reading ${n}`);
    board.send('exit');
    await board.exited;
  } finally {
    await board?.quit();
    await lab.close();
  }
});

const REFUSED: [string, Uint8Array | undefined, number][] = [
  ['no blob', undefined, 1],
  ['another magic', new Uint8Array(40).fill(0x41), 2],
  ['a blob cut short', Uint8Array.of(0x44, 0x45, 0x53, 0x50, 1, 0, 1, 0, 0xa0), 4],
];
for (const [name, blob, code] of REFUSED) {
  test(`${name}: refused, and silent`, { skip }, async () => {
    const board = await startEspruino({ script: await script(), ...(blob === undefined ? {} : { blob }) });
    try {
      await board.console.waitFor(new RegExp(`^provision bad ${code}$`), LIMIT);
      await board.console.waitFor(new RegExp(`^halt ${code} provision$`), LIMIT);
      await board.exited;
      assert.equal(board.radio.counters.frames, 0);
    } finally {
      await board.quit();
    }
  });
}
