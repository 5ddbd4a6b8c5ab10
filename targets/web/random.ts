// Randomness in browsers and on Node: the Web Cryptography API, which the system seeds.

/** Octets that one call of getRandomValues gives at most [Web Cryptography API §10.1.1]. */
const MOST = 65536;

/** Fills buffer[offset..offset+length) with random octets. Throws where `globalThis.crypto` is missing. */
export function webRandom(buffer: Uint8Array, offset: number, length: number): void {
  for (let at = offset; at < offset + length; at += MOST) {
    // A view over shared memory is refused by the API, with an error.
    const part = buffer.subarray(at, Math.min(at + MOST, offset + length)) as Uint8Array<ArrayBuffer>;
    globalThis.crypto.getRandomValues(part);
  }
}
