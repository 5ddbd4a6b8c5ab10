// Templates of octets: strings of hexadecimal digits, which an engine leaves in flash, written or compared where they stand.

/** The octet of two digits of `hex`. */
function octetOf(hex: string, at: number): number {
  const high = hex.charCodeAt(at);
  const low = hex.charCodeAt(at + 1);
  // '0'..'9' are 48..57, 'a'..'f' 97..102.
  return (high > 57 ? high - 87 : high - 48) * 16 + (low > 57 ? low - 87 : low - 48);
}

/** Writes the octets of `hex`. Returns the offset after them. */
export function putHex(buffer: Uint8Array, at: number, hex: string): number {
  for (let i = 0; i < hex.length; i += 2) buffer[at++] = octetOf(hex, i);
  return at;
}

/** True when the octets of `hex` are at `at`. */
export function isHex(buffer: Uint8Array, at: number, hex: string): boolean {
  for (let i = 0; i < hex.length; i += 2) if (buffer[at++] !== octetOf(hex, i)) return false;
  return true;
}
