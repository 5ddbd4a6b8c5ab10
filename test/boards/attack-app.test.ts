// The application of a board under attack, in virtual time: floods of frames and of console lines, a gateway that
// refuses or is not there for hours, a clock past 2^31 and 2^32 ms, keys and nonces across restarts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApp } from '../../targets/board/app.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../../targets/board/mixed.ts';
import { createMedium } from '../../targets/node/radio/medium.ts';
import { blobOf, boardOn, coapServer, gatewayOn, mockBoard } from './appsupport.ts';

const hook = (board: Board) => createApp(board, 'node', createMixedProvider(board), createMixedAsymmetric(board));

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
