// Puts a script on a board with Espruino, through the uploader of the Espruino project (npm package `espruino`). The script
// becomes boot code, which a restart runs again, or a module, if board.json names its `storage`. The radio's place and the
// provisioning blob go with it.
//
// The uploader sends statements that write the board's Storage piece by piece; the last one prints checksums of the result.
// Only the checksums show success: after an upload over TCP the uploader neither ends nor says that it is done. This file
// ends it, at the latest after `limit`.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from '../../../../core/base/crc32.ts';
import type { Board } from '../../../build/board-file.ts';
import { CommandError } from '../../host/errors.ts';
import { bootText, type FlashFile } from './espruino-text.ts';
import { atEnd } from './leavings.ts';

/** The version that was tested. */
export const UPLOADER_VERSION = '0.1.67';
const LIMIT = 120000;
const TAIL = 400;
/** Characters of the uploader's output that are kept: a board may write without end. */
const OUTPUT_MAX = 65536;

export interface EspruinoFlashOptions {
  board: Board;
  /** Path of the script. */
  file: string;
  /** A serial port, or tcp://HOST:PORT. */
  port: string;
  blob?: Uint8Array;
  /** The radio's place; default: the board's. */
  radio?: Record<string, unknown>;
  /** Milliseconds, default 120000. */
  limit?: number;
  /** Folder of the uploader's package; default: where Node finds `espruino`, or $ESPRUINO_UPLOADER. */
  uploader?: string;
}

/** The uploader's program, or undefined. Never by PATH: `espruino` there is the interpreter. */
export function findUploader(folder?: string): string | undefined {
  const folders = [folder ?? process.env['ESPRUINO_UPLOADER']];
  if (folder === undefined) {
    try {
      folders.push(dirname(createRequire(import.meta.url).resolve('espruino/package.json')));
    } catch {
      // Not installed beside this project.
    }
  }
  return folders
    .filter((path) => path !== undefined && path !== '')
    .map((path) => join(path as string, 'bin', 'espruino-cli.js'))
    .find((file) => existsSync(file));
}

function checksum(octets: Uint8Array): string {
  const halves = new Uint16Array(2);
  crc32(octets, 0, octets.length, halves);
  return (halves[0] * 65536 + halves[1]).toString(16);
}

/** Octets of Storage that all files take, with their heads; throws when the board has less. */
export function checkStorage(board: Board, files: readonly FlashFile[]): number {
  const size = files.reduce((sum, { octets }) => sum + octets.length + 32 + 4, 0);
  const limit = board.flash?.size ?? null;
  if (limit !== null && size > limit) {
    const list = files.map(({ name, octets }) => `${name} ${octets.length}`).join(', ');
    throw new CommandError(`${board.name}: ${list}: ${size} octets with their heads: its Storage has ${limit}`);
  }
  return size;
}

/** Flashes a board. Throws, before an octet is sent, when it cannot hold the files or there is no uploader. */
export async function flashEspruino(options: EspruinoFlashOptions): Promise<void> {
  const { board, file, port } = options;
  const limit = options.limit ?? LIMIT;
  const { kind: _kind, ...place } = options.radio ?? board.radio;
  const files: FlashFile[] = [
    { name: String(board.flashing['storage'] ?? '.bootcde'), octets: readFileSync(file) },
    { name: 'desp.jsn', octets: Buffer.from(JSON.stringify(place)) },
  ];
  if (options.blob !== undefined) files.push({ name: 'desp.blb', octets: options.blob });
  if (files[0].octets.length === 0) throw new CommandError(`${file}: is empty`);
  checkStorage(board, files);
  const uploader = findUploader(options.uploader);
  if (uploader === undefined) {
    throw new CommandError(
      `the uploader is not installed: npm install --no-save espruino@${UPLOADER_VERSION} serialport` +
        ' (elsewhere than in a checkout of this project, whose tests take `espruino` on PATH for the interpreter; ' +
        'ESPRUINO_UPLOADER names its folder)',
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-flash-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const forget = atEnd(remove);
  try {
    const text = join(folder, 'upload.js');
    writeFileSync(text, bootText(files), { mode: 0o600 });
    const found = await upload(uploader, text, port, limit);
    const expected = files.map(({ octets }) => checksum(octets)).join(' ');
    if (found !== expected) throw new CommandError(`${port}: written, but read back with checksums ${found}`);
  } finally {
    remove();
    forget();
  }
}

/** Runs the uploader until the board says what it holds: the checksums. */
function upload(uploader: string, file: string, port: string, limit: number): Promise<string> {
  // Nothing is looked for on other machines: what a board is, board.json says.
  const nowhere = ['BOARD_JSON_URL', 'MODULE_URL', 'NPM_MODULE_URL'].flatMap((name) => ['--config', `${name}=`]);
  const config = ['--config', 'SAVE_ON_SEND=0', '--config', 'RESET_BEFORE_SEND=true', ...nowhere];
  // The board still works when all is sent.
  const stay = ['--sleep', String(Math.ceil(limit / 1000))];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [uploader, '--no-ble', '--port', port, ...config, ...stay, file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let result: string | undefined;
    let problem = '';
    const end = (why: string): void => {
      problem = why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => end(`no answer within ${limit} ms`), limit);
    const take = (data: Buffer): void => {
      output = (output + data.toString('latin1')).slice(-OUTPUT_MAX);
      // Lines of the board stand behind `--] `.
      const found = /dietesp-flash ([0-9a-f ]+) end/.exec(output);
      if (found !== null) {
        result = found[1];
        end('');
      } else if (/Uncaught|Out of Memory|No free space/i.test(output)) end('the board refused it');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => {
      problem = error.message;
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (result !== undefined) resolve(result);
      else {
        const tail = output.replaceAll('\r', '').trim().slice(-TAIL);
        reject(new CommandError(`${port}: ${problem || `the uploader ended with ${code}`}\n${tail}`));
      }
    });
  });
}
