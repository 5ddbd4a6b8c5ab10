// A board's application, in virtual time, with a gateway and a CoAP server: it connects, posts, takes commands, recovers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createApp, runApp } from '../../targets/board/app.ts';
import { VERSION } from '../../targets/board/halt.ts';
import { BOARD_MEMBERS } from '../../targets/board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../../targets/board/mixed.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { blobOf, boardOn, coapServer, gatewayOn, mockBoard } from './app-support.ts';

/** Lines with what differs from run to run left out. */
function plain(lines: string[]): string[] {
  return lines.map((line) => line.replace(/(octets|ms|retry)=\d+/g, '$1=N').replace(/spi=[0-9a-f]{8}$/, 'spi=X'));
}

const START = ['dietesp 0.2.0 node native=0', 'provision ok id=0001 short=0001'];
const CONNECTED = ['ike connecting', 'child installed spi=X', 'ike established messages=4 octets=N ms=N resumed=0'];

async function world(seed: number, options: { loss?: number; blob?: Uint8Array } = {}) {
  const medium = createMedium({ seed, loss: options.loss ?? 0 });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  const node = boardOn(medium, options.blob ?? blobOf(1, { top: 'interval: 1\ncount: 3' }), seed + 1);
  const run = (ms: number) => medium.run(medium.now + ms);
  return { medium, server, gateway, node, run };
}

test('handshake with Diet-ESP, readings, done: the lines of the console', async () => {
  const { node, gateway, server, run } = await world(1);
  run(10000);
  const lines = plain(node.take());
  assert.deepEqual(lines, [
    ...START,
    ...CONNECTED,
    'reading 1 acknowledged ms=N',
    'reading 2 acknowledged ms=N',
    'reading 3 acknowledged ms=N',
    'done 3 0',
  ]);
  assert.deepEqual(server.got, ['r/t {"n":1}', 'r/t {"n":2}', 'r/t {"n":3}']);
  assert.deepEqual(gateway.told, ['up keyid:0001']);
  assert.deepEqual(gateway.metrics().drops, {});
  const { children } = node.app.device!.uplink.current()!;
  assert.notEqual(children[0].compression, null, 'Diet-ESP');
  node.type('stats');
  node.type('send 2');
  run(1000);
  assert.match(
    node.lines.join('\n'),
    /^stats heap=500 memory=1000 ticks-handshake=\d+ ticks-packet=\d+ sent=3 received=3 drops=0 console-bad=0\nreading 4 acknowledged ms=\d+\nreading 5 acknowledged ms=\d+$/,
  );
  assert.equal(server.got.length, 5, 'at once, one after the other; done is said once');
  await gateway.close();
});

test('with loss every reading is acknowledged, and taken once or more', async () => {
  for (const seed of [11, 12, 13]) {
    const blob = blobOf(1, { top: 'interval: 0.5\ncount: 20' });
    const { node, gateway, server, run } = await world(seed, { loss: 0.2, blob });
    run(120000);
    assert.ok(node.lines.includes('done 20 0'), node.lines.join('\n'));
    assert.equal(new Set(server.got).size, 20);
    await gateway.close();
  }
});

test('rekeys by command while readings go on; Delete; connect resumes, or begins anew', async () => {
  const blob = blobOf(1, { top: 'interval: 0.1\ncount: 0' });
  const { node, gateway, server, run } = await world(21, { blob });
  run(3000);
  const spi = () => node.app.device!.uplink.current()!.children.find((child) => child.retired === 0)!.spiIn;
  const first = spi();
  const ike = node.app.device!.uplink.current();
  node.take();
  node.type('rekey');
  run(8000);
  assert.notEqual(spi(), first);
  node.type('rekey-ike');
  run(3000);
  assert.notEqual(node.app.device!.uplink.current(), ike);
  const lines = plain(node.take());
  assert.ok(!lines.some((line) => line.includes('failed')), lines.join('\n'));
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('reading')),
    ['child installed spi=X', 'child removed', 'ike rekeyed'],
  );
  assert.equal(gateway.metrics().sas.length, 2);

  node.type('connect');
  run(4000);
  const resumed = plain(node.take()).filter((line) => !line.startsWith('reading'));
  assert.deepEqual(resumed, [
    'child removed',
    'ike ended outcome=-9 retry=-1',
    'ike connecting',
    'child installed spi=X',
    'ike established messages=4 octets=N ms=N resumed=1',
  ]);

  node.type('delete');
  run(4000);
  const deleted = plain(node.take()).filter((line) => !line.startsWith('reading'));
  assert.deepEqual(deleted, ['child removed', 'ike ended outcome=-7 retry=-1']);
  assert.deepEqual(gateway.metrics().sas, []);
  const quiet = server.got.length;
  run(10000);
  assert.equal(server.got.length, quiet, 'no SA, no reading');
  node.type('connect');
  run(4000);
  assert.deepEqual(
    plain(node.take()).filter((line) => !line.startsWith('reading')),
    CONNECTED,
  );
  assert.ok(server.got.length > quiet);
  await gateway.close();
});

test('a restart: a new handshake, and the old SAs are gone', async () => {
  const { medium, node, gateway, server, run } = await world(31);
  run(5000);
  node.type('restart');
  run(100);
  assert.deepEqual(node.ends, [-1]);
  node.radio.close();
  const sent = node.sent;
  const again = boardOn(medium, blobOf(1, { top: 'interval: 1\ncount: 3' }), 77);
  run(10000);
  assert.equal(node.sent, sent);
  assert.ok(again.lines.includes('done 3 0'), again.lines.join('\n'));
  assert.deepEqual(gateway.told, ['up keyid:0001', 'down keyid:0001 replaced', 'up keyid:0001']);
  assert.equal(gateway.metrics().sas.length, 2);
  assert.equal(server.got.length, 6);
  again.type('exit');
  run(10);
  assert.deepEqual(again.ends, [0]);
  assert.ok(again.app.isOver());
  await gateway.close();
});

test('a gateway that restarts: readings fail, the board asks, gives up and connects again', async () => {
  const connection = '  ike: { retransmit: 0.5, tries: 4 }\n  child: { compression: { required: true } }';
  const blob = blobOf(1, { top: 'interval: 5\ncount: 0\nboard: { ackTimeout: 1, maxRetransmit: 3 }', connection });
  const { medium, node, gateway, server, run } = await world(41, { blob });
  run(12000);
  assert.equal(gateway.told.length, 1);
  gateway.radio.close();
  await gateway.close();
  const second = await gatewayOn(medium, server);
  node.take();
  run(60000);
  const lines = plain(node.take()).filter((line) => !line.includes('acknowledged'));
  assert.equal(lines[0], 'child removed', lines.join('\n'));
  assert.equal(lines[1], 'ike ended outcome=-1 retry=N');
  assert.deepEqual(lines.filter((line) => line.startsWith('ike est')).length, 1);
  assert.deepEqual(second.told, ['up keyid:0001']);
  node.take();
  const before = server.got.length;
  run(20000);
  assert.ok(server.got.length >= before + 4);
  await second.close();
});

test('no gateway: attempts ever further apart, and the first that can be, connects', async () => {
  const connection = '  ike: { retransmit: 0.2, tries: 3 }\n  child: { compression: { required: true } }';
  const blob = blobOf(1, { top: 'interval: 1\ncount: 2\nboard: { retry: 1, retryMax: 8 }', connection });
  const medium = createMedium({ seed: 51 });
  const node = boardOn(medium, blob, 52);
  medium.run(60000);
  const retries = node.lines
    .filter((line) => line.startsWith('ike ended outcome=-1 retry='))
    .map((line) => Number(line.split('=')[2]));
  assert.ok(retries.length >= 6, node.lines.join('\n'));
  // Doubled up to the most, with up to a quarter more by chance.
  for (const [i, base] of [1000, 2000, 4000, 8000, 8000].entries()) {
    assert.ok(retries[i] >= base && retries[i] < base * 1.25 + 1, `${i}: ${retries[i]}`);
  }
  assert.equal(
    node.lines.filter((line) => line === 'ike connecting').length,
    retries.length + (node.lines.at(-1) === 'ike connecting' ? 1 : 0),
  );
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  medium.run(medium.now + 20000);
  assert.ok(node.lines.includes('done 2 0'), node.lines.join('\n'));
  await gateway.close();
});

test('a wrong key: the attempt ends with the error, nothing is sent in clear', async () => {
  const medium = createMedium({ seed: 61 });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  const node = boardOn(medium, blobOf(1, { auth: '{ psk: another }' }), 62);
  medium.run(5000);
  assert.ok(
    node.lines.some((line) => /^ike ended outcome=24 retry=\d+$/.test(line)),
    node.lines.join('\n'),
  );
  assert.deepEqual(server.got, []);
  assert.deepEqual(gateway.metrics().sas, []);
  await gateway.close();
});

test('separate responses, refusals and silence of the server', async () => {
  const blob = blobOf(1, { top: 'interval: 2\ncount: 0\nboard: { ackTimeout: 0.5, maxRetransmit: 2 }' });
  const { node, gateway, server, run } = await world(71, { blob });
  server.mode = 'separate';
  run(7000);
  assert.ok(
    node.lines.filter((line) => /^reading \d acknowledged ms=7\d\d$/.test(line)).length >= 3,
    node.lines.join('\n'),
  );
  const readings = server.got.filter((text) => text.startsWith('r/t'));
  assert.equal(new Set(readings).size, readings.length, 'an acknowledged request is not sent again');
  assert.ok(server.got.filter((text) => text === 'ack').length >= 2 * 3 - 1);
  assert.ok(!server.got.includes('reset'));
  server.mode = 'refuse';
  node.take();
  run(3000);
  assert.ok(node.take().some((line) => /^reading \d failed$/.test(line)));
  server.mode = 'silent';
  server.got.length = 0;
  run(8000);
  assert.ok(node.take().some((line) => /^reading \d failed$/.test(line)));
  assert.equal(server.got.filter((text) => text === server.got[0]).length, 3, 'once, and twice again');
  server.mode = 'piggyback';
  run(8000);
  assert.ok(
    node.take().some((line) => line.includes('acknowledged')),
    'the SA is there all the time',
  );
  assert.deepEqual(gateway.told, ['up keyid:0001']);
  await gateway.close();
});

test('a blob that is refused: the code, and silence on air', async () => {
  const blob = blobOf(1);
  const changed = (change: (octets: Uint8Array) => Uint8Array | undefined): Uint8Array => {
    const copy = blob.slice();
    return change(copy) ?? copy;
  };
  const cases: [number, Uint8Array][] = [
    [1, new Uint8Array(0)],
    [1, new Uint8Array(4096).fill(255)],
    [2, changed((octets) => void (octets[0] ^= 1))],
    [3, changed((octets) => void (octets[4] = 2))],
    [4, changed((octets) => octets.subarray(0, 100))],
    [5, changed((octets) => void (octets[50] ^= 1))],
  ];
  for (const [code, octets] of cases) {
    const medium = createMedium({ seed: 81 });
    const node = boardOn(medium, octets, 82);
    medium.run(100000);
    assert.deepEqual(node.lines, [START[0], `provision bad ${code}`, `halt ${code} provision`]);
    assert.deepEqual(node.ends, [code]);
    assert.equal(node.sent, 0);
  }
});

test('signatures on a board that has none: its blob is refused', () => {
  const key = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
  const blob = blobOf(1, { connection: '' });
  const medium = createMedium({ seed: 91 });
  assert.equal(boardOn(medium, blob, 92).ends.length, 0);
  const signed = blobOf(1, { auth: `{ privateKey: ${key}, publicKey: ${key} }`, connection: '' });
  const node = boardOn(medium, signed, 92);
  assert.deepEqual(node.ends, [7]);
  medium.run(1000);
  assert.equal(node.sent, 0);
});

test('no randomness: nothing of IKE; and its end ends the board', async () => {
  const medium = createMedium({ seed: 101 });
  const node = boardOn(medium, blobOf(1), 0);
  medium.run(100000);
  assert.deepEqual(node.lines, [...START, 'halt 20 entropy']);
  assert.deepEqual(node.ends, [20]);
  assert.equal(node.sent, 0);

  const mock = mockBoard(() => 0, blobOf(1), 3);
  const { random } = mock.board;
  let left = 20;
  mock.board.random = (buffer, offset, length) => {
    left -= length;
    return left >= 0 && random(buffer, offset, length);
  };
  runApp(mock.board, 'node', createMixedProvider(mock.board), createMixedAsymmetric(mock.board), null);
  // The radio knows its place before the first frame.
  assert.deepEqual(mock.tuned, [[26, 0xabcd, 1, '0200000000000001']]);
  assert.equal(mock.lines.at(-1), 'halt 20 entropy');
  assert.deepEqual(mock.ends, [20]);
});

test('what is thrown ends the board with a line that says what', () => {
  for (const [thrown, wanted] of [
    [new Error('buffer: leaves its array'), ['buffer: leaves its array', 'halt 22 script error']],
    ['main.lua:7: attempt to index a nil value', ['main.lua:7: attempt to index a nil value', 'halt 22 script error']],
    ['not enough memory', ['halt 21 memory']],
    [new Error('alloc failed'), ['halt 21 memory']],
  ] as const) {
    const mock = mockBoard(() => 0, blobOf(1), 3);
    mock.board.receive = () => {
      throw thrown;
    };
    runApp(mock.board, 'node', createMixedProvider(mock.board), createMixedAsymmetric(mock.board), null);
    assert.deepEqual(
      mock.lines.slice(2).filter((line) => !line.startsWith('ike')),
      wanted,
    );
    assert.deepEqual(mock.ends, [wanted.at(-1)!.startsWith('halt 21') ? 21 : 22]);
  }
});

test('garbage on the console and from the radio is counted, nothing else', async () => {
  const { node, gateway, run } = await world(111);
  run(8000);
  node.take();
  const garbage = [
    '',
    ' ',
    'rekeyx',
    'reke',
    'send',
    'send ',
    'send 0',
    'send 65536',
    'send 1x',
    'send -1',
    'stats ',
    'STATS',
    '\u0000\u00ff',
    'x'.repeat(31),
    'x'.repeat(32),
    'x'.repeat(5000),
    'rekey' + ' '.repeat(40),
  ];
  for (const line of garbage) node.type(line);
  run(1000);
  assert.deepEqual(node.take(), []);
  const { receive } = node.board;
  const lengths = [0, 4, 128, 4000];
  node.board.receive = (buffer) => lengths.pop() ?? receive(buffer);
  for (let i = 0; i < 50; i++) node.frames.push(new Uint8Array(5 + i).fill(i + 1));
  node.type('stats');
  run(1000);
  node.type('stats');
  run(1000);
  assert.match(node.lines[1], new RegExp(` drops=54 console-bad=${garbage.length}$`));
  node.type('send 1');
  run(1000);
  assert.match(node.lines.at(-1)!, /^reading 4 acknowledged/);
  await gateway.close();
});

test('the blocking loop: it waits as long as nothing is due, and ends with exit', async () => {
  const medium = createMedium({ seed: 121, loss: 0.1 });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  const mock = mockBoard(() => medium.now, blobOf(1, { top: 'interval: 1\ncount: 5' }), 122);
  const radio = medium.radio();
  radio.onFrame = (frame, offset, length) => void mock.frames.push(frame.slice(offset, offset + length));
  mock.board.transmit = (buffer, offset, length) => radio.transmit(buffer, offset, length);
  let waits = 0;
  mock.board.wait = (ms) => {
    waits++;
    if (ms < 0 || medium.now > 100000) mock.type('exit');
    assert.equal(ms, Math.floor(ms));
    const end = medium.now + Math.max(0, ms);
    while (mock.frames.length === 0 && medium.now < end) {
      const next = medium.next();
      medium.run(next < 0 ? end : Math.min(end, Math.max(next, medium.now)));
    }
    if (mock.lines.includes('done 5 0')) mock.type('exit');
  };
  runApp(mock.board, 'node', createMixedProvider(mock.board), createMixedAsymmetric(mock.board), null);
  assert.deepEqual(mock.ends, [0]);
  assert.ok(mock.lines.includes('done 5 0'), mock.lines.join('\n'));
  assert.ok(waits < 3000, `${waits} waits`);
  await gateway.close();
});

test('names that leave the bundle, and the version', () => {
  const mock = mockBoard(() => 0, new Uint8Array(0), 1);
  // Two hooks that only some programs have.
  assert.deepEqual([...BOARD_MEMBERS].sort(), [...Object.keys(mock.board), 'gcm', 'p256'].sort());
  assert.equal(VERSION, JSON.parse(readFileSync(join(sourceRoot(), 'package.json'), 'utf8')).version);
  const app = createApp(mock.board, 'node', createMixedProvider(mock.board), createMixedAsymmetric(mock.board), null);
  assert.ok(app.isOver());
  app.step(1);
  assert.equal(app.nextTimeout(), -1);
});
