// struct sockaddr_in and sockaddr_in6 of Linux, from octets and to octets: no text for each datagram.

import { isIPv6 } from 'node:net';
import { addressOctets, zoneOf } from '../addresses.ts';
import type { Libc } from '../libc.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;
/** Room for either. */
export const SOCKADDR_MAX = 28;

export function familyOf(address: Uint8Array): number {
  return address.length === 16 ? AF_INET6 : AF_INET;
}

/** True for fe80::/10, which alone gets a zone [RFC 4007 §6]. */
function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
}

/** Writes one at into[at..at+result). `zone`: index of an interface, or 0. */
export function putSocketAddress(
  into: Uint8Array,
  at: number,
  address: Uint8Array,
  port: number,
  zone: number,
): number {
  const isSix = address.length === 16;
  const size = isSix ? SOCKADDR_MAX : 16;
  into.fill(0, at, at + size);
  into[at] = isSix ? AF_INET6 : AF_INET;
  into[at + 2] = port >>> 8;
  into[at + 3] = port & 0xff;
  into.set(address, at + (isSix ? 8 : 4));
  if (zone !== 0 && isLinkLocal(address)) new DataView(into.buffer, into.byteOffset).setUint32(at + 24, zone, true);
  return size;
}

/** The port of one. */
export function portAt(from: Uint8Array, at: number): number {
  return (from[at + 2] << 8) | from[at + 3];
}

/** Where its address begins. */
export function addressAt(at: number, isSix: boolean): number {
  return at + (isSix ? 8 : 4);
}

/** True where `address` is at octets[at..]. */
export function isAt(octets: Uint8Array, at: number, address: Uint8Array): boolean {
  for (let i = 0; i < address.length; i++) if (octets[at + i] !== address[i]) return false;
  return true;
}

/** The octets and the zone's index of text that `socketOctets` takes; null where there is no such interface. */
export function parseSocketAddress(libc: Libc, text: string): { address: Uint8Array; zone: number } | null {
  const zone = zoneOf(text);
  const plain = text.slice(0, text.length - zone.length);
  const address = addressOctets(plain)!;
  if (zone === '' || !isIPv6(plain)) return { address, zone: 0 };
  const name = zone.slice(1);
  const index = libc.if_nametoindex(name) || (/^\d{1,9}$/.test(name) ? Number(name) : 0);
  return index === 0 ? null : { address, zone: index };
}
