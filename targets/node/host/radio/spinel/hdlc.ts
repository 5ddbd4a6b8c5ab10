// HDLC-lite, the framing of Spinel on a serial line [draft-rquattle-spinel-unified §A.1.2]: octets between flags, with an FCS
// behind them (CRC-16/X.25, low octet first); what could be taken for a flag or for flow control is escaped.
//
//   7E | octets, escaped | FCS, escaped | 7E
//
// After garbage, or a frame that was cut off, the next flag starts anew: the FCS refuses what stood before it.

const FLAG = 0x7e;
const ESCAPE = 0x7d;
const FLIP = 0x20;
/** Flag, escape, XON, XOFF, and an octet that some firmware keeps for itself. */
const ESCAPED = [FLAG, ESCAPE, 0x11, 0x13, 0xf8];
const FCS_SIZE = 2;
/** What the FCS of a whole frame, with its FCS, is. */
const GOOD = 0xf0b8;
/** Octets of a frame with its FCS; what OpenThread's firmware sends at most is 1300. */
export const HDLC_MAX = 2048;

const TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let i = 0; i < 8; i++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0x8408 : crc >>> 1;
  return crc;
});
const isEscaped = new Uint8Array(256);
for (const octet of ESCAPED) isEscaped[octet] = 1;

function add(fcs: number, octet: number): number {
  return (fcs >>> 8) ^ TABLE[(fcs ^ octet) & 0xff];
}

/** A frame for the line. */
export function hdlcFrame(octets: Uint8Array): Uint8Array {
  const out = new Uint8Array(2 * (octets.length + FCS_SIZE) + 2);
  let size = 0;
  const put = (octet: number): void => {
    if (isEscaped[octet] === 1) {
      out[size++] = ESCAPE;
      out[size++] = octet ^ FLIP;
    } else out[size++] = octet;
  };
  out[size++] = FLAG;
  let fcs = 0xffff;
  for (const octet of octets) {
    fcs = add(fcs, octet);
    put(octet);
  }
  fcs ^= 0xffff;
  put(fcs & 0xff);
  put(fcs >>> 8);
  out[size++] = FLAG;
  return out.subarray(0, size);
}

/** Counters of a decoder. */
export interface HdlcCounters {
  /** Frames read. */
  frames: number;
  /** Octets between flags that are no frame: the FCS is wrong, or they are too few. */
  damaged: number;
  /** Frames longer than HDLC_MAX. */
  oversized: number;
}

/** Finds frames in a stream of octets. */
export interface HdlcDecoder {
  /** Takes any octets. */
  push(octets: Uint8Array): void;
  /** The stream has ended: what was begun is forgotten. */
  reset(): void;
}

/** `onFrame` gets a copy of the octets between the flags, without FCS. */
export function createHdlcDecoder(onFrame: (octets: Uint8Array) => void, counters: HdlcCounters): HdlcDecoder {
  const buffer = new Uint8Array(HDLC_MAX);
  let size = 0;
  let fcs = 0xffff;
  let escapes = false;
  let isTooLong = false;

  function reset(): void {
    size = 0;
    fcs = 0xffff;
    escapes = false;
    isTooLong = false;
  }

  function end(): void {
    const length = size;
    const isGood = fcs === GOOD && !escapes && length > FCS_SIZE;
    const wasTooLong = isTooLong;
    reset();
    // Two flags may stand between frames.
    if (length === 0 && !wasTooLong) return;
    if (wasTooLong) counters.oversized++;
    else if (!isGood) counters.damaged++;
    else {
      counters.frames++;
      onFrame(buffer.slice(0, length - FCS_SIZE));
    }
  }

  return {
    reset,
    push(octets) {
      for (const octet of octets) {
        if (octet === FLAG) end();
        else if (octet === ESCAPE) escapes = true;
        else if (size === HDLC_MAX) isTooLong = true;
        else {
          const value = escapes ? octet ^ FLIP : octet;
          escapes = false;
          fcs = add(fcs, value);
          buffer[size++] = value;
        }
      }
    },
  };
}
