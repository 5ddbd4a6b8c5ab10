// Inner addresses for peers that ask for one (CP). A peer gets the same address each time: its identity says which one is tried
// first, and its former address is kept for it until all others are taken. Giving one out and taking it back cost the same for
// small and large pools, empty and full ones.

import { createHash } from 'node:crypto';
import { lastFrom, merged, type Range, toNumber, toOctets, without } from './ranges.ts';
import { createSpans, type Span, spanOf } from './spans.ts';

export type AddressRange = [Uint8Array, Uint8Array];

export interface Pool {
  /** An address of `size` octets (4 or 16) for the peer `id`, or null when all are in use. */
  lease(id: string, size: number): Uint8Array | null;
  /** The peer `id` has this address already, from an earlier run: it keeps it, unless another has it. */
  keep(id: string, address: Uint8Array): void;
  /** The peer is gone; its address may be given to another when no other is left. */
  release(id: string): void;
  /** True for a range with an address that only the pool may give, or that nobody may have. */
  owns(start: Uint8Array, end: Uint8Array): boolean;
  /** True for a range with an address that another peer than `id` has from the pool. */
  hasOther(id: string, start: Uint8Array, end: Uint8Array): boolean;
  /** Addresses in use. */
  used(): number;
  /** Takes other addresses; who has one keeps it. */
  follow(ranges: AddressRange[], reserved: Uint8Array[], fixed: AddressRange[]): void;
  /**
   * From now on new addresses are those that leave the rest `place` when divided by `PARTS`, but for `others`, which peers have
   * at other gateways. Who has one keeps it. With different places no two gateways give the same.
   */
  divide(place: number, others: Uint8Array[]): void;
}

/** Gateways that share a pool. */
export const PARTS = 16;

interface Lease {
  address: bigint;
  inUse: boolean;
  /** Where it stands among those in use. */
  span: Span<string> | null;
}

/** Addresses of one family that are used: numbers are exact up to here, and no gateway has as many peers. */
const COUNT_MAX = 2n ** 52n;
/** Peers that are gone whose address is remembered. */
const REMEMBERED = 131072;

/** All numbers from 0 up to `count`, to be taken and given back; memory only for those that were. */
function createNumbers(count: number) {
  // A list of the free ones, of which only what differs from the natural order is kept; and where each stands in it.
  const values = new Map<number, number>();
  const places = new Map<number, number>();
  const taken = new Set<number>();
  let free = count;
  function put(place: number, value: number): void {
    if (place === value) {
      values.delete(place);
      places.delete(value);
    } else {
      values.set(place, value);
      places.set(value, place);
    }
  }
  return {
    isFree: (value: number): boolean => value < count && !taken.has(value),
    /** The free one at a place, `place` < `free()`. */
    at: (place: number): number => values.get(place) ?? place,
    free: (): number => free,
    take(value: number): void {
      const place = places.get(value) ?? value;
      free--;
      const last = values.get(free) ?? free;
      values.delete(free);
      places.delete(value);
      if (place !== free) put(place, last);
      else places.delete(last);
      taken.add(value);
    },
    giveBack(value: number): void {
      taken.delete(value);
      put(free, value);
      free++;
    },
  };
}

/** Of a whole prefix neither the first nor the last address is given. */
function usable([start, end]: AddressRange): Range {
  const [first, last] = [toNumber(start), toNumber(end)];
  const count = last - first + 1n;
  const isPrefix = count > 2n && (count & (count - 1n)) === 0n && first % count === 0n;
  return isPrefix ? { first: first + 1n, last: last - 1n } : { first, last };
}

function rangeOf([start, end]: AddressRange): Range {
  return { first: toNumber(start), last: toNumber(end) };
}

/** Every how manieth address is given, and the rest that it leaves. */
interface Part {
  step: bigint;
  rest: bigint;
}

/** What `part` has of `ranges`, divided by its step. */
function partOf(ranges: Range[], { step, rest }: Part): Range[] {
  const divided = ranges.map(({ first, last }) => ({
    first: (first - rest + step - 1n) / step,
    // Below the rest a division would round up.
    last: last < rest ? -1n : (last - rest) / step,
  }));
  return divided.filter(({ first, last }) => first <= last);
}

/** The addresses of one family that `part` has of `all`. */
function createFamily(size: number, all: Range[], part: Part) {
  const { step, rest } = part;
  const ranges = partOf(all, part);
  const starts: bigint[] = [];
  let total = 0n;
  for (const { first, last } of ranges) {
    starts.push(total);
    total += last - first + 1n;
  }
  const count = Number(total < COUNT_MAX ? total : COUNT_MAX);
  const numbers = createNumbers(count);
  const leases = new Map<string, Lease>();
  // Those of peers that are gone, the longest gone first.
  const gone = new Map<string, Lease>();
  let used = 0;
  const inUse = createSpans<string>();

  function begin(id: string, lease: Lease): void {
    if (lease.span !== null) return;
    used++;
    lease.inUse = true;
    const octets = toOctets(lease.address, size);
    lease.span = spanOf(octets, octets, id);
    inUse.add(lease.span);
  }

  /** The number of an address, -1 where it is none of these. */
  function numberOf(address: bigint): number {
    if (address < rest || (address - rest) % step !== 0n) return -1;
    const own = (address - rest) / step;
    const index = lastFrom(ranges, own);
    if (index < 0 || own > ranges[index].last) return -1;
    const number = starts[index] + own - ranges[index].first;
    return number < BigInt(count) ? Number(number) : -1;
  }

  function addressAt(number: number): bigint {
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle] <= BigInt(number)) low = middle + 1;
      else high = middle;
    }
    return (ranges[low - 1].first + BigInt(number) - starts[low - 1]) * step + rest;
  }

  function forget(id: string, { address }: Lease): void {
    gone.delete(id);
    leases.delete(id);
    const number = numberOf(address);
    if (number >= 0) numbers.giveBack(number);
  }

  function forgetOldest(): void {
    for (const [id, lease] of gone) {
      forget(id, lease);
      return;
    }
  }

  return {
    size,
    inUse,
    used: (): number => used,
    all: (): Map<string, Lease> => leases,
    /** An address that a peer has already, or had: it stays, unless another has it. */
    keep(id: string, lease: Lease): void {
      if (leases.get(id)?.address === lease.address && lease.inUse) this.lease(id);
      if (leases.has(id)) return;
      const number = numberOf(lease.address);
      if (number < 0 ? !lease.inUse : !numbers.isFree(number)) return;
      if (number >= 0) numbers.take(number);
      const own: Lease = { ...lease, span: null };
      leases.set(id, own);
      if (own.inUse) begin(id, own);
      else gone.set(id, own);
    },
    lease(id: string): Uint8Array | null {
      let lease = leases.get(id);
      if (lease === undefined) {
        if (count === 0) return null;
        if (numbers.free() === 0) forgetOldest();
        if (numbers.free() === 0) return null;
        const seed = BigInt(`0x${createHash('sha256').update(id).digest('hex')}`);
        const wanted = Number(seed % BigInt(count));
        const number = numbers.isFree(wanted) ? wanted : numbers.at(Number(seed % BigInt(numbers.free())));
        numbers.take(number);
        lease = { address: addressAt(number), inUse: false, span: null };
        leases.set(id, lease);
      }
      gone.delete(id);
      begin(id, lease);
      return toOctets(lease.address, size);
    },
    release(id: string): void {
      const lease = leases.get(id);
      if (lease === undefined || !lease.inUse) return;
      lease.inUse = false;
      if (lease.span !== null) inUse.remove(lease.span);
      lease.span = null;
      used--;
      gone.set(id, lease);
      // One that is given no more since the configuration changed is not remembered.
      if (numberOf(lease.address) < 0) forget(id, lease);
      else if (gone.size > REMEMBERED) forgetOldest();
    },
  };
}

/** Never given are `reserved` addresses, which nobody may have, and `fixed` ranges, which some peers have already. */
export function createPool(ranges: AddressRange[], reserved: Uint8Array[], fixed: AddressRange[] = []): Pool {
  let owned: Record<number, Range[]> = {};
  let families: ReturnType<typeof createFamily>[] = [];
  let part: Part = { step: 1n, rest: 0n };
  let elsewhere: AddressRange[] = [];
  let current: [AddressRange[], Uint8Array[], AddressRange[]] = [ranges, reserved, fixed];

  function build(): void {
    const [spans, nobodys, others] = current;
    const before = families;
    const own: Record<number, Range[]> = {};
    families = [16, 4].map((size) => {
      const of = (list: AddressRange[]): AddressRange[] => list.filter(([start]) => start.length === size);
      const kept = nobodys.filter(({ length }) => length === size).map(toNumber);
      const nobody = merged(kept.map((first) => ({ first, last: first })));
      own[size] = merged([...of(spans).map(rangeOf), ...nobody]);
      const taken = merged([...nobody, ...of(others).map(rangeOf), ...of(elsewhere).map(rangeOf)]);
      return createFamily(size, without(merged(of(spans).map(usable)), taken), part);
    });
    owned = own;
    for (const { size, all } of before) for (const [id, lease] of all()) familyOf(size)!.keep(id, lease);
  }

  const familyOf = (size: number) => families.find((family) => family.size === size);
  build();
  return {
    lease: (id, size) => familyOf(size)?.lease(id) ?? null,
    keep(id, address) {
      familyOf(address.length)?.keep(id, { address: toNumber(address), inUse: true, span: null });
    },
    release(id) {
      for (const family of families) family.release(id);
    },
    owns(start, end) {
      const list = owned[start.length] ?? [];
      const index = lastFrom(list, toNumber(end));
      return index >= 0 && toNumber(start) <= list[index].last;
    },
    hasOther: (id, start, end) => familyOf(start.length)?.inUse.some(start, end, (holder) => holder !== id) ?? false,
    used: () => families.reduce((sum, family) => sum + family.used(), 0),
    follow(spans, nobodys, others) {
      current = [spans, nobodys, others];
      build();
    },
    divide(place, others) {
      part = { step: BigInt(PARTS), rest: BigInt(place) };
      // Of other parts it gives none anyway.
      const isOfPart = (address: Uint8Array): boolean => (address[address.length - 1] - place) % PARTS === 0;
      elsewhere = others.filter(isOfPart).map((one) => [one, one]);
      build();
    },
  };
}
