// Heap per packet on Node, beyond tunnel mode: transport mode, dropped packets, and the link layer with and without
// fragments. See measure.ts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Figure {
  name: string;
  packets: number;
  each: number;
}

const FLAGS = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256', '--import', 'tsx'];
const script = fileURLToPath(new URL('measure.ts', import.meta.url));
const run = spawnSync(process.execPath, [...FLAGS, script], { encoding: 'utf8' });
const figures = run.stdout
  .split('\n')
  .slice(0, -1)
  .map((line) => JSON.parse(line) as Figure);

test('every case was measured, and an object for every packet is seen', () => {
  assert.equal(run.status, 0, run.stderr);
  assert.equal(figures.length, 1 + 2 * 2 * 3 + 2);
  assert.ok(figures[0].each >= 16, JSON.stringify(figures[0]));
});

for (const { name, each } of figures.slice(1)) {
  test(name + ': no heap', () => {
    assert.ok(each < 1, each + ' octets a packet');
  });
}
