// Builds inner packets with correct lengths and checksums, for the vectors and the random generator. Any field can be set
// wrong.
import { addressOctets, internetChecksum, ipv4Checksum, TRANSPORTS, transportChecksum } from './bits.ts';

export interface Ip {
  src: string;
  dst: string;
  dscp?: number;
  ecn?: number;
  /** Flow Label (20 bits) or Identification (16 bits) */
  label?: number;
  hops?: number;
  /** IPv4 only: options (a multiple of 4 octets), flags (2 = DF, 1 = MF) and offset in units of 8 octets */
  options?: Buffer;
  flags?: number;
  fragmentOffset?: number;
}

/** What stands behind the IP header: protocol number and octets; a transport checksum is filled in by `packet`. */
export interface Segment {
  proto: number;
  octets: Buffer;
  /** leave the checksum field as it is */
  keepSum?: boolean;
}

function head(size: number, src: number, dst: number): Buffer {
  const octets = Buffer.alloc(size);
  octets.writeUInt16BE(src, 0);
  octets.writeUInt16BE(dst, 2);
  return octets;
}

export function udp(src: number, dst: number, payload: Buffer, zeroSum = false): Segment {
  const octets = Buffer.concat([head(8, src, dst), payload]);
  octets.writeUInt16BE(octets.length, 4);
  return { proto: 17, octets, keepSum: zeroSum };
}

/** coverage: 0, or undefined for the whole length */
export function udpLite(src: number, dst: number, payload: Buffer, coverage?: number): Segment {
  const octets = Buffer.concat([head(8, src, dst), payload]);
  octets.writeUInt16BE(coverage ?? octets.length, 4);
  return { proto: 136, octets };
}

export interface Tcp {
  seq: number;
  ack: number;
  reserved?: number;
  flags: number;
  window: number;
  urgent?: number;
  options?: Buffer;
}

export function tcp(src: number, dst: number, f: Tcp, payload: Buffer): Segment {
  const options = f.options ?? Buffer.alloc(0);
  const octets = Buffer.concat([head(20, src, dst), options, payload]);
  octets.writeUInt32BE(f.seq >>> 0, 4);
  octets.writeUInt32BE(f.ack >>> 0, 8);
  octets[12] = ((5 + options.length / 4) << 4) | (f.reserved ?? 0);
  octets[13] = f.flags;
  octets.writeUInt16BE(f.window, 14);
  octets.writeUInt16BE(f.urgent ?? 0, 18);
  return { proto: 6, octets };
}

export function sctp(src: number, dst: number, tag: number, chunks: Buffer): Segment {
  const octets = Buffer.concat([head(12, src, dst), chunks]);
  octets.writeUInt32BE(tag >>> 0, 4);
  return { proto: 132, octets };
}

/** ICMPv4 (1) or ICMPv6 (58) echo request; the checksum is filled in by `packet`. */
export function echo(version: 4 | 6, id: number, sequence: number, payload: Buffer): Segment {
  const octets = Buffer.concat([Buffer.alloc(8), payload]);
  octets[0] = version === 6 ? 128 : 8;
  octets.writeUInt16BE(id, 4);
  octets.writeUInt16BE(sequence, 6);
  return { proto: version === 6 ? 58 : 1, octets };
}

export function raw(proto: number, octets: Buffer): Segment {
  return { proto, octets, keepSum: true };
}

/** A Hop-by-Hop header of padding (8 octets) in front of a finished segment. */
export function hopByHop(next: number, segment: Buffer): Segment {
  return raw(0, Buffer.concat([Buffer.from([next, 0, 1, 4, 0, 0, 0, 0]), segment]));
}

function fillSum(segment: Segment, src: Buffer, dst: Buffer): Buffer {
  const octets = Buffer.from(segment.octets);
  if (segment.keepSum) return octets;
  const transport = TRANSPORTS[segment.proto];
  if (transport !== undefined) {
    transportChecksum(segment.proto, src, dst, octets).copy(octets, transport.sumAt);
  } else if (segment.proto === 1) {
    octets.writeUInt16BE(internetChecksum(octets), 2);
  } else if (segment.proto === 58) {
    const pseudo = Buffer.concat([src, dst, Buffer.from([0, 0, 0, 0, 0, 0, 0, 58])]);
    pseudo.writeUInt32BE(octets.length, 32);
    octets.writeUInt16BE(internetChecksum(Buffer.concat([pseudo, octets])), 2);
  }
  return octets;
}

export function segmentOctets(ip: Ip, segment: Segment): Buffer {
  return fillSum(segment, addressOctets(ip.src), addressOctets(ip.dst));
}

export function packet(ip: Ip, segment: Segment): Buffer {
  const src = addressOctets(ip.src);
  const dst = addressOctets(ip.dst);
  const octets = fillSum(segment, src, dst);
  const traffic = (ip.dscp ?? 0) * 4 + (ip.ecn ?? 0);
  if (src.length === 16) {
    const header = Buffer.alloc(40);
    header.writeUInt32BE(6 * 2 ** 28 + traffic * 2 ** 20 + (ip.label ?? 0), 0);
    header.writeUInt16BE(octets.length, 4);
    header[6] = segment.proto;
    header[7] = ip.hops ?? 64;
    src.copy(header, 8);
    dst.copy(header, 24);
    return Buffer.concat([header, octets]);
  }
  const options = ip.options ?? Buffer.alloc(0);
  const header = Buffer.concat([Buffer.alloc(20), options]);
  header[0] = 64 + header.length / 4;
  header[1] = traffic;
  header.writeUInt16BE(header.length + octets.length, 2);
  header.writeUInt16BE(ip.label ?? 0, 4);
  header.writeUInt16BE((ip.flags ?? 0) * 8192 + (ip.fragmentOffset ?? 0), 6);
  header[8] = ip.hops ?? 64;
  header[9] = segment.proto;
  src.copy(header, 12);
  dst.copy(header, 16);
  header.writeUInt16BE(ipv4Checksum(header), 10);
  return Buffer.concat([header, octets]);
}

/** A copy with octets replaced; with `fixIp` the IPv4 header checksum is made right again. */
export function patched(octets: Buffer, at: number, values: number[], fixIp = false): Buffer {
  const copy = Buffer.from(octets);
  for (const [i, value] of values.entries()) copy[at + i] = value;
  if (fixIp) copy.writeUInt16BE(ipv4Checksum(copy.subarray(0, (copy[0]! & 15) * 4)), 10);
  return copy;
}
