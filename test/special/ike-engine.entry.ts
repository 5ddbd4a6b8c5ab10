// Plays a recorded life of a specialised device's IKE on an engine: the same steps and random octets as on Node have to give the
// same messages and keys.

import { put16, put32, u16, u32 } from '../../core/base/bytes.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { D } from '../../targets/special/data.ts';
import { ikeConnect, ikePoll, ikeReceive, ikeRekey, ikeRekeyIke } from '../../targets/special/ike/ike.ts';
import { isHex, putHex } from '../../targets/special/octets.ts';

/** What the test puts here: octets of the device; random octets; steps (kind, time (4), size (2), octets); what comes of them. */
const DATA = '@data';
const RANDOM = '@random';
const SCRIPT = '@script';
const EXPECTED = '@expected';

declare const board: Board;

const script: Uint8Array = /* @__PURE__ */ new Uint8Array(SCRIPT.length / 2);
const made: Uint8Array = /* @__PURE__ */ new Uint8Array(EXPECTED.length / 2 + 4096);
const pool: Uint8Array = /* @__PURE__ */ new Uint8Array(8192);
let madeSize = 0;
let poolAt = 0;
let spi = 0x2000;

function record(kind: number, octets: Uint8Array, at: number, size: number): void {
  made[madeSize] = kind;
  put16(made, madeSize + 1, size);
  for (let i = 0; i < size; i++) made[madeSize + 3 + i] = octets[at + i];
  madeSize += 3 + size;
}

export const espReceived = 0;

export function sendDatagram(buffer: Uint8Array, start: number, length: number, _now: number): void {
  record(1, buffer, start, length);
}

export function linkHasIke(): boolean {
  return false;
}

export function newSpi(): number {
  spi++;
  return spi;
}

export function addPair(
  spiOut: number,
  spiIn: number,
  keys: Uint8Array,
  outAt: number,
  inAt: number,
  isFirst: boolean,
): void {
  const octets = new Uint8Array(9 + 38);
  put32(octets, 0, spiOut);
  put32(octets, 4, spiIn);
  octets[8] = isFirst ? 1 : 0;
  for (let i = 0; i < 19; i++) {
    octets[9 + i] = keys[outAt + i];
    octets[28 + i] = keys[inAt + i];
  }
  record(2, octets, 0, 47);
}

export function retirePair(_spiIn: number): void {}

export function removePair(_spiIn: number): void {}

export function isAgeing(_spiIn: number): boolean {
  return false;
}

export function isSuspect(_spiIn: number, _now: number): boolean {
  return false;
}

/** The recorded profile has its own address. */
export function setInner(_octets: Uint8Array, _at: number): void {}

export function onConnecting(_now: number): void {}

export function onEstablished(_messages: number, _octets: number, _ms: number, _resumed: boolean, _now: number): void {}

export function onEnded(_outcome: number, _retryAt: number, _now: number): void {}

export function onReplaced(_now: number): void {}

export function onInstalled(_spiIn: number, _now: number): void {}

export function onRemoved(_spiIn: number, _now: number): void {}

export function onChildFailed(_outcome: number, _now: number): void {}

/** The random octets of the record. */
export function recordedRandom(buffer: Uint8Array, offset: number, length: number): boolean {
  for (let i = 0; i < length; i++) buffer[offset + i] = pool[poolAt + i];
  poolAt += length;
  return true;
}

putHex(pool, 0, RANDOM);
putHex(D, 0, DATA);
putHex(script, 0, SCRIPT);
for (let at = 0; at < SCRIPT.length / 2; ) {
  const kind = script[at];
  const now = u32(script, at + 1);
  const size = u16(script, at + 5);
  if (kind === 1) ikeConnect(true, now);
  else if (kind === 2) ikeReceive(script, at + 7, size, now);
  else if (kind === 3) ikePoll(now);
  else if (kind === 4) ikeRekey(now);
  else ikeRekeyIke(now);
  at += 7 + size;
}
const isRight = madeSize === EXPECTED.length / 2 && isHex(made, 0, EXPECTED);
board.print(isRight ? 'ok ike' : 'fail ike octets ' + EXPECTED.length / 2 + ' ' + madeSize);
board.print(isRight ? 'done 1 1' : 'done 0 1');
