// The sender, written straight from draft-ietf-ipsecme-diet-esp §6 and core/dietesp/README.md: checks, IIPC, CTEC, seal,
// EEC, outer header.
import {
  addressBits,
  addressOctets,
  type Bits,
  bitsOf,
  bitsOfOctets,
  commonPrefix,
  indexBits,
  internetChecksum,
  ipv4Checksum,
  numberOf,
  octetsOfBits,
  TRANSPORTS,
  transportChecksum,
} from './bits.ts';
import { type Sealed, seal, suiteOf } from './crypt.ts';
import { drop, type ResidueField, type Sa, type VectorFields } from './types.ts';

/** The inner packet taken apart. `rest` is everything after the IPv6 fixed header or the IPv4 header without options. */
interface Inner {
  version: 4 | 6;
  proto: number;
  dscp: number;
  ecn: number;
  label: number;
  hops: number;
  src: Buffer;
  dst: Buffer;
  ihl: number;
  flags: number;
  fragmentOffset: number;
  headerSize: number;
  rest: Buffer;
}

function takeApart(sa: Sa, packet: Buffer): Inner {
  if (packet.length === 0) drop('short', 'no octets');
  const version = packet[0]! >> 4;
  if (version !== sa.ts_ip_version) drop('version', `IP version ${version}`);
  if (version === 6) {
    if (packet.length < 40) drop('short', 'IPv6 header cut');
    if (packet.readUInt16BE(4) !== packet.length - 40) drop('length', 'IPv6 Payload Length');
    const word = packet.readUInt32BE(0);
    return {
      version: 6,
      dscp: (word >>> 22) & 63,
      ecn: (word >>> 20) & 3,
      label: word & 0xfffff,
      proto: packet[6]!,
      hops: packet[7]!,
      src: packet.subarray(8, 24),
      dst: packet.subarray(24, 40),
      ihl: 0,
      flags: 0,
      fragmentOffset: 0,
      headerSize: 40,
      rest: packet.subarray(40),
    };
  }
  if (packet.length < 20) drop('short', 'IPv4 header cut');
  const ihl = packet[0]! & 15;
  if (ihl < 5) drop('length', 'IHL below 5');
  if (packet.length < ihl * 4) drop('short', 'IPv4 options cut');
  if (packet.readUInt16BE(2) !== packet.length) drop('length', 'IPv4 Total Length');
  const word = packet.readUInt16BE(6);
  return {
    version: 4,
    dscp: packet[1]! >> 2,
    ecn: packet[1]! & 3,
    label: packet.readUInt16BE(4),
    proto: packet[9]!,
    hops: packet[8]!,
    src: packet.subarray(12, 16),
    dst: packet.subarray(16, 20),
    ihl,
    flags: word >> 13,
    fragmentOffset: word & 0x1fff,
    headerSize: ihl * 4,
    rest: packet.subarray(20),
  };
}

const isFragment = (p: Inner): boolean => p.fragmentOffset !== 0 || (p.flags & 1) !== 0;
const isFullRange = (range: [number, number]): boolean => range[0] === 0 && range[1] === 65535;

function checkAddress(address: Buffer, range: [string, string] | null | undefined, name: string): void {
  if (range === null || range === undefined) return;
  const value = numberOf(bitsOfOctets(address));
  if (value < numberOf(addressBits(range[0])) || value > numberOf(addressBits(range[1]))) drop('selector', name);
}

/** The SPD check that runs before compression (section 3), on the packet as it is. */
function checkSelectors(sa: Sa, p: Inner, segment: Buffer): void {
  if (sa.ts_proto !== 0 && p.proto !== sa.ts_proto) drop('selector', `protocol ${p.proto}`);
  checkAddress(p.src, sa.ts_ip_src, 'source address');
  checkAddress(p.dst, sa.ts_ip_dst, 'destination address');
  if (isFullRange(sa.ts_port_src) && isFullRange(sa.ts_port_dst)) return;
  if (isFragment(p)) drop('selector', 'a fragment matches only port ranges 0..65535');
  if (TRANSPORTS[p.proto] === undefined) return;
  if (segment.length < 4) drop('short', 'no ports');
  const ports = [segment.readUInt16BE(0), segment.readUInt16BE(2)];
  if (ports[0]! < sa.ts_port_src[0] || ports[0]! > sa.ts_port_src[1]) drop('selector', `source port ${ports[0]}`);
  if (ports[1]! < sa.ts_port_dst[0] || ports[1]! > sa.ts_port_dst[1]) drop('selector', `destination port ${ports[1]}`);
}

/** RFC 1071: to the receiver's sum FFFF is as good as 0000 (CKSUM-VERIFY). 0000 for FFFF is another thing in UDP. */
function sameSum(found: Buffer, computed: Buffer): boolean {
  return found.equals(computed) || (found.toString('hex') === 'ffff' && computed.toString('hex') === '0000');
}

function checkTransport(p: Inner, segment: Buffer): void {
  const transport = TRANSPORTS[p.proto]!;
  if (segment.length < transport.size) drop('short', `${transport.name} header cut`);
  if (p.proto === 17 && segment.readUInt16BE(4) !== segment.length) drop('length', 'UDP Length');
  if (p.proto === 136) {
    const coverage = segment.readUInt16BE(4);
    if (coverage !== 0 && coverage !== segment.length) drop('length', `UDP-Lite coverage ${coverage}`);
  }
  if (p.proto === 17 && segment.readUInt16BE(6) === 0) return;
  const found = segment.subarray(transport.sumAt, transport.sumAt + transport.sumSize);
  if (!sameSum(found, transportChecksum(p.proto, p.src, p.dst, segment)))
    drop('checksum', `${transport.name} checksum`);
}

/** Collects the residue: a field of no bits leaves no trace. */
class Residue {
  fields: ResidueField[] = [];
  bits: Bits = '';
  push(name: string, bits: Bits): void {
    if (bits === '') return;
    const value = numberOf(bits);
    this.fields.push([
      name,
      value > BigInt(Number.MAX_SAFE_INTEGER) ? '0x' + value.toString(16) : Number(value),
      bits.length,
    ]);
    this.bits += bits;
  }
  lsb(name: string, value: Bits, start: Bits, end: Bits): void {
    const prefix = commonPrefix(start, end);
    if (!value.startsWith(prefix)) drop('selector', name + ' outside the prefix');
    this.push(name + ' LSB', value.slice(prefix.length));
  }
}

function pushIp(sa: Sa, p: Inner, residue: Residue): void {
  if (p.version === 4) residue.push('IHL', bitsOf(p.ihl, 4));
  if (sa.dscp_cda === 'not_compressed') residue.push('DSCP', bitsOf(p.dscp, 6));
  if (sa.dscp_cda === 'sa') {
    const list = [...new Set(sa.dscp_list)].sort((a, b) => a - b);
    const index = list.indexOf(p.dscp);
    if (index < 0) drop('no-rule', `DSCP ${p.dscp} is not in the list`);
    residue.push('DSCP index', bitsOf(index, indexBits(list.length)));
  }
  if (sa.ecn_cda === 'not_compressed') residue.push('ECN', bitsOf(p.ecn, 2));
  if (sa.flow_label_cda === 'not_compressed') {
    residue.push(p.version === 6 ? 'Flow Label' : 'Identification', bitsOf(p.label, p.version === 6 ? 20 : 16));
  }
  if (sa.flow_label_cda === 'zero' && p.label !== 0) drop('no-rule', 'Flow Label or Identification is not 0');
  if (p.version === 4) {
    residue.push('Flags', bitsOf(p.flags, 3));
    residue.push('Fragment Offset', bitsOf(p.fragmentOffset, 13));
  }
  if (sa.ts_proto === 0) residue.push(p.version === 6 ? 'Next Header' : 'Protocol', bitsOf(p.proto, 8));
  const src = sa.ts_ip_src!.map(addressBits);
  const dst = sa.ts_ip_dst!.map(addressBits);
  residue.lsb('Source Address', bitsOfOctets(p.src), src[0]!, src[1]!);
  residue.lsb('Destination Address', bitsOfOctets(p.dst), dst[0]!, dst[1]!);
}

function pushTransport(sa: Sa, proto: number, segment: Buffer, residue: Residue): void {
  const port = (n: number) => bitsOf(n, 16);
  residue.lsb('Source Port', port(segment.readUInt16BE(0)), port(sa.ts_port_src[0]), port(sa.ts_port_src[1]));
  residue.lsb('Destination Port', port(segment.readUInt16BE(2)), port(sa.ts_port_dst[0]), port(sa.ts_port_dst[1]));
  if (proto === 132) residue.push('Verification Tag', bitsOf(segment.readUInt32BE(4), 32));
  if (proto === 6) {
    residue.push('TCP Seq', bitsOf(segment.readUInt32BE(4), 32));
    residue.push('TCP Ack', bitsOf(segment.readUInt32BE(8), 32));
    residue.push('Data Offset', bitsOf(segment[12]! >> 4, 4));
    residue.push('Reserved', bitsOf(segment[12]! & 15, 4));
    residue.push('Flags', bitsOf(segment[13]!, 8));
    residue.push('Window', bitsOf(segment.readUInt16BE(14), 16));
    residue.push('Urgent', bitsOf(segment.readUInt16BE(18), 16));
  }
}

/** CTEC, section 6. `proto` is the protocol of the segment in transport mode. */
export function addTrailer(sa: Sa, output: Buffer, proto: number): Buffer {
  const a = Math.max(sa.alignment / 8, suiteOf(sa).block);
  const nextHeader = sa.ipsec_mode === 'transport' ? proto : sa.ts_ip_version === 6 ? 41 : 4;
  const sendsNext = sa.esp_trailer === 'Mandatory' || (sa.ipsec_mode === 'transport' && sa.ts_proto === 0);
  const sendsPad = sa.esp_trailer === 'Mandatory' || a > 1;
  const trailer: number[] = [];
  if (sendsPad) {
    let padLength = 0;
    while ((output.length + padLength + (sendsNext ? 2 : 1)) % a !== 0) trailer.push(++padLength);
    trailer.push(padLength);
  }
  if (sendsNext) trailer.push(nextHeader);
  return Buffer.concat([output, Buffer.from(trailer)]);
}

function outerTunnel(sa: Sa, p: Inner, espLength: number): Buffer {
  const [from, to] = sa.tunnel_ip!.map(addressOctets) as [Buffer, Buffer];
  const label = sa.flow_label_cda === 'lower' ? p.label : 0;
  if (from.length === 16) {
    if (espLength > 65535) drop('too-long', 'outer IPv6 packet');
    const header = Buffer.alloc(40);
    header.writeUInt32BE(((6 << 28) | (p.dscp << 22) | (p.ecn << 20) | label) >>> 0, 0);
    header.writeUInt16BE(espLength, 4);
    header[6] = 50;
    header[7] = p.hops;
    from.copy(header, 8);
    to.copy(header, 24);
    return header;
  }
  if (espLength + 20 > 65535) drop('too-long', 'outer IPv4 packet');
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header[1] = (p.dscp << 2) | p.ecn;
  header.writeUInt16BE(20 + espLength, 2);
  header.writeUInt16BE(label & 0xffff, 4);
  // RFC 6864 4.1: Identification 0 is for atomic datagrams, which have DF set, MF clear and offset 0.
  if ((label & 0xffff) === 0) header[6] = 0x40;
  header[8] = p.hops;
  header[9] = 50;
  from.copy(header, 12);
  to.copy(header, 16);
  header.writeUInt16BE(internetChecksum(header), 10);
  return header;
}

function outerTransport(p: Inner, packet: Buffer, espLength: number): Buffer {
  const header = Buffer.from(packet.subarray(0, p.headerSize));
  if (p.version === 6) {
    if (espLength > 65535) drop('too-long', 'IPv6 packet');
    header.writeUInt16BE(espLength, 4);
    header[6] = 50;
    return header;
  }
  if (espLength + header.length > 65535) drop('too-long', 'IPv4 packet');
  header.writeUInt16BE(header.length + espLength, 2);
  header[9] = 50;
  header.writeUInt16BE(ipv4Checksum(header), 10);
  return header;
}

/** EEC: the low bits of SPI and SN. */
export function eecHeader(sa: Sa, sn: bigint): Buffer {
  if ((sa.esp_spi_lsb + sa.esp_sn_lsb) % 8 !== 0) throw new Error('esp_spi_lsb + esp_sn_lsb is not a multiple of 8');
  const spi = bitsOf(BigInt('0x' + sa.esp_spi), 32).slice(32 - sa.esp_spi_lsb);
  const low = bitsOf(sn & 0xffffffffn, 32).slice(32 - sa.esp_sn_lsb);
  return octetsOfBits(spi + low);
}

function ordinaryLength(sa: Sa, plain: number): number {
  const suite = suiteOf(sa);
  const a = Math.max(4, suite.block);
  return 8 + suite.iv + Math.ceil((plain + 2) / a) * a + suite.icv;
}

/** Everything but lossless and decompressed, which the receiver knows. */
export function compress(
  sa: Sa,
  packet: Buffer,
  iv?: Buffer,
  tamper?: (clear: Buffer) => Buffer,
): Omit<VectorFields, 'lossless'> {
  const p = takeApart(sa, packet);
  const tunnel = sa.ipsec_mode === 'tunnel';
  const segment = packet.subarray(p.headerSize);
  if (!tunnel && isFragment(p)) drop('no-rule', 'a fragment in transport mode');
  checkSelectors(sa, p, segment);
  // In transport mode the header checksum is always recomputed, since length and protocol change.
  if (p.version === 4 && (sa.iipc_enabled || !tunnel)) {
    const computed = Buffer.alloc(2);
    computed.writeUInt16BE(ipv4Checksum(packet.subarray(0, p.headerSize)));
    if (!sameSum(packet.subarray(10, 12), computed)) drop('checksum', 'IPv4 header');
  }
  const residue = new Residue();
  let payload = tunnel ? packet : segment;
  if (sa.iipc_enabled) {
    if (sa.rule_id !== null) residue.push('RuleID', bitsOf(sa.rule_id, 8));
    if (tunnel) {
      pushIp(sa, p, residue);
      payload = p.rest;
    }
    const reaches = !tunnel || p.version === 6 || (p.ihl === 5 && !isFragment(p));
    if (TRANSPORTS[p.proto] !== undefined && reaches) {
      checkTransport(p, segment);
      pushTransport(sa, p.proto, segment, residue);
      payload = segment.subarray(TRANSPORTS[p.proto]!.size);
    }
  }
  const output = Buffer.concat([octetsOfBits(residue.bits), payload]);
  let clear = addTrailer(sa, output, p.proto);
  if (tamper) clear = tamper(clear);
  const sn = BigInt('0x' + sa.esp_sn);
  if (sn < 1n) throw new Error('esp_sn starts at 1');
  if (sn >= (sa.esn ? 2n ** 64n : 2n ** 32n)) drop('exhausted', 'sequence numbers used up');
  const sealed: Sealed = seal(sa, sn, clear, iv);
  const eec = eecHeader(sa, sn);
  const esp = Buffer.concat([eec, sealed.iv, sealed.ciphertext, sealed.icv]);
  const outer = tunnel ? outerTunnel(sa, p, esp.length) : outerTransport(p, packet, esp.length);
  return {
    residue: residue.fields,
    residue_bits: residue.bits,
    pad_bits: (8 - (residue.bits.length % 8)) % 8,
    iipc_output: output.toString('hex'),
    clear_text: clear.toString('hex'),
    nonce: sealed.nonce,
    aad: sealed.aad.toString('hex'),
    iv: sealed.iv.toString('hex'),
    ciphertext: sealed.ciphertext.toString('hex'),
    icv: sealed.icv.toString('hex'),
    eec_header: eec.toString('hex'),
    esp: esp.toString('hex'),
    wire: Buffer.concat([outer, esp]).toString('hex'),
    esp_len: esp.length,
    std_esp_len: ordinaryLength(sa, tunnel ? packet.length : segment.length),
  };
}
