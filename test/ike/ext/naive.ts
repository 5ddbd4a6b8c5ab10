// Both notifies once more and slowly: sets of values, and every combination tried.

import type { CompressionPolicy } from '../../../core/ike/state/compression.ts';

/** By attribute type, in the values of HCP_PROPOSAL. */
export type Sets = Set<number>[];

export interface Offer {
  id: number;
  sets: Sets;
}

export interface Pick {
  id: number;
  values: number[];
}

const MOST = [2, 1, 3, 3, 32, 32, 1];
const DEFAULTS = [0, 0, 0, 3, 32, 32, 1];
const upTo = (most: number): number[] => Array.from({ length: most + 1 }, (_, i) => i);
const word = (octets: Uint8Array, at: number): number => octets[at] * 256 + octets[at + 1];

/** What an attribute may be where a proposal does not name it. */
function unnamed(type: number): Set<number> {
  return type === 6 ? new Set([1]) : new Set(upTo(MOST[type]));
}

function finish(named: (number[] | undefined)[]): Sets {
  return MOST.map((most, type) => {
    const values = named[type];
    return values === undefined ? unnamed(type) : new Set(values.filter((value) => value <= most));
  });
}

function between(low: number, high: number): number[] {
  const values: number[] = [];
  for (let value = low; value <= Math.min(high, 40); value++) values.push(value);
  return values;
}

export function policySets(policy: CompressionPolicy): Sets[] {
  const proposals = policy.proposals.length === 0 ? [{ allowed: MOST.map(() => []) }] : policy.proposals;
  return proposals.map((proposal) =>
    finish(
      proposal.allowed.map((list: number[]) => {
        if (list.length === 0) return undefined;
        const values: number[] = [];
        for (let i = 0; i < list.length; i += 2) values.push(...between(list[i], list[i + 1]));
        return values;
      }),
    ),
  );
}

interface Attribute {
  type: number;
  low: number;
  high: number;
  range: boolean;
}

/** The attributes of one HCP proposal, or null when it is malformed. */
function attributes(data: Uint8Array): Attribute[] | null {
  const list: Attribute[] = [];
  let rest = data;
  while (rest.length > 0) {
    if (rest.length < 4) return null;
    const first = word(rest, 0);
    if (first === 0x7fff || first === 0xffff) {
      if (rest.length < 12 || (word(rest, 2) !== 8 && word(rest, 2) !== 4)) return null;
      if (word(rest, 4) !== word(rest, 8)) return null;
      list.push({ type: word(rest, 4) - 32768, low: word(rest, 6), high: word(rest, 10), range: true });
      rest = rest.subarray(12);
    } else {
      list.push({ type: first - 32768, low: word(rest, 2), high: word(rest, 2), range: false });
      rest = rest.subarray(4);
    }
  }
  return list.some(({ type, low, high }) => type < 0 || type > 6 || low > high) ? null : list;
}

interface Framed {
  id: number;
  name: number;
  data: Uint8Array;
}

function framed(data: Uint8Array): Framed[] | null {
  const list: Framed[] = [];
  let rest = data;
  while (rest.length > 0) {
    if (rest.length < 4 || rest.length < 4 + word(rest, 2)) return null;
    const end = 4 + word(rest, 2);
    list.push({ id: rest[0], name: rest[1], data: rest.subarray(4, end) });
    rest = rest.subarray(end);
  }
  return list;
}

export function hcpOffers(data: Uint8Array): Offer[] {
  const proposals = framed(data);
  if (proposals === null || proposals.length > 16) return [];
  if (new Set(proposals.map((proposal) => proposal.id)).size !== proposals.length) return [];
  const offers: Offer[] = [];
  let count = 0;
  for (const proposal of proposals) {
    const list = proposal.name === 0 ? attributes(proposal.data) : null;
    if (list === null) continue;
    count += list.length;
    const named: number[][] = [];
    for (const { type, low, high } of list) {
      if (named[type] === undefined) named[type] = [];
      named[type].push(...between(low, high));
    }
    offers.push({ id: proposal.id, sets: finish(named) });
  }
  return count > 64 ? [] : offers;
}

export function hcpAnswer(policy: CompressionPolicy, data: Uint8Array): Pick | null {
  const proposals = framed(data);
  if (proposals === null || proposals.length !== 1 || proposals[0].name !== 0) return null;
  const list = attributes(proposals[0].data);
  if (list === null || list.some((attribute) => attribute.range)) return null;
  const values = DEFAULTS.slice();
  const seen = new Set<number>();
  for (const { type, low } of list) {
    if (seen.has(type)) return null;
    seen.add(type);
    values[type] = low;
  }
  const sets = policySets(policy)[proposals[0].id - 1];
  return sets !== undefined && fits(policy, [sets], values) ? { id: proposals[0].id, values } : null;
}

const CODES: [attribute: number, values: number[]][] = [
  [-1, []],
  [3, [2, 0]],
  [4, [32, 24, 16, 8, 0]],
  [5, [32, 24, 16, 8, 0]],
  [2, [1, 0]],
];

/** Attributes that EHC does not negotiate. */
function fixed(policy: CompressionPolicy): number[][] {
  const named: number[][] = [];
  named[0] = [policy.dscpList.length > 0 ? 2 : 1];
  named[1] = [policy.dscpList.length > 0 ? 0 : 1];
  named[6] = [1];
  return named;
}

interface Parameter {
  code: number;
  value: number;
}

function parameters(data: Uint8Array): Parameter[] | null {
  if (data.length % 4 !== 0) return null;
  const list: Parameter[] = [];
  for (let at = 0; at < data.length; at += 4) list.push({ code: word(data, at) - 32768, value: word(data, at + 2) });
  const codes = list.map(({ code }) => code).filter((code) => code >= 1 && code <= 4);
  return list.some(({ code }) => code < 0) || new Set(codes).size !== codes.length ? null : list;
}

export function ehcOffers(policy: CompressionPolicy, data: Uint8Array): Offer[] {
  const proposals: Uint8Array[] = [];
  let rest = data;
  while (rest.length > 0) {
    if (rest.length < 2 || rest.length < 2 + word(rest, 0)) return [];
    proposals.push(rest.subarray(2, 2 + word(rest, 0)));
    rest = rest.subarray(2 + word(rest, 0));
  }
  if (proposals.length > 16) return [];
  let count = 0;
  const offers: Offer[] = [];
  const read = (proposal: Uint8Array, id: number): void => {
    const list = parameters(proposal);
    if (list === null) return;
    count += list.length;
    const contexts = list.filter(({ code }) => code === 0).map(({ value }) => value);
    if (contexts.length > 0 && !contexts.includes(0)) return;
    if (!contexts.some((context) => context !== 0) && list.some(({ code }) => code > 4)) return;
    const named = fixed(policy);
    for (const [code, [attribute, values]] of CODES.entries()) {
      if (code === 0) continue;
      const mask = list.find((parameter) => parameter.code === code)?.value ?? 15;
      named[attribute] = values.filter((_, bit) => Math.floor(mask / 2 ** bit) % 2 === 1);
    }
    offers.push({ id, sets: finish(named) });
  };
  if (proposals.length === 0) read(new Uint8Array(0), 0);
  proposals.forEach((proposal, index) => {
    read(proposal, index + 1);
  });
  return count > 64 ? [] : offers;
}

export function ehcAnswer(policy: CompressionPolicy, data: Uint8Array): Pick | null {
  let body = data;
  if (data.length > 0 && data[0] < 128) {
    if (data.length < 2 || word(data, 0) !== data.length - 2) return null;
    body = data.subarray(2);
  }
  const list = parameters(body);
  if (list === null || list.some(({ code }) => code > 4)) return null;
  const contexts = list.filter(({ code }) => code === 0);
  if (contexts.length > 1 || contexts.some(({ value }) => value !== 0)) return null;
  const values = DEFAULTS.slice();
  for (const [type, list] of fixed(policy).entries()) if (list !== undefined) values[type] = list[0];
  for (const [code, [attribute, meanings]] of CODES.entries()) {
    if (code === 0) continue;
    const mask = list.find((parameter) => parameter.code === code)?.value ?? 1;
    const bits = meanings.filter((_, bit) => Math.floor(mask / 2 ** bit) % 2 === 1);
    if (bits.length !== 1) return null;
    values[attribute] = bits[0];
  }
  const index = policySets(policy).findIndex((sets) => fits(policy, [sets], values));
  return index < 0 ? null : { id: index + 1, values };
}

/** True when the values are in all of the sets and can be used together. */
function fits(policy: CompressionPolicy, all: Sets[], values: number[]): boolean {
  if (values[0] === 2 && policy.dscpList.length === 0) return false;
  return (values[4] + values[5]) % 8 === 0 && all.every((sets) => sets.every((set, type) => set.has(values[type])));
}

/** Bits that settings add to each packet, padding as expected. */
export function bitsOf(policy: CompressionPolicy, values: number[]): number {
  const [dscp, ecn, flow, alignment, spi, sn, trailer] = values;
  const octets = 2 ** alignment;
  const dscpBits = [6, 0, Math.ceil(Math.log2(Math.max(1, policy.dscpList.length)))][dscp];
  const padLength = octets > 1 || trailer === 0 ? 8 : 0;
  const nextHeader = trailer === 0 ? 8 : 0;
  return (
    dscpBits + (ecn === 0 ? 2 : 0) + (flow === 0 ? 20 : 0) + ((octets - 1) / 2) * 8 + padLength + nextHeader + spi + sn
  );
}

/** All values of a proposal in ascending order, but for sums of bits that are no whole octets. */
function* combinations(sets: number[][]): Generator<number[]> {
  const [dscps, ecns, flows, alignments, spis, sns, trailers] = sets;
  const pairs = spis.flatMap((spi) => sns.filter((sn) => (spi + sn) % 8 === 0).map((sn) => [spi, sn]));
  for (const dscp of dscps)
    for (const ecn of ecns)
      for (const flow of flows)
        for (const alignment of alignments)
          for (const [spi, sn] of pairs)
            for (const trailer of trailers) yield [dscp, ecn, flow, alignment, spi, sn, trailer];
}

/** The choice by trying everything: first own proposal, then fewest bits, then first offer, then lowest values. */
export function naiveChoose(policy: CompressionPolicy, offers: Offer[]): Pick | null {
  for (const own of policySets(policy)) {
    let best: (Pick & { bits: number }) | null = null;
    for (const { id, sets } of offers) {
      const common = sets.map((set, type) => [...set].filter((value) => own[type].has(value)).sort((a, b) => a - b));
      for (const values of combinations(common)) {
        const bits = bitsOf(policy, values);
        if ((best === null || bits < best.bits) && fits(policy, [own, sets], values)) best = { id, values, bits };
      }
    }
    if (best !== null) return { id: best.id, values: best.values };
  }
  return null;
}
