// The heap that the modules take on a Cortex-M4 in QEMU: the figures of targets/duktape/README.md and
// targets/jerryscript/README.md, within a tenth.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { missing, PATIENCE, start } from '../boards/firmware-kit.ts';

const BOARD = 'qemu-mps2-an386';

for (const engine of ['duktape', 'jerryscript'] as const) {
  const page = readFileSync(join(sourceRoot(), 'targets', engine, 'README.md'), 'utf8');
  const row = /^\| heap .*?\| (\d+) kB, (\d+) kB \| (\d+) kB, (\d+) kB \|$/m.exec(page);
  for (const [index, name] of ['whole', 'lite'].entries()) {
    test(`heap of ${engine} with the module, ${name}`, { skip: missing(BOARD, engine) }, async (t) => {
      assert.ok(row !== null, 'the page has the row');
      const entry = `test/alloc/module-${name}.entry.ts`;
      const board = await start(BOARD, engine, entry, { entropy: '/dev/urandom', heap: 1000000 });
      const [, loaded, device] = await board.console.waitFor(/^heap (\d+) (\d+)$/, PATIENCE);
      await board.quit();
      t.diagnostic(`${loaded} loaded, ${device} with a device`);
      const told = row.slice(1 + 2 * index, 3 + 2 * index).map(Number);
      for (const [at, octets] of [Number(loaded), Number(device)].entries()) {
        assert.ok(Math.abs(octets / 1000 - told[at]) <= 0.1 * told[at], `${octets} octets, ${told[at]} kB told`);
      }
    });
  }
}
