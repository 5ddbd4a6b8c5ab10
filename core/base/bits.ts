// Bit strings in octet buffers: position 0 is the most significant bit of octet 0 (the order of RFC 8724 §7.5 and of
// every header figure). Callers have checked the bounds.

/** 2^bits, for 0 to 32 bits. */
export function power(bits: number): number {
  return bits === 32 ? 65536 * 65536 : ((1 << bits) & 0xffffffff) >>> 0; // wide
}

/** `count` bits (0..32) at bit position `bit`, as an unsigned number. */
export function getBits(buffer: Uint8Array, bit: number, count: number): number {
  let value = 0;
  let at = bit;
  let left = count;
  while (left > 0) {
    const inOctet = at & 7;
    let take = 8 - inOctet;
    if (left < take) take = left;
    value = value * (1 << take) + ((buffer[at >>> 3] >>> (8 - inOctet - take)) & ((1 << take) - 1));
    at += take;
    left -= take;
  }
  return value;
}

/** Writes the low `count` bits (0..32) of `value` at bit position `bit`; the bits around them stay. */
export function putBits(buffer: Uint8Array, bit: number, count: number, value: number): void {
  let at = bit;
  let left = count;
  while (left > 0) {
    const inOctet = at & 7;
    let take = 8 - inOctet;
    if (left < take) take = left;
    const shift = 8 - inOctet - take;
    const mask = ((1 << take) - 1) << shift;
    const bits = (value >>> (left - take)) << shift;
    buffer[at >>> 3] = (buffer[at >>> 3] & ~mask & 0xff) | (bits & mask);
    at += take;
    left -= take;
  }
}

/** Copies `count` bits from one bit position to another; the bits around the target stay. No overlap. */
export function copyBits(to: Uint8Array, toBit: number, from: Uint8Array, fromBit: number, count: number): void {
  let target = toBit;
  let source = fromBit;
  let left = count;
  while (left > 0) {
    if ((target & 7) === 0 && (source & 7) === 0 && left >= 8) {
      to[target >>> 3] = from[source >>> 3];
      target += 8;
      source += 8;
      left -= 8;
    } else {
      const room = 8 - (target & 7);
      let take = 8 - (source & 7);
      if (room < take) take = room;
      if (left < take) take = left;
      putBits(to, target, take, getBits(from, source, take));
      target += take;
      source += take;
      left -= take;
    }
  }
}
