// Finds the uploader for tests, or installs it into build/uploader if packages are available. It is not a dependency of the
// project, because its command is also called `espruino` and would hide the interpreter on PATH in every npm script, and
// because it brings Bluetooth packages of no use here.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { engineMissing } from '../../targets/build/engines.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { findUploader, UPLOADER_VERSION } from '../../targets/node/lab/boards/espruino-flash.ts';

/** Folder of the uploader's package, or why there is none. */
export function provideUploader(): { folder: string } | { missing: string } {
  const engine = engineMissing('espruino');
  if (engine !== false) return { missing: engine };
  const prefix = join(sourceRoot(), 'build', 'uploader');
  const folder = join(prefix, 'node_modules', 'espruino');
  if (findUploader(folder) !== undefined) return { folder };
  mkdirSync(prefix, { recursive: true });
  const options = ['--no-save', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  spawnSync('npm', ['install', '--prefix', prefix, ...options, `espruino@${UPLOADER_VERSION}`], {
    stdio: 'ignore',
    timeout: 120000,
  });
  if (findUploader(folder) !== undefined) return { folder };
  return { missing: `npm package espruino@${UPLOADER_VERSION} could not be installed` };
}
