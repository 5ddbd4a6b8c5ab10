// `dietesp build --specialise`: a module for programs of one's own, made for the profile of a file.

import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENGINES } from '../../build/engines.ts';
import type { Native } from '../../build/specialise/profile-of.ts';
import { reportHead } from '../../build/specialise/report.ts';
import { makeFolders } from '../host/append.ts';
import { readText } from '../host/document.ts';
import { CommandError } from '../host/errors.ts';
import { writeOwn } from '../host/own-file.ts';
import { whileShown } from '../host/progress.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { type SpecialModule, specialModule } from '../lab/boards/special-module.ts';
import { printJson } from './options.ts';

/** Options of the command that concern modules of one profile. */
export interface SpecialOptions {
  engine?: string;
  config?: string;
  native?: string;
  out?: string;
  json?: boolean;
}

const NATIVE = ['ccm', 'hmac', 'x25519', 'p256', 'ed25519'] as const;
const EXTENSIONS = { node: 'mjs', lua: 'lua', duktape: 'js', jerryscript: 'js', espruino: 'js' } as const;

function nativeOf(text: string | undefined): Required<Native> {
  const names = text === undefined || text === '' ? [] : text.split(',');
  const unknown = names.find((name) => !(NATIVE as readonly string[]).includes(name));
  if (unknown !== undefined) throw new CommandError(`--native: ${unknown}: must be some of ${NATIVE.join(',')}`, 2);
  const has = (name: (typeof NATIVE)[number]): boolean => names.includes(name);
  return { ccm: has('ccm'), hmac: has('hmac'), x25519: has('x25519'), p256: has('p256'), ed25519: has('ed25519') };
}

/** Writes the files of a module. Returns their names and octets. */
function writeModule(
  made: SpecialModule,
  engine: keyof typeof EXTENSIONS,
  folder: string,
): { file: string; size: number }[] {
  const files: { file: string; size: number; content: string | Uint8Array; isSecret: boolean }[] = [];
  const write = (extension: string, content: string | Uint8Array, isSecret = false): void => {
    const file = join(folder, `${made.name}.${extension}`);
    files.push({ file, size: Buffer.byteLength(content), content, isSecret });
  };
  const report = reportHead(made.constants);
  makeFolders(folder);
  write(EXTENSIONS[engine], made.script);
  write('d.ts', made.types);
  write('source.ts', made.source);
  write('report.json', JSON.stringify(report, null, 2) + '\n');
  if (made.data !== null) write('octets', made.data, made.hasKeys);
  // All or none: first beside their places, which must be free or files.
  const bad = files.find(({ file }) => statSync(file, { throwIfNoEntry: false })?.isDirectory());
  if (bad !== undefined) throw new CommandError(`${bad.file}: is a directory`);
  const written: string[] = [];
  try {
    for (const { file, content, isSecret } of files) {
      const temporary = `${file}.${process.pid}.tmp`;
      written.push(temporary);
      if (isSecret) writeOwn(temporary, content as Uint8Array);
      else writeFileSync(temporary, content);
    }
    for (const [i, { file }] of files.entries()) renameSync(written[i], file);
  } finally {
    for (const temporary of written) rmSync(temporary, { force: true });
  }
  return files.map(({ file, size }) => ({ file, size }));
}

/** Runs the command. */
export async function buildSpecial(options: SpecialOptions): Promise<void> {
  const engine = ENGINES.find((name) => name === options.engine);
  if (engine === undefined) {
    throw new CommandError(`--engine: ${options.engine ?? '(missing)'}: must be one of ${ENGINES.join(', ')}`, 2);
  }
  if (options.config === undefined) {
    throw new CommandError('--config: (missing): the file of a sensor, a device, or two SAs', 2);
  }
  const native = nativeOf(options.native);
  const folder = options.out ?? '.';
  const text = readText(options.config);
  const made = await whileShown(process.stderr, `making a module for ${engine}`, () =>
    specialModule(options.config!, text, native, engine),
  );
  let files: { file: string; size: number }[];
  try {
    files = writeModule(made, engine, folder);
  } catch (error) {
    throw error instanceof CommandError ? error : CommandError.from(folder, error);
  }
  if (options.json === true) {
    printJson({ engine, name: made.name, files });
    return;
  }
  const rows = files.map(({ file, size }) => [String(size), file]);
  process.stdout.write(table(['octets', 'file'], rows, screenOf(process.stdout)));
  const octets =
    made.data === null
      ? 'the octets of a device: dietesp provision --config FILE'
      : `the octets of this device are in ${made.name}.octets${made.hasKeys ? ', with its keys' : ''}`;
  process.stdout.write(`\n${octets}\n`);
}
