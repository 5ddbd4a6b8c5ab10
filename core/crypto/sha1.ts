// SHA-1 of one range [FIPS 180-4 §5, §6.1], only for the NAT_DETECTION notifies of IKEv2 [RFC 7296 §2.23]: there it hides
// addresses, and no security depends on it. Messages have about 30 octets, so size comes before speed.

import { put32 } from '../base/bytes.ts';

// [FIPS 180-4 §5.3.1] in halves, as integers beyond 28 bits cost JerryScript heap.
const H0 = [0x6745, 0x2301, 0xefcd, 0xab89, 0x98ba, 0xdcfe, 0x1032, 0x5476, 0xc3d2, 0xe1f0];
// [FIPS 180-4 §4.2.1] The constants are 2^30 times the square roots of these.
const ROOTS = [2, 3, 5, 10];

/** SHA-1 of buffer[offset..offset+length), below 2^28 octets: 20 octets to out[outOffset..). */
export function sha1(buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number): void {
  const w = new Int32Array(16);
  const h = new Int32Array(5);
  for (let i = 0; i < 5; i++) h[i] = ((H0[2 * i] << 16) | H0[2 * i + 1]) & 0xffffffff;
  // Blocks until the 0x80 and eight octets of length [FIPS 180-4 §5.1.1] are in.
  for (let start = 0; start < length + 9; start += 64) {
    let a = h[0];
    let b = h[1];
    let c = h[2];
    let d = h[3];
    let e = h[4];
    for (let t = 0; t < 80; t++) {
      const s = t & 15;
      let x = 0;
      if (t < 16) {
        const at = start + 4 * t;
        for (let i = at; i < at + 4; i++) x = (x << 8) | (i < length ? buffer[offset + i] : i === length ? 0x80 : 0);
        if (t === 15 && at > length + 4) x = 8 * length;
      } else {
        x = w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[s];
        x = (x << 1) | (x >>> 31);
      }
      w[s] = x & 0xffffffff;
      const round = Math.floor(t / 20);
      let f = b ^ c ^ d;
      if (round === 0) f = d ^ (b & (c ^ d));
      else if (round === 2) f = (b & c) | (d & (b | c));
      x = ((a << 5) | (a >>> 27)) + f + e + Math.floor(Math.sqrt(ROOTS[round]) * 1073741824) + w[s]; // wide
      e = d;
      d = c;
      c = ((b << 30) | (b >>> 2)) & 0xffffffff;
      b = a;
      a = x & 0xffffffff;
    }
    h[0] = (h[0] + a) & 0xffffffff;
    h[1] = (h[1] + b) & 0xffffffff;
    h[2] = (h[2] + c) & 0xffffffff;
    h[3] = (h[3] + d) & 0xffffffff;
    h[4] = (h[4] + e) & 0xffffffff;
  }
  for (let i = 0; i < 5; i++) put32(out, outOffset + 4 * i, h[i]);
}
