// A device of one profile with SAs keyed by hand: UDP payloads to 802.15.4 frames and back.

import { copy, fill, u32 } from '../../core/base/bytes.ts';
import { D } from './data.ts';
import { espSend, espSent } from './esp.ts';
import { espReceived } from './esp-in.ts';
import { addPair } from './esp-sa.ts';
import { linkDrops, linkNext, linkPoll, linkReceive } from './link.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

/** Takes the octets of this device, with its keys, and the numbers that storage has; they are wiped here, not in `octets`. */
export function start(octets: Uint8Array): void {
  copy(D, 0, octets, 0, P.dataSize);
  addPair(u32(D, P.atSpiOut), u32(D, P.atSpiIn), D, P.atKeyOut, P.atKeyIn, true);
  fill(D, P.atKeyOut, P.keymatSize, 0);
  fill(D, P.atKeyIn, P.keymatSize, 0);
}

/**
 * Sends a UDP payload of flow `flow` (0, 1, ... in the order of the profile). Returns 1, and `done` tells the end, or a drop
 * code, at once.
 */
export function send(flow: number, payload: Uint8Array, offset: number, length: number, now: number): number {
  return espSend(flow, payload, offset, length, now);
}

/** Takes a frame from the radio, MHR to FCS; any octets. Returns 0, or a drop code. */
export function receive(frame: Uint8Array, length: number, now: number): number {
  return linkReceive(frame, length, now);
}

/** Does the work that is due at `now` (ms). */
export function poll(now: number): void {
  linkPoll(now);
}

/** When to call `poll`, or -1. */
export function nextTimeout(): number {
  return linkNext();
}

/** Packets sent, packets accepted, frames and packets dropped. */
export function counter(which: number): number {
  if (which === 0) return espSent;
  return which === 1 ? espReceived : linkDrops;
}
