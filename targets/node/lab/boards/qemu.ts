// A board in QEMU: its image runs in a child process, with the console as lines, the second UART as radio, and files for the
// provisioning area and the entropy (process.ts).

import { accessSync, closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from '../../../build/engines.ts';
import { CommandError } from '../../host/errors.ts';
import type { UartRadio } from '../../host/radio/uart.ts';
import type { ConsoleLines } from './console.ts';
import { type BoardEnd, listenRadio, openPlace, startProcess } from './process.ts';
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
  /** One instruction takes one nanosecond of the board's clock: counts repeat, time does not follow ours. */
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
  quit(): Promise<BoardEnd>;
  /** Resolves when the process is gone, to the exit code that the image gave, or the signal. */
  exited: Promise<BoardEnd>;
}

const START_TIME = 30000;
const QMP_TIME = 10000;
const QUIT_TIME = 3000;

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
  const place = openPlace('qemu');
  const { folder } = place;
  let qmp: Qmp;
  let radio: UartRadio;
  try {
    if (config.blob !== undefined) place.file('blob', config.blob.octets);
    if (config.entropy instanceof Uint8Array) place.file('entropy', config.entropy);
    qmp = await listenQmp(join(folder, 'qmp'));
    radio = await listenRadio(folder, config.clock);
  } catch (error) {
    place.clear();
    throw CommandError.from('QEMU', error);
  }
  const words = [command, ...argumentsOf(config, folder)];
  const {
    child,
    console: lines,
    write,
    exited,
  } = startProcess(place, words, process.env, () => {
    radio.close();
    return Promise.all([radio.closed, qmp.close()]);
  });

  async function quit(): Promise<BoardEnd> {
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
    send: (line) => write(line + '\n'),
    sendOctets: write,
    reset: async () => void (await qmp.run('system_reset', QMP_TIME)),
    quit,
    exited,
  };
}
