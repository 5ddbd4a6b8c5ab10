// The progress bar: on terminals only, not too often, gone at the end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WriteStream } from 'node:tty';
import { createProgress } from '../../targets/node/cli/progress.ts';

function terminal(isTTY: boolean): { stream: WriteStream; text: () => string } {
  let written = '';
  const stream = { isTTY, write: (part: string) => (written += part) } as unknown as WriteStream;
  return { stream, text: () => written };
}

test('a terminal gets a bar, ten times a second at most', () => {
  const { stream, text } = terminal(true);
  let now = 1000;
  const progress = createProgress(stream, () => now);
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

test('nothing goes to a file', () => {
  const { stream, text } = terminal(false);
  const progress = createProgress(stream);
  progress.update(1, 2, 'x');
  progress.end();
  assert.equal(text(), '');
});
