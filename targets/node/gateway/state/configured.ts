// Configured SAs in the store: their keys come with the file, and the sequence numbers that were used with them must not come
// again.

import { createHash } from 'node:crypto';
import { decodePlain, encodePlain } from '../../host/state/plain.ts';
import { halvesOf, lastOf, numberOf } from '../../host/state/reserve.ts';
import type { Direction, GatewaySa } from '../config.ts';

/** Key of the numbers of a configured SA: other keys, or another SPI, begin anew. */
export function configuredKey({ config }: GatewaySa, direction: Direction): string {
  const { key, salt, authKey, attributes } = config;
  const digest = createHash('sha256').update(`${direction} ${attributes.espSpi} `);
  for (const octets of [key, salt, authKey]) digest.update(`${octets.length} `).update(octets);
  return `num/file/${digest.digest('hex').slice(0, 32)}`;
}

/** The record of an SA whose numbers are lost. */
export const LOST = encodePlain({ lost: true });

/** The numbers of a configured SA that were used are not known. */
export class NumbersLost extends Error {
  constructor() {
    super('state: the record of its sequence numbers is lost: it stays out until it has another key or SPI');
  }
}

/**
 * The SA with the numbers that the record says were used; `sn` of the file counts where it is higher. Throws NumbersLost for a
 * record that does not tell them: from 1 they would be used twice under one key.
 */
export function continued(entry: GatewaySa, direction: Direction, record: Uint8Array): GatewaySa {
  const numbers = decodePlain(record);
  const used = direction === 'out' ? numbers?.out : numbers?.in;
  if (typeof used !== 'number' || !(used >= 0)) throw new NumbersLost();
  if (used <= numberOf(entry.config.snHi, entry.config.snLo)) return entry;
  const { hi, lo } = halvesOf(Math.min(used, lastOf(entry.config.attributes.esn)));
  return { ...entry, config: { ...entry.config, snHi: hi, snLo: lo } };
}
