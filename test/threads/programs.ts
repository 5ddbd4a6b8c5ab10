// Programs of threads: one file each, because a thread of Node does not read TypeScript.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Builds the program whose source is at `source`. The file is gone with the process. */
export async function programOf(source: URL): Promise<URL> {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-thread-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, 'thread.mjs');
  const entryPoints = [fileURLToPath(source)];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
  return pathToFileURL(outfile);
}
