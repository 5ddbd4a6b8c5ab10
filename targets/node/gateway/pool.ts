// Inner addresses for peers that ask for one (CP). A peer gets the same address each time: its identity determines where the
// search begins, and its former address is kept for it until all others are taken.

import { createHash } from 'node:crypto';
import { octetsKey } from '../host/datagram.ts';

export interface Pool {
  /** An address of `size` octets (4 or 16) for the peer `id`, or null when all are in use. */
  lease(id: string, size: number): Uint8Array | null;
  /** The peer is gone; its address may be given to another when no other is left. */
  release(id: string): void;
  /** True for an address that only the pool may give, or that nobody may have. */
  owns(address: Uint8Array): boolean;
  /** Addresses in use. */
  used(): number;
}

interface Lease {
  key: string;
  address: Uint8Array;
  inUse: boolean;
}

/** Probes before a free address is looked for among those that were given. */
const PROBES = 256;
/** Peers whose address is remembered. */
const LEASES_MAX = 65536;

function toNumber(octets: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(octets).toString('hex')}`);
}

function toOctets(value: bigint, size: number): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex'));
}

/** First and number of the addresses that are given: of a whole prefix neither the first nor the last one. */
function usable([start, end]: [Uint8Array, Uint8Array]): { first: bigint; count: bigint; size: number } {
  const [low, high] = [toNumber(start), toNumber(end)];
  const count = high - low + 1n;
  const isPrefix = count > 2n && (count & (count - 1n)) === 0n && low % count === 0n;
  return { first: isPrefix ? low + 1n : low, count: isPrefix ? count - 2n : count, size: start.length };
}

/** Never given are `reserved` addresses, which nobody may have, and `fixed` ones, which some peers have already. */
export function createPool(ranges: [Uint8Array, Uint8Array][], reserved: Uint8Array[], fixed: Uint8Array[] = []): Pool {
  const spans = ranges.map(usable);
  const reservedKeys = new Set(reserved.map((address) => octetsKey(address)));
  const taken = new Set([...reservedKeys, ...fixed.map((address) => octetsKey(address))]);
  // In order of last use.
  const leases = new Map<string, Lease>();

  function search(id: string, size: number): Uint8Array | null {
    const seed = BigInt(`0x${createHash('sha256').update(id).digest('hex')}`);
    for (const span of spans) {
      if (span.size !== size) continue;
      const tries = span.count < BigInt(PROBES) ? span.count : BigInt(PROBES);
      for (let n = 0n; n < tries; n++) {
        const address = toOctets(span.first + ((seed + n) % span.count), size);
        if (!taken.has(octetsKey(address))) return address;
      }
    }
    return null;
  }

  function end(key: string): void {
    const lease = leases.get(key)!;
    leases.delete(key);
    taken.delete(octetsKey(lease.address));
  }

  return {
    lease(id, size) {
      const key = `${size} ${id}`;
      const known = leases.get(key);
      if (known !== undefined) {
        leases.delete(key);
        leases.set(key, known);
        known.inUse = true;
        return known.address.slice();
      }
      let address = search(id, size);
      if (address === null || leases.size >= LEASES_MAX) {
        for (const [old, lease] of leases) {
          if (lease.inUse || lease.address.length !== size) continue;
          end(old);
          address ??= lease.address;
          break;
        }
      }
      if (address === null || leases.size >= LEASES_MAX) return null;
      leases.set(key, { key, address, inUse: true });
      taken.add(octetsKey(address));
      return address.slice();
    },
    release(id) {
      for (const size of [4, 16]) {
        const lease = leases.get(`${size} ${id}`);
        if (lease !== undefined) lease.inUse = false;
      }
    },
    owns: (address) =>
      reservedKeys.has(octetsKey(address)) ||
      ranges.some(
        ([start, end]) =>
          start.length === address.length && Buffer.compare(start, address) <= 0 && Buffer.compare(address, end) <= 0,
      ),
    used: () => [...leases.values()].filter((lease) => lease.inUse).length,
  };
}
