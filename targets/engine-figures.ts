// npm run engines: the table of docs/boards.md, what each engine does and costs. `--json` is for programs; `--board NAME`
// takes another board; names of engines measure only those.

import { parseArgs } from 'node:util';
import { loadBoard } from './build/board-file.ts';
import { ENGINES } from './build/engines.ts';
import { errorText } from './node/host/errors.ts';
import { type EngineRow, engineTable, measureEngine, STANDARD_BOARD } from './node/lab/engine-figures.ts';

const { values, positionals, problem } = readArguments();
if (problem !== '') {
  process.stderr.write(`${problem}\nusage: npm run engines -- [--json] [--board NAME] [${ENGINES.join('|')}]...\n`);
  process.exit(2);
}

function readArguments() {
  const options = {
    json: { type: 'boolean', default: false },
    board: { type: 'string', default: STANDARD_BOARD },
  } as const;
  try {
    const read = parseArgs({ options, allowPositionals: true });
    const unknown = read.positionals.find((name) => !(ENGINES as readonly string[]).includes(name));
    if (unknown !== undefined) throw new Error(`engine: ${unknown}: must be one of ${ENGINES.join(', ')}`);
    if (loadBoard(read.values.board).run?.kind !== 'qemu')
      throw new Error(`--board: ${read.values.board}: not in QEMU`);
    return { ...read, problem: '' };
  } catch (error) {
    return { values: { json: false, board: '' }, positionals: [], problem: errorText(error) };
  }
}

const rows: EngineRow[] = [];
for (const engine of ENGINES) {
  if (positionals.length > 0 && !positionals.includes(engine)) continue;
  rows.push(await measureEngine(engine, values.board, (text) => void process.stderr.write(`${text}\n`)));
}
process.stdout.write(values.json ? JSON.stringify(rows, null, 2) + '\n' : engineTable(rows));
