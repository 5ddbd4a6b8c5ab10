// Packets of a specialised device with SAs keyed by hand, to frames and back: it is its own gateway, since both ends of its
// profile have the same addresses and keys. The program that it is joined with counts memory (special.test.ts).

import { copy } from '../../core/base/bytes.ts';
import { frameFcs } from '../../core/base/spans.ts';
import { espSend } from '../../targets/special/esp.ts';
import { linkPoll, linkReceive } from '../../targets/special/link.ts';
import { manualCounter, manualStart } from '../../targets/special/manual.ts';
import type { ManualHooks } from '../../targets/special/manual-hooks.ts';

declare const P: { leaks: boolean; damages: boolean };
/** Octets in use, and a collection. */
declare const steadyHeap: (this: void) => number;
declare const steadyCollect: (this: void, isLast: boolean) => void;
declare const steadyTell: (this: void, text: string) => void;
declare const steadyOctets: Uint8Array;
declare const steadyBatch: number;
declare const steadyBatches: number;
declare const steadySize: number;

const FRAME = 127;
const steadyFrame = new Uint8Array(FRAME);
const steadyTaken = new Uint8Array(FRAME);
const steadyAck = new Uint8Array(5);
const steadyPayload = new Uint8Array(512);
let steadyLength = 0;
let steadyAcked = false;
let steadyDice = 7;
let steadyNow = 1000;
let steadyBack = 0;
let steadyDone = 0;
const steadyKept: number[][] = [];

export const steadyBoard = {
  random: (buffer: Uint8Array, offset: number, length: number): boolean => {
    for (let i = 0; i < length; i++) {
      steadyDice = (steadyDice * 77 + 31) & 0xff;
      buffer[offset + i] = steadyDice;
    }
    return true;
  },
  transmit: (buffer: Uint8Array, offset: number, length: number): void => {
    if (length === 5) {
      steadyAcked = true;
      copy(steadyAck, 0, buffer, offset, length);
    } else {
      steadyLength = length;
      copy(steadyFrame, 0, buffer, offset, length);
    }
  },
};

export const steadyUpper: ManualHooks = {
  received: (buffer, offset, length) => {
    if (buffer[offset + length - 1] === steadyPayload[length - 1]) steadyBack++;
  },
  done: (result) => {
    if (result === 0) steadyDone++;
  },
  reserve: () => {},
};

/** Sends `count` payloads; each frame comes back, before it a copy with a wrong ICV where the profile says so. */
function steadyRun(count: number, size: number): void {
  for (let i = 0; i < count; i++) {
    steadyPayload[size - 1] = i & 0xff;
    if (P.leaks) steadyKept.push([i]);
    espSend(0, steadyPayload, 0, size, steadyNow);
    const until = steadyDone + 1;
    for (let k = 0; k < 400 && steadyDone < until; k++) {
      steadyNow = (steadyNow + 1) & 0xfffffff;
      linkPoll(steadyNow);
      if (steadyLength === 0) continue;
      const length = steadyLength;
      steadyLength = 0;
      if (P.damages) {
        copy(steadyTaken, 0, steadyFrame, 0, length - 2);
        steadyTaken[2] = (steadyTaken[2] + 128) & 0xff;
        steadyTaken[length - 3] = (steadyTaken[length - 3] ^ 1) & 0xff;
        const fcs = frameFcs(steadyTaken, 0, length - 2);
        steadyTaken[length - 2] = fcs & 0xff;
        steadyTaken[length - 1] = fcs >>> 8;
        linkReceive(steadyTaken, length, steadyNow);
      }
      steadyAcked = false;
      copy(steadyTaken, 0, steadyFrame, 0, length);
      linkReceive(steadyTaken, length, steadyNow);
      if (steadyAcked) linkReceive(steadyAck, 5, steadyNow);
    }
  }
}

/** Runs all batches, and tells: packets sent, accepted, given to the program; octets a packet; octets that stay. */
export function steadyMeasure(): void {
  manualStart(steadyOctets);
  // Until everything is compiled, and tables that grow once have grown.
  for (let i = 0; i < 3; i++) steadyRun(steadyBatch, steadySize);
  steadyCollect(false);
  // A collection shrinks a stack and drops compiled code; both come back once.
  for (let i = 0; i < 3; i++) steadyRun(steadyBatch, steadySize);
  const sent = manualCounter(0);
  const received = manualCounter(1);
  const back = steadyBack;
  const before = steadyHeap();
  for (let i = 0; i < steadyBatches; i++) steadyRun(steadyBatch, steadySize);
  const after = steadyHeap();
  steadyCollect(true);
  const packets = steadyBatch * steadyBatches;
  steadyTell(
    '{"sent":' +
      (manualCounter(0) - sent) +
      ',"received":' +
      (manualCounter(1) - received) +
      ',"back":' +
      (steadyBack - back) +
      ',"dropped":' +
      manualCounter(2) +
      ',"each":' +
      (after - before) / packets +
      ',"stay":' +
      (steadyHeap() - before) +
      '}',
  );
}
