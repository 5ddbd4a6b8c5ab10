// The start and the counters of a device of one profile with SAs keyed by hand, and what a program may ask to be sent.

import { copy, fill, u32 } from '../../core/base/bytes.ts';
import { DROP_SELECTOR, DROP_SHORT } from '../../core/base/drop.ts';
import { D } from './data.ts';
import { espSend, espSent } from './esp.ts';
import { espReceived } from './esp-in.ts';
import { addPair, espOut } from './esp-sa.ts';
import { linkDrops } from './link.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

/**
 * Takes the octets of this device, with its keys, and the numbers that storage has; they are wiped here, not in `octets`.
 * False: they are not whole, or for another profile, or the device has started before. Then it takes and sends nothing.
 */
export function manualStart(octets: Uint8Array): boolean {
  if (espOut.length > 0) return false;
  if (octets.length !== P.dataSize || u32(octets, 0) !== P.profileHigh || u32(octets, 4) !== P.profileLow) {
    // No frame has such a header, so that none is acknowledged.
    fill(D, 0, P.dataSize, 255);
    return false;
  }
  copy(D, 0, octets, 0, P.dataSize);
  addPair(u32(D, P.atSpiOut), u32(D, P.atSpiIn), D, P.atKeyOut, P.atKeyIn, true);
  // The keys are the last of them.
  fill(D, P.atKeyOut, P.dataSize - P.atKeyOut, 0);
  return true;
}

/**
 * Sends a UDP payload, payload[offset..offset + length), of flow `flow` (0 for the first). Returns 1, and `upper.done` tells the
 * end, or a drop code below 0: then no number was used. -5: there is no such flow, or `start` was refused; -1: `payload` is
 * shorter; -8: longer than maxPayload; -13: sequence numbers are used up; -14: a lifetime is over; -20: another packet waits for
 * the radio. `now`: milliseconds of a clock that never goes back.
 */
export function manualSend(flow: number, payload: Uint8Array, offset: number, length: number, now: number): number {
  if (P.flows === 1 ? flow !== 0 : !(flow >= 0 && flow < P.flows && flow % 1 === 0)) return DROP_SELECTOR;
  if (!(offset >= 0 && length >= 0 && (offset % 1) + (length % 1) === 0 && offset + length <= payload.length)) {
    return DROP_SHORT;
  }
  return espSend(flow, payload, offset, length, now);
}

/** Packets sent (0), packets accepted (1), frames and packets dropped (2). */
export function manualCounter(which: number): number {
  if (which === 0) return espSent;
  return which === 1 ? espReceived : linkDrops;
}
