// A board in QEMU: its image started as a process of this one, the console as lines, the second UART as a radio, the
// provisioning area and the entropy as files. Everything of it, sockets and files, lies in a folder of its own that is
// removed when it ends. Only this process is ever killed, by its number.

import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from '../../build/engines.ts';
import { CommandError, errorText } from '../config/errors.ts';
import { createUartRadio, type UartRadio } from '../radio/uart.ts';
import { listenLine } from '../radio/uartline.ts';
import { type ConsoleLines, createConsoleLines } from './console.ts';
import { atEnd } from './leavings.ts';
import { listenQmp, type Qmp } from './qmp.ts';

export const QEMU = 'qemu-system-arm';

export interface QemuConfig {
  /** QEMU's name of the machine. */
  machine: string;
  /** The image, an ELF file. */
  kernel: string;
  /** What each of the machine's UARTs is for; default console, then radio. */
  serial?: ('console' | 'radio' | 'none')[];
  /** Content of the provisioning area, and where it lies. */
  blob?: { octets: Uint8Array; address: number };
  /** A file of random octets on this machine, or the octets themselves (a run that can be repeated); none: no entropy. */
  entropy?: string | Uint8Array;
  /** One instruction is one tick of 40 MHz: counts repeat, time does not follow the clock. */
  icount?: boolean;
  /** No semihosting: like hardware without a debugger, with no entropy and no exit code. */
  isAlone?: boolean;
  /** More arguments for the semihosting command line, `name=value`. */
  words?: string[];
  /** Milliseconds that QEMU itself has to start; default 30000. */
  startTime?: number;
  command?: string;
  /** Milliseconds for the radio's gaps. */
  clock?: () => number;
}

export interface QemuBoard {
  pid: number;
  console: ConsoleLines;
  /** The board's radio, seen from outside: what is transmitted here is what the board receives. */
  radio: UartRadio;
  /** A line to the console. */
  send(line: string): void;
  /** Octets to the console, as they are. */
  sendOctets(octets: Uint8Array): void;
  /** What the reset button does. */
  reset(): Promise<void>;
  /** Ends QEMU, by force when it does not end by itself, and removes its files. */
  quit(): Promise<QemuEnd>;
  /** Resolves when the process is gone, to the exit code that the image gave, or the signal. */
  exited: Promise<QemuEnd>;
}

export interface QemuEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What QEMU said. */
  stderr: string;
}

const START_TIME = 30000;
const QMP_TIME = 10000;
const QUIT_TIME = 3000;
const STDERR_MAX = 4000;

/** For a test's skip and a command's error: why boards cannot be run in QEMU here, or false. */
export function qemuMissing(command: string = QEMU): string | false {
  return onPath(command) === undefined ? `${command} not found on PATH (Debian package qemu-system-arm)` : false;
}

function argumentsOf(config: QemuConfig, folder: string): string[] {
  const args = ['-machine', config.machine, '-display', 'none', '-nodefaults', '-no-user-config', '-monitor', 'none'];
  args.push('-qmp', `unix:${join(folder, 'qmp')}`);
  args.push('-chardev', 'stdio,id=console,signal=off', '-chardev', `socket,id=radio,path=${join(folder, 'radio')}`);
  for (const use of config.serial ?? ['console', 'radio']) {
    args.push('-serial', use === 'none' ? 'none' : `chardev:${use}`);
  }
  const words = ['firmware', ...(config.words ?? [])];
  if (config.entropy !== undefined) {
    words.push('entropy=' + (typeof config.entropy === 'string' ? config.entropy : join(folder, 'entropy')));
  }
  // A comma ends a value of QEMU's, two of them are one.
  const semihosting = words.map((word) => `,arg=${word.replaceAll(',', ',,')}`).join('');
  if (config.isAlone !== true) args.push('-semihosting-config', `enable=on,target=native${semihosting}`);
  if (config.blob !== undefined) {
    const address = '0x' + config.blob.address.toString(16);
    args.push('-device', `loader,file=${join(folder, 'blob')},addr=${address},force-raw=on`);
  }
  if (config.icount === true) args.push('-icount', 'shift=0');
  args.push('-kernel', config.kernel);
  return args;
}

/** QEMU takes any other file as octets for address 0, and runs them. */
function isElf(file: string): boolean {
  const magic = Buffer.alloc(4);
  const fd = openSync(file, 'r');
  try {
    return readSync(fd, magic, 0, 4, 0) === 4 && magic.equals(Buffer.from('\x7fELF', 'latin1'));
  } finally {
    closeSync(fd);
  }
}

/** What QEMU complained of first, without its name and the argument it was about. */
function complaint(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const line = lines.find((one) => !/: (warning|info): /.test(one)) ?? lines[0];
  return line.replace(/^\S*qemu\S*: (-\S+ \S+: )?/, '');
}

/** Starts a board. Rejects when QEMU is missing, refuses the machine or the image, or does not come up in time. */
export async function startQemu(config: QemuConfig): Promise<QemuBoard> {
  const command = config.command ?? QEMU;
  const missing = qemuMissing(command);
  if (missing !== false) throw new CommandError(missing);
  try {
    accessSync(config.kernel, constants.R_OK);
    if (typeof config.entropy === 'string') accessSync(config.entropy, constants.R_OK);
  } catch (error) {
    throw CommandError.from((error as NodeJS.ErrnoException).path ?? config.kernel, error);
  }
  if (!isElf(config.kernel)) throw new CommandError(`${config.kernel}: is not an ELF image`);
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-qemu-'));
  let started: ChildProcess | null = null;
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const forget = atEnd(() => {
    started?.kill('SIGKILL');
    remove();
  });
  let qmp: Qmp;
  let radio: UartRadio;
  try {
    if (config.blob !== undefined) writeFileSync(join(folder, 'blob'), config.blob.octets, { mode: 0o600 });
    if (config.entropy instanceof Uint8Array) writeFileSync(join(folder, 'entropy'), config.entropy, { mode: 0o600 });
    qmp = await listenQmp(join(folder, 'qmp'));
    const line = listenLine(join(folder, 'radio'));
    radio = createUartRadio({ line, ...(config.clock === undefined ? {} : { clock: config.clock }) });
    await line.listening;
  } catch (error) {
    remove();
    forget();
    throw CommandError.from('QEMU', error);
  }

  // Where there is setpriv, the kernel ends QEMU with this process, however that ends.
  const guard = onPath('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'KILL'];
  const [program, ...args] = [...guard, command, ...argumentsOf(config, folder)];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
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
      void Promise.all([radio.closed, qmp.close()]).then(() => {
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

  async function quit(): Promise<QemuEnd> {
    const kill = setTimeout(() => child.kill('SIGKILL'), QUIT_TIME);
    qmp.run('quit', QUIT_TIME).catch(() => child.kill('SIGKILL'));
    const ended = await exited;
    clearTimeout(kill);
    return ended;
  }

  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    const time = config.startTime ?? START_TIME;
    limit = setTimeout(() => resolve(`did not start within ${time} ms`), time);
  });
  // An image may end as soon as it has started: with QEMU's own trouble nothing is on the console and the code is 1.
  const gone = exited.then(({ code, stderr }) => {
    const isTrouble = code !== 0 && lines.lines().length === 0 && stderr !== '';
    return isTrouble ? complaint(stderr) : '';
  });
  const problem = await Promise.race([qmp.ready.then(() => ''), gone, late]);
  clearTimeout(limit);
  if (problem !== '') {
    child.kill('SIGKILL');
    await exited;
    throw new CommandError(`QEMU, machine ${config.machine}: ${problem}`);
  }
  return {
    pid: child.pid!,
    console: lines,
    radio,
    send: (line) => void child.stdin.write(line + '\n'),
    sendOctets: (octets) => void child.stdin.write(octets),
    reset: async () => void (await qmp.run('system_reset', QMP_TIME)),
    quit,
    exited,
  };
}
