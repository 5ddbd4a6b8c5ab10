// Sessions of flows: shares of sensors, many of them, and a system that has no more sockets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFlows } from '../../targets/node/gateway/flows.ts';
import type { SocketUpper } from '../../targets/node/gateway/socket.ts';

const DESTINATION = new Uint8Array(16).fill(9);

function world(sessions: number, systemMax = Infinity) {
  const lines: string[] = [];
  const state = { now: 0, open: 0, lines, systemMax };
  const nothing = (): void => {};
  const flows = createFlows({
    flows: [{ destination: DESTINATION, port: 5683, target: { address: '127.0.0.1', family: 4, port: 1 } }],
    sessions,
    idle: 1e6,
    openSocket: (_target, upper: SocketUpper) => {
      if (state.open >= state.systemMax) {
        queueMicrotask(() => upper.failed(Object.assign(new Error('EMFILE'), { code: 'EMFILE' }), true));
        return { send: () => true, close: nothing };
      }
      state.open++;
      return { send: () => true, close: () => void state.open-- };
    },
    now: () => state.now,
    bounded: {
      line: (_level, _name, text) => void lines.push(typeof text === 'string' ? text : text()),
      log: nothing,
      peer: nothing,
      poll: nothing,
      nextTimeout: () => -1,
      suppressed: () => 0,
    },
    answer: nothing,
  });
  const from = (sensor: number, sourcePort: number): void => {
    const source = new Uint8Array(16);
    new DataView(source.buffer).setUint32(12, sensor);
    state.now++;
    const payload = new Uint8Array(1);
    flows.deliver({ source, sourcePort, destination: DESTINATION, destinationPort: 5683, payload });
  };
  return { flows, from, state };
}

test('a sensor that sends from all its ports takes its own sessions, not those of others', () => {
  const { flows, from, state } = world(1024);
  for (let sensor = 1; sensor <= 900; sensor++) from(sensor, 5683);
  for (let port = 1; port <= 65535; port++) from(7, port);
  // 64 of the one, which had one before, and the 899 of the others.
  assert.equal(state.open, 963);
  const { opened } = flows.metrics;
  for (let sensor = 1; sensor <= 900; sensor++) if (sensor !== 7) from(sensor, 5683);
  assert.equal(flows.metrics.opened, opened, 'no other lost its socket');
});

test('10,000 sensors keep their sockets', () => {
  const { flows, from, state } = world(16384);
  for (let round = 0; round < 3; round++) for (let sensor = 1; sensor <= 10000; sensor++) from(sensor, 5683);
  assert.deepEqual([flows.metrics.opened, flows.metrics.delivered, state.open], [10000, 30000, 10000]);
});

test('a system with fewer sockets than sessions: some are given back, and the newest sensors are served', async () => {
  const { flows, from, state } = world(1000, 100);
  for (let sensor = 1; sensor <= 150; sensor++) {
    from(sensor, 5683);
    await Promise.resolve();
    await Promise.resolve();
  }
  assert.ok(state.open <= 100 && state.open >= 80, `${state.open}`);
  assert.ok(flows.metrics.failed >= 1 && flows.metrics.failed <= 3, `${flows.metrics.failed}`);
  assert.match(state.lines[0], /no more sockets \(EMFILE\): 8\d sessions/);
  // The shortage is over: an eighth more each minute, up to the limit.
  state.systemMax = Infinity;
  for (let minute = 0; minute < 30; minute++) {
    state.now += 60000;
    for (let sensor = 1; sensor <= 400; sensor++) from(sensor, 5683);
  }
  assert.equal(state.open, 400);
});

test('a session ends when it was idle for long enough, not before; the timer follows', () => {
  const { flows, from, state } = world(16);
  const idle = 1e6;
  assert.equal(flows.nextTimeout(), -1);
  from(1, 5683);
  from(2, 5683);
  assert.equal(flows.nextTimeout(), 1 + idle);
  state.now = 1000;
  from(1, 5683);
  // At worst it looks too early: then for the oldest of those that are there.
  assert.ok(flows.nextTimeout() <= 2 + idle);
  flows.poll(1 + idle);
  assert.deepEqual([state.open, flows.nextTimeout()], [2, 2 + idle]);
  flows.poll(2 + idle);
  assert.deepEqual([state.open, flows.nextTimeout()], [1, 1001 + idle]);
  flows.poll(1001 + idle);
  assert.deepEqual([state.open, flows.nextTimeout(), flows.metrics.idle], [0, -1, 2]);
  state.now = 1002 + idle;
  from(3, 5683);
  assert.equal(flows.nextTimeout(), state.now + idle);
  flows.close();
  assert.equal(flows.nextTimeout(), -1);
});
