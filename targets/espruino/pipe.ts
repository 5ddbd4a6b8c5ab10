// A radio behind a serial port (a co-processor, or a pseudo-terminal of Linux): 0xa7, length, frame, like the PHY of IEEE
// 802.15.4. It skips octets between frames, and gives up a frame whose next octet does not come in time.

import { copy } from '../../core/base/bytes.ts';
import type { EspruinoRadio } from './board.ts';
import { createClock } from './board.ts';
import type { Octets, Serial } from './globals.ts';

const SFD = 0xa7;
const FRAME_MIN = 5;
const FRAME_MAX = 127;
const GAP_MAX = 200;

export interface PipeCounters {
  sent: number;
  received: number;
  /** Octets between frames; frames given up. */
  skipped: number;
  cut: number;
}

/** @noSelf */
export interface Pipe extends EspruinoRadio {
  counters: PipeCounters;
}

/** The caller has set up the port. */
export function createPipe(serial: Serial): Pipe {
  const now = createClock();
  const out = new Uint8Array(2 + FRAME_MAX);
  const frame = new Uint8Array(FRAME_MAX);
  const counters: PipeCounters = { sent: 0, received: 0, skipped: 0, cut: 0 };
  // -2: looking for the SFD, -1: for the length, else octets received.
  let have = -2;
  let length = 0;
  let last = 0;

  function take(octet: number): void {
    if (have === -2) {
      if (octet === SFD) have = -1;
      else counters.skipped++;
    } else if (have === -1) {
      if (octet >= FRAME_MIN && octet <= FRAME_MAX) {
        length = octet;
        have = 0;
      } else if (octet !== SFD) {
        counters.skipped += 2;
        have = -2;
      } else counters.skipped++;
    } else {
      frame[have] = octet;
      have++;
      if (have < length) return;
      have = -2;
      counters.received++;
      if (pipe.onFrame !== null) pipe.onFrame(frame, 0, length);
    }
  }

  const pipe: Pipe = {
    onFrame: null,
    counters: counters,
    clear: () => true,
    transmit: (buffer, offset, size) => {
      if (size < FRAME_MIN || size > FRAME_MAX) return;
      out[0] = SFD;
      out[1] = size;
      copy(out, 2, buffer, offset, size);
      counters.sent++;
      serial.write((out as unknown as Octets).subarray(0, 2 + size));
    },
    poll: () => {},
    nextTimeout: () => -1,
  };
  serial.on('data', (data) => {
    const at = now();
    if (have > -2 && at - last > GAP_MAX) {
      counters.cut++;
      have = -2;
    }
    last = at;
    for (let i = 0; i < data.length; i++) take(data.charCodeAt(i) & 0xff);
  });
  return pipe;
}
