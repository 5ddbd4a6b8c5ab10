// The start and the counters of a device of one profile with SAs keyed by hand.

import { copy, fill, u32 } from '../../core/base/bytes.ts';
import { D } from './data.ts';
import { espSent } from './esp.ts';
import { espReceived } from './esp-in.ts';
import { addPair } from './esp-sa.ts';
import { linkDrops } from './link.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

/** Takes the octets of this device, with its keys, and the numbers that storage has; they are wiped here, not in `octets`. */
export function manualStart(octets: Uint8Array): void {
  copy(D, 0, octets, 0, P.dataSize);
  addPair(u32(D, P.atSpiOut), u32(D, P.atSpiIn), D, P.atKeyOut, P.atKeyIn, true);
  // The keys are the last of them.
  fill(D, P.atKeyOut, P.dataSize - P.atKeyOut, 0);
}

/** Packets sent, packets accepted, frames and packets dropped. */
export function manualCounter(which: number): number {
  if (which === 0) return espSent;
  return which === 1 ? espReceived : linkDrops;
}
