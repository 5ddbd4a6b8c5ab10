// Reading, writing and comparing octets in caller-owned buffers. Integers are in network byte order (most
// significant octet first) unless the name ends in Le. Nothing here checks bounds: callers have run the header's
// check, or own the buffer. Stored values are masked because on Lua a byte array is a plain table.

export { copy, equal, fill } from './spans.ts';

/** 16-bit unsigned integer at `offset`. */
export function u16(buffer: Uint8Array, offset: number): number {
  return (buffer[offset] << 8) | buffer[offset + 1];
}

/** 32-bit unsigned integer at `offset`. */
export function u32(buffer: Uint8Array, offset: number): number {
  return (
    (((buffer[offset] << 24) | (buffer[offset + 1] << 16) | (buffer[offset + 2] << 8) | buffer[offset + 3]) &
      0xffffffff) >>>
    0
  );
}

/** Writes the low 16 bits of `value` at `offset`. */
export function put16(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = (value >>> 8) & 0xff;
  buffer[offset + 1] = value & 0xff;
}

/** Writes the low 32 bits of `value` at `offset`. */
export function put32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = (value >>> 24) & 0xff;
  buffer[offset + 1] = (value >>> 16) & 0xff;
  buffer[offset + 2] = (value >>> 8) & 0xff;
  buffer[offset + 3] = value & 0xff;
}

/** Compares two `length`-octet numbers: -1, 0 or 1 when the one at `a` is below, equal to or above the one at `b`. */
export function compare(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): number {
  for (let i = 0; i < length; i++) {
    const difference = a[aOffset + i] - b[bOffset + i];
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return 0;
}
