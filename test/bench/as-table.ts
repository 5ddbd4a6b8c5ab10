// Which AS has an address: a table of a million prefixes, of which nine tenths are IPv4, as long as those of the Internet are.

import { createRandom } from '../../targets/node/host/radio/random.ts';
import { asOf4, asOf6, asTable, type Route } from '../../targets/node/risav/rpki/as-table.ts';
import type { Figure } from './ike.ts';

const PREFIXES = 1_000_000;
const LOOK_UPS = 2_000_000;
/** Addresses that are looked up in turn: more than caches hold. */
const ADDRESSES = 1 << 18;

function routes(): Route[] {
  const random = createRandom(17);
  return Array.from({ length: PREFIXES }, (_, at) => {
    const as = 1 + random.below(80_000);
    if (at % 10 === 0) {
      const length = 28 + random.below(21);
      const top = 0x20000000n + BigInt(random.below(1 << 29));
      const address = ((top << 96n) | (BigInt(random.below(2 ** 31)) << 65n)) >> BigInt(128 - length);
      return { family: 'v6', address: address << BigInt(128 - length), length, as };
    }
    const length = 24 - Math.min(random.below(9), random.below(17));
    const address = BigInt(random.below(2 ** 31) * 2) >> BigInt(32 - length);
    return { family: 'v4', address: address << BigInt(32 - length), length, as };
  });
}

export function benchAsTable(): Figure[] {
  const random = createRandom(3);
  let all: Route[] = routes();
  const begin = performance.now();
  const table = asTable(all);
  const built = performance.now() - begin;
  const addresses = new Uint8Array(ADDRESSES * 16);
  for (let at = 0; at < ADDRESSES; at++) {
    const { family, address } = all[random.below(all.length)];
    const hex = address.toString(16).padStart(family === 'v4' ? 8 : 32, '0');
    addresses.set(Buffer.from(hex, 'hex'), at * 16);
    addresses[at * 16 + (family === 'v4' ? 3 : 15)] ^= random.below(256);
  }
  all = [];
  const figures: Figure[] = [
    { name: `${PREFIXES} prefixes: the table`, value: table.size / 1e6, unit: 'MB' },
    { name: 'to build it', value: built / 1000, unit: 's' },
  ];
  for (const [name, look] of [
    ['IPv4', asOf4],
    ['IPv6', asOf6],
  ] as const) {
    let sum = 0;
    const run = (count: number): number => {
      const from = performance.now();
      for (let n = 0; n < count; n++) sum += look(table, addresses, (n & (ADDRESSES - 1)) * 16);
      return performance.now() - from;
    };
    run(LOOK_UPS / 10);
    const times = Array.from({ length: 5 }, () => (run(LOOK_UPS) * 1e6) / LOOK_UPS).sort((a, b) => a - b);
    figures.push({
      name: `a look-up, ${name}`,
      value: times[2],
      unit: 'ns',
      beside: `${times[0].toFixed(0)} - ${times[4].toFixed(0)}${sum === 0 ? ', none found' : ''}`,
    });
  }
  // What the machine takes to read from a random place of as much memory.
  const plain = table.v4.borders;
  let sum = 0;
  const from = performance.now();
  for (let n = 0, at = 1; n < LOOK_UPS; n++) {
    at = (Math.imul(at, 1664525) + 1013904223 + (plain[at % plain.length] & 1)) >>> 0;
    sum += at;
  }
  const each = ((performance.now() - from) * 1e6) / LOOK_UPS;
  if (sum > 0) figures.push({ name: 'one read of a random place in it', value: each, unit: 'ns' });
  return figures;
}
