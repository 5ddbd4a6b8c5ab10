// npm run bench: every published speed and memory figure. Ratios hold within one run; the machine's load moves the rest.

import { benchCrypto } from './crypto.ts';
import { benchCompression, benchHeap, benchPipeline, benchScale, type Figure } from './pipeline.ts';
import { benchSchc } from './schc.ts';

const groups: [string, () => Figure[]][] = [
  ['heap', benchHeap],
  ['compression', benchCompression],
  ['pipeline', benchPipeline],
  ['scale', benchScale],
  ['schc', benchSchc],
  ['crypto', benchCrypto],
];
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
for (const [name, run] of groups) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write('\n' + name + '\n');
  for (const figure of run()) {
    process.stdout.write(
      '  ' + figure.value.toFixed(2).padStart(10) + ' ' + figure.unit.padEnd(12) + figure.name + '\n',
    );
  }
}
