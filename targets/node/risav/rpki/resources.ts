// Addresses and AS numbers of certificates [RFC 3779]: sorted ranges, which touch neither each other nor overlap.

import {
  BIT_STRING,
  type Bits,
  bitString,
  bitsOf,
  context,
  type Der,
  der,
  elements,
  expect,
  INTEGER,
  integer,
  integerOf,
  NULL,
  OCTET_STRING,
  octetString,
  SEQUENCE,
  sequence,
  sequenceOf,
} from './der.ts';

/** From and to, both included. */
export type Range = readonly [bigint, bigint];
/** `inherit`: those of the issuer. Empty: none. */
export type Ranges = readonly Range[] | 'inherit';

export interface Resources {
  v4: Ranges;
  v6: Ranges;
  as: Ranges;
}

export type Family = 'v4' | 'v6';
export const KINDS = ['v4', 'v6', 'as'] as const;
export const NO_RESOURCES: Resources = { v4: [], v6: [], as: [] };
/** Bits of an address. */
export const widthOf = (family: Family): number => (family === 'v4' ? 32 : 128);
const AS_MAX = 0xffffffffn;

/** An address prefix: the address as a number, and how many bits of it count. */
export interface Prefix {
  family: Family;
  address: bigint;
  length: number;
}

/** The address of a prefix in octets, 4 or 16. */
export function octetsOf({ family, address }: Pick<Prefix, 'family' | 'address'>): Uint8Array {
  return Uint8Array.from(Buffer.from(address.toString(16).padStart(widthOf(family) / 4, '0'), 'hex'));
}

export function rangeOf({ family, address, length }: Prefix): Range {
  return [address, address | ((1n << BigInt(widthOf(family) - length)) - 1n)];
}

/** The prefix of a range, or undefined. */
export function prefixOf(family: Family, [from, to]: Range): Prefix | undefined {
  const size = to - from + 1n;
  const bits = size.toString(2).length - 1;
  const isPrefix = size === 1n << BigInt(bits) && (from & (size - 1n)) === 0n;
  return isPrefix ? { family, address: from, length: widthOf(family) - bits } : undefined;
}

/** True when every number of `inner` is in `outer`, which is sorted. Both may have as many ranges as an object has room for. */
export function isWithin(inner: readonly Range[], outer: readonly Range[]): boolean {
  return inner.every(([from, to]) => {
    // The last one that does not begin behind it.
    let low = 0;
    let high = outer.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (outer[middle][0] <= from) low = middle + 1;
      else high = middle;
    }
    return low > 0 && to <= outer[low - 1][1];
  });
}

/** An address as a BIT STRING; `fill`: bits that are not there. */
function addressOf({ unused, octets }: Bits, family: Family, fill: 0n | 1n): { address: bigint; length: number } {
  const width = widthOf(family);
  const length = octets.length * 8 - unused;
  if (length > width) throw new Error(`an address has ${length} bits: at most ${width}`);
  const value = length === 0 ? 0n : BigInt('0x' + octets.toString('hex')) >> BigInt(unused);
  const rest = BigInt(width - length);
  return { address: (value << rest) | (fill === 1n ? (1n << rest) - 1n : 0n), length };
}

/** A prefix as a BIT STRING [RFC 3779 §2.2.3.8]. */
export function readPrefix(one: Der | undefined, family: Family): Prefix {
  return { family, ...addressOf(bitsOf(expect(one, BIT_STRING, 'an address prefix')), family, 0n) };
}

/** The first `length` bits of an address, as a BIT STRING. */
function bits(family: Family, address: bigint, length: number): Buffer {
  const octets = Math.ceil(length / 8);
  const unused = octets * 8 - length;
  const value = (address >> BigInt(widthOf(family) - length)) << BigInt(unused);
  return bitString(Buffer.from(octets === 0 ? '' : value.toString(16).padStart(2 * octets, '0'), 'hex'), unused);
}

export const writePrefix = ({ family, address, length }: Prefix): Buffer => bits(family, address, length);

function addressRange(one: Der, family: Family): Range {
  if (one.tag === BIT_STRING) return rangeOf(readPrefix(one, family));
  const [min, max, more] = sequenceOf(one, 'an address range').map((end) =>
    bitsOf(expect(end, BIT_STRING, 'an end of a range')),
  );
  if (min === undefined || max === undefined || more !== undefined)
    throw new Error('an address range has not two ends');
  const range: Range = [addressOf(min, family, 0n).address, addressOf(max, family, 1n).address];
  // What has a prefix is one, and a range is written with as few bits as it needs [RFC 3779 §2.2.3.7].
  if (prefixOf(family, range) !== undefined || !writeRange(family, range).equals(one.whole))
    throw new Error('an address range is not in its canonical form');
  return range;
}

function writeRange(family: Family, range: Range): Buffer {
  const prefix = prefixOf(family, range);
  if (prefix !== undefined) return writePrefix(prefix);
  const width = widthOf(family);
  const text = (value: bigint): string => value.toString(2).padStart(width, '0');
  return sequence(
    bits(family, range[0], text(range[0]).replace(/0+$/, '').length),
    bits(family, range[1], text(range[1]).replace(/1+$/, '').length),
  );
}

function ordered(ranges: readonly Range[]): readonly Range[] {
  if (ranges.length === 0) throw new Error('a list of resources is empty');
  for (const [at, [from, to]] of ranges.entries()) {
    if (from > to) throw new Error('a range of resources ends before it begins');
    if (at > 0 && from <= ranges[at - 1][1] + 1n) throw new Error('resources are not in order, or touch each other');
  }
  return ranges;
}

/** Family of an IPAddressFamily, without a SAFI [RFC 6487 §4.8.10]. */
export function familyOf(one: Der | undefined): Family {
  const { body } = expect(one, OCTET_STRING, 'addressFamily');
  const afi = body.length === 2 ? body.readUInt16BE() : 0;
  if (afi !== 1 && afi !== 2) throw new Error(`addressFamily ${body.toString('hex')}: must be 0001 or 0002`);
  return afi === 1 ? 'v4' : 'v6';
}

export const writeFamily = (family: Family): Buffer => octetString(Buffer.of(0, family === 'v4' ? 1 : 2));

/** IPAddrBlocks [RFC 3779 §2.2.3]. */
export function readAddresses(one: Der): { v4: Ranges; v6: Ranges } {
  const out: { v4: Ranges; v6: Ranges } = { v4: [], v6: [] };
  const families = sequenceOf(one, 'IPAddrBlocks');
  if (families.length === 0) throw new Error('IPAddrBlocks is empty');
  let last: Family | undefined;
  for (const item of families) {
    const [afi, choice, more] = sequenceOf(item, 'IPAddressFamily');
    const family = familyOf(afi);
    if (more !== undefined) throw new Error('IPAddressFamily has more than two fields');
    if (last === family || (last === 'v6' && family === 'v4')) throw new Error('IPAddrBlocks is not in order');
    last = family;
    const isInherit = choice?.tag === NULL;
    out[family] = isInherit
      ? 'inherit'
      : ordered(sequenceOf(choice, 'addressesOrRanges').map((each) => addressRange(each, family)));
  }
  return out;
}

export function writeAddresses({ v4, v6 }: Resources): Buffer | null {
  const families = [
    ['v4', v4],
    ['v6', v6],
  ] as const;
  const parts = families
    .filter(([, ranges]) => ranges.length > 0)
    .map(([family, ranges]) => {
      const list = ranges === 'inherit' ? der(NULL) : sequence(...ranges.map((one) => writeRange(family, one)));
      return sequence(writeFamily(family), list);
    });
  return parts.length === 0 ? null : sequence(...parts);
}

export function readAsNumber(one: Der | undefined): bigint {
  const value = integerOf(expect(one, INTEGER, 'an AS number'));
  if (value < 0n || value > AS_MAX) throw new Error(`AS number ${value}: must be 0 to ${AS_MAX}`);
  return value;
}

/** ASIdentifiers [RFC 3779 §3.2.3], without routing domains [RFC 6487 §4.8.11]. */
export function readAsNumbers(one: Der): Ranges {
  const [numbers, more] = sequenceOf(one, 'ASIdentifiers');
  if (more !== undefined || numbers?.tag !== context(0)) throw new Error('ASIdentifiers must have asnum alone');
  const [choice, other] = elements(numbers.body);
  if (other !== undefined) throw new Error('asnum has more than one field');
  if (choice?.tag === NULL) return 'inherit';
  return ordered(
    sequenceOf(choice, 'asIdsOrRanges').map((item): Range => {
      if (item.tag !== SEQUENCE) return [readAsNumber(item), readAsNumber(item)];
      const ends = sequenceOf(item, 'ASRange').map(readAsNumber);
      if (ends.length !== 2 || ends[0] === ends[1]) throw new Error('an ASRange is malformed');
      return [ends[0], ends[1]];
    }),
  );
}

export function writeAsNumbers({ as }: Resources): Buffer | null {
  if (as.length === 0) return null;
  if (as === 'inherit') return sequence(der(context(0), der(NULL)));
  const items = as.map(([from, to]) => (from === to ? integer(from) : sequence(integer(from), integer(to))));
  return sequence(der(context(0), sequence(...items)));
}

/** The resources of a certificate below one with `above`; throws where it claims more [RFC 6487 §7.2: not those of RFC 8360]. */
export function resolve(own: Resources, above: Resources): Resources {
  const out = { ...NO_RESOURCES };
  for (const kind of KINDS) {
    const ranges = own[kind];
    const upper = above[kind] as readonly Range[];
    if (ranges === 'inherit') out[kind] = upper;
    else if (isWithin(ranges, upper)) out[kind] = ranges;
    else throw new Error(`claims ${kind === 'as' ? 'AS numbers' : 'addresses'} that its issuer does not hold`);
  }
  return out;
}
