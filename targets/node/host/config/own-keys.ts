// Keys that a configuration holds itself: then it is as secret as a file of keys.

import type { ConfigDocument } from '../document.ts';
import type { FieldPath } from '../errors.ts';
import { warnOfOthers } from './field.ts';
import { isInlineKey } from './ike-names.ts';
import { isHidden } from './secrets.ts';

/** True where there is a key in `value`, not the name of a file with one. */
function holdsKey(value: unknown, path: FieldPath): boolean {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).some(([name, inner]) => holdsKey(inner, [...path, name]));
  }
  if (value === undefined || value === null || !isHidden(path)) return false;
  return path[path.length - 1] !== 'privateKey' || isInlineKey(String(value));
}

/** Warns when the file holds a key and others than its owner may read it. */
export function warnOfOwnKeys(document: ConfigDocument): void {
  if (holdsKey(document.data, [])) warnOfOthers(document, document.file);
}
