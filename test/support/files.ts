// The project's own files, for checks.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sourceRoot } from '../../targets/build/root.ts';

const LEFT_OUT = ['node_modules', 'build', 'dist', '.git'];

/** Paths, relative to the project's root, of files below `folder` with one of the extensions; sorted. */
export function filesBelow(folder: string, extensions: readonly string[]): string[] {
  const root = sourceRoot();
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      const below = join(path, entry.name);
      if (entry.isDirectory()) {
        // targets/build holds sources; build/ at the top and below a board is made.
        if (!LEFT_OUT.includes(entry.name) || below === join('targets', 'build')) walk(below);
      } else if (extensions.some((extension) => entry.name.endsWith('.' + extension))) found.push(below);
    }
  };
  walk(folder);
  return found.sort();
}

/** Sources that must keep to the portable subset: the core, device code of boards and targets, engine entries. */
export function portableFiles(): string[] {
  const engines = ['board', 'lua', 'duktape', 'jerryscript', 'espruino'].map((engine) => 'targets/' + engine);
  const files = ['core', 'boards', ...engines].flatMap((folder) => filesBelow(folder, ['ts']));
  files.push('targets/build/vector-case.ts', 'test/engines/report.ts');
  for (const folder of ['test/engines', 'test/boards']) files.push(...filesBelow(folder, ['entry.ts']));
  return files.filter((file) => !file.endsWith('.test.ts') && !file.endsWith('.d.ts'));
}
