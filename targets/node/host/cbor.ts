// CBOR [RFC 8949] as rules and board files need it: whole numbers, octets, text, lists, maps and tags, written in the
// shortest form and with definite lengths (§4.2.1, but map keys in the caller's order). Reading takes true, false, null and
// indefinite lengths too; floats are refused.

/** A tagged item [RFC 8949 §3.4]. */
export class Tag {
  readonly value: unknown;
  readonly tag: number;

  constructor(value: unknown, tag: number) {
    this.value = value;
    this.tag = tag;
  }
}

const UNSIGNED = 0;
const NEGATIVE = 1;
const OCTETS = 2;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const TAG = 6;
const SIMPLE = 7;
const INDEFINITE = 31;
const BREAK = Symbol('break');
/** Items inside each other. */
const DEPTH = 64;

function putHead(out: number[], kind: number, value: bigint): void {
  const size = value < 24n ? 0 : value < 0x100n ? 1 : value < 0x10000n ? 2 : value < 0x100000000n ? 4 : 8;
  if (value >= 1n << 64n) throw new RangeError(`CBOR number ${value}: must be below 2^64`);
  out.push((kind << 5) | (size === 0 ? Number(value) : 24 + Math.log2(size)));
  for (let i = size - 1; i >= 0; i--) out.push(Number((value >> BigInt(8 * i)) & 0xffn));
}

function put(out: number[], item: unknown): void {
  if (typeof item === 'bigint' || (typeof item === 'number' && Number.isInteger(item))) {
    const value = BigInt(item);
    putHead(out, value < 0n ? NEGATIVE : UNSIGNED, value < 0n ? -1n - value : value);
  } else if (item instanceof Uint8Array) {
    putHead(out, OCTETS, BigInt(item.length));
    for (const octet of item) out.push(octet);
  } else if (typeof item === 'string') {
    const octets = new TextEncoder().encode(item);
    putHead(out, TEXT, BigInt(octets.length));
    for (const octet of octets) out.push(octet);
  } else if (Array.isArray(item)) {
    putHead(out, LIST, BigInt(item.length));
    for (const one of item) put(out, one);
  } else if (item instanceof Map) {
    putHead(out, MAP, BigInt(item.size));
    for (const [key, value] of item) {
      put(out, key);
      put(out, value);
    }
  } else if (item instanceof Tag) {
    putHead(out, TAG, BigInt(item.tag));
    put(out, item.value);
  } else if (typeof item === 'boolean' || item === null) {
    out.push((SIMPLE << 5) | (item === null ? 22 : item ? 21 : 20));
  } else {
    throw new RangeError(`CBOR item ${typeof item}: must be a whole number, octets, text, a list, a map or a tag`);
  }
}

/** The octets of an item made of numbers, bigints, Uint8Array, strings, arrays, Maps, Tags, booleans and null. */
export function encodeCbor(item: unknown): Uint8Array {
  const out: number[] = [];
  put(out, item);
  return Uint8Array.from(out);
}

function joined(parts: unknown[], kind: number): unknown {
  if (kind === TEXT) {
    if (parts.some((part) => typeof part !== 'string')) throw new RangeError('a part of a text is none');
    return parts.join('');
  }
  if (parts.some((part) => !(part instanceof Uint8Array))) throw new RangeError('a part of a byte string is none');
  return Uint8Array.from((parts as Uint8Array[]).flatMap((part) => [...part]));
}

/** Reads one item that fills `octets`. Numbers from 2^53 on are bigints. Throws RangeError. */
export function decodeCbor(octets: Uint8Array): unknown {
  let at = 0;

  function bytes(size: number): Uint8Array {
    if (size > octets.length - at) throw new RangeError(`octet ${at}: ${size} octets are missing`);
    at += size;
    return octets.slice(at - size, at);
  }

  function argument(info: number): bigint {
    if (info < 24) return BigInt(info);
    if (info > 27) throw new RangeError(`octet ${at - 1}: reserved form ${info}`);
    return bytes(1 << (info - 24)).reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
  }

  function until(depth: number): unknown[] {
    const items: unknown[] = [];
    for (let one = item(depth); one !== BREAK; one = item(depth)) items.push(one);
    return items;
  }

  function whole(depth: number): unknown {
    const one = item(depth);
    if (one === BREAK) throw new RangeError(`octet ${at - 1}: break outside an indefinite item`);
    return one;
  }

  function mapOf(items: unknown[]): Map<unknown, unknown> {
    if (items.length % 2 !== 0) throw new RangeError(`octet ${at - 1}: a key without value`);
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
    return map;
  }

  function item(depth: number): unknown {
    if (depth === 0) throw new RangeError(`octet ${at}: more than ${DEPTH} items inside each other`);
    const [first] = bytes(1);
    const kind = first >>> 5;
    const info = first & 31;
    if (kind === SIMPLE) {
      if (info === INDEFINITE) return BREAK;
      if (info < 20 || info > 22) throw new RangeError(`octet ${at - 1}: floats and simple values are not known`);
      return info === 22 ? null : info === 21;
    }
    if (info === INDEFINITE && kind >= OCTETS && kind <= MAP) {
      const items = until(depth - 1);
      return kind === LIST ? items : kind === MAP ? mapOf(items) : joined(items, kind);
    }
    const value = argument(info);
    const number = Number(value);
    if (kind === UNSIGNED) return Number.isSafeInteger(number) ? number : value;
    if (kind === NEGATIVE) return Number.isSafeInteger(-1 - number) ? -1 - number : -1n - value;
    if (kind === OCTETS) return bytes(number);
    if (kind === TEXT) return new TextDecoder('utf-8', { fatal: true }).decode(bytes(number));
    if (kind === TAG) return new Tag(whole(depth - 1), number);
    // Each item has an octet at least: a count that is too large ends with the octets.
    const items: unknown[] = [];
    for (let i = kind === MAP ? 2 * number : number; i > 0; i--) items.push(whole(depth - 1));
    return kind === MAP ? mapOf(items) : items;
  }

  const found = whole(DEPTH);
  if (at !== octets.length) throw new RangeError(`octet ${at}: behind the end of the item`);
  return found;
}
