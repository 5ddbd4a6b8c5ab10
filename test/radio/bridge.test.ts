import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createBridge } from '../../targets/node/host/radio/bridge.ts';
import { createPcapWriter, LINKTYPE_IEEE802_15_4, readCapture } from '../../targets/node/host/radio/pcap.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { createUartRadio } from '../../targets/node/host/radio/uart.ts';
import { listenLine, socketLine } from '../../targets/node/host/radio/uart-line.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';

const text = (octets: Uint8Array) => Buffer.from(octets).toString('hex');

function listen(radio: Radio): string[] {
  const got: string[] = [];
  radio.onFrame = (frame, offset, length) => {
    got.push(text(frame.subarray(offset, offset + length)));
    frame.fill(0xff);
  };
  return got;
}

const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('every node hears every other one, none itself, and the capture has each frame once', async () => {
  const records: Uint8Array[] = [];
  const capture = createPcapWriter((octets) => records.push(octets.slice()), LINKTYPE_IEEE802_15_4);
  const bridge = createBridge({ seed: 1, loss: 0, capture, clock: () => 1500 });
  const radios = ['a', 'b', 'c'].map((name) => bridge.radio(name));
  const got = radios.map(listen);
  const buffer = Uint8Array.of(9, 1, 2, 3, 4, 5, 9);
  radios[0].transmit(buffer, 1, 5);
  buffer.fill(0);
  assert.deepEqual(got, [[], [], []], 'not from inside the call');
  radios[1].transmit(Uint8Array.of(6, 6, 6, 6, 6), 0, 5);
  await settled();
  assert.deepEqual(got, [['0606060606'], ['0102030405'], ['0102030405', '0606060606']]);
  const captured = [...readCapture(Uint8Array.from(Buffer.concat(records)))];
  assert.deepEqual(
    captured.map(({ data, time, linkType }) => [text(data), time, linkType]),
    [
      ['0102030405', 1.5, LINKTYPE_IEEE802_15_4],
      ['0606060606', 1.5, LINKTYPE_IEEE802_15_4],
    ],
  );
  assert.deepEqual(
    bridge.ports().map(({ name, from, to }) => [name, from, to]),
    [
      ['a', 1, 1],
      ['b', 1, 1],
      ['c', 0, 2],
    ],
  );
  radios[2].close();
  radios[2].transmit(buffer, 0, 5);
  radios[0].transmit(buffer, 0, 5);
  await settled();
  assert.deepEqual([bridge.frames(), bridge.ports().length, got[2].length], [3, 2, 2]);
  bridge.close();
  assert.throws(() => bridge.radio('d'), /closed/);
});

test('loss follows from the seed, node by node', async () => {
  async function run(seed: number): Promise<string[][]> {
    const bridge = createBridge({ seed, loss: 0.3 });
    const radios = ['a', 'b', 'c'].map((name) => bridge.radio(name));
    const got = radios.map(listen);
    for (let i = 0; i < 200; i++) radios[0].transmit(Uint8Array.of(i, 1, 1, 1, 1), 0, 5);
    await settled();
    const [, b, c] = bridge.ports();
    assert.deepEqual([b.lost() + got[1].length, c.lost() + got[2].length], [200, 200]);
    b.setLoss(0);
    for (let i = 0; i < 50; i++) radios[0].transmit(Uint8Array.of(i, 2, 2, 2, 2), 0, 5);
    await settled();
    assert.equal(got[1].filter((frame) => frame.endsWith('02')).length, 50);
    bridge.close();
    return got;
  }
  const [first, again, other] = [await run(7), await run(7), await run(8)];
  assert.deepEqual(first, again);
  assert.notDeepEqual(first[1], other[1]);
  assert.notDeepEqual(first[1], first[2], 'each node loses others');
  const kept = first[2].filter((frame) => frame.endsWith('01')).length;
  assert.ok(kept > 100 && kept < 180, `${kept} of 200`);
  assert.throws(() => createBridge({ seed: 1, loss: 1.5 }), /^Error: bridge\.loss: 1\.5: must be 0\.\.1$/);
});

test('a UART and a ZEP sensor share the air with a node of this process', { timeout: 60000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-bridge-'));
  const bridge = createBridge({ seed: 1, loss: 0 });
  const uart = createUartRadio({ line: listenLine(join(folder, 'board')) });
  const zep = createZep({ port: 0 });
  const port = await zep.ready;
  bridge.join('board', uart);
  bridge.join('zep', zep);
  const board = createUartRadio({ line: socketLine(join(folder, 'board')) });
  const sensor = createZep({ port: 0, peers: [{ address: '127.0.0.1', port }] });
  await Promise.all([board.ready, sensor.ready, uart.ready]);
  const gateway = bridge.radio('gateway');
  const got = [gateway, board, sensor].map(listen);
  const all = async (counts: number[]): Promise<void> => {
    while (!counts.every((count, i) => got[i].length >= count)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  sensor.transmit(Uint8Array.of(1, 1, 1, 1, 1), 0, 5);
  await all([1, 1, 0]);
  board.transmit(Uint8Array.of(2, 2, 2, 2, 2), 0, 5);
  await all([2, 1, 1]);
  gateway.transmit(Uint8Array.of(3, 3, 3, 3, 3), 0, 5);
  await all([2, 2, 2]);
  assert.deepEqual(got, [
    ['0101010101', '0202020202'],
    ['0101010101', '0303030303'],
    ['0202020202', '0303030303'],
  ]);
  bridge.close();
  board.close();
  sensor.close();
  await Promise.all([uart.closed, zep.closed, board.closed, sensor.closed]);
  rmSync(folder, { recursive: true });
});
