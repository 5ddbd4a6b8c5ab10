// An endpoint: the inbound SAs of one host, drop counters, and scratch that packets share.

import { DROP_COUNT } from '../base/drop.ts';
import { refuse } from '../base/refuse.ts';
import type { Provider } from '../crypto/provider.ts';
import { SLOT_COUNT } from '../wire/header.ts';
import type { Parts } from './parts.ts';
import type { Sa } from './sa.ts';
import type { SaTable } from './sa-table.ts';
import type { Sn } from './sn.ts';

/**
 * One end of any number of SAs: the inbound ones by SPI, the counters, and the scratch memory of `inbound` and
 * `outbound`. An outbound SA needs no entry here.
 */
export interface Endpoint {
  /** What this program has of ESP. */
  parts: Parts;
  /** The cryptography. */
  provider: Provider;
  /** Packets dropped, by negated drop code. */
  drops: Float64Array;
  /** Packets carried. */
  sent: number;
  /** Inbound packets accepted. */
  received: number;
  /** The SA of the last inbound packet; null: none was found. */
  sa: Sa | null;
  /** For tests: the explicit IV of the next packets; empty: as the suite says. */
  fixedIv: Uint8Array;
  /** Inbound SAs; change it with `addInbound` and `removeInbound`. */
  table: SaTable;
  /** Budget and counters of the search for sequence numbers; null: `Parts.search` is. */
  search: Float64Array | null;
  /** ICVs that were computed for inbound packets. */
  trials: number;
  // Scratch.
  /** @internal */
  slots: Int32Array;
  /** @internal */
  sn: Sn;
  /** @internal */
  spare: Uint8Array;
}

/**
 * Makes an endpoint without SAs. It allocates all memory that packets need. Throws when the provider lacks random octets that
 * `Parts.search` needs.
 */
export function createEndpoint(parts: Parts, provider: Provider): Endpoint {
  const spare = new Uint8Array(16);
  if (parts.search !== null) provider.random(spare, 14, 2);
  return {
    parts: parts,
    provider: provider,
    drops: new Float64Array(DROP_COUNT),
    sent: 0,
    received: 0,
    sa: null,
    fixedIv: new Uint8Array(0),
    table: parts.table(),
    search: parts.search === null ? null : parts.search.create(),
    trials: 0,
    slots: new Int32Array(SLOT_COUNT),
    sn: { hi: 0, lo: 0 },
    spare: spare,
  };
}

/** Counts a drop at the endpoint and returns its code. */
export function drop(endpoint: Endpoint, code: number): number {
  endpoint.drops[-code]++;
  return code;
}

/**
 * Adds an SA to the look-up. Throws when its SPI bits cannot be told from another SA's in the same scope. An SA without SPI
 * bits on the wire instead replaces its like, which stays as `previous` until it is removed (REKEY).
 */
export function addInbound(endpoint: Endpoint, sa: Sa): void {
  const table = endpoint.table;
  const other = table.conflict(sa, sa.spi, sa.form.spiLsb);
  if (other !== null) {
    const rekey = sa !== other && sa.form.spiLsb === 0 && other.form.spiLsb === 0 && sa.form.scope === other.form.scope;
    if (!rekey || other.previous !== null) {
      refuse('esp_spi', sa.spi, 'its ' + sa.form.spiLsb + ' bits on the wire overlap with those of SPI ' + other.spi);
    }
    table.remove(other);
    sa.previous = other;
  }
  table.insert(sa);
}

/** Removes an SA from the look-up without destroying it. The SA that it replaced comes back, if it is still there. */
export function removeInbound(endpoint: Endpoint, sa: Sa): void {
  const table = endpoint.table;
  // What is in the table where this SA was, or would be: itself, or the one that replaced it.
  const there = table.conflict(sa, sa.spi, sa.form.spiLsb);
  if (there === null) return;
  if (there !== sa) {
    if (there.previous === sa) there.previous = null;
    return;
  }
  table.remove(sa);
  if (sa.previous !== null) table.insert(sa.previous);
  sa.previous = null;
}
