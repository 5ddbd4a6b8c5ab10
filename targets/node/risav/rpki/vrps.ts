// ROAs that another relying party has validated: the `json` and `csv` files of rpki-client.

import { addressOctets } from '../../host/addresses.ts';
import type { RoaPrefix } from './contents.ts';
import { type Family, rangeOf, widthOf } from './resources.ts';

/** A validated ROA payload [RFC 6811 §2]. */
export interface Vrp extends RoaPrefix {
  as: number;
}

/** A prefix as `192.0.2.0/24`. Throws, with `name` of the place, on what is none, or has bits behind its length. */
export function prefixOfText(text: string, name: string): { family: Family; address: bigint; length: number } {
  const [address, digits, more] = text.split('/');
  const octets = addressOctets(address);
  if (octets === undefined || digits === undefined || more !== undefined || !/^\d{1,3}$/.test(digits))
    throw new Error(`${name}: '${text.slice(0, 60)}' must be a prefix, as 192.0.2.0/24`);
  const family: Family = octets.length === 4 ? 'v4' : 'v6';
  const length = Number(digits);
  if (length > widthOf(family)) throw new Error(`${name}: length ${length}: must be 0 to ${widthOf(family)}`);
  const value = { family, address: BigInt('0x' + Buffer.from(octets).toString('hex')), length };
  if (rangeOf(value)[0] & ((1n << BigInt(widthOf(family) - length)) - 1n))
    throw new Error(`${name}: '${text}' has bits behind its length`);
  return value;
}

function vrpOf(as: number, prefix: string, maxLength: number, name: string): Vrp {
  if (!Number.isInteger(as) || as < 0 || as > 0xffffffff) throw new Error(`${name}: the AS must be 0 to ${0xffffffff}`);
  const value = prefixOfText(prefix, name);
  const width = widthOf(value.family);
  if (!Number.isInteger(maxLength) || maxLength < value.length || maxLength > width)
    throw new Error(`${name}: the longest prefix must be ${value.length} to ${width}`);
  return { ...value, as, maxLength };
}

/** Reads the file `csv` of rpki-client; what has expired at `now`, milliseconds since 1970, is left out. */
export function readVrpCsv(text: string, name: string, now: number): Vrp[] {
  const [head, ...lines] = text.split(/\r?\n/);
  if (!head.startsWith('ASN,IP Prefix,Max Length'))
    throw new Error(`${name}: line 1 must be 'ASN,IP Prefix,Max Length,...'`);
  const out: Vrp[] = [];
  for (const [at, line] of lines.entries()) {
    if (line === '') continue;
    const [as, prefix, maxLength, , expires] = line.split(',');
    const place = `${name}: line ${at + 2}`;
    if (!/^AS\d{1,10}$/.test(as) || prefix === undefined || !/^\d{1,3}$/.test(maxLength ?? ''))
      throw new Error(`${place} must be as 'AS64500,192.0.2.0/24,24,...'`);
    const vrp = vrpOf(Number(as.slice(2)), prefix, Number(maxLength), place);
    if (expires === undefined || expires === '' || Number(expires) * 1000 >= now) out.push(vrp);
  }
  return out;
}

/** Reads the file `json` of rpki-client, likewise. */
export function readVrpJson(text: string, name: string, now: number): Vrp[] {
  let roas: unknown;
  try {
    roas = (JSON.parse(text) as { roas?: unknown } | null)?.roas;
  } catch {
    throw new Error(`${name}: is no JSON`);
  }
  if (!Array.isArray(roas)) throw new Error(`${name}: roas must be a list`);
  return roas.flatMap((item: unknown, at) => {
    const place = `${name}: roas[${at}]`;
    const { asn, prefix, maxLength, expires } = (item ?? {}) as Record<string, unknown>;
    const as =
      typeof asn === 'string' ? Number(/^AS(\d{1,10})$/.exec(asn)?.[1] ?? Number.NaN) : Number(asn ?? Number.NaN);
    if (typeof prefix !== 'string' || typeof maxLength !== 'number')
      throw new Error(`${place}: must have asn, prefix and maxLength`);
    const vrp = vrpOf(as, prefix, maxLength, place);
    return typeof expires === 'number' && expires * 1000 < now ? [] : [vrp];
  });
}
