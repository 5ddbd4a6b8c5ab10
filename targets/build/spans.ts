// Firmware images have C functions for spans of octets: in them, the text of targets/board/spans.ts replaces
// core/base/spans.ts.

import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { sourceRoot } from './root.ts';

/** Paths of the portable functions, and of the board's. */
export function portableSpans(): string {
  return join(sourceRoot(), 'core', 'base', 'spans.ts');
}

export function boardSpans(): string {
  return join(sourceRoot(), 'targets', 'board', 'spans.ts');
}

/** The text of the board's functions if `path` is the portable file, else undefined. */
export function nativeSpans(path: string): string | undefined {
  return normalize(path) === portableSpans() ? readFileSync(boardSpans(), 'utf8') : undefined;
}
