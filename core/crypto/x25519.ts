// X25519 [RFC 7748 §5]: key exchange method 31 of IKE [RFC 8031].
//
// An element of GF(2^255 - 19) is 12 limbs, limb i worth 2^ceil(21.25 i): 22 bits, then three times 21, three times over.
// Every limb is signed, about half its range to either side, so that a column of a product of two sums stays below 2^51:
// exact in the doubles of JavaScript and in the integers of Lua, with 144 multiplications. Limbs i and j meet in
// the column of limb i + j, or one bit above it: twice their product, then (both of i, j modulo 4 not 0 and together at
// most 4).
//
// No branch and no index depends on a secret. But an engine may treat numbers by size: interpreters that separate small
// integers and doubles show some of that in time [SECURITY.md].

const LIMBS = 12;

// The second factor of a product, limbs -11 to 11 (limb i - 12 is 19 times limb i), and twice that.
const once = /* @__PURE__ */ new Int32Array(23);
const twice = /* @__PURE__ */ new Int32Array(23);
// Columns that are to be carried.
const columns = /* @__PURE__ */ new Float64Array(LIMBS);

// 2 to the number of bits of limb i.
function range(i: number): number {
  return (i & 3) === 0 ? 4194304 : 2097152;
}

// to = columns, carried: below half a limb's range with half = 0.5; with half = 0 limbs that are not negative, except
// that the last carry's 19 times are added to limb 0 only.
function carry(to: Int32Array, half: number): void {
  const t = columns;
  let q = Math.floor(t[11] / 2097152 + half);
  t[11] = t[11] - q * 2097152;
  q = q * 19;
  for (let i = 0; i < LIMBS; i++) {
    const m = range(i);
    const x = t[i] + q;
    q = Math.floor(x / m + half);
    to[i] = x - q * m;
  }
  to[0] = to[0] + 19 * q;
}

// to = a b; all three may be the same.
function multiply(to: Int32Array, a: Int32Array, b: Int32Array): void {
  const p = once;
  const p2 = twice;
  for (let i = 0; i < LIMBS; i++) {
    const x = b[i];
    p[11 + i] = x;
    p2[11 + i] = 2 * x;
    if (i > 0) {
      p[i - 1] = 19 * x;
      p2[i - 1] = 38 * x;
    }
  }
  for (let k = 0; k < LIMBS; k++) {
    // Which of limbs 4n + 1, 4n + 2, 4n + 3 of `a` count twice in this column.
    const r = k & 3;
    const q1 = r === 1 ? p : p2;
    const q2 = r === 0 || r === 3 ? p2 : p;
    const q3 = r === 0 ? p2 : p;
    const j = k + 11;
    // Without a loop, because Espruino then needs a third less time.
    columns[k] =
      a[0] * p[j] +
      a[1] * q1[j - 1] +
      a[2] * q2[j - 2] +
      a[3] * q3[j - 3] +
      a[4] * p[j - 4] +
      a[5] * q1[j - 5] +
      a[6] * q2[j - 6] +
      a[7] * q3[j - 7] +
      a[8] * p[j - 8] +
      a[9] * q1[j - 9] +
      a[10] * q2[j - 10] +
      a[11] * q3[j - 11];
  }
  carry(to, 0.5);
}

// a, b = a + b, a - b
function sums(a: Int32Array, b: Int32Array): void {
  for (let i = 0; i < LIMBS; i++) {
    const x = a[i];
    a[i] = x + b[i];
    b[i] = x - b[i];
  }
}

// Exchanges a and b when `bit` is 1, not when it is 0.
function swap(bit: number, a: Int32Array, b: Int32Array): void {
  for (let i = 0; i < LIMBS; i++) {
    const x = bit * (a[i] - b[i]);
    a[i] = a[i] - x;
    b[i] = b[i] + x;
  }
}

// to = a^(2^n) b, n > 0; t is not a or b.
function squares(to: Int32Array, a: Int32Array, n: number, b: Int32Array, t: Int32Array): void {
  multiply(t, a, a);
  for (let i = 1; i < n; i++) multiply(t, t, t);
  multiply(to, t, b);
}

/**
 * X25519 of the 32-octet scalar and the 32-octet u-coordinate; writes 32 octets to out[outAt..), which may overlap both. It
 * clamps the scalar and takes the u-coordinate modulo 2^255, then modulo p [RFC 7748 §5]. The caller refuses a result of
 * zeros [RFC 8031 §4].
 */
export function x25519(
  out: Uint8Array,
  outAt: number,
  scalar: Uint8Array,
  scalarAt: number,
  u: Uint8Array,
  uAt: number,
): void {
  const x1 = new Int32Array(LIMBS);
  const x2 = new Int32Array(LIMBS);
  const z2 = new Int32Array(LIMBS);
  const x3 = new Int32Array(LIMBS);
  const z3 = new Int32Array(LIMBS);
  const e = new Int32Array(LIMBS);
  const f = new Int32Array(LIMBS);
  let k = 0;
  let rest = 0;
  // 2 to the number of bits in `rest`.
  let unit = 1;
  for (let i = 0; i < 32; i++) {
    rest += u[uAt + i] * unit;
    unit *= 256;
    const m = range(k);
    if (unit >= m) {
      x1[k] = rest % m;
      x3[k] = x1[k];
      rest = Math.floor(rest / m);
      unit = Math.floor(unit / m);
      k++;
    }
  }
  x2[0] = 1;
  z3[0] = 1;
  // [RFC 7748 §5] The ladder, names as there; clamped: bit 254 is 1, bits 2 to 0 are 0.
  let last = 0;
  for (let t = 254; t >= 0; t--) {
    let bit = t === 254 ? 1 : 0;
    if (t < 254 && t > 2) bit = (scalar[scalarAt + (t >>> 3)] >>> (t & 7)) & 1;
    swap(bit ^ last, x2, x3);
    swap(bit ^ last, z2, z3);
    last = bit;
    sums(x2, z2);
    sums(x3, z3);
    multiply(x3, x3, z2);
    multiply(z3, z3, x2);
    sums(x3, z3);
    multiply(x3, x3, x3);
    multiply(z3, z3, z3);
    multiply(z3, z3, x1);
    multiply(x2, x2, x2);
    multiply(z2, z2, z2);
    for (let i = 0; i < LIMBS; i++) {
      e[i] = x2[i] - z2[i];
      columns[i] = x2[i] + 121665 * e[i];
    }
    carry(f, 0.5);
    multiply(x2, x2, z2);
    multiply(z2, e, f);
  }
  // Bit 0 of a clamped scalar is 0: nothing to swap back. z2^(p - 2), p - 2 = 2^255 - 21: 50 times the five bits 11111,
  // then 01011.
  squares(x3, z2, 3, z2, e);
  squares(x1, z2, 1, x3, e);
  squares(x3, x1, 1, x3, e);
  squares(z3, x3, 5, x3, e);
  for (let i = 0; i < 49; i++) squares(z3, z3, 5, i < 48 ? x3 : x1, e);
  multiply(x2, x2, z3);
  // To 0..2^255 - 1 in two rounds; then x + 19 loses 2^255 - 19 if x was not below that, and -19.
  for (let n = 0; n < 4; n++) {
    for (let i = 0; i < LIMBS; i++) columns[i] = x2[i];
    if (n > 1) columns[0] = columns[0] + (n === 2 ? 19 : -19);
    carry(x2, 0);
  }
  k = outAt;
  rest = 0;
  unit = 1;
  for (let i = 0; i < LIMBS; i++) {
    rest += x2[i] * unit;
    unit *= range(i);
    while (unit >= 256) {
      out[k] = rest & 0xff;
      rest = Math.floor(rest / 256);
      unit = Math.floor(unit / 256);
      k++;
    }
  }
  out[k] = rest & 0xff;
  const used = [x1, x2, z2, x3, z3, e, f, once, twice];
  for (let n = 0; n < used.length; n++) for (let i = 0; i < used[n].length; i++) used[n][i] = 0;
  for (let i = 0; i < LIMBS; i++) columns[i] = 0;
}
