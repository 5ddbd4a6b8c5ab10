// An endpoint: the inbound SAs of one host and how a packet finds its SA, drop counters, and scratch that packets share.
//
// Look-up [draft-ietf-ipsecme-diet-esp §6.3; SPI-LOOKUP]: within one scope (outer destination, and source unless the SA
// takes any remote) no SA's on-wire SPI bits begin with another's, so at most one SA fits a packet. The SAs are in one
// hash table by scope, number of bits and bits; a packet costs one probe for every number of bits in use.

import { getBits } from '../bits.ts';
import { copy, equal, u32 } from '../bytes.ts';
import type { Provider } from '../crypto/provider.ts';
import { refuse } from '../dietesp/attributes.ts';
import { DROP_COUNT } from '../drop.ts';
import { SPI_MIN } from '../wire/esp.ts';
import { SLOT_COUNT } from '../wire/header.ts';
import type { Parts } from './parts.ts';
import type { Sa } from './sa.ts';
import type { Sn } from './sn.ts';

/** Scopes: both outer addresses, the local one, none (transport mode with ranges of addresses). */
const SCOPES = 3;

export interface Endpoint {
  parts: Parts;
  provider: Provider;
  /** Packets dropped, by negated drop code. */
  drops: Float64Array;
  /** Packets carried. */
  sent: number;
  received: number;
  /** The SA of the last packet, null when none was found. */
  sa: Sa | null;
  /** For tests: the explicit IV of the next packets; empty: as the suite says. */
  fixedIv: Uint8Array;
  // Look-up.
  table: (Sa | null)[];
  used: number;
  /** SAs by scope and number of SPI bits. */
  counts: Int32Array;
  // Scratch.
  slots: Int32Array;
  sn: Sn;
  spare: Uint8Array;
}

export function createEndpoint(parts: Parts, provider: Provider): Endpoint {
  const table: (Sa | null)[] = [];
  for (let i = 0; i < 8; i++) table.push(null);
  return {
    parts: parts,
    provider: provider,
    drops: new Float64Array(DROP_COUNT),
    sent: 0,
    received: 0,
    sa: null,
    fixedIv: new Uint8Array(0),
    table: table,
    used: 0,
    counts: new Int32Array(SCOPES * 33),
    slots: new Int32Array(SLOT_COUNT),
    sn: { hi: 0, lo: 0 },
    spare: new Uint8Array(16),
  };
}

function scopeOf(sa: Sa): number {
  if (sa.destination.length === 0) return 2;
  return sa.anyRemote !== 0 || sa.source.length === 0 ? 1 : 0;
}

/** Hash of an address's 32-bit words, going on from `seed`. */
function mix(seed: number, buffer: Uint8Array, offset: number, length: number): number {
  let hash = seed;
  for (let i = 0; i < length; i += 4) hash = ((hash * 31 + u32(buffer, offset + i)) & 0xffffffff) >>> 0;
  return hash;
}

/** Start of the probe: the bits of the hash are folded, since tables are small. */
function place(endpoint: Endpoint, scope: number, bits: number, prefix: number, hash: number): number {
  const mixed = ((hash + scope * 7919 + bits * 104729 + (prefix & 0xfffff) * 31 + (prefix >>> 20)) & 0xffffffff) >>> 0;
  return ((mixed ^ (mixed >>> 15) ^ (mixed >>> 7)) & 0xffffffff & (endpoint.table.length - 1)) >>> 0;
}

/** The low `bits` bits of an SPI. */
function lowBits(spi: number, bits: number): number {
  return bits === 32 ? spi : spi % Math.max(1, ((1 << bits) & 0xffffffff) >>> 0);
}

/** The SA of a scope with exactly these SPI bits, or null. Addresses are in `buffer`, as in a packet's outer header. */
function probe(
  endpoint: Endpoint,
  scope: number,
  bits: number,
  prefix: number,
  hash: number,
  buffer: Uint8Array,
  source: number,
  destination: number,
  size: number,
): Sa | null {
  const table = endpoint.table;
  let at = place(endpoint, scope, bits, prefix, hash);
  for (;;) {
    const sa = table[at];
    if (sa === null) return null;
    if (
      sa.spiLsb === bits &&
      lowBits(sa.spi, bits) === prefix &&
      scopeOf(sa) === scope &&
      (scope === 2 || (sa.destination.length === size && equal(sa.destination, 0, buffer, destination, size))) &&
      (scope > 0 || equal(sa.source, 0, buffer, source, size))
    ) {
      return sa;
    }
    at = (at + 1) & (table.length - 1);
  }
}

/**
 * The SA for an ESP packet whose SPI bits are at `esp`, of which `length` octets are there. Outer addresses of `size`
 * octets are at `source` and `destination`.
 */
export function lookup(
  endpoint: Endpoint,
  buffer: Uint8Array,
  source: number,
  destination: number,
  size: number,
  esp: number,
  length: number,
): Sa | null {
  const local = mix(0, buffer, destination, size);
  const both = mix(local, buffer, source, size);
  for (let scope = 0; scope < SCOPES; scope++) {
    const hash = scope === 0 ? both : scope === 1 ? local : 0;
    for (let bits = 0; bits <= 32 && bits <= length * 8; bits++) {
      if (endpoint.counts[scope * 33 + bits] === 0) continue;
      const prefix = getBits(buffer, esp * 8, bits);
      const sa = probe(endpoint, scope, bits, prefix, hash, buffer, source, destination, size);
      if (sa !== null) return sa;
    }
  }
  return null;
}

function hashOf(sa: Sa): number {
  const scope = scopeOf(sa);
  if (scope === 2) return 0;
  const local = mix(0, sa.destination, 0, sa.destination.length);
  return scope === 1 ? local : mix(local, sa.source, 0, sa.source.length);
}

function insert(endpoint: Endpoint, sa: Sa): void {
  let at = place(endpoint, scopeOf(sa), sa.spiLsb, lowBits(sa.spi, sa.spiLsb), hashOf(sa));
  while (endpoint.table[at] !== null) at = (at + 1) & (endpoint.table.length - 1);
  endpoint.table[at] = sa;
}

/** Makes a new table of `size` places (a power of two) with all SAs but `without`. */
function rebuild(endpoint: Endpoint, size: number, without: Sa | null): void {
  const old = endpoint.table;
  const table: (Sa | null)[] = [];
  for (let i = 0; i < size; i++) table.push(null);
  endpoint.table = table;
  for (let i = 0; i < old.length; i++) {
    const sa = old[i];
    if (sa !== null && sa !== without) insert(endpoint, sa);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equal(a, 0, b, 0, a.length);
}

/** True when a packet could be meant for both of two scopes. */
function scopesMeet(a: Sa, b: Sa): boolean {
  if (scopeOf(a) < 2 && scopeOf(b) < 2 && !same(a.destination, b.destination)) return false;
  return scopeOf(a) > 0 || scopeOf(b) > 0 || same(a.source, b.source);
}

/** True when the on-wire bits of one SPI begin with those of the other (§4.3 of the vectors' notes). */
function prefixesMeet(spiA: number, bitsA: number, spiB: number, bitsB: number): boolean {
  const bits = Math.min(bitsA, bitsB);
  const a = Math.floor(lowBits(spiA, bitsA) / lowPower(bitsA - bits));
  const b = Math.floor(lowBits(spiB, bitsB) / lowPower(bitsB - bits));
  return a === b;
}

function lowPower(bits: number): number {
  return bits === 32 ? 65536 * 65536 : ((1 << bits) & 0xffffffff) >>> 0;
}

/** An SA of the endpoint that `spi` with `bits` on the wire could be confused with, for the scope of `sa`; or null. */
function conflict(endpoint: Endpoint, sa: Sa, spi: number, bits: number): Sa | null {
  // The common case, one scope and one number of bits in use, is one probe.
  let kinds = 0;
  for (let i = 0; i < endpoint.counts.length; i++) if (endpoint.counts[i] > 0) kinds++;
  const scope = scopeOf(sa);
  if (kinds === 0) return null;
  if (kinds === 1 && endpoint.counts[scope * 33 + bits] > 0 && scope < 2) {
    const size = sa.destination.length;
    const addresses = new Uint8Array(size * 2);
    copy(addresses, 0, sa.source, 0, sa.source.length);
    copy(addresses, size, sa.destination, 0, size);
    return probe(endpoint, scope, bits, lowBits(spi, bits), hashOf(sa), addresses, 0, size, size);
  }
  for (let i = 0; i < endpoint.table.length; i++) {
    const other = endpoint.table[i];
    if (other !== null && scopesMeet(sa, other) && prefixesMeet(spi, bits, other.spi, other.spiLsb)) return other;
  }
  return null;
}

/**
 * Takes an SA into the look-up. Throws when its SPI bits cannot be told from another SA's of the same scope; an SA
 * without SPI bits on the wire replaces its like instead, which stays as `previous` until `removeInbound` (REKEY).
 */
export function addInbound(endpoint: Endpoint, sa: Sa): void {
  const other = conflict(endpoint, sa, sa.spi, sa.spiLsb);
  if (other !== null) {
    const rekey = sa.spiLsb === 0 && other.spiLsb === 0 && other.previous === null && scopeOf(sa) === scopeOf(other);
    if (!rekey) {
      refuse('esp_spi', sa.spi, 'its ' + sa.spiLsb + ' bits on the wire overlap with SPI ' + other.spi);
    }
    sa.previous = other;
    rebuild(endpoint, endpoint.table.length, other);
    insert(endpoint, sa);
    return;
  }
  if ((endpoint.used + 1) * 2 > endpoint.table.length) rebuild(endpoint, endpoint.table.length * 2, null);
  insert(endpoint, sa);
  endpoint.used++;
  endpoint.counts[scopeOf(sa) * 33 + sa.spiLsb]++;
}

/** Takes an SA out of the look-up (not yet destroyed). */
export function removeInbound(endpoint: Endpoint, sa: Sa): void {
  const older = sa.previous;
  let found = false;
  for (let i = 0; i < endpoint.table.length; i++) {
    const other = endpoint.table[i];
    if (other === sa) found = true;
    else if (other !== null && other.previous === sa) other.previous = null;
  }
  if (!found) return;
  rebuild(endpoint, endpoint.table.length, sa);
  sa.previous = null;
  if (older !== null) {
    insert(endpoint, older);
  } else {
    endpoint.used--;
    endpoint.counts[scopeOf(sa) * 33 + sa.spiLsb]--;
  }
}

/**
 * A random SPI for an inbound SA like `sa` whose bits do not meet any other's for every number of bits in `offers`.
 * Throws when none is free.
 */
export function allocateSpi(endpoint: Endpoint, sa: Sa, offers: number[]): number {
  const octets = endpoint.spare;
  let fewest = 32;
  for (let i = 0; i < offers.length; i++) fewest = Math.min(fewest, offers[i]);
  endpoint.provider.random(octets, 0, 4);
  let spi = u32(octets, 0);
  const tries = Math.min(lowPower(fewest), 65536);
  for (let n = 0; n < tries; n++) {
    let free = spi >= SPI_MIN;
    for (let i = 0; i < offers.length && free; i++) free = conflict(endpoint, sa, spi, offers[i]) === null;
    if (free) return spi;
    spi = ((spi + 1) & 0xffffffff) >>> 0; // wide
  }
  return refuse('esp_spi_lsb', fewest, 'no SPI is free in this scope');
}
