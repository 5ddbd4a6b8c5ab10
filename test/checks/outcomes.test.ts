// docs/outcomes.md lists every outcome, error notify and drop code by number and name, as the code has them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DROP_COUNT } from '../../core/base/drop.ts';
import { dropName } from '../../core/base/drop-name.ts';
import { N_STATUS } from '../../core/ike/codec/numbers.ts';
import { outcomeName } from '../../core/ike/state/outcome-name.ts';
import { sourceRoot } from '../../targets/build/root.ts';

const page = readFileSync(join(sourceRoot(), 'docs', 'outcomes.md'), 'utf8');

/** `number name` of each row below a heading; every row says what it means and what to do. */
function rowsOf(heading: string): string[] {
  const part = page.split(`\n## ${heading}\n`)[1].split('\n## ')[0];
  return [...part.matchAll(/^\| *(-?\d+) \| `([^`]+)` *\| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, number, name, ...texts]) => {
      assert.ok(
        texts.every((text) => text.trim() !== ''),
        name,
      );
      return `${number} ${name}`;
    },
  );
}

test('outcomes', () => {
  const expected: string[] = [];
  // A number without a name is printed as it is.
  for (let i = 0; outcomeName(-i) !== String(-i); i++) expected.push(`${i === 0 ? 0 : -i} ${outcomeName(-i)}`);
  assert.ok(expected.length > 10);
  assert.deepEqual(rowsOf('Outcomes of IKE'), expected);
});

test('error notifies', () => {
  const expected: string[] = [];
  for (let type = 1; type < N_STATUS; type++) {
    if (outcomeName(type) !== `notify-${type}`) expected.push(`${type} ${outcomeName(type)}`);
  }
  assert.ok(expected.length > 15);
  assert.deepEqual(rowsOf('Error notifies'), expected);
});

test('drop codes', () => {
  const expected = Array.from({ length: DROP_COUNT - 1 }, (_, i) => `${i + 1} ${dropName(-(i + 1))}`);
  assert.deepEqual(rowsOf('Drop codes'), expected);
});
