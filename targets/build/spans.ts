// Firmware images have C functions for spans of octets: in them, the text of targets/board/spans.ts replaces
// core/base/spans.ts.

import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { sourceRoot } from './root.ts';

/** The text of the board's functions if `path` is the portable file, else undefined. */
export function nativeSpans(path: string): string | undefined {
  const root = sourceRoot();
  if (normalize(path) !== join(root, 'core', 'base', 'spans.ts')) return undefined;
  return readFileSync(join(root, 'targets', 'board', 'spans.ts'), 'utf8');
}
