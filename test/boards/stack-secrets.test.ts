// No secrets stay on the stack after a hook: keys, scalars, values derived from them, clear text.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { type BoardEngine, loadBoard } from '../../targets/build/board-file.ts';
import { buildFirmware } from '../../targets/build/firmware/firmware.ts';
import { startQemu } from '../../targets/node/lab/boards/qemu.ts';
import { LONG, missing } from './firmware-kit.ts';

const NAME = 'qemu-mps2-an386';
const WHAT = [
  'hmac out',
  'hmac key',
  'hmac long key',
  'hmac text',
  'x25519 out',
  'x25519 scalar',
  'ccm key',
  'ccm text',
];

for (const engine of ['lua', 'duktape', 'jerryscript'] as BoardEngine[]) {
  test(`no secret is left on the stack: ${engine}`, { skip: missing(NAME, engine) }, async () => {
    const board = loadBoard(NAME);
    assert.ok(board.build.kind === 'firmware');
    // A name that leads from the board's folder to the spy.
    const spied = { ...board, build: { ...board.build, sources: ['../../test/boards/leak.c'] } };
    const { elf } = await buildFirmware(spied, engine, { entry: 'test/boards/leak.entry.ts' });
    const qemu = await startQemu({ machine: 'mps2-an386', kernel: elf });
    try {
      await qemu.console.waitFor(/^end$/, LONG);
    } finally {
      await qemu.quit();
    }
    assert.deepEqual(qemu.console.lines(), [...WHAT.map((what) => `${what} none`), 'opened', 'planted', 'end']);
  });
}

test('what wipes key material in the hooks is in the image', { skip: missing(NAME, 'lua') }, async () => {
  const { elf } = await buildFirmware(loadBoard(NAME), 'lua', { entry: 'test/boards/leak.entry.ts' });
  const { stdout } = spawnSync('arm-none-eabi-objdump', ['-d', elf], { encoding: 'utf8', maxBuffer: 1 << 28 });
  for (const name of ['crypto_ccm', 'crypto_hmac', 'hook_hmac']) {
    const code = new RegExp(`<${name}>:\\n([^\\n]+\\n)+`).exec(stdout);
    assert.ok(code !== null, name);
    assert.match(code[0], /<(crypto_wipe|mbedtls_platform_zeroize)>/, name);
  }
});
