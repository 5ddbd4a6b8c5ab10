// The MRF24J40's driver of firmware (boards/common/mrf24j40.c), compiled for this machine, with the model of the chip's
// registers at its SPI. Each call waits for the program, so it works in virtual time.

import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import type { Medium } from '../../targets/node/lab/medium.ts';
import { Chip } from '../espruino/mrf24j40-model.ts';

/** The driver gives up a transmission after this time, in milliseconds. */
export const TX_LIMIT = 250;
/** Seconds until a program that was forgotten ends. */
const LIMIT = '300';

const folder = mkdtempSync(join(tmpdir(), 'dietesp-mrf-'));
const ends: (() => void)[] = [];
after(() => {
  for (const end of ends) end();
  rmSync(folder, { recursive: true, force: true });
});

let program: string | undefined;

function compiled(): string {
  if (program !== undefined) return program;
  const root = sourceRoot();
  program = join(folder, 'driver');
  const warnings = ['-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const include = ['-I', join(root, 'boards', 'common')];
  const source = join(root, 'test', 'boards', 'mrf24j40host.c');
  execFileSync('gcc', ['-std=gnu11', '-O1', ...warnings, ...include, '-o', program, source]);
  return program;
}

export interface DriverState {
  dropped: number;
  stuck: number;
  sent: number;
  refused: number;
  busy: number;
  notAcknowledged: number;
  badLength: number;
}

/** A driver in a process of its own, and its chip. */
export interface HostDriver {
  chip: Chip;
  /** What a MAC uses. `onFrame` gets what the driver gives to the script. */
  radio: Radio;
  tune(channel: number, panId: number, shortAddress: number): void;
  ready(): boolean;
  /** False: refused. */
  transmit(frame: Uint8Array): boolean;
  /** Takes what is there. */
  poll(now: number): void;
  nextTimeout(): number;
  state(): DriverState;
  /** Signal strength of the last frame, in dBm. */
  rssi: number;
  /** Milliseconds that the driver waited. */
  delayed: number;
}

let made = 0;

export function euiOf(short: number): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, 0, 0, short >>> 8, short & 0xff);
}

export function hostDriver(medium: Medium): HostDriver {
  const chip = new Chip(medium);
  const pipes = ['in', 'out'].map((name) => join(folder, `${name}-${++made}`));
  execFileSync('mkfifo', pipes);
  const command = `exec timeout ${LIMIT} '${compiled()}' <'${pipes[0]}' >'${pipes[1]}'`;
  spawn('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'] }).unref();
  // Each waits until the shell has opened the other end.
  const input = openSync(pipes[0], 'w');
  const output = openSync(pipes[1], 'r');
  ends.push(() => {
    closeSync(input);
    closeSync(output);
  });
  const piece = new Uint8Array(4096);
  let read = '';
  const line = (): string => {
    while (!read.includes('\n')) {
      const length = readSync(output, piece);
      if (length === 0) throw new Error('the driver ended');
      read += Buffer.from(piece.subarray(0, length)).toString('latin1');
    }
    const end = read.indexOf('\n');
    const found = read.slice(0, end);
    read = read.slice(end + 1);
    return found;
  };
  const answer = (asked: string): string => {
    const value = asked.slice(2);
    switch (asked[0]) {
      case 's':
        return Buffer.from(chip.spi.send(Buffer.from(value, 'hex') as never, chip.cs) as never).toString('hex');
      case 'i':
        return chip.irq.read() ? '1' : '0';
      case 'r':
        chip.reset.write(value === '1');
        return '';
      case 'd':
        driver.delayed += Number(value);
        return '';
      default:
        return String(Math.floor(medium.now));
    }
  };
  const ask = (text: string): string => {
    writeSync(input, `${text}\n`);
    for (;;) {
      const said = line();
      if (said.startsWith('=')) return said.slice(1);
      writeSync(input, `${answer(said)}\n`);
    }
  };
  let limit = -1;
  const driver: HostDriver = {
    chip,
    radio: {
      onFrame: null,
      clear: () => true,
      transmit: (buffer, offset, length) => void driver.transmit(buffer.subarray(offset, offset + length)),
      close: () => {},
    },
    tune: (channel, panId, shortAddress) => {
      const eui = Buffer.from(euiOf(shortAddress)).toString('hex');
      ask(`tune ${channel} ${panId.toString(16)} ${shortAddress.toString(16)} ${eui}`);
    },
    ready: () => ask('ready') === '1',
    transmit: (frame) => {
      limit = medium.now + TX_LIMIT + 1;
      return ask(`send ${Buffer.from(frame).toString('hex')}`) === '1';
    },
    poll: (now) => {
      if (limit >= 0 && now >= limit) limit = -1;
      for (;;) {
        const [rssi, hex] = ask('take').split(' ');
        if (hex === '') return;
        driver.rssi = Number(rssi);
        driver.radio.onFrame?.(Buffer.from(hex, 'hex'), 0, hex.length / 2);
      }
    },
    nextTimeout: () => limit,
    state: () => {
      const [dropped, stuck, sent, refused, busy, notAcknowledged, badLength] = ask('state').split(' ').map(Number);
      return { dropped, stuck, sent, refused, busy, notAcknowledged, badLength };
    },
    rssi: 0,
    delayed: 0,
  };
  // The edge wakes the processor, and the script takes what is there.
  chip.onEdge = () => driver.poll(medium.now);
  return driver;
}
