// What strangers can do to a log: nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBounded, createLog } from '../../targets/node/host/log.ts';

test('a line stays one line, and a terminal obeys nothing of it', () => {
  const lines: string[] = [];
  const time = () => 0;
  const text = 'one\r\ntwo\u001b[2Jthree\u009b31m\u2028four\u0000';
  createLog({ sink: (line) => void lines.push(line), time })('info', 'ike', text);
  createLog({ sink: (line) => void lines.push(line), time, format: 'json' })('info', 'ike', () => text, { peer: text });
  assert.equal(lines[0], '1970-01-01T00:00:00.000Z info ike: one two [2Jthree 31m four ');
  assert.ok(!lines[1].includes('\n') && !lines[1].includes('\u001b'));
  assert.equal(JSON.parse(lines[1]).message, text);
});

test('a flood of lines at `debug` takes no room from a warning for the same reason', () => {
  let now = 0;
  const lines: string[] = [];
  const log = createLog({ level: 'warn', sink: (line) => void lines.push(line.slice(25)), time: () => 0 });
  const bounded = createBounded(log, () => now);
  for (let i = 0; i < 1000; i++) bounded.log('debug', 'ike', 'AUTHENTICATION_FAILED', 'unknown');
  for (let i = 0; i < 5; i++) bounded.log('warn', 'ike', 'AUTHENTICATION_FAILED', `wrong key ${i}`);
  bounded.log('warn', 'esp', 'AUTHENTICATION_FAILED', 'elsewhere');
  assert.ok(bounded.nextTimeout() >= 0);
  now = 1000;
  bounded.poll(now);
  assert.deepEqual(lines, [
    'warn ike: wrong key 0',
    'warn ike: wrong key 1',
    'warn ike: wrong key 2',
    'warn esp: elsewhere',
    'warn ike: AUTHENTICATION_FAILED: 2 more lines suppressed',
  ]);
  assert.equal(bounded.nextTimeout(), -1);
});
