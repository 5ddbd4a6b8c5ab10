// Espruino's Linux build as a board: the interpreter is a child process, with its console on standard input and output, its
// Serial1 on a pseudo-terminal as radio, and a file as Storage. All files are in a folder of its own, which is removed at
// the end. It ends only processes that it started, by number.
//
// Standard input must stay open: at its end Espruino reads characters for ever and never looks at its serial ports.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { engineMissing, onPath } from '../../../build/engines.ts';
import { CommandError } from '../../host/errors.ts';
import { createUartRadio, type UartLine, type UartRadio } from '../../host/radio/uart.ts';
import { type ConsoleLines, createConsoleLines } from './console.ts';
import { storageText } from './espruino-text.ts';
import { atEnd } from './leavings.ts';

const PTY_COMMAND = 'script';
const START_TIME = 30000;
const QUIT_TIME = 3000;

export interface EspruinoRunConfig {
  /** Path of the script, as `dietesp build` makes it. */
  script: string;
  /** The provisioning blob; none: there is no such file. */
  blob?: Uint8Array;
  /** Milliseconds for the radio's gaps. */
  clock?: () => number;
}

export interface EspruinoBoardProcess {
  pid: number;
  console: ConsoleLines;
  /** The board's radio, seen from outside: what is transmitted here is what the board receives. */
  radio: UartRadio;
  /** A command of the application. */
  send(line: string): void;
  /** Ends it, and removes its files. */
  quit(): Promise<void>;
  /** Resolves when the process is gone. */
  exited: Promise<number | null>;
}

/** For a test's skip and a command's error: why it cannot be run here, or false. */
export function espruinoRunMissing(): string | false {
  if (onPath(PTY_COMMAND) === undefined) return `${PTY_COMMAND} not found on PATH (Debian package bsdutils)`;
  return engineMissing('espruino');
}

interface Terminal {
  path: string;
  stream: Duplex;
  child: ChildProcess;
}

/** A pseudo-terminal: `script` holds its one end, and what comes and goes there is octets of this process. */
async function openTerminal(): Promise<Terminal> {
  const child = spawn(PTY_COMMAND, ['-q', '-c', 'stty raw -echo; tty; exec sleep 1000000', '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const path = await new Promise<string>((resolve, reject) => {
    let text = '';
    const limit = setTimeout(() => reject(new CommandError('no pseudo-terminal in time')), START_TIME);
    const take = (data: Buffer): void => {
      text += data.toString('latin1');
      const found = /^(\/dev\/\S+)\r?\n/.exec(text);
      if (found === null) return;
      clearTimeout(limit);
      child.stdout.off('data', take);
      resolve(found[1]);
    };
    child.stdout.on('data', take);
    child.on('error', reject);
    child.on('exit', () => reject(new CommandError(`${PTY_COMMAND} gave no pseudo-terminal: ${text.trim()}`)));
  });
  return { path, stream: Duplex.from({ readable: child.stdout, writable: child.stdin }), child };
}

function lineOf(stream: Duplex): UartLine {
  return {
    listens: true,
    listening: Promise.resolve(),
    open: (onStream) => {
      onStream(stream);
      return async () => {
        stream.destroy();
      };
    },
  };
}

/** What Espruino's console adds to lines: its prompt, and how it clears it. */
function withoutPrompt(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin so.
  return text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '').replace(/^>(?=.)/gm, '');
}

export async function startEspruino(config: EspruinoRunConfig): Promise<EspruinoBoardProcess> {
  const missing = espruinoRunMissing();
  if (missing !== false) throw new CommandError(missing);
  const terminal = await openTerminal();
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-espruino-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  let started: ChildProcess | null = null;
  const forget = atEnd(() => {
    started?.kill('SIGKILL');
    terminal.child.kill('SIGKILL');
    remove();
  });
  const files = storageText(config.blob, { path: terminal.path });
  writeFileSync(join(folder, 'board.js'), `echo(0);\n${files}${readFileSync(config.script, 'utf8')}`, { mode: 0o600 });
  const child = spawn('espruino', ['board.js'], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
  started = child;
  const lines = createConsoleLines();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => lines.push(withoutPrompt(text)));
  }
  child.stdin.on('error', () => {});
  const radio = createUartRadio({
    line: lineOf(terminal.stream),
    ...(config.clock === undefined ? {} : { clock: config.clock }),
  });
  const exited = new Promise<number | null>((resolve) => {
    const end = (code: number | null): void => {
      lines.end('the interpreter has ended');
      radio.close();
      terminal.child.kill('SIGTERM');
      remove();
      forget();
      resolve(code);
    };
    child.on('close', end);
    child.on('error', () => end(null));
  });
  return {
    pid: child.pid ?? -1,
    console: lines,
    radio,
    send: (line) => void child.stdin.write(`dietesp.command(${JSON.stringify(line)});\n`),
    exited,
    quit: async () => {
      const force = setTimeout(() => child.kill('SIGKILL'), QUIT_TIME);
      child.kill('SIGTERM');
      await exited;
      clearTimeout(force);
    },
  };
}
