// A board that is a program of this machine: started as a process of this one, its console on standard input and output,
// its radio a unix socket, its provisioning area and entropy files. Everything of it lies in a folder of its own that is
// removed when it ends. Only this process is ever ended, by its number.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from '../../build/engines.ts';
import { CommandError, errorText } from '../config/errors.ts';
import { createUartRadio, type UartRadio } from '../radio/uart.ts';
import { listenLine } from '../radio/uartline.ts';
import { createConsoleLines } from './console.ts';
import { atEnd } from './leavings.ts';
import type { QemuConfig, QemuEnd } from './qemu.ts';
import type { RunningBoard } from './start.ts';

export interface ProgramConfig {
  /** The program, as `dietesp build` makes it. */
  program: string;
  /** The provisioning blob; none: there is nothing. */
  blob?: Uint8Array;
  /** As in QemuConfig; none: the kernel's random numbers. */
  entropy?: QemuConfig['entropy'];
  environment?: NodeJS.ProcessEnv;
  /** Milliseconds for the radio's gaps. */
  clock?: () => number;
}

const QUIT_TIME = 3000;
const STDERR_MAX = 4000;

/** Starts a program; resolves when it runs and has its radio, or has ended already. Rejects when it cannot be executed. */
export async function startProgram(config: ProgramConfig): Promise<RunningBoard> {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-program-'));
  let started: ChildProcess | null = null;
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const forget = atEnd(() => {
    started?.kill('SIGKILL');
    remove();
  });
  const words = [`radio=${join(folder, 'radio')}`];
  const file = (name: string, octets: Uint8Array): void => {
    writeFileSync(join(folder, name), octets, { mode: 0o600 });
    words.push(`${name}=${join(folder, name)}`);
  };
  let radio: UartRadio;
  try {
    if (config.blob !== undefined) file('provision', config.blob);
    if (config.entropy instanceof Uint8Array) file('entropy', config.entropy);
    else if (config.entropy !== undefined) words.push(`entropy=${config.entropy}`);
    const line = listenLine(join(folder, 'radio'));
    radio = createUartRadio({ line, ...(config.clock === undefined ? {} : { clock: config.clock }) });
    await line.listening;
  } catch (error) {
    remove();
    forget();
    throw CommandError.from('program', error);
  }

  // Where there is setpriv, the kernel ends the program with this process, however that ends.
  const guard = onPath('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'KILL'];
  const [command, ...args] = [...guard, config.program, ...words];
  const env = { ...process.env, ...config.environment };
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
  started = child;
  const lines = createConsoleLines();
  const end: QemuEnd = { code: null, signal: null, stderr: '' };
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('latin1').on('data', (text: string) => lines.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    end.stderr = (end.stderr + text).slice(-STDERR_MAX);
  });
  const exited = new Promise<QemuEnd>((resolve) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (started === null) return;
      started = null;
      Object.assign(end, { code, signal });
      lines.end(`the board ended (${signal ?? `code ${code}`})${end.stderr === '' ? '' : `: ${end.stderr.trim()}`}`);
      radio.close();
      void radio.closed.then(() => {
        remove();
        forget();
        resolve(end);
      });
    };
    child.on('error', (error) => {
      end.stderr += errorText(error);
      finish(null, null);
    });
    child.on('close', finish);
  });
  await Promise.race([radio.ready.catch(() => {}), exited]);
  if (end.code === null && end.signal === null && started === null) {
    throw new CommandError(`${config.program}: ${end.stderr.trim()}`);
  }
  const send = (octets: string | Uint8Array): void => void child.stdin.write(octets);
  return {
    pid: child.pid!,
    console: lines,
    radio,
    send: (line) => send(line + '\n'),
    sendOctets: send,
    reset: async () => send('restart\n'),
    async quit() {
      const kill = setTimeout(() => child.kill('SIGKILL'), QUIT_TIME);
      child.kill('SIGTERM');
      const ended = await exited;
      clearTimeout(kill);
      return ended;
    },
    exited,
  };
}
