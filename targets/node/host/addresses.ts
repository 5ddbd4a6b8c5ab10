// IP addresses as text and as octets. Strict: only text that node:net accepts as an address, no prefix length, and a zone only
// where a socket takes it.

import { isIPv4, isIPv6 } from 'node:net';
import { addressText } from './explain/address-text.ts';

export { addressText };

/** 4 octets of a dotted IPv4 address, 16 octets of an IPv6 address, undefined for anything else. */
export function addressOctets(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  // An IPv4 tail (::ffff:192.0.2.1) becomes two groups.
  const groupsText = !text.includes('.')
    ? text
    : text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...parts: string[]) => {
        const [a, b, c, d] = parts.slice(0, 4).map(Number);
        return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
      });
  const [head, tail] = groupsText.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const octets = new Uint8Array(16);
  const put = (groups: string[], from: number): void => {
    for (let i = 0; i < groups.length; i++) {
      const value = Number.parseInt(groups[i], 16);
      octets[2 * (from + i)] = value >>> 8;
      octets[2 * (from + i) + 1] = value & 0xff;
    }
  };
  put(head, 0);
  if (tail !== undefined) put(tail, 8 - tail.length);
  return octets;
}

/** The zone of an address, `%eth0`, or '' [RFC 4007 §11]. */
export function zoneOf(text: string): string {
  const at = text.indexOf('%');
  return at < 0 ? '' : text.slice(at);
}

/** The octets of an address that a socket is bound to, or sends to: an IPv6 address that is not `::` may have a zone. */
export function socketOctets(text: string): Uint8Array | undefined {
  const zone = zoneOf(text);
  const octets = addressOctets(text.slice(0, text.length - zone.length));
  const mayHave = octets?.length === 16 && zone.length > 1 && octets.some((octet) => octet !== 0);
  return zone === '' || mayHave ? octets : undefined;
}

/** The text of an address for a socket in `zone`, which only link-local addresses get [RFC 4007 §6]. */
export function socketText(octets: Uint8Array, zone: string): string {
  const isLocal = octets.length === 16 && octets[0] === 0xfe && (octets[1] & 0xc0) === 0x80;
  return isLocal ? addressText(octets) + zone : addressText(octets);
}

/** Why a text is no address of `kind`, `an IP address`: what is wrong with one that has a zone (`fe80::1%eth0`) is said. */
export function addressLimit(text: unknown, kind: string): string {
  const [address, zone] = String(text).split('%');
  return zone !== undefined && isIPv6(address) ? `must be ${kind} without a zone (%${zone})` : `must be ${kind}`;
}

/** True for the range of every address of a family. */
export function isEvery(start: Uint8Array, end: Uint8Array): boolean {
  return start.every((octet) => octet === 0) && end.every((octet) => octet === 255);
}
