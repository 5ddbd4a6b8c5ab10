// DER [X.690], strictly: RPKI objects are DER and nothing else [RFC 6488 §3 1l, RFC 6487 §4], and the libraries read BER too. So what is
// read here has one encoding, and bounds of size and depth. Signatures are node:crypto's.

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OID = 0x06;
export const UTF8_STRING = 0x0c;
export const PRINTABLE_STRING = 0x13;
export const IA5_STRING = 0x16;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** Tag of a context-specific element. */
export const context = (number: number, isConstructed = true): number => (isConstructed ? 0xa0 : 0x80) + number;

/** Most elements inside each other. */
const DEPTH_MAX = 24;

/** One element. */
export interface Der {
  tag: number;
  /** With tag and length. */
  whole: Buffer;
  body: Buffer;
}

function elementAt(octets: Buffer, at: number): Der {
  if (at + 2 > octets.length) throw new Error('DER: an element is cut off');
  const tag = octets[at];
  if ((tag & 0x1f) === 0x1f) throw new Error('DER: a tag of more than one octet');
  let length = octets[at + 1];
  let from = at + 2;
  if (length >= 0x80) {
    const size = length & 0x7f;
    if (size === 0 || size > 4 || from + size > octets.length) throw new Error('DER: a length is malformed');
    length = octets.readUIntBE(from, size);
    if (length < 0x80 || length < 2 ** (8 * (size - 1))) throw new Error('DER: a length is longer than it needs to be');
    from += size;
  }
  if (from + length > octets.length) throw new Error('DER: an element is cut off');
  return { tag, whole: octets.subarray(at, from + length), body: octets.subarray(from, from + length) };
}

/** The elements in these octets. */
export function elements(octets: Buffer): Der[] {
  const out: Der[] = [];
  for (let at = 0; at < octets.length; ) {
    const one = elementAt(octets, at);
    out.push(one);
    at += one.whole.length;
  }
  return out;
}

function checkElement({ tag, body }: Der, depth: number): void {
  if (depth > DEPTH_MAX) throw new Error(`DER: more than ${DEPTH_MAX} elements inside each other`);
  const isConstructed = (tag & 0x20) !== 0;
  if (tag < 0x40 && isConstructed !== (tag === SEQUENCE || tag === SET))
    throw new Error(`DER: tag ${tag} is constructed where it may not be, or the other way round`);
  if (tag === BOOLEAN && (body.length !== 1 || (body[0] !== 0 && body[0] !== 0xff)))
    throw new Error('DER: a BOOLEAN is malformed');
  if (tag === INTEGER) integerOf({ tag, body, whole: body });
  if (tag === BIT_STRING) bitsOf({ tag, body, whole: body });
  if (tag === OID) oidOf({ tag, body, whole: body });
  if (tag === NULL && body.length !== 0) throw new Error('DER: a NULL is malformed');
  if (isConstructed) for (const one of elements(body)) checkElement(one, depth + 1);
}

/** Reads octets that are one element, DER in all its depth. */
export function readDer(octets: Buffer): Der {
  const one = elementAt(octets, 0);
  if (one.whole.length !== octets.length) throw new Error('DER: octets follow the element');
  checkElement(one, 1);
  return one;
}

/** The element, if it has this tag. */
export function expect(one: Der | undefined, tag: number, name: string): Der {
  if (one === undefined) throw new Error(`${name} is missing`);
  if (one.tag !== tag) throw new Error(`${name} has tag ${one.tag}: must be ${tag}`);
  return one;
}

/** The elements of a SEQUENCE. */
export function sequenceOf(one: Der | undefined, name: string): Der[] {
  return elements(expect(one, SEQUENCE, name).body);
}

export function integerOf({ body }: Der): bigint {
  if (body.length === 0 || body.length > 1024) throw new Error('DER: an INTEGER is malformed');
  const isPadded = body.length > 1 && ((body[0] === 0 && body[1] < 0x80) || (body[0] === 0xff && body[1] >= 0x80));
  if (isPadded) throw new Error('DER: an INTEGER is longer than it needs to be');
  return BigInt.asIntN(8 * body.length, BigInt('0x' + body.toString('hex')));
}

export interface Bits {
  unused: number;
  octets: Buffer;
}

export function bitsOf({ body }: Der): Bits {
  const unused = body[0];
  const last = body[body.length - 1];
  if (body.length === 0 || unused > 7 || (body.length === 1 && unused > 0))
    throw new Error('DER: a BIT STRING is malformed');
  if ((last & ((1 << unused) - 1)) !== 0 && body.length > 1)
    throw new Error('DER: unused bits of a BIT STRING are not zero');
  return { unused, octets: body.subarray(1) };
}

export function oidOf({ body }: Der): string {
  const arcs: bigint[] = [];
  let value = 0n;
  let isBegin = true;
  if (body.length > 64) throw new Error('DER: an OBJECT IDENTIFIER is too long');
  for (const octet of body) {
    if (isBegin && octet === 0x80) throw new Error('DER: an OBJECT IDENTIFIER is malformed');
    value = value * 128n + BigInt(octet & 0x7f);
    isBegin = octet < 0x80;
    if (isBegin) {
      arcs.push(value);
      value = 0n;
    }
  }
  if (arcs.length === 0 || !isBegin) throw new Error('DER: an OBJECT IDENTIFIER is malformed');
  const first = arcs[0] < 80n ? arcs[0] / 40n : 2n;
  return [first, arcs[0] - first * 40n, ...arcs.slice(1)].join('.');
}

/** Milliseconds since 1970 of UTCTime or GeneralizedTime; until 2049 the former [RFC 5280 §4.1.2.5]. `isGeneral`: the latter alone. */
export function timeOf({ tag, body }: Der, isGeneral = false): number {
  const text = body.toString('latin1');
  const isUtc = tag === UTC_TIME && !isGeneral;
  if ((!isUtc && tag !== GENERALIZED_TIME) || !/^\d+Z$/.test(text) || text.length !== (isUtc ? 13 : 15))
    throw new Error('a time is malformed');
  const full = isUtc ? (Number(text.slice(0, 2)) >= 50 ? '19' : '20') + text : text;
  const iso = full.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6.000Z');
  const time = Date.parse(iso);
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso) throw new Error('a time is malformed');
  if (!isUtc && !isGeneral && full < '2050') throw new Error('a time before 2050 is not UTCTime');
  return time;
}

// Writing.

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const digits = body.length.toString(16);
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 + length.length), length, body]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(SEQUENCE, ...parts);

/** SET OF: its elements are sorted. */
export const setOf = (...parts: readonly Buffer[]): Buffer => der(SET, ...[...parts].sort(Buffer.compare));

/** A number that is not negative. */
export function integer(value: bigint | number): Buffer {
  const digits = BigInt(value).toString(16);
  const octets = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return octets[0] >= 0x80 ? der(INTEGER, Buffer.of(0), octets) : der(INTEGER, octets);
}

export const bitString = (octets: Uint8Array, unused = 0): Buffer => der(BIT_STRING, Buffer.of(unused), octets);
export const octetString = (octets: Uint8Array): Buffer => der(OCTET_STRING, octets);
export const ia5 = (text: string): Buffer => der(IA5_STRING, Buffer.from(text, 'latin1'));

export function oid(text: string): Buffer {
  const [a, b, ...rest] = text.split('.').map(BigInt);
  const octets = [a * 40n + b, ...rest].flatMap((arc) => {
    const out = [Number(arc & 127n)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) out.unshift(Number(left & 127n) | 0x80);
    return out;
  });
  return der(OID, Buffer.from(octets));
}

export function time(ms: number, isGeneral = false): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  const isUtc = !isGeneral && text < '2050';
  return isUtc
    ? der(UTC_TIME, Buffer.from(text.slice(2), 'latin1'))
    : der(GENERALIZED_TIME, Buffer.from(text, 'latin1'));
}
