// Gives a module the steps of `replay` (record.ts) and prints what it does. A program for Duktape and JerryScript, where the
// module and the record are globals.

import type { LiteModule } from '../../targets/board/lite.ts';
import type { WholeModule } from '../../targets/board/module.ts';
import type { ProgramBoard, ProgramDevice, ProgramDeviceOptions, ProgramSensor } from '../../targets/board/program.ts';
import type { Replay } from './record.ts';

declare const print: (line: string) => void;
declare const replay: Replay;
declare const dietesp: WholeModule;
declare const dietlite: LiteModule;

const loaded = typeof dietesp === 'undefined' ? (dietlite as WholeModule) : dietesp;
const DIGITS = '0123456789abcdef';
let frames: string[] = [];
let time = 0;
let seed = 1;

function hexOf(octets: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) {
    text += DIGITS.charAt(octets[offset + i] >> 4) + DIGITS.charAt(octets[offset + i] & 15);
  }
  return text;
}

const board: ProgramBoard = {
  now: () => time,
  random: (buffer, offset, length) => {
    for (let i = 0; i < length; i++) {
      seed = (seed * 75 + 74) % 65537;
      buffer[offset + i] = seed & 255;
    }
    return true;
  },
  transmit: (buffer, offset, length) => {
    print('frame ' + hexOf(buffer, offset, length));
  },
  receive: (buffer) => {
    const text = frames.shift();
    if (text === undefined) return -1;
    const frame = loaded.hex(text);
    for (let i = 0; i < frame.length; i++) buffer[i] = frame[i];
    return frame.length;
  },
  print: (text) => {
    print('line ' + text);
  },
};

function deviceOptions(given: Replay['options']): ProgramDeviceOptions {
  // biome-ignore lint/suspicious/noExplicitAny: names come from the record.
  const all: any = {};
  for (const name in given) {
    const value = given[name];
    all[name] = typeof value === 'string' ? loaded.hex(value) : value;
  }
  all.up = { spi: all.upSpi, key: all.upKey, salt: all.upSalt };
  all.down = { spi: all.downSpi, key: all.downKey, salt: all.downSalt };
  all.board = board;
  all.reserve = (upTo: number) => {
    print('reserve ' + upTo);
  };
  all.received = (octets: Uint8Array) => {
    print('received ' + hexOf(octets, 0, octets.length));
  };
  return all;
}

let sensor: ProgramSensor | null = null;
let device: ProgramDevice | null = null;
if (replay.kind === 'start') {
  sensor = loaded.start({ board: board, provision: loaded.hex(replay.provision) });
} else device = loaded.device(deviceOptions(replay.options));
const node = (sensor ?? device)!;

for (let i = 0; i < replay.steps.length; i++) {
  const step = replay.steps[i];
  time = step[0];
  frames = step[1];
  if (step[2] !== '') {
    const tag = device!.send(loaded.hex(step[2]), (result) => {
      print('done ' + result);
    });
    print('tag ' + tag);
  }
  if (step[3] !== '') sensor!.command(step[3]);
  print('step ' + node.step());
}
if (device !== null) device.stop();
print('over ' + node.isOver());
