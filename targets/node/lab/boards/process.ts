// Shared by boards that are processes of this machine: a folder of their own, removed when they or this process end, a radio
// on a unix socket in it, and the console on standard input and output. It ends only that process, by number.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from '../../../build/engines.ts';
import { errorText } from '../../host/errors.ts';
import { createUartRadio, type UartRadio } from '../../host/radio/uart.ts';
import { listenLine } from '../../host/radio/uart-line.ts';
import { type ConsoleLines, createConsoleLines } from './console.ts';
import { atEnd } from './leavings.ts';

export interface BoardEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What the process said on its standard error. */
  stderr: string;
}

/** A board that runs here: in QEMU, as a program, or in its interpreter. */
export interface RunningBoard {
  pid: number;
  console: ConsoleLines;
  /** The board's radio, seen from outside: what is transmitted here is what the board receives. */
  radio: UartRadio;
  /** A line to the console. */
  send(line: string): void;
  /** Octets to the console, as they are; an interpreter takes lines only. */
  sendOctets?(octets: Uint8Array): void;
  /** The board starts again with nothing but what it was provisioned with. */
  reset(): Promise<void>;
  quit(): Promise<BoardEnd>;
  exited: Promise<BoardEnd>;
}

export interface BoardPlace {
  folder: string;
  /** What runs here: killed with this process. */
  child: ChildProcess | null;
  /** Writes a file that only its owner reads; its path. */
  file(name: string, octets: Uint8Array): string;
  /** Removes the folder. */
  clear(): void;
}

/** A folder for one board; `kind` is a part of its name. */
export function openPlace(kind: string): BoardPlace {
  const folder = mkdtempSync(join(tmpdir(), `dietesp-${kind}-`));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const forget = atEnd(() => {
    place.child?.kill('SIGKILL');
    remove();
  });
  const place: BoardPlace = {
    folder,
    child: null,
    file(name, octets) {
      writeFileSync(join(folder, name), octets, { mode: 0o600 });
      return join(folder, name);
    },
    clear() {
      remove();
      forget();
    },
  };
  return place;
}

/** The board's radio, listening at `radio` in its folder. `clock`: milliseconds, for the radio's gaps. */
export async function listenRadio(folder: string, clock: (() => number) | undefined): Promise<UartRadio> {
  const line = listenLine(join(folder, 'radio'));
  const radio = createUartRadio({ line, ...(clock === undefined ? {} : { clock }) });
  await line.listening;
  return radio;
}

export interface BoardProcess {
  child: ChildProcess;
  console: ConsoleLines;
  /** Octets, or Latin-1 text, to the console. */
  write(octets: string | Uint8Array): void;
  end: BoardEnd;
  /** Resolves when the process is gone, `radio` and what else there is are closed, and the folder is removed. */
  exited: Promise<BoardEnd>;
}

const STDERR_MAX = 4000;

/** Starts a board's process. `close` closes its radio and what else was opened for it. */
export function startProcess(
  place: BoardPlace,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  close: () => Promise<unknown>,
): BoardProcess {
  // Where there is setpriv, the kernel ends the board with this process, however that ends.
  const guard = onPath('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'KILL'];
  const [command, ...args] = [...guard, ...words];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
  place.child = child;
  const lines = createConsoleLines();
  const end: BoardEnd = { code: null, signal: null, stderr: '' };
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('latin1').on('data', (text: string) => lines.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    end.stderr = (end.stderr + text).slice(-STDERR_MAX);
  });
  const exited = new Promise<BoardEnd>((resolve) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (place.child === null) return;
      place.child = null;
      Object.assign(end, { code, signal });
      lines.end(`the board ended (${signal ?? `code ${code}`})${end.stderr === '' ? '' : `: ${end.stderr.trim()}`}`);
      void close().then(() => {
        place.clear();
        resolve(end);
      });
    };
    child.on('error', (error) => {
      end.stderr += errorText(error);
      finish(null, null);
    });
    child.on('close', finish);
  });
  return { child, console: lines, write: (octets) => void child.stdin.write(octets), end, exited };
}
