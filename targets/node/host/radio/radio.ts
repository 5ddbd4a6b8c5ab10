// A radio on Node sends and receives 802.15.4 frames, MHR to FCS. It is the MAC's `Phy` with a callback for received frames,
// so that adapters (virtual medium, ZEP) and wrappers (loss, capture) stack in any order.

import type { Phy } from '../../../../core/link/mac.ts';

/** What a receiver measured of a frame; null: it does not measure that. */
export interface Signal {
  /** Strength, dBm. */
  rssi: number | null;
  /** Noise floor, dBm. */
  noise: number | null;
  /** Link quality, 0..255. */
  lqi: number | null;
  /** Channel, 11..26. */
  channel: number | null;
}

/** A radio on Node: a `Phy` that tells of the frames that it receives. */
export interface Radio extends Phy {
  /**
   * Called for each frame received, at its end. The octets may be changed by the callee and are valid during the call
   * only. Null: frames are lost.
   */
  onFrame: ((frame: Uint8Array, offset: number, length: number) => void) | null;
  /**
   * A radio that repeats frames and waits for acknowledgements itself, and that acknowledges what it receives, calls this at
   * the end of each frame that asks for an acknowledgement: its sequence number; 0, DROP_NO_ACK or DROP_CHANNEL.
   */
  onEnd?: ((sequence: number, result: number) => void) | null;
  /** What is known of the frame that `onFrame` has, during that call; absent: nothing. */
  signal?(): Signal | null;
  /** An EUI-64 of its own, once it is ready. */
  eui64?(): Uint8Array | null;
  /** Hears when the device behind the radio is gone, or back, and why. */
  onState?: ((isUp: boolean, text: string) => void) | null;
  /** What the device is, and counters, for metrics. */
  device?(): RadioDevice;
  /** Resolves when it can be used; rejects when it cannot. */
  ready?: Promise<unknown>;
  /** Resolves when everything is closed. */
  closed?: Promise<void>;
  /** Stops receiving and frees what is held. Sending afterwards is a no-op. */
  close(): void;
}

/** The device behind a radio, as plain data. */
export interface RadioDevice {
  /** `spinel`, ... */
  kind: string;
  /** It can be used now. */
  isUp: boolean;
  /** What it says that it is; '' as long as it did not. */
  firmware: string;
  /** Why it is not up, or the last error; ''. */
  problem: string;
  /** Last measured without a frame, dBm; null: never. */
  noise: number | null;
  /** Counters of the device, by name. */
  counters: Record<string, number>;
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
