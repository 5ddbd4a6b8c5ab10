// Packets with the headers that AH treats in a way of its own.

import { ADDRESSES } from '../interop/associations.ts';
import { addressOctets } from '../naive/bits.ts';
import { packet, raw, udp } from '../naive/packets.ts';
import { join, type Part, parts } from './naive.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const payload = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (37 * i + length) & 0xff));

/** UDP over IPv4 with options, filled up with End of Options List. */
export function four(options = '', length = 11): Buffer {
  const [src, dst] = ADDRESSES[4];
  const octets = hex(options);
  const padded = Buffer.concat([octets, Buffer.alloc((4 - (octets.length % 4)) % 4)]);
  const ip = { src, dst, hops: 61, dscp: 10, ecn: 1, label: 0x4321, flags: 2, options: padded };
  return packet(ip, udp(5001, 4501, payload(length)));
}

/** An extension header of IPv6 with these octets behind its length, filled up with PadN. */
export function extension(proto: number, content: string): Part {
  const octets = hex(content);
  const left = (8 - ((octets.length + 2) % 8)) % 8;
  const pad =
    left === 0
      ? Buffer.alloc(0)
      : left === 1
        ? Buffer.from([0])
        : Buffer.from([1, left - 2, ...Buffer.alloc(left - 2)]);
  const all = Buffer.concat([Buffer.from([0, (octets.length + left + 2) / 8 - 1]), octets, pad]);
  return { proto, octets: all };
}

export const hop = (options: string): Part => extension(0, options);
export const destination = (options: string): Part => extension(60, options);
export const route = (type: number, left: number, addresses: string[]): Part => {
  const octets = Buffer.concat(addresses.map(addressOctets));
  const head = Buffer.from([0, octets.length / 8, type, left, 0, 0, 0, 0]);
  return { proto: 43, octets: Buffer.concat([head, octets]) };
};
export const fragment = (offset: number, more: number): Part => {
  const octets = Buffer.from([0, 0, 0, 0, 1, 2, 3, 4]);
  octets.writeUInt16BE(8 * offset + more, 2);
  return { proto: 44, octets };
};

/** UDP over IPv6 with extension headers. */
export function six(headers: Part[] = [], length = 11): Buffer {
  const [src, dst] = ADDRESSES[6];
  const plain = packet({ src, dst, hops: 61, dscp: 10, ecn: 1, label: 0x54321 }, udp(5001, 4501, payload(length)));
  const [ip, rest] = parts(plain);
  return join([ip!, ...headers, rest!]);
}

export const sixRaw = (proto: number, octets: Buffer): Buffer => {
  const [src, dst] = ADDRESSES[6];
  return packet({ src, dst, hops: 9 }, raw(proto, octets));
};

/** Security, Router Alert, Record Route with one address; No Operation. */
export const FIXED_OPTIONS = '82 0b 0001000203040506 07 01 94 04 0000';
/** Record Route, Time Stamp, Traceroute, an unknown option. */
export const MUTABLE_OPTIONS = '07 07 04 00000000 44 08 05 00 01020304 de 04 aabb';
/** A loose route with two addresses, of which one is left. */
export const ROUTE_OPTIONS = '01 83 0b 08 0a030001 0a020009';
export const ROUTE_DONE = '89 07 08 0a030001 01';
