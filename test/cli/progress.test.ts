// Progress: on terminals only, after two seconds, not too often, gone at the end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgress, type Output } from '../../targets/node/host/progress.ts';

function terminal(isTTY: boolean, columns = 80): { stream: Output; text: () => string } {
  let written = '';
  return { stream: { isTTY, columns, write: (part: string) => (written += part) }, text: () => written };
}

test('a terminal gets a bar after two seconds, ten times a second at most', () => {
  const { stream, text } = terminal(true);
  let now = 1000;
  const progress = createProgress(stream, () => now);
  now += 1999;
  progress.update(40, 100, '4 packets');
  assert.equal(text(), '');
  now += 1;
  progress.update(50, 100, '5 packets');
  assert.equal(text(), `\r[${'#'.repeat(15)}${'.'.repeat(15)}]  50 % 5 packets\x1b[K`);
  now += 99;
  progress.update(60, 100, '6 packets');
  assert.doesNotMatch(text(), /6 packets/);
  now += 1;
  progress.update(200, 100, '7 packets');
  assert.match(text(), /\[#{30}\] 100 % 7 packets/);
  progress.end();
  assert.ok(text().endsWith('\r\x1b[K'));
});

test('where the end is not known the seconds are told, in one line of the terminal', () => {
  const { stream, text } = terminal(true, 30);
  let now = 0;
  const progress = createProgress(stream, () => now);
  now = 3500;
  progress.update(0, 0, 'building');
  assert.equal(text(), '\rbuilding ... 3 s\x1b[K');
  now = 4000;
  progress.update(0, 0, 'x'.repeat(100));
  assert.ok(text().endsWith(`\r${'x'.repeat(29)}\x1b[K`));
});

test('work that ends soon, and a file, get nothing', () => {
  for (const isTTY of [true, false]) {
    const { stream, text } = terminal(isTTY);
    let now = 0;
    const progress = createProgress(stream, () => now);
    now = isTTY ? 1999 : 9999;
    progress.update(1, 2, 'x');
    progress.end();
    assert.equal(text(), '');
  }
});
