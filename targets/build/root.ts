// Where the sources are, and where what is made of them goes. The published package carries the sources of boards; the
// tools that bundle them are the user's, and named when they are missing.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Packages that bundle for engines; development dependencies, so that users of the library do without. */
const BUILD_TOOLS = ['esbuild', 'typescript', 'typescript-to-lua'];

/** The checkout or installed package this file belongs to, also when it runs from dist/. */
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
    throw new Error('bundling for an engine needs the sources core/ and targets/, which are not in ' + folder);
  }
  return folder;
}

/**
 * A folder for what is made: below build/ of the checkout, or of the working directory where the project is installed as
 * a package, which may be read-only and is replaced by updates.
 */
export function outputFolder(...parts: string[]): string {
  const root = sourceRoot();
  const base = root.split(sep).includes('node_modules') ? process.cwd() : root;
  return join(base, 'build', ...parts);
}

/** Turns a failed import of a build tool into advice: the one line that installs it as the project uses it. */
export async function buildTool<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const manifest = JSON.parse(readFileSync(join(sourceRoot(), 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    const tools = BUILD_TOOLS.map((tool) => tool + '@' + manifest.devDependencies[tool]).join(' ');
    throw new Error('building for a board needs ' + name + ', which is not installed: npm install ' + tools);
  }
}
