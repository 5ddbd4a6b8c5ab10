// Watches for fragments beside the sockets that carry ESP: the kernel puts packets together and says nothing, so a packet socket
// sees their first fragments before that. It works for any carrier in IP: ESP in UDP, and ESP itself. No fragments, no work, but
// for one look before each large packet: what is verified then, has its fragment there already.

import { errorText } from '../errors.ts';
import { CAPTURED, type FilterTarget, filterOf } from './filter.ts';
import { createFragments, type FirstFragment } from './fragments.ts';
import { loadNative, type Native } from './native.ts';

/** Fragments read a second at most: who floods us with them cannot make us work without end. */
const RATE = 4000;
/** Fragments read before one packet at most. */
const BURST = 64;

export interface Watch {
  /**
   * The first fragment that a whole packet came in, or null: it came in one piece. Call it once for each packet above `least`
   * octets, before its ICV is computed. `esp`: from the SPI on.
   */
  take(source: Uint8Array, esp: Uint8Array, now: number): FirstFragment | null;
  /** First fragments whose packets did not come: call it from time to time. */
  late(now: number): FirstFragment[];
  close(): void;
}

/** Opens one; throws where the system refuses. */
export function openWatch(native: Native, target: FilterTarget): Watch {
  const socket = native.packetSocket(target.local.length === 16 ? 6 : 4, filterOf(target));
  const fragments = createFragments(target.protocol === 17);
  const buffer = new Uint8Array(CAPTURED);
  let tokens = RATE;
  let at = 0;
  let isClosed = false;

  function drain(now: number): void {
    tokens = Math.min(RATE, tokens + ((now - at) * RATE) / 1000);
    at = now;
    for (let n = 0; n < BURST && tokens >= 1 && !isClosed; n++) {
      const size = socket.receive(buffer);
      if (size === 0) return;
      tokens--;
      fragments.note(buffer, size, now);
    }
  }

  return {
    take(source, esp, now) {
      drain(now);
      return fragments.take(source, esp);
    },
    late(now) {
      drain(now);
      return fragments.late(now);
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      socket.close();
    },
  };
}

/** What can be done here, and why not. */
export interface WatchSupport {
  native: Native | null;
  /** Why there is none; '' where there is. */
  problem: string;
}

export async function watchSupport(): Promise<WatchSupport> {
  try {
    return { native: await loadNative(), problem: '' };
  } catch (error) {
    return { native: null, problem: errorText(error) };
  }
}
