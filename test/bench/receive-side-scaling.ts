// A model of receive-side scaling: a network card hashes fields of a packet with Toeplitz' function, and the low seven bits of
// the result choose a queue, and so a core, from a table. What the card does not hash does not spread.

/** The key that drivers use by default, and Microsoft's examples with it. */
const KEY = Buffer.from('6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa', 'hex');

/** The hash of Microsoft's "RSS Hashing Functions": the window of the key at each bit that is set. */
export function toeplitz(input: Uint8Array, key: Uint8Array = KEY): number {
  let result = 0;
  for (let bit = 0; bit < input.length * 8; bit++) {
    if (((input[bit >>> 3] >>> (7 - (bit & 7))) & 1) === 0) continue;
    let window = 0;
    for (let i = 0; i < 32; i++) {
      const at = bit + i;
      window = (window << 1) | ((key[at >>> 3] >>> (7 - (at & 7))) & 1);
    }
    result ^= window;
  }
  return result >>> 0;
}

/** What a packet shows to a card. */
interface Shown {
  /** Source and destination. */
  addresses: Uint8Array;
  /** UDP ports; empty: ESP stands directly in IP. */
  ports: Uint8Array;
  spi: Uint8Array;
}

export const PLACES = {
  esn: 'the high bits of ESN, not on the wire (-00)',
  spi: 'bits of the SPI',
  field: 'a field of its own (-02)',
  port: 'a field, and the UDP source port follows it (EESP)',
};
export type Place = keyof typeof PLACES;

type Field = keyof Shown;

/** What cards hash: each can do the first two; the last needs one that reads ESP. */
export const HASHES: { name: string; fields: Field[] }[] = [
  { name: 'the card hashes addresses', fields: ['addresses'] },
  { name: 'the card hashes addresses and UDP ports', fields: ['addresses', 'ports'] },
  { name: 'the card hashes addresses and the SPI', fields: ['addresses', 'spi'] },
];

const TABLE = 128;

function u16(value: number): number[] {
  return [value >>> 8, value & 255];
}

/** The packet of an SA under a counter. */
export function shownBy(place: Place, id: number): Shown {
  return {
    addresses: Uint8Array.of(192, 0, 2, 1, 198, 51, 100, 7),
    ports: Uint8Array.from([...u16(place === 'port' && id > 0 ? 50000 + id : 4500), ...u16(4500)]),
    // With the ID in the SPI, an SA has as many of them as counters.
    spi: Uint8Array.of(0xc3, 0x51, 0x0e, place === 'spi' ? id & 255 : 0x27),
  };
}

/** Queues that packets of an SA with `count` counters reach. */
export function queuesUsed(place: Place, fields: readonly Field[], count: number, queues: number): number {
  const used = new Set<number>();
  for (let id = 0; id < count; id++) {
    const shown = shownBy(place, id);
    const hash = toeplitz(Buffer.concat(fields.map((field) => shown[field])));
    used.add((hash % TABLE) % queues);
  }
  return used.size;
}
