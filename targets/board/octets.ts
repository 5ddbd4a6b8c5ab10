// Converts text to octets and back, for keys and addresses in programs.

/** The octets of a string, one for each character code. */
export function octetsOf(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i) & 0xff;
  return octets;
}

const DIGITS = '0123456789abcdef';

/** The octets of hexadecimal digits. Throws at another character, or at half an octet. */
export function hexOctets(digits: string): Uint8Array {
  const octets = new Uint8Array(Math.floor(digits.length / 2));
  for (let i = 0; i < digits.length; i++) {
    const value = DIGITS.indexOf(digits.charAt(i).toLowerCase());
    if (value < 0) throw new Error('hex: ' + digits.charAt(i) + ' is no hexadecimal digit');
    if (i >= 2 * octets.length) throw new Error('hex: an odd number of digits');
    const at = Math.floor(i / 2);
    octets[at] = octets[at] * 16 + value;
  }
  return octets;
}

/** A string with a character for each octet. */
export function textOf(octets: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < octets.length; i++) parts.push(String.fromCharCode(octets[i]));
  return parts.join('');
}
