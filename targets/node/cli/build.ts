// `dietesp build`: builds a board's firmware or script and prints how much of the board it takes.

import { copyFileSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { Command } from 'commander';
import { makeFolders } from '../host/append.ts';
import { readText } from '../host/document.ts';
import { CommandError } from '../host/errors.ts';
import { whileShown } from '../host/progress.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { boardRows, buildBoard } from '../lab/boards/build.ts';
import { boardAndEngine, deviceOf } from '../lab/boards/start.ts';
import { buildSpecial, type SpecialOptions } from './build-special.ts';
import { printJson } from './options.ts';

interface Options extends SpecialOptions {
  board?: string;
  specialise?: boolean;
  module?: string;
  general?: boolean;
  radio?: string;
  list?: boolean;
}

function list(isJson: boolean): void {
  const rows = boardRows();
  if (isJson) {
    printJson(rows);
    return;
  }
  process.stdout.write(
    table(
      ['board', 'engines', 'flash', 'RAM', 'runs here', 'flashed by', ''],
      rows.map((row) => [
        row.name,
        row.engines.join(', '),
        row.flash === null ? '-' : String(row.flash),
        row.ram === null ? '-' : String(row.ram),
        row.run ?? '-',
        row.flashing,
        row.title,
      ]),
      screenOf(process.stdout),
    ),
  );
}

/** The modules that programs of an engine load, without a board. */
async function buildModule(options: Options): Promise<void> {
  const modules = await import('../../build/modules.ts');
  const engine = modules.MODULE_ENGINES.find((name) => name === options.module);
  if (engine === undefined) {
    const instead =
      options.module === 'espruino'
        ? '; for Espruino the script of a board is the module: dietesp build --board espruino-linux'
        : '';
    const known = modules.MODULE_ENGINES.join(', ');
    throw new CommandError(`--module: ${options.module}: must be one of ${known}${instead}`, 2);
  }
  let files: { file: string; size: number }[];
  try {
    files = await whileShown(process.stderr, `building modules for ${engine}`, () =>
      modules.buildModules(engine, options.out),
    );
  } catch (error) {
    throw CommandError.from(options.out ?? 'build', error);
  }
  process.stdout.write(
    options.json === true
      ? JSON.stringify({ engine, files }, null, 2) + '\n'
      : table(
          ['octets', 'file'],
          files.map(({ file, size }) => [String(size), file]),
          screenOf(process.stdout),
        ),
  );
}

async function build(options: Options): Promise<void> {
  if (options.list === true) {
    list(options.json === true);
    return;
  }
  if (options.specialise === true) {
    if (options.board !== undefined || options.module !== undefined) {
      throw new CommandError('--specialise, --board, --module: one of them', 2);
    }
    const foreign = options.general === true ? 'general' : options.radio === undefined ? '' : 'radio';
    if (foreign !== '') throw new CommandError(`--${foreign}: goes with --board alone`, 2);
    await buildSpecial(options);
    return;
  }
  if (options.module !== undefined) {
    if (options.board !== undefined) throw new CommandError('--board, --module: one of them', 2);
    await buildModule(options);
    return;
  }
  if (options.board === undefined) throw new CommandError('--board: (missing): a name, see `dietesp build --list`', 2);
  const { board, engine } = boardAndEngine(options.board, options.engine, options.radio);
  const given = options.config === undefined ? null : { file: options.config, text: readText(options.config) };
  const sensor = deviceOf(board, given, options.general === true, '--config');
  const report = await whileShown(process.stderr, `building ${board.name} with ${engine}`, () =>
    buildBoard(board, engine, sensor),
  );
  if (options.out !== undefined) {
    const file = join(options.out, `${board.name}-${engine}${extname(basename(report.file))}`);
    try {
      makeFolders(options.out);
      copyFileSync(report.file, file);
    } catch (error) {
      throw CommandError.from(options.out, error);
    }
    report.file = file;
  }
  const { device } = report;
  const beside = report.file.slice(0, -extname(report.file).length) + '.report.json';
  try {
    if (device !== null) writeFileSync(beside, JSON.stringify(device, null, 2) + '\n');
  } catch (error) {
    throw CommandError.from(beside, error);
  }
  if (options.json === true) {
    printJson(report);
    return;
  }
  const rows = report.shares.map(({ what, used, limit }) => [
    what,
    String(used),
    limit === null ? '-' : String(limit),
    limit === null ? '' : `${((100 * used) / limit).toFixed(1)} %`,
  ]);
  const head = [`${board.name}, ${engine}`, 'octets', 'of', ''];
  process.stdout.write(`${report.file}\n\n${table(head, rows, screenOf(process.stdout))}`);
  if (device === null) return;
  const parts = device.parts.map(({ part, octets }) => [part, String(octets)]);
  const variable = device.variable.map(({ name, octets }) => `${name} ${octets}`).join(', ');
  process.stdout.write(
    `\n${table(['specialised, as JavaScript', 'octets'], [...parts, ['all', String(device.octets)]], screenOf(process.stdout))}` +
      `\nprofile ${device.profile}: ${Object.keys(device.fixed).length} constants, all in ${beside}\n` +
      `of each device, in its blob: ${variable}\n`,
  );
}

export function buildCommand(): Command {
  return new Command('build')
    .description("Builds a board's firmware or script below build/, and prints its sizes and the limits.")
    .option('--board <name>', 'a folder of boards/')
    .option('--module <engine>', 'instead of a board: the modules for programs in lua, duktape, jerryscript')
    .option('--specialise', 'instead of a board: a module for programs of your own, made for the profile of a file')
    .option(
      '--engine <name>',
      'lua, duktape, jerryscript, espruino, with --specialise also node; default: the first of the board',
    )
    .option('--native <list>', "with --specialise: what the program's hooks have: ccm,hmac,x25519,p256,ed25519")
    .option('--radio <kind>', "another radio of the board's file: mrf24j40")
    .option('--config <file>', "a sensor's file: the device is made for its profile, without its keys")
    .option('--general', 'the device that a blob configures: any profile, several times as large')
    .option('--out <folder>', 'copy the file there, as BOARD-ENGINE.elf or .js; write the modules there')
    .option('--list', 'list the boards')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nA build that does not fit fails; the error names the part. The file holds no keys, see `dietesp provision`.\n\n' +
        'Examples:\n  $ dietesp build --list\n  $ dietesp build --board qemu-mps2-an386 --config sensor.yaml --out .\n' +
        '  $ dietesp build --module lua --out rock\n' +
        '  $ dietesp build --specialise --engine lua --config device.yaml --out .',
    )
    .action(build);
}
