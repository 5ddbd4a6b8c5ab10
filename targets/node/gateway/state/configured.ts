// Configured SAs in the store: their keys come with the file, and the sequence numbers that were used with them must not come
// again.

import { createHash } from 'node:crypto';
import { decodePlain } from '../../host/state/plain.ts';
import { halvesOf, numberOf } from '../../host/state/reserve.ts';
import type { Direction, GatewaySa } from '../config.ts';

/** Key of the numbers of a configured SA: other keys, or another SPI, begin anew. */
export function configuredKey({ config }: GatewaySa, direction: Direction): string {
  const { key, salt, authKey, attributes } = config;
  const digest = createHash('sha256').update(`${direction} ${attributes.espSpi} `);
  for (const octets of [key, salt, authKey]) digest.update(`${octets.length} `).update(octets);
  return `num/file/${digest.digest('hex').slice(0, 32)}`;
}

/** The SA with the numbers that the record says were used; `sn` of the file counts where it is higher. */
export function continued(entry: GatewaySa, direction: Direction, record: Uint8Array | undefined): GatewaySa {
  const numbers = record === undefined ? null : decodePlain(record);
  const used = numbers === null ? 0 : Number(direction === 'out' ? numbers.out : numbers.in);
  if (!(used > numberOf(entry.config.snHi, entry.config.snLo))) return entry;
  const { hi, lo } = halvesOf(used);
  return { ...entry, config: { ...entry.config, snHi: hi, snLo: lo } };
}
