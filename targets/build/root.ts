// Where the sources are. A bundle needs TypeScript sources, which the published package lacks, and tools that are
// development dependencies. Errors name what is missing.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout of this file, even if it runs from dist/. */
export function sourceRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (existsSync(join(folder, 'package.json'))) break;
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json above ' + fileURLToPath(import.meta.url));
    folder = parent;
  }
  if (
    !existsSync(join(folder, 'core', 'base', 'bytes.ts')) ||
    !existsSync(join(folder, 'targets', 'lua', 'prelude.lua'))
  ) {
    throw new Error('bundling for an engine needs the sources: run it in a checkout of the project, not in ' + folder);
  }
  return folder;
}

/** Turns a failed import of a build tool into advice. */
export async function buildTool<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'bundling needs the development dependency ' + name + ', which is not installed: npm install --include=dev',
    );
  }
}
