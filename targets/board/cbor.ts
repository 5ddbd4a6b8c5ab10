// A reader of CBOR [RFC 8949] that walks octets in place. It reads whole numbers up to 2^53, byte strings, text, arrays and
// maps of definite length. It skips tags, floats and simple values, and refuses indefinite lengths and reserved forms.
// It never throws: the first wrong octet sets `bad`, and from then on every answer is NOTHING.

export const CBOR_UNSIGNED = 0;
export const CBOR_NEGATIVE = 1;
export const CBOR_OCTETS = 2;
export const CBOR_TEXT = 3;
export const CBOR_ARRAY = 4;
export const CBOR_MAP = 5;
const CBOR_TAG = 6;
export const CBOR_NOTHING = -1;

/** Most nested items that are skipped. */
const DEPTH = 8;

export interface CborReader {
  buffer: Uint8Array;
  at: number;
  end: number;
  bad: boolean;
  /** Of the last head: the number (-1 - value where negative), octets of a string, items of an array, pairs of a map. */
  value: number;
}

export function createCborReader(buffer: Uint8Array, at: number, end: number): CborReader {
  return { buffer: buffer, at: at, end: end, bad: false, value: 0 };
}

function refuse(r: CborReader): number {
  r.bad = true;
  r.value = 0;
  return CBOR_NOTHING;
}

/**
 * Reads the head of an item: returns its major type (CBOR_*), and writes its argument to `value`. The octets of a string are
 * checked to be there, at `r.at`; the items of an array or a map are not.
 */
export function cborHead(r: CborReader): number {
  if (r.bad || r.at >= r.end) return refuse(r);
  const first = r.buffer[r.at++];
  const kind = first >>> 5;
  const info = first & 31;
  let value = info;
  if (info > 27) return refuse(r);
  if (info >= 24) {
    const size = 1 << (info - 24);
    if (r.at + size > r.end) return refuse(r);
    // From 2^53 on numbers are not whole, and on Lua they wrap. The bits of a float come here too; their value is not used.
    const isWide = size === 8 && (r.buffer[r.at] !== 0 || r.buffer[r.at + 1] > 31);
    if (isWide && kind <= CBOR_MAP) return refuse(r);
    value = 0;
    for (let i = isWide ? 2 : 0; i < size; i++) value = value * 256 + r.buffer[r.at + i];
    r.at += size;
  }
  if ((kind === CBOR_OCTETS || kind === CBOR_TEXT) && value > r.end - r.at) return refuse(r);
  r.value = value;
  return kind;
}

function skipIn(r: CborReader, depth: number): void {
  const kind = cborHead(r);
  if (kind === CBOR_OCTETS || kind === CBOR_TEXT) r.at += r.value;
  if (kind < CBOR_ARRAY || kind > CBOR_TAG) return;
  // Each item has at least one octet, so the octets end a count that is too large.
  const items = kind === CBOR_TAG ? 1 : kind === CBOR_MAP ? 2 * r.value : r.value;
  if (depth === 0) refuse(r);
  for (let i = 0; i < items && !r.bad; i++) skipIn(r, depth - 1);
}

/** Skips an item of any type. */
export function cborSkip(r: CborReader): void {
  skipIn(r, DEPTH);
}
