// Plays a recorded run on a device with SAs keyed by hand, and prints what comes out of it. The run is a constant of the profile:
// events, each ended by a blank, in hexadecimal digits: `o` and the device's replayOctets, `s` a payload, `r` a frame, `p` nothing;
// 6 digits of time in milliseconds come first in the last three.

import { copy } from '../../core/base/bytes.ts';
import { emit } from '../../targets/build/emit.ts';
import { linkNext, linkPoll, linkReceive } from '../../targets/special/link.ts';
import { manualCounter, manualSend, manualStart } from '../../targets/special/manual.ts';
import type { ManualHooks } from '../../targets/special/manual-hooks.ts';

declare const P: { run: string };

const replayDigits = '0123456789abcdef';
const replayOctets = new Uint8Array(1024);
let replayOutput = '';
let replayDice = 7;

function digitAt(at: number): number {
  const code = P.run.charCodeAt(at);
  return code > 57 ? code - 87 : code - 48;
}

function hexOf(buffer: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let i = offset; i < offset + length; i++)
    text += replayDigits.charAt(buffer[i] >>> 4) + replayDigits.charAt(buffer[i] & 15);
  return text;
}

function line(text: string): void {
  emit(text);
  replayOutput = '';
}

/** Reads the digits until the blank into `octets`. Returns how many octets. */
function read(at: number): number {
  let count = 0;
  while (P.run.charCodeAt(at) !== 32) {
    replayOctets[count++] = digitAt(at) * 16 + digitAt(at + 1);
    at += 2;
  }
  return count;
}

export const replayBoard = {
  random: (buffer: Uint8Array, offset: number, length: number): boolean => {
    for (let i = 0; i < length; i++) {
      replayDice = (replayDice * 77 + 31) & 0xff;
      buffer[offset + i] = replayDice;
    }
    return true;
  },
  transmit: (buffer: Uint8Array, offset: number, length: number): void => {
    replayOutput += ' f' + hexOf(buffer, offset, length);
  },
};

export const replayUpper: ManualHooks = {
  received: (buffer, offset, length) => {
    replayOutput += ' u' + hexOf(buffer, offset, length);
  },
  done: (result) => {
    replayOutput += ' d' + (result === 0 ? '0' : '-');
  },
  reserve: (out, back) => {
    replayOutput += out < 0 ? ' in' : ' out';
    if (back > 0 || out > 0) replayOutput += '+';
  },
};

export function replay(): void {
  let at = 0;
  let now = 0;
  while (at < P.run.length) {
    const kind = P.run.charAt(at++);
    if (kind !== 'o') {
      now = 0;
      for (let i = 0; i < 6; i++) now = now * 16 + digitAt(at++);
    }
    const begin = at;
    const count = read(begin);
    at = begin + 2 * count + 1;
    let code = 0;
    if (kind === 'o') {
      const own = new Uint8Array(count);
      copy(own, 0, replayOctets, 0, count);
      if (!manualStart(own)) code = -1;
    } else if (kind === 's') code = manualSend(0, replayOctets, 0, count, now);
    else if (kind === 'r') code = linkReceive(replayOctets, count, now);
    else linkPoll(now);
    line(kind + (code < 0 ? '-' : code > 0 ? '+' : '0') + replayOutput + (linkNext() < 0 ? '' : ' t'));
  }
  emit(
    'end' +
      hexOf(replayOctets, 0, 0) +
      (manualCounter(0) > 0 ? ' sent' : '') +
      (manualCounter(1) > 0 ? ' received' : ''),
  );
}
