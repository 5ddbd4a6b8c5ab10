// A second AH, from the text of RFC 4302, RFC 4543 and the draft of RISAV: a packet is taken apart into headers, and the octets that
// the ICV covers are put together from them. It shares nothing with core/ah. The algorithms are those of node:crypto and @noble.

import { createCipheriv, createHmac } from 'node:crypto';
import { cmac } from '@noble/ciphers/aes.js';
import { ipv4Checksum } from '../naive/bits.ts';

export interface NaiveSa {
  alg: 'hmac' | 'cmac' | 'gmac';
  key: Buffer;
  /** Of GMAC. */
  salt: Buffer;
  spi: number;
  scope: number;
  esn: boolean;
}

export interface Part {
  /** Its protocol number. */
  proto: number;
  octets: Buffer;
}

const HOP = 0;
const ROUTING = 43;
const DESTINATION = 60;
const AH = 51;

/** The IP header with options, each extension header that may precede AH, and the rest. */
export function parts(packet: Buffer): Part[] {
  const isSix = packet[0]! >> 4 === 6;
  const size = isSix ? 40 : (packet[0]! & 15) * 4;
  const list: Part[] = [{ proto: isSix ? 41 : 4, octets: packet.subarray(0, size) }];
  let proto = isSix ? packet[6]! : packet[9]!;
  let rest = packet.subarray(size);
  while (isSix && [HOP, ROUTING, DESTINATION].includes(proto)) {
    const octets = rest.subarray(0, 8 + 8 * rest[1]!);
    if (octets.length < 8 || octets.length !== 8 + 8 * rest[1]!) throw new Error('cut off');
    list.push({ proto, octets });
    proto = octets[0]!;
    rest = rest.subarray(octets.length);
  }
  list.push({ proto, octets: rest });
  return list;
}

/** Puts headers together: Next Header, lengths and the checksum of IPv4 follow from what is there. */
export function join(list: Part[]): Buffer {
  const copies = list.map(({ octets }) => Buffer.from(octets));
  const isSix = list[0]!.proto === 41;
  for (let i = 0; i + 1 < copies.length; i++) copies[i]![i > 0 ? 0 : isSix ? 6 : 9] = list[i + 1]!.proto;
  const all = Buffer.concat(copies);
  if (isSix) all.writeUInt16BE(all.length - 40, 4);
  else {
    all.writeUInt16BE(all.length, 2);
    const size = (all[0]! & 15) * 4;
    all.writeUInt16BE(ipv4Checksum(all.subarray(0, size)), 10);
  }
  return all;
}

const option = ([copy, optionClass, number]: number[]): number => 128 * copy! + 32 * optionClass! + number!;
/** Appendix A1: copy, class, number; everything else is zeroed. */
const IMMUTABLE = new Set(
  [
    [0, 0, 0],
    [0, 0, 1],
    [1, 0, 2],
    [1, 0, 5],
    [1, 0, 6],
    [1, 0, 20],
    [1, 0, 21],
  ].map(option),
);
const SOURCE_ROUTES = new Set(
  [
    [1, 0, 3],
    [1, 0, 9],
  ].map(option),
);

function headerFour(all: Buffer): Buffer {
  const header = Buffer.from(all);
  // DSCP and ECN; flags and offset; TTL; checksum.
  for (const at of [1, 6, 7, 8, 10, 11]) header[at] = 0;
  let options = header.subarray(20);
  while (options.length > 0 && options[0] !== 0) {
    const type = options[0]!;
    const size = type === 1 ? 1 : options[1]!;
    if (!(size > 0 && size <= options.length)) throw new Error('an option without an end');
    const octets = options.subarray(0, size);
    const next = size > 3 ? octets[2]! - 1 : size;
    if (SOURCE_ROUTES.has(type) && next < size) octets.copy(header, 16, size - 4);
    if (!IMMUTABLE.has(type)) octets.fill(0);
    options = options.subarray(size);
  }
  return header;
}

function optionsSix(octets: Buffer): Buffer {
  const header = Buffer.from(octets);
  for (let at = 2; at < header.length; ) {
    if (header[at] === 0) at++;
    else {
      const end = at + 2 + header[at + 1]!;
      if ((header[at]! & 0x20) !== 0) header.fill(0, at + 2, end);
      at = end;
    }
  }
  return header;
}

/** The packet's destination and its route as they are at the end, one hop after the other. */
function travel(destination: Buffer, octets: Buffer): { destination: Buffer; route: Buffer } {
  const route = Buffer.from(octets);
  let at = Buffer.from(destination);
  const count = (route.length - 8) / 16;
  if (route[3]! > 0 && route[2] !== 0 && route[2] !== 2) throw new Error('a route of another type');
  if (route[3]! > count) throw new Error('more segments than addresses');
  while (route[3]! > 0) {
    const index = count - route[3]!;
    const visited = at;
    at = Buffer.from(route.subarray(8 + 16 * index, 24 + 16 * index));
    visited.copy(route, 8 + 16 * index);
    route[3]!--;
  }
  return { destination: at, route };
}

/** The octets in front of AH as the ICV covers them. */
function covered(list: Part[]): Buffer {
  if (list[0]!.proto === 4) return headerFour(list[0]!.octets);
  const base = Buffer.from(list[0]!.octets);
  base.writeUInt32BE(0x60000000, 0);
  base[7] = 0;
  const out: Buffer[] = [base];
  for (const { proto, octets } of list.slice(1)) {
    if (proto !== ROUTING) out.push(optionsSix(octets));
    else {
      const { destination, route } = travel(base.subarray(24, 40), octets);
      destination.copy(base, 24);
      out.push(route);
    }
  }
  return Buffer.concat(out);
}

const icvSize = ({ alg }: NaiveSa): number => (alg === 'cmac' ? 12 : 16);
const ivSize = ({ alg }: NaiveSa): number => (alg === 'gmac' ? 8 : 0);

function icvOf(sa: NaiveSa, text: Buffer, iv: Buffer): Buffer {
  if (sa.alg === 'hmac') return createHmac('sha256', sa.key).update(text).digest().subarray(0, 16);
  if (sa.alg === 'cmac') return Buffer.from(cmac(text, sa.key)).subarray(0, 12);
  const name = `aes-${(8 * sa.key.length) as 128}-gcm` as const;
  const cipher = createCipheriv(name, sa.key, Buffer.concat([sa.salt, iv]));
  cipher.setAAD(text);
  cipher.final();
  return cipher.getAuthTag();
}

/** The ICV of a packet that has AH: its headers in front, AH itself, what follows. */
function compute(sa: NaiveSa, front: Part[], ah: Buffer, rest: Buffer, hi: number): Buffer {
  const blank = Buffer.from(ah);
  blank.fill(0, 12, 12 + ivSize(sa) + icvSize(sa));
  const more = Buffer.alloc(sa.esn ? 4 : 0);
  if (sa.esn) more.writeUInt32BE(hi);
  return icvOf(sa, Buffer.concat([covered(front), blank, rest, more]), ah.subarray(12, 12 + ivSize(sa)));
}

/** Where AH goes: in front of this element of `list`. */
function placeOf(list: Part[]): number {
  let place = 1;
  for (let i = 1; i < list.length - 1; i++) if (list[i]!.proto !== DESTINATION) place = i + 1;
  return place;
}

function withAh(sa: NaiveSa, front: Part[], rest: Part[], number: bigint, iv: Buffer): Buffer {
  const unit = front[0]!.proto === 41 ? 8 : 4;
  const size = Math.ceil((12 + ivSize(sa) + icvSize(sa)) / unit) * unit;
  const ah = Buffer.alloc(size);
  ah[0] = rest[0]!.proto;
  ah[1] = size / 4 - 2;
  ah[3] = sa.scope;
  ah.writeUInt32BE(sa.spi, 4);
  ah.writeUInt32BE(Number(number & 0xffffffffn), 8);
  iv.copy(ah, 12);
  const framed = join([...front, { proto: AH, octets: ah }, ...rest]);
  const list = parts(framed);
  const tail = list.at(-1)!.octets;
  compute(sa, list.slice(0, -1), ah, tail.subarray(size), Number(number >> 32n)).copy(tail, 12 + ivSize(sa));
  return Buffer.concat(list.map(({ octets }) => octets));
}

/** Transport mode. */
export function protect(sa: NaiveSa, packet: Buffer, number: bigint, iv: Buffer): Buffer {
  const list = parts(packet);
  const place = placeOf(list);
  return withAh(sa, list.slice(0, place), list.slice(place), number, iv);
}

/** Tunnel mode; `outer`: an IP header for it. */
export function protectIn(sa: NaiveSa, outer: Buffer, packet: Buffer, number: bigint, iv: Buffer): Buffer {
  const proto = outer[0]! >> 4 === 6 ? 41 : 4;
  const inner = { proto: packet[0]! >> 4 === 6 ? 41 : 4, octets: packet };
  return withAh(sa, [{ proto, octets: outer }], [inner], number, iv);
}

/** True when the ICV of a packet with AH is right; `hi`: the high half of its number. */
export function isRight(sa: NaiveSa, packet: Buffer, hi: number): boolean {
  const list = parts(packet);
  const tail = list.at(-1)!.octets;
  if (list.at(-1)!.proto !== AH || tail.readUInt32BE(4) !== sa.spi || tail[3] !== sa.scope) return false;
  const size = 4 * (tail[1]! + 2);
  const at = 12 + ivSize(sa);
  const icv = compute(sa, list.slice(0, -1), tail.subarray(0, size), tail.subarray(size), hi);
  return icv.equals(tail.subarray(at, at + icvSize(sa)));
}
