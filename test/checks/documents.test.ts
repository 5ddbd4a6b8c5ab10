// The documents: length, the picture, links.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { picture } from '../../targets/picture.ts';

const root = sourceRoot();
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test('the README has less than 200 lines', () => {
  assert.ok(read('README.md').split('\n').length < 200);
});

test('the picture shows what the budget counts', async () => {
  assert.equal(read('docs/bytes-on-air.svg'), await picture(), 'make it again: npm run picture');
});
