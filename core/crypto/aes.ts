// AES-128, the forward direction [FIPS 197 §5.1, §5.2]. Decryption is in aes-inverse.ts: CCM needs none of it.
//
// A round works on the state's eight 16-bit halves with four tables of 256 16-bit entries (2 kB): SubBytes and
// MixColumns of one octet give half a column by one look-up. Sixteen bits, because JerryScript keeps integers beyond
// 28 bits on its heap, and because no sign or mask is needed then on Lua. Interpreters pay per operation: a round has
// some 90 of them, a byte-wise one twice as many.
//
// NOT constant time: look-ups with secret indices leak through a data cache, if there is one. A target with native AES
// should use that instead [SECURITY.md].

import { put16 } from '../base/bytes.ts';

// SubBytes S(x) times the coefficients of MixColumns, as (high octet, low octet).
const T21 = /* @__PURE__ */ new Uint16Array(256); // (2S, S)
const T32 = /* @__PURE__ */ new Uint16Array(256); // (3S, 2S)
const T13 = /* @__PURE__ */ new Uint16Array(256); // (S, 3S)
const T11 = /* @__PURE__ */ new Uint16Array(256); // (S, S); the S-box itself is its low octet

/** Number of 16-bit entries of an expanded AES-128 key: 11 round keys. */
export const AES_ROUND_KEYS = 88;

/** Multiplication by x in GF(2^8) [FIPS 197 §4.2.1]. */
export function xtime(x: number): number {
  return (x << 1) ^ ((x >>> 7) * 0x11b);
}

// S(x): p runs through the field's non-zero elements as powers of the generator 3, q through their inverses.
function makeTables(): void {
  let p = 1;
  let q = 1;
  let s = 0x63;
  let x = 0;
  for (let i = 0; i < 256; i++) {
    const s2 = xtime(s);
    T21[x] = (s2 << 8) | s;
    T32[x] = ((s2 ^ s) << 8) | s2;
    T13[x] = (s << 8) | (s2 ^ s);
    T11[x] = s * 257;
    p = p ^ xtime(p);
    // Division by 3: q times 0xf6.
    q = q ^ (q << 1);
    q = q ^ (q << 2);
    q = (q ^ (q << 4)) & 0xff;
    q = q ^ ((q >>> 7) * 9);
    x = p;
    // [FIPS 197 §5.1.1] the affine map: q times 257 puts rotations of q next to each other.
    const r = q * 257;
    s = ((r ^ (r >>> 4) ^ (r >>> 5) ^ (r >>> 6) ^ (r >>> 7)) & 0xff) ^ 0x63;
  }
}

/** S-box look-up [FIPS 197 §5.1.1]; only after `aesExpand` ran once. */
export function subByte(x: number): number {
  return T11[x] & 0xff;
}

/** Key expansion [FIPS 197 §5.2]: 16 octets of `key` to AES_ROUND_KEYS entries. */
export function aesExpand(key: Uint8Array): Uint16Array {
  const w = new Uint16Array(AES_ROUND_KEYS);
  if (T11[0] === 0) makeTables();
  for (let i = 0; i < 8; i++) w[i] = (key[2 * i] << 8) | key[2 * i + 1];
  let rcon = 1;
  for (let i = 8; i < AES_ROUND_KEYS; i += 2) {
    let high = w[i - 2];
    let low = w[i - 1];
    if ((i & 7) === 0) {
      const first = T11[high >>> 8] & 0xff;
      high = (T11[high & 0xff] & 0xff00) ^ (T11[low >>> 8] & 0xff) ^ (rcon << 8);
      low = (T11[low & 0xff] & 0xff00) ^ first;
      rcon = xtime(rcon);
    }
    w[i] = w[i - 8] ^ high;
    w[i + 1] = w[i - 7] ^ low;
  }
  return w;
}

/** Encrypts the 16 octets of `from` to `to`, which may be the same array [FIPS 197 §5.1]. */
export function aesEncrypt(w: Uint16Array, from: Uint8Array, to: Uint8Array): void {
  // Locals: interpreters find them faster than the module's.
  const p = T21;
  const q = T32;
  const r = T13;
  const s = T11;
  let a = ((from[0] << 8) | from[1]) ^ w[0];
  let b = ((from[2] << 8) | from[3]) ^ w[1];
  let c = ((from[4] << 8) | from[5]) ^ w[2];
  let d = ((from[6] << 8) | from[7]) ^ w[3];
  let e = ((from[8] << 8) | from[9]) ^ w[4];
  let f = ((from[10] << 8) | from[11]) ^ w[5];
  let g = ((from[12] << 8) | from[13]) ^ w[6];
  let h = ((from[14] << 8) | from[15]) ^ w[7];
  let i = 8;
  // The four octets of one column after ShiftRows.
  let t = 0;
  let u = 0;
  let v = 0;
  let x = 0;
  while (i < 80) {
    t = a >>> 8;
    u = c & 0xff;
    v = f >>> 8;
    x = h & 0xff;
    const a1 = p[t] ^ q[u] ^ r[v] ^ s[x] ^ w[i];
    const b1 = r[t] ^ s[u] ^ p[v] ^ q[x] ^ w[i + 1];
    t = c >>> 8;
    u = e & 0xff;
    v = h >>> 8;
    x = b & 0xff;
    const c1 = p[t] ^ q[u] ^ r[v] ^ s[x] ^ w[i + 2];
    const d1 = r[t] ^ s[u] ^ p[v] ^ q[x] ^ w[i + 3];
    t = e >>> 8;
    u = g & 0xff;
    v = b >>> 8;
    x = d & 0xff;
    const e1 = p[t] ^ q[u] ^ r[v] ^ s[x] ^ w[i + 4];
    const f1 = r[t] ^ s[u] ^ p[v] ^ q[x] ^ w[i + 5];
    t = g >>> 8;
    u = a & 0xff;
    v = d >>> 8;
    x = f & 0xff;
    g = p[t] ^ q[u] ^ r[v] ^ s[x] ^ w[i + 6];
    h = r[t] ^ s[u] ^ p[v] ^ q[x] ^ w[i + 7];
    a = a1;
    b = b1;
    c = c1;
    d = d1;
    e = e1;
    f = f1;
    i += 8;
  }
  // The last round has no MixColumns. The columns take turns in the variables of the first.
  for (i = 0; i < 8; i += 2) {
    put16(to, 2 * i, (s[a >>> 8] & 0xff00) ^ (s[c & 0xff] & 0xff) ^ w[80 + i]);
    put16(to, 2 * i + 2, (s[f >>> 8] & 0xff00) ^ (s[h & 0xff] & 0xff) ^ w[81 + i]);
    t = a;
    a = c;
    c = e;
    e = g;
    g = t;
    t = b;
    b = d;
    d = f;
    f = h;
    h = t;
  }
}
