// What the driver of the MRF24J40 takes and gives; how it works is in mrf24j40.ts.

import type { Phy } from '../../core/link/mac.ts';
import type { Pin, Spi } from './globals.ts';

export interface Mrf24j40Options {
  spi: Spi;
  cs: Pin;
  /** INT, active low. */
  irq: Pin;
  /** RESET, active low, or null where it is not wired. */
  reset?: Pin | null;
  /** 11..26 */
  channel: number;
  panId: number;
  /** 0xffff: none. */
  shortAddress: number;
  /** EUI-64, 8 octets in canonical order. */
  extendedAddress: Uint8Array;
  /** Milliseconds, monotonic. */
  now?: () => number;
  /** Returns after `ms` at least; 3 at most are asked for. */
  delay?: (ms: number) => void;
}

/** The options, complete. */
export interface Mrf24j40Config extends Mrf24j40Options {
  reset: Pin | null;
  now: () => number;
  delay: (ms: number) => void;
}

export interface Mrf24j40Counters {
  sent: number;
  received: number;
  /** Frames for which the channel was never free; that nobody acknowledged. */
  channelBusy: number;
  notAcknowledged: number;
  /** Frames given while another was under way, or while the chip slept or did not answer. */
  refused: number;
  /** Lengths in the receive FIFO that no frame has. */
  badLength: number;
  /** Interrupts found by `poll` whose edge was missed. */
  missed: number;
  /** Transmissions without an end, and resets for it. */
  stuck: number;
  /** Resets after which the chip did not answer. */
  silent: number;
}

/** @noSelf */
export interface Mrf24j40 extends Phy {
  /** A frame received, MHR to FCS, valid during the call; or an acknowledgement, as said above. */
  onFrame: ((frame: Uint8Array, offset: number, length: number) => void) | null;
  /** Of the last frame received: link quality and signal strength as the chip gives them, 0..255. */
  lqi: number;
  rssi: number;
  counters: Mrf24j40Counters;
  /** Takes what INT tells. */
  interrupt(): void;
  /** Looks for missed interrupts and stuck transmissions. */
  poll(now: number): void;
  /** When `poll` wants to be called, or -1. */
  nextTimeout(): number;
  /** Resets and sets up the chip; false: it does not answer, and `poll` tries again after TX_LIMIT. */
  reset(): boolean;
  setChannel(channel: number): void;
  /** The addresses that the chip takes frames for. */
  setAddress(panId: number, shortAddress: number, extendedAddress: Uint8Array): void;
  /** False while a frame is under way: ask again. */
  sleep(): boolean;
  wake(): void;
}
