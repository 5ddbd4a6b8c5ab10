// The receiver, written apart from the sender: EEC, SN-RECOVERY, open, replay, trailer, IIPC, checks.
import {
  addressBits,
  type Bits,
  bitsOf,
  bitsOfOctets,
  commonPrefix,
  indexBits,
  ipv4Checksum,
  numberOf,
  octetsOfBits,
  TRANSPORTS,
  transportChecksum,
} from './bits.ts';
import { open, suiteOf } from './crypt.ts';
import { drop, type Sa } from './types.ts';

/** What a receiver remembers of one SA. */
export interface Receiver {
  highest: bigint;
  window: number;
  seen: Set<bigint>;
}

/** A receiver that has everything before the SA's esp_sn behind it. */
export function receiverOf(sa: Sa, window = 64): Receiver {
  return { highest: BigInt('0x' + sa.esp_sn) - 1n, window, seen: new Set() };
}

export function reorderRange(k: number, window: number): bigint {
  if (k === 0) return 0n;
  const half = 2n ** BigInt(k - 1);
  return BigInt(window) < half ? BigInt(window) : half;
}

/** Section 9.2: the full SN for the received k bits, or null when the counter is exhausted. */
export function recoverSn(highest: bigint, received: bigint, k: number, window: number, esn: boolean): bigint | null {
  const m = 2n ** BigInt(k);
  let candidate = highest + 1n - reorderRange(k, window);
  let distance = (received - candidate) % m;
  if (distance < 0n) distance += m;
  candidate += distance;
  if (candidate < 1n) candidate += m;
  if (!esn && candidate > 0xffffffffn) return null;
  if (candidate > 0xffffffffffffffffn) return null;
  return candidate;
}

function checkReplay(state: Receiver, sn: bigint): void {
  if (state.seen.has(sn)) drop('replay', `SN ${sn} seen before`);
  if (sn + BigInt(state.window) <= state.highest) drop('replay', `SN ${sn} is below the window`);
  state.seen.add(sn);
  if (sn > state.highest) state.highest = sn;
}

/** Takes the trailer off; the Next Header it carries, or the one the SA implies. */
function stripTrailer(sa: Sa, clear: Buffer): { output: Buffer; next: number } {
  const tunnel = sa.ipsec_mode === 'tunnel';
  const mandatory = sa.esp_trailer === 'Mandatory';
  const a = Math.max(sa.alignment / 8, suiteOf(sa).block);
  let end = clear.length;
  const expected = tunnel ? (sa.ts_ip_version === 6 ? 41 : 4) : sa.ts_proto;
  let next = expected;
  if (mandatory || (!tunnel && sa.ts_proto === 0)) {
    if (end < 1) drop('trailer', 'no Next Header');
    end -= 1;
    next = clear[end]!;
    if (next === 59) drop('dummy', 'Next Header 59');
    if (tunnel && next !== expected) drop('trailer', `Next Header ${next} in a tunnel`);
    if (expected !== 0 && next !== expected) drop('selector', `Next Header ${next}`);
  }
  if (mandatory || a > 1) {
    if (end < 1) drop('trailer', 'no Pad Length');
    end -= 1;
    const padLength = clear[end]!;
    if (padLength > end) drop('trailer', 'Pad Length larger than the clear text');
    end -= padLength;
  }
  return { output: clear.subarray(0, end), next };
}

class BitReader {
  octets: Buffer;
  bits: Bits;
  at = 0;
  constructor(octets: Buffer) {
    this.octets = octets;
    this.bits = bitsOfOctets(octets);
  }
  take(n: number): Bits {
    if (this.at + n > this.bits.length) drop('residue', 'clear text shorter than the residue');
    this.at += n;
    return this.bits.slice(this.at - n, this.at);
  }
  number(n: number): number {
    return Number(numberOf(this.take(n)));
  }
  /** MSB(x) with LSB: the prefix of the range, then the rest from the wire. */
  ranged(start: Bits, end: Bits): Bits {
    const prefix = commonPrefix(start, end);
    return prefix + this.take(start.length - prefix.length);
  }
  rest(): Buffer {
    return this.octets.subarray(Math.ceil(this.at / 8));
  }
}

interface Outer {
  version: number;
  header: Buffer;
  dscp: number;
  ecn: number;
  /** Flow Label, or Identification */
  label: number;
  hops: number;
  esp: Buffer;
}

function readOuter(wire: Buffer): Outer {
  if (wire.length < 1) drop('short', 'no octets');
  const version = wire[0]! >> 4;
  if (version === 6) {
    if (wire.length < 40) drop('short', 'outer IPv6 header cut');
    if (wire.readUInt16BE(4) + 40 !== wire.length) drop('length', 'outer Payload Length');
    if (wire[6] !== 50) throw new Error('not ESP');
    const first = bitsOfOctets(wire.subarray(0, 4));
    return {
      version,
      header: wire.subarray(0, 40),
      dscp: Number(numberOf(first.slice(4, 10))),
      ecn: Number(numberOf(first.slice(10, 12))),
      label: Number(numberOf(first.slice(12))),
      hops: wire[7]!,
      esp: wire.subarray(40),
    };
  }
  if (version !== 4) drop('version', `outer version ${version}`);
  const size = (wire[0]! % 16) * 4;
  if (wire.length < 20 || wire.length < size) drop('short', 'outer IPv4 header cut');
  if (wire.readUInt16BE(2) !== wire.length) drop('length', 'outer Total Length');
  const sum = wire.readUInt16BE(10);
  if ((sum === 0xffff ? 0 : sum) !== ipv4Checksum(wire.subarray(0, size))) drop('checksum', 'outer IPv4 header');
  if (wire[9] !== 50) throw new Error('not ESP');
  return {
    version,
    header: wire.subarray(0, size),
    dscp: Math.floor(wire[1]! / 4),
    ecn: wire[1]! % 4,
    label: wire.readUInt16BE(4),
    hops: wire[8]!,
    esp: wire.subarray(size),
  };
}

/** RFC 6040 figure 4: the ECN of the packet that goes on. */
function decapsulateEcn(inner: number, outer: number): number {
  if (outer === 3) {
    if (inner === 0) drop('no-rule', 'outer CE over inner Not-ECT');
    return 3;
  }
  if (inner === 2 && outer === 1) return 1;
  return inner;
}

/** Octets of the IP header with zero length and checksum, protocol filled in. */
function rebuildIp(sa: Sa, outer: Outer, bits: BitReader): { header: Buffer; proto: number; reaches: boolean } {
  const six = sa.ts_ip_version === 6;
  const ihl = six ? 0 : bits.number(4);
  if (!six && ihl < 5) drop('length', 'IHL below 5');
  let dscp = outer.dscp;
  if (sa.dscp_cda === 'not_compressed') dscp = bits.number(6);
  if (sa.dscp_cda === 'sa') {
    const list = [...new Set(sa.dscp_list)].sort((a, b) => a - b);
    const index = bits.number(indexBits(list.length));
    if (index >= list.length) drop('residue', `DSCP index ${index}`);
    dscp = list[index]!;
  }
  let ecn = outer.ecn;
  if (sa.ecn_cda === 'not_compressed') ecn = decapsulateEcn(bits.number(2), outer.ecn);
  const labelBits = six ? 20 : 16;
  // A generated label is a local choice; this receiver chooses 0.
  let label = 0;
  if (sa.flow_label_cda === 'not_compressed') label = bits.number(labelBits);
  if (sa.flow_label_cda === 'lower') label = outer.label % 2 ** labelBits;
  const fragment: Bits = six ? '' : bits.take(3) + bits.take(13);
  const proto = sa.ts_proto === 0 ? bits.number(8) : sa.ts_proto;
  const addresses = [sa.ts_ip_src!, sa.ts_ip_dst!]
    .map(([start, end]) => bits.ranged(addressBits(start), addressBits(end)))
    .join('');
  const traffic = bitsOf(dscp, 6) + bitsOf(ecn, 2);
  const hops = bitsOf(outer.hops, 8);
  if (six) {
    const text = '0110' + traffic + bitsOf(label, 20) + bitsOf(0, 16) + bitsOf(proto, 8) + hops + addresses;
    return { header: octetsOfBits(text), proto, reaches: true };
  }
  const text =
    '0100' +
    bitsOf(ihl, 4) +
    traffic +
    bitsOf(0, 16) +
    bitsOf(label, 16) +
    fragment +
    hops +
    bitsOf(proto, 8) +
    bitsOf(0, 16) +
    addresses;
  const whole = fragment[2] === '0' && !fragment.slice(3).includes('1');
  return { header: octetsOfBits(text), proto, reaches: ihl === 5 && whole };
}

/** The transport header in bits with zero length and checksum; the payload follows in `bits`. */
function rebuildTransport(sa: Sa, proto: number, bits: BitReader): Bits {
  const port = (range: [number, number]) => bits.ranged(bitsOf(range[0], 16), bitsOf(range[1], 16));
  const ports = port(sa.ts_port_src) + port(sa.ts_port_dst);
  if (proto === 132) return ports + bits.take(32) + bitsOf(0, 32);
  if (proto === 6) return ports + bits.take(32 + 32 + 4 + 12 + 16) + bitsOf(0, 16) + bits.take(16);
  return ports + bitsOf(0, 32);
}

function withinSelectors(sa: Sa, packet: Buffer): void {
  const six = packet[0]! >> 4 === 6;
  if (six !== (sa.ts_ip_version === 6)) drop('version', 'inner version');
  if (packet.length < (six ? 40 : 20)) drop('short', 'inner header');
  const size = six ? 40 : (packet[0]! % 16) * 4;
  const proto = six ? packet[6]! : packet[9]!;
  const [srcAt, dstAt, end] = six ? [8, 24, 40] : [12, 16, 20];
  if (sa.ts_proto !== 0 && proto !== sa.ts_proto) drop('selector', `protocol ${proto}`);
  const within = (value: bigint, low: bigint, high: bigint, name: string) => {
    if (value < low || value > high) drop('selector', name);
  };
  const address = (range: [string, string] | null | undefined, octets: Buffer, name: string) => {
    if (range)
      within(
        BigInt('0x' + octets.toString('hex')),
        ...(range.map((text) => numberOf(addressBits(text))) as [bigint, bigint]),
        name,
      );
  };
  address(sa.ts_ip_src, packet.subarray(srcAt, dstAt), 'source address');
  address(sa.ts_ip_dst, packet.subarray(dstAt, end), 'destination address');
  const anyPort = [sa.ts_port_src, sa.ts_port_dst].every(([low, high]) => low === 0 && high === 65535);
  if (anyPort) return;
  if (!six && (packet.readUInt16BE(6) & 0x3fff) !== 0) drop('selector', 'a fragment on an SA with port ranges');
  if (![6, 17, 132, 136].includes(proto)) return;
  if (packet.length < size + 4) drop('short', 'no ports');
  within(BigInt(packet.readUInt16BE(size)), BigInt(sa.ts_port_src[0]), BigInt(sa.ts_port_src[1]), 'source port');
  within(
    BigInt(packet.readUInt16BE(size + 2)),
    BigInt(sa.ts_port_dst[0]),
    BigInt(sa.ts_port_dst[1]),
    'destination port',
  );
}

function rebuildPacket(sa: Sa, outer: Outer, output: Buffer, next: number): Buffer {
  const tunnel = sa.ipsec_mode === 'tunnel';
  const bits = new BitReader(output);
  if (sa.iipc_enabled && sa.rule_id !== null && bits.number(8) !== sa.rule_id) drop('no-rule', 'RuleID');
  let ip: { header: Buffer; proto: number; reaches: boolean };
  if (tunnel) ip = rebuildIp(sa, outer, bits);
  else {
    ip = { header: Buffer.from(outer.header), proto: next, reaches: true };
    ip.header[sa.ts_ip_version === 6 ? 6 : 9] = next;
  }
  let segment: Buffer;
  if (ip.reaches && TRANSPORTS[ip.proto] !== undefined && sa.iipc_enabled) {
    const head = octetsOfBits(rebuildTransport(sa, ip.proto, bits));
    segment = Buffer.concat([head, bits.rest()]);
    if (segment.length > 65535) drop('too-long', 'transport segment');
    if (ip.proto === 17 || ip.proto === 136) segment.writeUInt16BE(segment.length, 4);
    const at = ip.header.length < 40 || sa.ts_ip_version === 4 ? [12, 16, 20] : [8, 24, 40];
    const sum = transportChecksum(
      ip.proto,
      ip.header.subarray(at[0], at[1]),
      ip.header.subarray(at[1], at[2]),
      segment,
    );
    sum.copy(segment, TRANSPORTS[ip.proto]!.sumAt);
  } else segment = bits.rest();
  const packet = Buffer.concat([ip.header, segment]);
  if (sa.ts_ip_version === 6) {
    if (segment.length > 65535) drop('too-long', 'IPv6 payload');
    packet.writeUInt16BE(segment.length, 4);
  } else {
    if (packet.length > 65535) drop('too-long', 'IPv4 packet');
    const size = (packet[0]! % 16) * 4;
    if (size > packet.length) drop('short', 'IPv4 options cut');
    packet.writeUInt16BE(packet.length, 2);
    packet.writeUInt16BE(ipv4Checksum(packet.subarray(0, size)), 10);
  }
  return packet;
}

/** IIPC switched off: the tunnel carries the whole packet, transport mode the whole segment. */
function plainPacket(sa: Sa, outer: Outer, output: Buffer, next: number): Buffer {
  if (sa.ipsec_mode === 'transport') return rebuildPacket(sa, outer, output, next);
  if (output.length < 1) drop('short', 'no inner packet');
  const six = output[0]! >> 4 === 6;
  if (output.length < (six ? 40 : 20)) drop('short', 'inner header');
  const said = six ? output.readUInt16BE(4) + 40 : output.readUInt16BE(2);
  if (said > output.length || said < 20) drop('length', 'inner length');
  // RFC 4303 2.7: what follows the packet is padding for traffic flow confidentiality, of any value.
  const packet = Buffer.from(output.subarray(0, said));
  const inner = six ? (packet[1]! >> 4) & 3 : packet[1]! & 3;
  const ecn = decapsulateEcn(inner, outer.ecn);
  if (ecn !== inner && six) packet[1] = (packet[1]! & 0xcf) | (ecn << 4);
  if (ecn !== inner && !six) {
    packet[1] = (packet[1]! & 0xfc) | ecn;
    packet.writeUInt16BE(ipv4Checksum(packet.subarray(0, (packet[0]! % 16) * 4)), 10);
  }
  return packet;
}

/** The inner packet of one received packet; a fresh receiver just below esp_sn unless one is given. */
export function decompress(sa: Sa, wire: Buffer, state: Receiver = receiverOf(sa)): Buffer {
  const outer = readOuter(wire);
  const size = (sa.esp_spi_lsb + sa.esp_sn_lsb) / 8;
  if (outer.esp.length < size) drop('short', 'ESP header cut');
  const header = bitsOfOctets(outer.esp.subarray(0, size));
  const spi = bitsOf(BigInt('0x' + sa.esp_spi), 32);
  if (!spi.endsWith(header.slice(0, sa.esp_spi_lsb))) throw new Error('SPI of another SA');
  const suite = suiteOf(sa);
  if (outer.esp.length < size + suite.iv + suite.icv) drop('short', 'no room for IV and ICV');
  const low = numberOf(header.slice(sa.esp_spi_lsb));
  const sn = recoverSn(state.highest, low, sa.esp_sn_lsb, state.window, sa.esn);
  if (sn === null) return drop('sequence', 'sequence number beyond the counter');
  const clear = open(sa, sn, outer.esp.subarray(size));
  checkReplay(state, sn);
  const { output, next } = stripTrailer(sa, clear);
  const packet = sa.iipc_enabled ? rebuildPacket(sa, outer, output, next) : plainPacket(sa, outer, output, next);
  withinSelectors(sa, packet);
  return packet;
}
