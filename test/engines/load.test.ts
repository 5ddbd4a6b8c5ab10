// Every module of the core loads on every engine, used or not: a construct that one engine cannot parse, or use before
// definition, shows here before any vector reaches it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceRoot } from '../../targets/build/root.ts';
import { filesBelow } from '../support/files.ts';
import { everywhere } from './everywhere.ts';

const folder = join(sourceRoot(), 'build', 'load');
mkdirSync(folder, { recursive: true });
const entry = join(folder, 'all.ts');
writeFileSync(
  entry,
  filesBelow('core', ['ts'])
    .map((file) => "import '../../" + file + "';\n")
    .join('') +
    'export function run(_cases: string[][], emit: (line: string) => void): void {\n' +
    "  emit('ok loaded');\n  emit('done 1 1');\n}\n",
);

everywhere('all of core loads', entry, [], { keepUnused: true });
