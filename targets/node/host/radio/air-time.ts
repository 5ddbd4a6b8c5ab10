// Octets and air time of frames on IEEE 802.15.4 at 2.4 GHz (O-QPSK, 250 kbit/s).

/** Preamble, start of frame delimiter and length octet. */
export const PHY_OCTETS = 6;
/** Microseconds per octet. */
const OCTET_US = 32;
/** Turnaround and acknowledgement frame. */
const ACK_US = 192 + 352;

/** What frames cost on air. */
export interface Cost {
  frames: number;
  /** On air, with preamble and length octet. */
  octets: number;
  ms: number;
  /** With the acknowledgement of each frame. */
  msAck: number;
}

/** Times of `frames` frames with `octets` on air in all. */
export function costOf(frames: number, octets: number): Cost {
  const ms = (octets * OCTET_US) / 1000;
  return { frames, octets, ms, msAck: ms + (frames * ACK_US) / 1000 };
}
