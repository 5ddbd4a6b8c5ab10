// All test files as JavaScript for a whole run, which then need no compiler each: a file starts in half the time. A file by
// itself runs as it is written.

import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { sourceRoot } from '../../targets/build/root.ts';

/** A module's address and folder remain those of its source: tests find files and programs by them. */
const places: Plugin = {
  name: 'places',
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const url = JSON.stringify(pathToFileURL(path).href);
      const folder = JSON.stringify(dirname(path));
      // On the first line, so that errors name the right one.
      const contents = `const SOURCE_URL = ${url}, SOURCE_FOLDER = ${folder}; ${readFileSync(path, 'utf8')}`;
      return { contents, loader: 'ts' };
    });
  },
};

/** Bundles the files, with shared parts once; returns the path of a file's bundle. Rejects when one can't be compiled. */
export async function bundleTests(files: readonly string[]): Promise<(file: string) => string> {
  const root = sourceRoot();
  const outdir = join(root, 'build', 'tests');
  rmSync(outdir, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: [...files],
    outbase: root,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'linked',
    define: { 'import.meta.url': 'SOURCE_URL', 'import.meta.dirname': 'SOURCE_FOLDER' },
    plugins: [places],
    logLevel: 'silent',
  });
  return (file) => join(outdir, file.replace(/\.ts$/, '.js'));
}
