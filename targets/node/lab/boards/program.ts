// A board that is a program of this machine: its console on standard input and output, its radio a unix socket, its
// provisioning area and entropy files (process.ts).

import { join } from 'node:path';
import { CommandError } from '../../host/errors.ts';
import type { UartRadio } from '../../host/radio/uart.ts';
import { listenRadio, openPlace, type RunningBoard, startProcess } from './process.ts';
import type { QemuConfig } from './qemu.ts';

export interface ProgramConfig {
  /** The program, as `dietesp build` makes it. */
  program: string;
  /** The provisioning blob; none: there is nothing. */
  blob?: Uint8Array;
  /** As in QemuConfig; none: the kernel's random numbers. */
  entropy?: QemuConfig['entropy'];
  /** The file of its record; default: in its own folder, which ends with it. */
  state?: string;
  environment?: NodeJS.ProcessEnv;
  /** Milliseconds for the radio's gaps. */
  clock?: () => number;
}

const QUIT_TIME = 3000;

/** Starts a program; resolves when it runs and has its radio, or has ended already. Rejects when it cannot be executed. */
export async function startProgram(config: ProgramConfig): Promise<RunningBoard> {
  const place = openPlace('program');
  const words = [
    config.program,
    `radio=${join(place.folder, 'radio')}`,
    `state=${config.state ?? join(place.folder, 'state')}`,
  ];
  const { blob, entropy } = config;
  let radio: UartRadio;
  try {
    if (blob !== undefined) words.push(`provision=${place.file('provision', blob)}`);
    const source = entropy instanceof Uint8Array ? place.file('entropy', entropy) : entropy;
    if (source !== undefined) words.push(`entropy=${source}`);
    radio = await listenRadio(place.folder, config.clock);
  } catch (error) {
    place.clear();
    throw CommandError.from('program', error);
  }
  const { child, console, write, end, exited } = startProcess(
    place,
    words,
    { ...process.env, ...config.environment },
    () => {
      radio.close();
      return radio.closed;
    },
  );
  await Promise.race([radio.ready.catch(() => {}), exited]);
  if (end.code === null && end.signal === null && place.child === null) {
    throw new CommandError(`${config.program}: ${end.stderr.trim()}`);
  }
  return {
    pid: child.pid!,
    console,
    radio,
    send: (line) => write(line + '\n'),
    sendOctets: write,
    reset: async () => write('restart\n'),
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
