// The interface of the MRF24J40 driver. mrf24j40.ts explains how it works.

import type { Phy } from '../../core/link/mac.ts';
import type { Pin, Spi } from './globals.ts';

export interface Mrf24j40Options {
  spi: Spi;
  cs: Pin;
  /** INT, active low. */
  irq: Pin;
  /** RESET, active low; null: not wired. */
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
  /** Returns after at least `ms`. The driver asks for at most 3. */
  delay?: (ms: number) => void;
}

/** The complete options. */
export interface Mrf24j40Config extends Mrf24j40Options {
  reset: Pin | null;
  now: () => number;
  delay: (ms: number) => void;
}

export interface Mrf24j40Counters {
  sent: number;
  received: number;
  /** Frames for which the channel was never free; frames that nobody acknowledged. */
  channelBusy: number;
  notAcknowledged: number;
  /** Frames refused because another was being sent, or because the chip slept or did not answer. */
  refused: number;
  /** Impossible frame lengths in the receive FIFO. */
  badLength: number;
  /** Interrupts found by `poll` whose edge was missed. */
  missed: number;
  /** Transmissions without an end; each led to a reset. */
  stuck: number;
  /** Resets after which the chip did not answer. */
  silent: number;
}

/** @noSelf */
export interface Mrf24j40 extends Phy {
  /** Takes a received frame, MHR to FCS, valid during the call; or an acknowledgement, see mrf24j40.ts. */
  onFrame: ((frame: Uint8Array, offset: number, length: number) => void) | null;
  /** Link quality and signal strength of the last received frame, as the chip gives them, 0..255. */
  lqi: number;
  rssi: number;
  counters: Mrf24j40Counters;
  /** Handles an interrupt on INT. */
  interrupt(): void;
  /** Looks for missed interrupts and stuck transmissions. */
  poll(now: number): void;
  /** When to call `poll` next, or -1. */
  nextTimeout(): number;
  /** Resets and sets up the chip. False: it does not answer, and `poll` tries again after TX_LIMIT. */
  reset(): boolean;
  setChannel(channel: number): void;
  /** Sets the addresses that the chip accepts frames for. */
  setAddress(panId: number, shortAddress: number, extendedAddress: Uint8Array): void;
  /** Puts the chip to sleep. False: a frame is being sent; try again. */
  sleep(): boolean;
  wake(): void;
}
