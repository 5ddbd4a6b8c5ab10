// npm run engines: the table of the README, engine by what it does and costs. `--json` for programs; names of engines
// after it measure only those.

import { ENGINES, type Engine } from './build/engines.ts';
import { type EngineRow, engineTable, measureEngine } from './node/engines/measure.ts';

const words = process.argv.slice(2);
const names = words.filter((word) => !word.startsWith('-'));
const unknown = names.filter((name) => !(ENGINES as readonly string[]).includes(name));
if (unknown.length > 0 || words.some((word) => word.startsWith('-') && word !== '--json')) {
  process.stderr.write(`usage: npm run engines -- [--json] [${ENGINES.join('|')}]...\n`);
  process.exit(2);
}
const rows: EngineRow[] = [];
for (const engine of ENGINES) {
  if (names.length > 0 && !names.includes(engine)) continue;
  rows.push(await measureEngine(engine as Engine, (text) => void process.stderr.write(`${text}\n`)));
}
process.stdout.write(words.includes('--json') ? JSON.stringify(rows, null, 2) + '\n' : engineTable(rows));
