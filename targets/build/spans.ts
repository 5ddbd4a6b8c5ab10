// Firmware images have functions of their own for spans of octets: there the text of targets/board/spans.ts takes the
// place of core/base/spans.ts.

import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { sourceRoot } from './root.ts';

/** The text of the board's functions where `path` is that of the portable ones, else undefined. */
export function nativeSpans(path: string): string | undefined {
  const root = sourceRoot();
  if (normalize(path) !== join(root, 'core', 'base', 'spans.ts')) return undefined;
  return readFileSync(join(root, 'targets', 'board', 'spans.ts'), 'utf8');
}
