// X25519 as Thumb-2 octets for Espruino's E.nativeCall: boards/common/x25519.c, linked without relocations and without
// literals, so that it runs at any even address. Its entry is first. targets/espruino/native/blob.ts holds the octets, so
// that making a module needs no compiler. After a change of the C file:
//
//   node --import tsx targets/build/espruino-native.ts

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolders } from '../node/host/append.ts';
import { onPath } from './engines.ts';
import { outputFolder, sourceRoot } from './root.ts';

const COMPILER = 'arm-none-eabi-gcc';

/** For a test's `skip` option: false when the compiler is there, else the reason. */
export function nativeMissing(): string | false {
  return onPath(COMPILER) === undefined ? COMPILER + ' not found (Debian package gcc-arm-none-eabi)' : false;
}

/** The compiler's version, e.g. `12.2.1`. Other versions make other octets. */
export function nativeCompiler(): string {
  return run(COMPILER, ['-dumpfullversion']).trim();
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60000 });
}

/**
 * Builds the octets in build/espruino/native. Throws with the compiler's or linker's message. Throws if the result has
 * relocations, undefined symbols, literals read relative to the program counter, or an entry elsewhere than at 0.
 */
export function buildNative(): Uint8Array {
  const root = sourceRoot();
  const folder = outputFolder('espruino', 'native');
  makeFolders(folder);
  const elf = join(folder, 'x25519.elf');
  const binary = join(folder, 'x25519.bin');
  run(COMPILER, [
    ...['-std=c99', '-Wall', '-Wextra', '-Werror', '-mcpu=cortex-m4', '-mthumb', '-Os', '-ffreestanding'],
    // No literal pools: code reads them relative to the program counter rounded down to 4.
    ...['-mpure-code', '-fno-jump-tables', '-fno-tree-loop-distribute-patterns', '-ffunction-sections'],
    ...['-nostdlib', '-Wl,--build-id=none,--fatal-warnings,--emit-relocs'],
    ...['-T', join(root, 'targets', 'espruino', 'native', 'blob.ld')],
    ...[join(root, 'boards', 'common', 'x25519.c'), '-o', elf],
  ]);
  const symbols = run('arm-none-eabi-nm', [elf]);
  if (!/^0+ T x25519$/m.test(symbols)) throw new Error('blob: the entry x25519 is not at 0:\n' + symbols);
  if (/ U /.test(symbols)) throw new Error('blob: undefined symbols:\n' + symbols);
  // Branches within the blob are resolved but still listed. Anything else would depend on the blob's address.
  const strange = run('arm-none-eabi-readelf', ['-r', '-W', elf])
    .split('\n')
    .filter((line) => /R_ARM_/.test(line) && !/R_ARM_THM_(CALL|JUMP24|JUMP19|JUMP11|JUMP8)\b/.test(line));
  if (strange.length > 0) throw new Error('blob: relocations:\n' + strange.join('\n'));
  if (/\[pc/.test(run('arm-none-eabi-objdump', ['-d', elf]))) throw new Error('blob: literals relative to pc');
  run('arm-none-eabi-objcopy', ['-O', 'binary', '-j', '.blob', elf, binary]);
  return new Uint8Array(readFileSync(binary));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const octets = buildNative();
  writeFileSync(
    join(sourceRoot(), 'targets', 'espruino', 'native', 'blob.ts'),
    '// Made by targets/build/espruino-native.ts from boards/common/x25519.c; not to be edited.\n\n' +
      '/** The compiler that made it. */\nexport const COMPILER = ' +
      "'" +
      nativeCompiler() +
      "';\n\n/** X25519 in Thumb-2 for Cortex-M4: " +
      octets.length +
      ' octets, entry at 0: void (out, scalar, point). */\n' +
      "export const X25519_THUMB = '" +
      Buffer.from(octets).toString('base64') +
      "';\n",
  );
}
