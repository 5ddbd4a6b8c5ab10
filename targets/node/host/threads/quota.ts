// The lifetimes of one SA that several threads use. They count over all subspaces, so each thread takes a part ahead from a
// sum in shared memory, and uses it up before it takes the next: one atomic addition for a thousand packets, no lock.
// What a thread has taken and not used is lost with it; so a limit is never passed, and may be missed by that much.

/** Places in the shared memory. */
const PACKETS = 0;
const BYTES = 1;
const SINCE = 2;

/** Most packets and octets that are taken at once. */
const PACKETS_AHEAD = 1024;
const BYTES_AHEAD = 1 << 20;
/** Parts into which a small limit is cut at least. */
const PARTS = 64;

/** What the threads of an SA share. */
export interface QuotaShare {
  /** Packets and octets taken so far, and the time of the first packet. */
  memory: SharedArrayBuffer;
  /** Limits; 0: none. */
  packets: number;
  bytes: number;
}

/** A thread's part. */
export interface Allowance {
  /** True when a packet of `length` octets may pass; takes more where too little is left. */
  mayUse(length: number): boolean;
  /** It did. */
  use(length: number): void;
  /** Time of the SA's first packet, ms, in any thread; `now` if this is the first. */
  since(now: number): number;
}

export function createQuotaShare(packets: number, bytes: number): QuotaShare {
  const memory = new SharedArrayBuffer(3 * 8);
  new BigInt64Array(memory)[SINCE] = -1n;
  return { memory, packets, bytes };
}

/** Packets and octets that threads have taken: no more than the limits. */
export function takenOf({ memory, packets, bytes }: QuotaShare): { packets: number; bytes: number } {
  const sums = new BigInt64Array(memory);
  const within = (sum: number, limit: number): number => (limit > 0 ? Math.min(sum, limit) : sum);
  return {
    packets: within(Number(Atomics.load(sums, PACKETS)), packets),
    bytes: within(Number(Atomics.load(sums, BYTES)), bytes),
  };
}

export function createAllowance(share: QuotaShare): Allowance {
  const sums = new BigInt64Array(share.memory);
  const left = [0, 0];
  const limits = [share.packets, share.bytes];
  const sizes = [PACKETS_AHEAD, BYTES_AHEAD].map((most, kind) => {
    return limits[kind] === 0 ? most : Math.max(1, Math.min(most, Math.floor(limits[kind] / PARTS)));
  });

  /** Takes until `wanted` is there; false: the limit is reached. */
  function take(kind: number, wanted: number): boolean {
    const size = Math.max(sizes[kind], wanted - left[kind]);
    const before = Number(Atomics.add(sums, kind, BigInt(size)));
    left[kind] += limits[kind] === 0 ? size : Math.max(0, Math.min(size, limits[kind] - before));
    return left[kind] >= wanted;
  }

  // Once the limit is reached nothing is added any more: the sum would grow for ever.
  let isOver = false;
  return {
    mayUse(length) {
      if (isOver) return false;
      if (left[PACKETS] < 1 && !take(PACKETS, 1)) isOver = true;
      else if (left[BYTES] < length && !take(BYTES, length)) isOver = true;
      return !isOver;
    },
    use(length) {
      left[PACKETS]--;
      left[BYTES] -= length;
    },
    since(now) {
      const first = Atomics.compareExchange(sums, SINCE, -1n, BigInt(now));
      return first < 0n ? now : Number(first);
    },
  };
}
