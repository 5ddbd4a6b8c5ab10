// A radio on Node sends and receives 802.15.4 frames, MHR to FCS. It is the MAC's `Phy` with a callback for received frames,
// so that adapters (virtual medium, ZEP) and wrappers (loss, capture) stack in any order.

import type { Phy } from '../../../../core/link/mac.ts';

/** A radio on Node: a `Phy` that tells of the frames that it receives. */
export interface Radio extends Phy {
  /**
   * Called for each frame received, at its end. The octets may be changed by the callee and are valid during the call
   * only. Null: frames are lost.
   */
  onFrame: ((frame: Uint8Array, offset: number, length: number) => void) | null;
  /** Stops receiving and frees what is held. Sending afterwards is a no-op. */
  close(): void;
}

/** What a medium or a timer runs: a MAC, or a node made of several layers. Times are milliseconds. */
export interface Pollable {
  /** Does the work that is due at `now`. */
  poll(now: number): void;
  /** The time at which `poll` wants to be called, or -1. */
  nextTimeout(): number;
}

/** One Pollable from several, polled in order: MAC, adaptation layer, what lies above. */
export function stack(...layers: Pollable[]): Pollable {
  return {
    poll(now) {
      for (const layer of layers) layer.poll(now);
    },
    nextTimeout() {
      let next = -1;
      for (const layer of layers) {
        const time = layer.nextTimeout();
        if (time >= 0 && (next < 0 || time < next)) next = time;
      }
      return next;
    },
  };
}
