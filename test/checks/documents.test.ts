// The documents: length, the picture, links.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { picture } from '../../targets/picture.ts';
import { filesBelow } from '../support/files.ts';

const root = sourceRoot();
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test('the README has less than 200 lines', () => {
  assert.ok(read('README.md').split('\n').length < 200);
});

test('the picture shows what the budget counts', async () => {
  assert.equal(read('docs/bytes-on-air.svg'), await picture(), 'make it again: npm run picture');
});

/** Links to files, as written: `[text](target)` and `![text](target)`. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]).filter((link) => !/^[a-z]+:/.test(link));
}

/** The anchors that a page's headings make. */
function anchorsOf(markdown: string): string[] {
  const headings = markdown.replace(/```[\s\S]*?```/g, '').match(/^#+ .*$/gm) ?? [];
  return headings.map((line) =>
    line
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('links in the documents lead somewhere', () => {
  assert.deepEqual(linksOf('[a](b.md) `[c](d)` [e](https://x/) ![f](g.svg#h)'), ['b.md', 'g.svg#h']);
  assert.deepEqual(anchorsOf('# Ten terms\n## What, and how?'), ['ten-terms', 'what-and-how']);
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...filesBelow('docs', ['md'])];
  pages.push(...['core', 'targets', 'boards'].flatMap((folder) => filesBelow(folder, ['md'])));
  const broken: string[] = [];
  for (const page of pages) {
    if (!existsSync(join(root, page))) {
      broken.push(page);
      continue;
    }
    for (const link of linksOf(read(page))) {
      const [file, anchor] = link.split('#');
      const target = file === '' ? page : join(dirname(page), file);
      const isThere = existsSync(join(root, target));
      if (!isThere || (anchor !== undefined && !anchorsOf(read(target)).includes(anchor)))
        broken.push(page + ': ' + link);
    }
  }
  assert.deepEqual(broken, []);
});
