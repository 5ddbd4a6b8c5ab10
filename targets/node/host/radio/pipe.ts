// Frames on a stream of octets, in the form of the PHY of IEEE 802.15.4 [IEEE 802.15.4-2006 §6.3]: a start of frame
// delimiter, the frame's length (MHR to FCS), the frame. The stream is a board's UART or a substitute.
//
//   0xA7 | length 5..127 | frame
//
// The reader looks for a delimiter that a valid length follows. The MAC, not the reader, checks the FCS: garbage costs
// frames, never the pipe. The reader gives up a frame whose next octet is missing for longer than GAP_TIME, so that after a
// pause it always finds the next frame.

/** Start of frame delimiter. */
export const SFD = 0xa7;
/** An acknowledgement, and aMaxPHYPacketSize [IEEE 802.15.4-2006 §6.4.1]. */
export const PIPE_FRAME_MIN = 5;
export const PIPE_FRAME_MAX = 127;
/** Octets before a frame. */
export const PIPE_HEADER = 2;
/** Milliseconds that the next octet of a frame may be missing. */
export const GAP_TIME = 200;

/** Counters of a decoder. */
export interface PipeCounters {
  /** Frames read. */
  frames: number;
  /** Octets that belonged to no frame. */
  garbage: number;
  /** Delimiters with a length out of range behind them. */
  badLength: number;
  /** Frames given up, since their octets stopped coming. */
  interrupted: number;
}

/** Finds frames in a stream of octets: delimiter, length, frame. */
export interface PipeDecoder {
  /** What it found so far. */
  counters: PipeCounters;
  /** Takes any octets; `now` in milliseconds, monotonic. */
  push(octets: Uint8Array, now: number): void;
  /** The stream has ended: what was begun is given up. */
  reset(): void;
}

/** `onFrame` gets frames in a buffer that is valid during the call only; it may change them. */
export function createPipeDecoder(
  onFrame: (frame: Uint8Array, offset: number, length: number) => void,
  counters: PipeCounters = { frames: 0, garbage: 0, badLength: 0, interrupted: 0 },
): PipeDecoder {
  const frame = new Uint8Array(PIPE_FRAME_MAX);
  // Hunting: wanted 0. A delimiter came: -1. In a frame: its length.
  let wanted = 0;
  let have = 0;
  let last = 0;

  function giveUp(): void {
    if (wanted === 0) return;
    counters.interrupted++;
    wanted = 0;
    have = 0;
  }

  function take(octet: number): void {
    if (wanted === 0) {
      if (octet === SFD) wanted = -1;
      else counters.garbage++;
    } else if (wanted < 0) {
      if (octet >= PIPE_FRAME_MIN && octet <= PIPE_FRAME_MAX) {
        wanted = octet;
        have = 0;
        return;
      }
      counters.badLength++;
      counters.garbage++;
      // It may be the delimiter itself.
      if (octet !== SFD) {
        counters.garbage++;
        wanted = 0;
      }
    } else {
      frame[have++] = octet;
      if (have < wanted) return;
      const length = wanted;
      wanted = 0;
      have = 0;
      counters.frames++;
      onFrame(frame, 0, length);
    }
  }

  return {
    counters,
    push(octets, now) {
      if (octets.length === 0) return;
      if (now - last > GAP_TIME) giveUp();
      last = now;
      for (let i = 0; i < octets.length; i++) take(octets[i]);
    },
    reset: giveUp,
  };
}

/** The octets of a frame on the pipe, or null when its length is not 5..127. */
export function pipeOctets(buffer: Uint8Array, offset: number, length: number): Uint8Array | null {
  if (length < PIPE_FRAME_MIN || length > PIPE_FRAME_MAX) return null;
  const octets = new Uint8Array(PIPE_HEADER + length);
  octets[0] = SFD;
  octets[1] = length;
  octets.set(buffer.subarray(offset, offset + length), PIPE_HEADER);
  return octets;
}
