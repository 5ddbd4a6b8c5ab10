// The AH side of an endpoint: look-ups of its own, because AH and ESP choose SPIs apart, and what packets share. Counters and scratch
// are those of the ESP endpoint, so that a host shows one of each.

import { u32 } from '../base/bytes.ts';
import { refuse } from '../base/refuse.ts';
import type { Endpoint } from '../esp/endpoint.ts';
import { createHash } from '../esp/sa-hash.ts';
import type { SaTable, Scoped } from '../esp/sa-table.ts';
import { SCOPE_IP } from '../wire/ah.ts';
import { SPI_MIN } from '../wire/esp.ts';
import { createPlace, type Place } from './place.ts';
import type { AhSa, AsEntry } from './sa.ts';

/** Number of the AS that an address belongs to, `size` octets at buffer[at..); 0: none is known [draft-xu-ipsecme-risav-04]. */
export type AsOf = (buffer: Uint8Array, at: number, size: number) => number;

/** One end of any number of SAs of AH. */
export interface AhEndpoint {
  /** Parts, cryptography, counters and scratch. */
  esp: Endpoint;
  /** Inbound SAs with SCOPE_IP; change it with `addInboundAh` and `removeInboundAh`. */
  table: SaTable;
  /** Those with SCOPE_AS, by AS number and SPI. */
  byAs: SaTable<AsEntry>;
  /** Where packets come from; null: packets with SCOPE_AS have no SA here. */
  asOf: AsOf | null;
  /** @internal */
  place: Place;
  /** AS number and SPI of a packet. @internal */
  key: Uint8Array;
  /** A packet as the ICV covers it, with the high half of its number. @internal */
  work: Uint8Array;
}

/** Octets of the longest packet, and of what follows it. */
const WORK_SIZE = 65536 + 4;

/** Found by its SPI alone. */
const ANYWHERE: Scoped = {
  octets: /* @__PURE__ */ new Uint8Array(0),
  base: 0,
  form: { scope: 2, sourceAt: 0, sourceSize: 0, destinationAt: 0, destinationSize: 0 },
};
const TRIES = 1000;

/** Makes the AH side of `esp`, without SAs. */
export function createAhEndpoint(esp: Endpoint, asOf: AsOf | null): AhEndpoint {
  return {
    esp: esp,
    table: esp.parts.table(),
    byAs: createHash<AsEntry>(),
    asOf: asOf,
    place: createPlace(),
    key: new Uint8Array(8),
    work: new Uint8Array(WORK_SIZE),
  };
}

/** Adds an inbound SA. Throws when its SPI is taken in its scope, or by its AS, or when it has SCOPE_AS and no AS. */
export function addInboundAh(e: AhEndpoint, sa: AhSa): void {
  if (sa.scope === SCOPE_IP) {
    if (e.table.conflict(sa, sa.spi, 32) !== null) refuse('ah_spi', sa.spi, 'an SA has it already');
    e.table.insert(sa);
    return;
  }
  if (sa.entry === null) refuse('ah.peer_as', 0, 'must be the number of an AS for an inbound SA with scope 1');
  if (e.byAs.conflict(sa.entry!, sa.spi, 32) !== null) refuse('ah_spi', sa.spi, 'an SA of this AS has it already');
  e.byAs.insert(sa.entry!);
}

/** Takes an inbound SA out without destroying it. */
export function removeInboundAh(e: AhEndpoint, sa: AhSa): void {
  if (sa.entry !== null) e.byAs.remove(sa.entry);
  else e.table.remove(sa);
}

/** A random SPI that no inbound SA of AH here has, whatever its scope. Throws when there seems to be none. */
export function allocateAhSpi(e: AhEndpoint): number {
  const octets = e.key;
  for (let n = 0; n < TRIES; n++) {
    e.esp.provider.random(octets, 0, 4);
    const spi = u32(octets, 0);
    const isTaken = e.table.conflict(ANYWHERE, spi, 32) !== null || e.byAs.conflict(ANYWHERE, spi, 32) !== null;
    if (spi >= SPI_MIN && !isTaken) return spi;
  }
  return refuse('ah_spi', TRIES, 'no SPI is free');
}
