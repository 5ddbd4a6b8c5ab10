// A board's application under attack, in virtual time: floods of frames and of console lines, a gateway that refuses or is
// absent for hours, a clock past 2^31 and 2^32 ms, keys and nonces across restarts.

import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { test } from 'node:test';
import { createApp } from '../../targets/board/app.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../../targets/board/mixed.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { blobOf, boardOn, coapServer, gatewayOn, mockBoard } from './app-support.ts';

const hook = (board: Board) => createApp(board, 'node', createMixedProvider(board), createMixedAsymmetric(board), null);

/** More frames than any board has time for, then none: a loop that has no end of its own is seen as that. */
const FLOOD = 100000;

test('a flood of frames does not stop the clocks: a step ends, and handshakes are repeated', () => {
  const mock = mockBoard(() => 0, blobOf(1), 5);
  let taken = 0;
  mock.board.receive = (buffer) => {
    if (taken === FLOOD) return -1;
    taken++;
    for (let i = 0; i < 5; i++) buffer[i] = taken >>> i;
    return 5;
  };
  const app = hook(mock.board);
  for (let now = 0; now < 5000; now += 50) app.step(now);
  assert.ok(taken <= 1000, `${taken} frames in 100 steps`);
  assert.ok(mock.sent > 1, 'the first message was repeated');
  assert.equal(app.nextTimeout(), 0, 'there is more: no wait');
  mock.board.receive = () => -1;
  app.step(5000);
  assert.ok(app.nextTimeout() > 5000);
});

test('a flood of console lines does not stop the radio', () => {
  const mock = mockBoard(() => 0, blobOf(1), 6);
  let taken = 0;
  mock.board.command = (buffer) => {
    if (taken === FLOOD) return -1;
    taken++;
    buffer[0] = 63;
    return 1;
  };
  const app = hook(mock.board);
  for (let now = 0; now < 5000; now += 50) app.step(now);
  assert.ok(taken <= 1000, `${taken} lines in 100 steps`);
  assert.ok(mock.sent > 1);
  assert.equal(app.nextTimeout(), 0);
});

const CLOCKS = [2 ** 31, 2 ** 32, 2 ** 28];
for (const wrap of CLOCKS) {
  test(`a clock that passes 2^${Math.log2(wrap)} ms: readings, rekeys and reconnections go on`, async () => {
    const medium = createMedium({ seed: 31, loss: 0.05 });
    medium.now = wrap - 20000;
    const server = coapServer(medium);
    const gateway = await gatewayOn(medium, server);
    const top = 'interval: 1\ncount: 0';
    const node = boardOn(medium, blobOf(1, { top }), 32);
    medium.run(wrap - 10000);
    assert.ok(server.got.length >= 5);
    node.type('rekey');
    medium.run(wrap + 1000);
    node.type('rekey-ike');
    medium.run(wrap + 5000);
    node.type('delete');
    node.type('connect');
    medium.run(wrap + 30000);
    const said = node.take();
    const of = (pattern: RegExp) => said.filter((line) => pattern.test(line)).length;
    assert.equal(of(/failed/), 0, said.join('\n'));
    assert.ok(of(/acknowledged/) >= 40, said.join('\n'));
    assert.equal(of(/^ike established/), 2);
    assert.equal(of(/^ike rekeyed/), 1);
    assert.ok(
      said.every((line) => !/ms=-\d/.test(line)),
      'no time runs backwards',
    );
    await gateway.close();
  });
}

test('no gateway for a day: attempts stay rare', async () => {
  const medium = createMedium({ seed: 41 });
  const node = boardOn(medium, blobOf(1, { top: 'interval: 1\ncount: 0\nboard: { retry: 1, retryMax: 300 }' }), 42);
  medium.run(3600000);
  const first = node.sent;
  const attempts = node.take().filter((line) => line === 'ike connecting').length;
  assert.ok(attempts < 40, `${attempts} attempts in an hour`);
  medium.run(24 * 3600000);
  // An attempt: its first message, some times repeated, each as a fragment or two with retries of the MAC.
  assert.ok(node.sent - first < 23 * 3600, `${node.sent - first} frames in 23 hours`);
  assert.ok(node.take().length < 24 * 60);
});

test('a gateway that refuses for hours: attempts stay as rare as without one', async () => {
  const medium = createMedium({ seed: 51 });
  const gateway = await gatewayOn(medium, coapServer(medium));
  const wrong = blobOf(1, { top: 'board: { retry: 1, retryMax: 60 }', auth: '{ psk: wrong }' });
  const node = boardOn(medium, wrong, 52);
  medium.run(6 * 3600000);
  const attempts = node.take().filter((line) => line === 'ike connecting').length;
  assert.ok(attempts > 100 && attempts < 6 * 60 + 20, `${attempts} attempts in 6 hours`);
  assert.deepEqual(
    gateway.told.filter((line) => line.startsWith('up')),
    [],
  );
  await gateway.close();
});

test('thousands of readings, taken and failed: no SA is added', async () => {
  const medium = createMedium({ seed: 61 });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  const top = 'interval: 0.05\ncount: 0\nboard: { ackTimeout: 0.05, maxRetransmit: 0 }';
  const node = boardOn(medium, blobOf(1, { top }), 62);
  const size = () => {
    // What the application holds: the sizes of its lists, which is what could grow.
    const ike = node.app.device!.uplink.ike;
    return JSON.stringify([ike.sas.length, node.app.device!.uplink.current()?.children.length]);
  };
  medium.run(60000);
  const before = size();
  for (const mode of ['piggyback', 'silent', 'refuse', 'piggyback'] as const) {
    server.mode = mode;
    medium.run(medium.now + 60000);
    server.got.length = 0;
    node.take();
  }
  assert.equal(size(), before);
  await gateway.close();
});

test('no key seals two packets with one nonce: restarts with the same random octets, rekeys, resumption, loss', async () => {
  const medium = createMedium({ seed: 71, loss: 0.1 });
  const gateway = await gatewayOn(medium, coapServer(medium));
  const seen = new Set<string>();
  const keys = new Set<string>();
  let sealed = 0;
  const ccm: Board['ccm'] = (encrypt, key, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength) => {
    const name = key.length === 16 ? 'aes-128-ccm' : 'aes-256-ccm';
    const iv = nonce.subarray(0, nonceLength);
    const extra = aad.subarray(0, aadLength);
    const text = buffer.subarray(offset, offset + length);
    const icv = buffer.subarray(offset + length, offset + length + icvLength);
    const settings = { authTagLength: icvLength };
    if (encrypt === 1) {
      const id = `${Buffer.from(key).toString('hex')} ${Buffer.from(iv).toString('hex')}`;
      assert.ok(!seen.has(id), `nonce ${Buffer.from(iv).toString('hex')} again`);
      seen.add(id);
      keys.add(Buffer.from(key).toString('hex'));
      sealed++;
      const cipher = createCipheriv(name, key, iv, settings);
      cipher.setAAD(extra, { plaintextLength: length });
      text.set(cipher.update(text));
      cipher.final();
      icv.set(cipher.getAuthTag());
      return true;
    }
    const decipher = createDecipheriv(name, key, iv, settings);
    decipher.setAuthTag(icv);
    decipher.setAAD(extra, { plaintextLength: length });
    try {
      const clear = decipher.update(text);
      decipher.final();
      text.set(clear);
      return true;
    } catch {
      return false;
    }
  };
  const blob = blobOf(1, {
    top: 'interval: 0.2\ncount: 0',
    connection: '  resumption: 3600\n  child: { compression: { required: true } }',
  });
  for (let start = 0; start < 4; start++) {
    // The same octets at each start: what a board without a good source would have.
    const node = boardOn(medium, blob, 72, { native: 1, ccm });
    medium.run(medium.now + 15000);
    for (const line of ['rekey', 'rekey-ike', 'connect', 'rekey', 'delete', 'connect']) {
      node.type(line);
      medium.run(medium.now + 6000);
    }
    const said = node.lines.join('\n');
    assert.match(said, /^reading \d+ acknowledged/m);
    assert.match(said, /^ike rekeyed$/m);
    assert.match(said, /resumed=1$/m);
    node.radio.close();
    Object.assign(node.board, { transmit: () => {}, receive: () => -1 });
    node.type('exit');
    medium.run(medium.now + 10);
  }
  assert.ok(sealed > 500, `${sealed} packets`);
  assert.ok(keys.size >= 4 * 6, `${keys.size} keys`);
  await gateway.close();
});
