// The SAs of a file, for the ESP packets of a capture.

import type { Provider } from '../../../../core/crypto/provider.ts';
import type { CoapRules } from '../../../../core/dietesp/coap-rules.ts';
import { createSearch } from '../../../../core/esp/search.ts';
import type { LoadedSa } from '../../host/config/sa.ts';
import { createOpener } from '../../host/explain/opener.ts';

/** A capture may begin, or have a gap, anywhere in the life of an SA: 2^18 packets of 8 bits of their number. Nobody waits. */
const WRAPS = 1024;
const TRIALS = 65536;

/** As Opener, with the SAs of a file. */
export interface CaptureOpener {
  /** Restores a packet to `out`; `now` in milliseconds. Its length, or a drop code. */
  open(packet: Uint8Array, length: number, out: Uint8Array, now?: number): number;
  /** The SA of the last packet; null: none opened it. */
  entry(): LoadedSa | null;
  /** Its sequence number. */
  number(): bigint;
  /** The SAs that were tried for the last packet, and why they did not open it. */
  reasons(): { name: string; code: number }[];
}

/** Throws a CommandError with file and line where the core refuses an SA. `coap`: the rules for CoAP of each. */
export function captureOpener(
  provider: Provider,
  loaded: LoadedSa[],
  coap: readonly (CoapRules | undefined)[],
): CaptureOpener {
  const opener = createOpener(provider, createSearch(WRAPS, TRIALS));
  const entries: LoadedSa[] = [];
  loaded.forEach((entry, i) => {
    try {
      // One that was there before has a number that is taken.
      entries[opener.add(entry.config, coap[i])] ??= entry;
    } catch (error) {
      throw entry.locate(error);
    }
  });
  return {
    open: (packet, length, out, now = 0) => opener.open(packet, length, out, now),
    entry: () => entries[opener.last] ?? null,
    number: () => (BigInt(opener.hi) << 32n) + BigInt(opener.lo),
    reasons: () => opener.trials.map(({ index, code }) => ({ name: entries[index].name, code })),
  };
}
