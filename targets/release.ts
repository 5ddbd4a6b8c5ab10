// `npm run release [FOLDER]`: the package and its checksums, in build/release by default.

import { join } from 'node:path';
import { makeRelease } from './build/release.ts';
import { sourceRoot } from './build/root.ts';

const folder = process.argv[2] ?? join(sourceRoot(), 'build', 'release');
try {
  const { file, size, integrity, commit } = makeRelease(sourceRoot(), folder);
  process.stdout.write(`${join(folder, file)}: ${size} octets, of ${commit}\n${integrity}\n`);
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
