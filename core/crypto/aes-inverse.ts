// AES-128, the inverse direction [FIPS 197 §5.3], for CBC. It has a file of its own, so that a bundle without CBC lacks it.
// It works octet by octet, because no sensor's data plane needs it.

import { subByte, xtime } from './aes.ts';

const inverse = /* @__PURE__ */ new Uint8Array(256);
const t = /* @__PURE__ */ new Uint8Array(16);

// [FIPS 197 §5.3.3] The inverse matrix is the forward one times circ(5, 0, 4, 0): add 4(a + c) to a and c, 4(b + d)
// to b and d, then MixColumns.
function inverseMixColumns(): void {
  for (let i = 0; i < 16; i += 4) {
    const u = xtime(xtime(t[i] ^ t[i + 2]));
    const v = xtime(xtime(t[i + 1] ^ t[i + 3]));
    const a = t[i] ^ u;
    const b = t[i + 1] ^ v;
    const c = t[i + 2] ^ u;
    const d = t[i + 3] ^ v;
    const sum = a ^ b ^ c ^ d;
    t[i] = a ^ sum ^ xtime(a ^ b);
    t[i + 1] = b ^ sum ^ xtime(b ^ c);
    t[i + 2] = c ^ sum ^ xtime(c ^ d);
    t[i + 3] = d ^ sum ^ xtime(d ^ a);
  }
}

/** Decrypts 16 octets of `buffer` in place, with the round keys `w` of `aesExpand`. */
export function aesDecrypt(w: Uint16Array, buffer: Uint8Array, offset: number): void {
  if (inverse[0] === 0) for (let i = 0; i < 256; i++) inverse[subByte(i)] = i;
  for (let i = 0; i < 16; i++) t[i] = buffer[offset + i];
  for (let round = 80; round >= 0; round -= 8) {
    for (let i = 0; i < 8; i++) {
      t[2 * i] = t[2 * i] ^ (w[round + i] >>> 8);
      t[2 * i + 1] = t[2 * i + 1] ^ (w[round + i] & 0xff);
    }
    if (round < 80 && round > 0) inverseMixColumns();
    // InvShiftRows and InvSubBytes: row r moves right by r columns. The last round key ends it.
    for (let i = 0; i < 16; i++) {
      if (round > 0) buffer[offset + ((i + 4 * (i & 3)) & 15)] = inverse[t[i]];
      else buffer[offset + i] = t[i];
    }
    for (let i = 0; i < 16; i++) t[i] = buffer[offset + i];
  }
}
