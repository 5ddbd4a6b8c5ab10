// The frames of an emulated board: tshark reads them, and they equal those of the same application on Node, octet for octet,
// if both get the same random octets and the same frames.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApp } from '../../targets/board/app.ts';
import { createMixedAsymmetric, createMixedProvider } from '../../targets/board/mixed.ts';
import type { BoardEngine } from '../../targets/build/board-file.ts';
import { LINKTYPE_IEEE802_15_4 } from '../../targets/node/host/radio/pcap.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createLab } from '../../targets/node/lab/boards/lab.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import { boardAndEngine, buildImage, startBoard } from '../../targets/node/lab/boards/start.ts';
import { CONTEXT } from '../../targets/node/lab/network.ts';
import { tshark } from '../interop/tshark.ts';
import { packageMissing } from '../support/packages.ts';
import { mockBoard } from './app-support.ts';
import { boardMissing, PATIENCE } from './world.ts';

const COUNT = 8;
const SEED = 5;
const ENTROPY = 4096;

interface Recorded {
  isSent: boolean;
  frame: Uint8Array;
}

interface Recording {
  blob: Uint8Array;
  entropy: Uint8Array;
  frames: Recorded[];
  lines: string[];
}

/** What a board sends and hears from its start to its last reading. */
async function record(name: string, engineName: BoardEngine): Promise<Recording> {
  const { board, engine } = boardAndEngine(name, engineName);
  const image = await buildImage(board, engine);
  const lab = await createLab({
    nodes: 1,
    seed: 1,
    loss: 0,
    secret: 'test',
    count: COUNT,
    interval: 0.01,
    patient: true,
  });
  const entropy = new Uint8Array(ENTROPY);
  createRandom(SEED).fill(entropy, 0, ENTROPY);
  const blob = readProvision('the board', lab.nodes[0].file);
  const running = await startBoard(board, { image: image.file, blob, entropy });
  try {
    const frames: Recorded[] = [];
    const inner = running.radio;
    const tapped: Radio = {
      onFrame: null,
      clear: () => true,
      transmit(buffer, offset, length) {
        frames.push({ isSent: false, frame: buffer.slice(offset, offset + length) });
        inner.transmit(buffer, offset, length);
      },
      close: () => inner.close(),
    };
    inner.onFrame = (frame, offset, length) => {
      frames.push({ isSent: true, frame: frame.slice(offset, offset + length) });
      tapped.onFrame?.(frame, offset, length);
    };
    lab.bridge.join('board', tapped);
    const [line] = await running.console.waitFor(/^done \d+ \d+$/, PATIENCE);
    assert.equal(line, `done ${COUNT} 0`);
    const lines = running.console.lines();
    // The radio is another pipe than the console: what was sent before the first answer has come by the next one.
    for (let i = 0; i < 2; i++) {
      running.send('stats');
      await running.console.waitFor(/^stats /, PATIENCE);
    }
    return { blob, entropy, frames, lines };
  } finally {
    await running.quit();
    await lab.close();
  }
}

/** The same application on Node hears what the board heard, when it has sent what the board had sent by then. */
function replay({ blob, entropy, frames }: Recording): { sent: string[]; lines: string[] } {
  let now = 1;
  let used = 0;
  const sent: string[] = [];
  const mock = mockBoard(() => now, blob, SEED);
  mock.board.random = (buffer, offset, length) => {
    if (used + length > entropy.length) return false;
    buffer.set(entropy.subarray(used, used + length), offset);
    used += length;
    return true;
  };
  mock.board.transmit = (buffer, offset, length) => {
    sent.push(Buffer.from(buffer.subarray(offset, offset + length)).toString('hex'));
  };
  const app = createApp(mock.board, 'node', createMixedProvider(mock.board), createMixedAsymmetric(mock.board), null);
  let due = 0;
  for (const { isSent, frame } of frames) {
    if (!isSent) {
      mock.frames.push(frame.slice());
      app.step(mock.board.now());
      continue;
    }
    due++;
    for (let steps = 0; sent.length < due; steps++) {
      assert.ok(steps < 100000 && !app.isOver(), `frame ${due} is not sent; lines: ${mock.lines.join(' | ')}`);
      const at = app.nextTimeout();
      assert.notEqual(at, -1, `frame ${due} is not sent, nothing is due; lines: ${mock.lines.join(' | ')}`);
      now = Math.max(now, Math.ceil(at));
      app.step(mock.board.now());
    }
  }
  return { sent, lines: mock.lines };
}

for (const [board, engine] of [
  ['qemu-mps2-an386', 'lua'],
  ['qemu-mps2-an385', 'duktape'],
  ['qemu-mps2-an386', 'jerryscript'],
] as const) {
  const skip = boardMissing(board, engine);
  test(`${board} with ${engine} and Node send the same frames`, { skip, timeout: 2 * PATIENCE }, async (t) => {
    const recording = await record(board, engine);
    const { sent, lines } = replay(recording);
    const own = recording.frames.filter(({ isSent }) => isSent);
    assert.deepEqual(
      sent,
      own.map(({ frame }) => Buffer.from(frame).toString('hex')),
    );
    assert.ok(own.length > 4 + 2 * COUNT, `${own.length} frames of the board`);
    const plain = (text: string): string => text.replace(/ms=\d+/g, 'ms').replace(/^(dietesp \S+) .*/, '$1');
    assert.deepEqual(lines.map(plain), recording.lines.map(plain));

    await t.test('tshark reads all of them', { skip: packageMissing('tshark') }, () => {
      const rows = tshark(
        LINKTYPE_IEEE802_15_4,
        recording.frames.map(({ frame }) => frame),
        {
          preferences: [`6lowpan.context0:${CONTEXT}`],
          fields: ['frame.protocols', '_ws.malformed', 'wpan.fcs_ok', 'wpan.frame_type', 'isakmp.exchangetype'],
        },
      );
      const exchanges: string[] = [];
      let data = 0;
      for (const row of rows) {
        const [protocols, malformed, fcs, type, exchange] = row;
        assert.equal(malformed, '', row.join(' | '));
        assert.match(fcs, /^(1|True)$/, row.join(' | '));
        assert.match(protocols, type === '0x0002' ? /^wpan$/ : /^wpan:6lowpan/, row.join(' | '));
        if (exchange !== '') exchanges.push(exchange);
        if (protocols.endsWith(':esp')) data++;
      }
      assert.deepEqual(exchanges, ['34', '34', '35', '35']);
      assert.equal(data, 2 * COUNT, 'a frame each for a reading and its answer');
    });
  });
}
