// npm run docs:config: writes the pages of the configuration files, docs/config-*.md, from their schemas. A test checks that
// they are equal (test/cli/schema-pages.test.ts).

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceRoot } from './build/root.ts';
import { configPages } from './node/tools/config-pages.ts';

for (const [name, text] of Object.entries(configPages())) writeFileSync(join(sourceRoot(), 'docs', name), text);
