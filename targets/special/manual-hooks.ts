// The program of a device with SAs keyed by hand.

/**
 * What the device asks of its program, beside the hooks of the board.
 *
 * @noSelf
 */
export interface ManualHooks {
  /** A UDP payload of flow `flow`: buffer[offset..offset + length), valid during the call. */
  received(buffer: Uint8Array, offset: number, length: number, flow: number, now: number): void;
  /** The end of what `send` took: 0 when the gateway acknowledged every frame, or a drop code. */
  done(result: number, now: number): void;
  /**
   * Stores for good that sequence numbers up to `out`, outbound, or `back`, inbound, may be used from now on (-1: no change).
   * After a restart the device goes on after them: no number is sent twice, and nothing is accepted twice.
   */
  reserve(out: number, back: number): void;
}
