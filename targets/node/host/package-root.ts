// The package that this file belongs to: a checkout, or an installed package, also when it runs from dist/.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function find(): { root: string; version: string } {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
      if (found.name === 'dietesp') return { root: folder, version: String(found.version) };
    } catch {
      // not here: one level further up
    }
    const parent = dirname(folder);
    if (parent === folder) return { root: folder, version: 'unknown' };
    folder = parent;
  }
}

const FOUND = find();

/** Its folder. */
export const PACKAGE_ROOT = FOUND.root;
/** Its version. */
export const VERSION = FOUND.version;
