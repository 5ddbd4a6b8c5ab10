// The program of a module for IP packets.

/**
 * What the module asks of its program, where sequence numbers are reserved ahead.
 *
 * @noSelf
 */
export interface PacketHooks {
  /**
   * Stores for good that numbers up to `out`, or `back`, may be used from now on, as ManualHooks.reserve; -1: no change.
   * Where it throws, no number was taken.
   */
  reserve(out: number, back: number): void;
}
