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
const TEXTS = new TextDecoder('utf-8', { fatal: true });
/** Items inside each other. */
const DEPTH = 64;

/** Octets that grow. */
interface Sink {
  octets: Buffer;
  at: number;
}

/** Makes room for `size` more octets; returns where they begin. */
function grow(out: Sink, size: number): number {
  const at = out.at;
  out.at += size;
  if (out.at > out.octets.length) {
    const larger = Buffer.alloc(Math.max(out.at, 2 * out.octets.length));
    out.octets.copy(larger, 0, 0, at);
    out.octets = larger;
  }
  return at;
}

function putHead(out: Sink, kind: number, value: number): void {
  const first = kind << 5;
  // `grow` may replace the octets, so it goes first.
  if (value < 24) {
    const at = grow(out, 1);
    out.octets.writeUInt8(first | value, at);
  } else if (value < 0x100) {
    const at = grow(out, 2);
    out.octets.writeUInt16BE(((first | 24) << 8) | value, at);
  } else if (value < 0x10000) {
    const at = grow(out, 3);
    out.octets.writeUInt8(first | 25, at);
    out.octets.writeUInt16BE(value, at + 1);
  } else if (value < 0x100000000) {
    const at = grow(out, 5);
    out.octets.writeUInt8(first | 26, at);
    out.octets.writeUInt32BE(value, at + 1);
  } else putWide(out, kind, BigInt(value));
}

function putWide(out: Sink, kind: number, value: bigint): void {
  if (value >= 1n << 64n) throw new RangeError(`CBOR number ${value}: must be below 2^64`);
  const at = grow(out, 9);
  out.octets.writeUInt8((kind << 5) | 27, at);
  out.octets.writeBigUInt64BE(value, at + 1);
}

function putOctets(out: Sink, kind: number, octets: Uint8Array): void {
  putHead(out, kind, octets.length);
  const at = grow(out, octets.length);
  out.octets.set(octets, at);
}

function put(out: Sink, item: unknown): void {
  if (typeof item === 'bigint') {
    const value = item < 0n ? -1n - item : item;
    const kind = item < 0n ? NEGATIVE : UNSIGNED;
    if (value < 0x100000000n) putHead(out, kind, Number(value));
    else putWide(out, kind, value);
  } else if (typeof item === 'number' && Number.isSafeInteger(item)) {
    putHead(out, item < 0 ? NEGATIVE : UNSIGNED, item < 0 ? -1 - item : item);
  } else if (typeof item === 'number' && Number.isInteger(item)) {
    put(out, BigInt(item));
  } else if (item instanceof Uint8Array) {
    putOctets(out, OCTETS, item);
  } else if (typeof item === 'string') {
    putOctets(out, TEXT, Buffer.from(item));
  } else if (Array.isArray(item)) {
    putHead(out, LIST, item.length);
    for (const one of item) put(out, one);
  } else if (item instanceof Map) {
    putHead(out, MAP, item.size);
    for (const [key, value] of item) {
      put(out, key);
      put(out, value);
    }
  } else if (item instanceof Tag) {
    putHead(out, TAG, item.tag);
    put(out, item.value);
  } else if (typeof item === 'boolean' || item === null) {
    putHead(out, SIMPLE, item === null ? 22 : item ? 21 : 20);
  } else {
    throw new RangeError(`CBOR item ${typeof item}: must be a whole number, octets, text, a list, a map or a tag`);
  }
}

/** The octets of an item made of numbers, bigints, Uint8Array, strings, arrays, Maps, Tags, booleans and null. */
export function encodeCbor(item: unknown): Uint8Array {
  const out: Sink = { octets: Buffer.alloc(256), at: 0 };
  put(out, item);
  return new Uint8Array(out.octets.subarray(0, out.at));
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

  /** A bigint where it takes eight octets. */
  function argument(info: number): number | bigint {
    if (info < 24) return info;
    if (info > 27) throw new RangeError(`octet ${at - 1}: reserved form ${info}`);
    const digits = bytes(1 << (info - 24));
    if (info === 27) return Buffer.from(digits.buffer, digits.byteOffset, 8).readBigUInt64BE();
    return digits.reduce((sum, octet) => sum * 256 + octet, 0);
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
    if (at >= octets.length) throw new RangeError(`octet ${at}: 1 octets are missing`);
    const first = octets[at++];
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
    if (kind === NEGATIVE) return Number.isSafeInteger(-1 - number) ? -1 - number : -1n - BigInt(value);
    if (kind === OCTETS) return bytes(number);
    if (kind === TEXT) return TEXTS.decode(bytes(number));
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
