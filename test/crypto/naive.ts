// A second, slow implementation of AES-128, AES-CCM and SHA-256, straight from the standards: arrays, field arithmetic without
// tables, BigInt for the hash's constants. It shares nothing with core/crypto, which the tests compare with it.

type Octets = number[];

// [FIPS 197 §4.2] Multiplication in GF(2^8): shift and add.
function gf(a: number, b: number): number {
  let product = 0;
  let x = a;
  for (let y = b; y > 0; y = Math.floor(y / 2)) {
    if (y % 2 === 1) product ^= x;
    x *= 2;
    if (x > 255) x ^= 0x11b;
  }
  return product;
}

// [FIPS 197 §5.1.1] The inverse by search, then the affine map bit by bit.
function sBox(x: number): number {
  let inverse = 0;
  for (let y = 1; y < 256; y++) if (gf(x, y) === 1) inverse = y;
  const bit = (n: number): number => Math.floor(inverse / 2 ** (n % 8)) % 2;
  let result = 0;
  for (let n = 0; n < 8; n++) {
    const sum = bit(n) + bit(n + 4) + bit(n + 5) + bit(n + 6) + bit(n + 7) + (Math.floor(0x63 / 2 ** n) % 2);
    result += (sum % 2) * 2 ** n;
  }
  return result;
}

const S: Octets = Array.from({ length: 256 }, (_, x) => sBox(x));

const xor = (a: Octets, b: Octets): Octets => a.map((octet, n) => octet ^ b[n]);

function roundKeys(key: Octets): Octets[] {
  const words: Octets[] = [0, 4, 8, 12].map((n) => key.slice(n, n + 4));
  let rcon = 1;
  while (words.length < 44) {
    const n = words.length;
    let word = words[n - 1];
    if (n % 4 === 0) {
      word = [...word.slice(1), word[0]].map((octet) => S[octet]);
      word[0] ^= rcon;
      rcon = gf(rcon, 2);
    }
    words.push(xor(words[n - 4], word));
  }
  return Array.from({ length: 11 }, (_, r) => words.slice(4 * r, 4 * r + 4).flat());
}

/** AES-128 of one block [FIPS 197 §5.1]. */
export function naiveAes(key: Octets, block: Octets): Octets {
  const keys = roundKeys(key);
  let state = xor(block, keys[0]);
  for (let round = 1; round <= 10; round++) {
    const substituted = state.map((octet) => S[octet]);
    const at = (row: number, column: number): number => substituted[row + 4 * ((column + row) % 4)];
    const next: Octets = [];
    for (let c = 0; c < 4; c++) {
      for (let r = 0; r < 4; r++) {
        const [w, x, y, z] = [0, 1, 2, 3].map((n) => at((r + n) % 4, c));
        next.push(round < 10 ? gf(w, 2) ^ gf(x, 3) ^ y ^ z : w);
      }
    }
    state = xor(next, keys[round]);
  }
  return state;
}

function bigEndian(value: number, length: number): Octets {
  return Array.from({ length }, (_, n) => Math.floor(value / 256 ** (length - 1 - n)) % 256);
}

const padded = (octets: Octets): Octets => [...octets, ...new Array<number>((16 - (octets.length % 16)) % 16).fill(0)];

/** AES-128-CCM of `text`: cipher text and ICV [RFC 3610 §2]; AAD below 65,280 octets. */
export function naiveCcmSeal(key: Octets, nonce: Octets, aad: Octets, text: Octets, icvLength: number): Octets {
  const l = 15 - nonce.length;
  const flags = 64 * (aad.length > 0 ? 1 : 0) + 8 * ((icvLength - 2) / 2) + (l - 1);
  const header = [flags, ...nonce, ...bigEndian(text.length, l)];
  const encodedAad = aad.length > 0 ? padded([...bigEndian(aad.length, 2), ...aad]) : [];
  const input = [...header, ...encodedAad, ...padded(text)];
  let mac: Octets = new Array<number>(16).fill(0);
  for (let at = 0; at < input.length; at += 16) mac = naiveAes(key, xor(mac, input.slice(at, at + 16)));
  const keyStream = (i: number): Octets => naiveAes(key, [l - 1, ...nonce, ...bigEndian(i, l)]);
  const stream: Octets = [];
  for (let i = 1; stream.length < text.length; i++) stream.push(...keyStream(i));
  return [...xor(text, stream), ...xor(mac, keyStream(0)).slice(0, icvLength)];
}

// floor of the n-th root, by bisection.
function root(value: bigint, n: bigint): bigint {
  let low = 0n;
  let high = value + 1n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle ** n <= value) low = middle;
    else high = middle;
  }
  return low;
}

function primes(count: number): number[] {
  const found: number[] = [];
  for (let p = 2; found.length < count; p++) if (found.every((q) => p % q !== 0)) found.push(p);
  return found;
}

const WORD = 2 ** 32;
/** The constants of [FIPS 180-4 §4.2.2] and [§5.3.3], exactly. */
export const naiveK = primes(64).map((p) => Number(root(BigInt(p) << 96n, 3n) % 2n ** 32n));
export const naiveH = primes(8).map((p) => Number(root(BigInt(p) << 64n, 2n) % 2n ** 32n));

const rotr = (x: number, n: number): number => Math.floor(x / 2 ** n) + (x % 2 ** n) * 2 ** (32 - n);
const xor32 = (...words: number[]): number => words.reduce((a, b) => (a ^ b) >>> 0, 0);

/** SHA-256 [FIPS 180-4 §6.2]. */
export function naiveSha256(message: Octets): Octets {
  const zeros = (119 - (message.length % 64)) % 64;
  const data = [...message, 0x80, ...new Array<number>(zeros).fill(0), ...bigEndian(message.length * 8, 8)];
  let hash = naiveH;
  for (let at = 0; at < data.length; at += 64) {
    const w: number[] = [];
    for (let t = 0; t < 64; t++) {
      if (t < 16) {
        w.push(data.slice(at + 4 * t, at + 4 * t + 4).reduce((word, octet) => word * 256 + octet, 0));
        continue;
      }
      const s0 = xor32(rotr(w[t - 15], 7), rotr(w[t - 15], 18), Math.floor(w[t - 15] / 8));
      const s1 = xor32(rotr(w[t - 2], 17), rotr(w[t - 2], 19), Math.floor(w[t - 2] / 1024));
      w.push((s1 + w[t - 7] + s0 + w[t - 16]) % WORD);
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let t = 0; t < 64; t++) {
      const ch = xor32(e & f, ~e & g);
      const maj = xor32(a & b, a & c, b & c);
      const t1 = h + xor32(rotr(e, 6), rotr(e, 11), rotr(e, 25)) + ch + naiveK[t] + w[t];
      const t2 = xor32(rotr(a, 2), rotr(a, 13), rotr(a, 22)) + maj;
      [a, b, c, d, e, f, g, h] = [(t1 + t2) % WORD, a, b, c, (d + t1) % WORD, e, f, g];
    }
    hash = [a, b, c, d, e, f, g, h].map((word, n) => (word + hash[n]) % WORD);
  }
  return hash.flatMap((word) => bigEndian(word, 4));
}
