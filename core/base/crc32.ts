// CRC-32 of IEEE 802.3, which finds damaged octets in what a board stores.

/** CRC-32 of buffer[at..end), as high and low 16 bits, so that each fits in 28 bits. */
export function crc32(buffer: Uint8Array, at: number, end: number, out: Uint16Array): void {
  let high = 0xffff;
  let low = 0xffff;
  for (let i = at; i < end; i++) {
    low = low ^ buffer[i];
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1;
      low = (low >>> 1) | ((high & 1) << 15);
      high = high >>> 1;
      if (odd !== 0) {
        high = high ^ 0xedb8;
        low = low ^ 0x8320;
      }
    }
  }
  out[0] = high ^ 0xffff;
  out[1] = low ^ 0xffff;
}
