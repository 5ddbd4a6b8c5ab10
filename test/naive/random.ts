// Random SAs and packets in the vectors' form, from one seed: for properties of the naive implementation and of the core.
import { addressBits, addressText, type Bits, bitsOf, numberOf, octetsOfBits, transportChecksum } from './bits.ts';
import { keysOf, SUITE_NAMES } from './make-sa.ts';
import { echo, type Ip, packet, patched, raw, type Segment, sctp, tcp, udp, udpLite } from './packets.ts';
import type { Sa } from './types.ts';

export interface RandomCase {
  sa: Sa;
  inner: Buffer;
  /** what was broken on purpose so that the compressor refuses; null: the packet is meant to pass */
  broken: string | null;
}

/** Small seeded generator (mulberry32); numbers are uniform in [0, n). */
export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = seed >>> 0;
  }
  word(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  below(n: number): number {
    return Math.floor((this.word() / 2 ** 32) * n);
  }
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }
  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  octets(n: number): Buffer {
    return Buffer.from(Array.from({ length: n }, () => this.below(256)));
  }
  bits(n: number): Bits {
    return Array.from({ length: n }, () => (this.word() > 0x7fffffff ? '1' : '0')).join('');
  }
}

/** A range of equally long bit strings that holds `value`: single, everything, a prefix, or any two ends. */
function rangeAround(random: Random, value: Bits): [Bits, Bits] {
  const n = value.length;
  const keep = random.below(n + 1);
  const low = value.slice(0, keep) + '0'.repeat(n - keep);
  const high = value.slice(0, keep) + '1'.repeat(n - keep);
  const between = (a: Bits, b: Bits): Bits => {
    const room = numberOf(b) - numberOf(a);
    const step = room === 0n ? 0n : numberOf(random.bits(n)) % (room + 1n);
    return bitsOf(numberOf(a) + step, n);
  };
  const style = random.below(8);
  if (style < 3) return [value, value];
  if (style === 3) return ['0'.repeat(n), '1'.repeat(n)];
  if (style < 6) return [low, high];
  return [between(low, value), between(value, high)];
}

function portRange(random: Random, port: number): [number, number] {
  return rangeAround(random, bitsOf(port, 16)).map((bits) => Number(numberOf(bits))) as [number, number];
}

function addressRange(random: Random, address: string): [string, string] {
  const range = rangeAround(random, addressBits(address));
  return range.map((bits) => addressText(octetsOfBits(bits))) as [string, string];
}

function randomSegment(random: Random, version: 4 | 6, proto: number, src: number, dst: number, size: number): Segment {
  const payload = random.octets(size);
  if (proto === 17) return udp(src, dst, payload, random.chance(8));
  if (proto === 136) return udpLite(src, dst, payload, random.chance(4) ? 0 : undefined);
  if (proto === 132) return sctp(src, dst, random.word(), payload);
  if (proto === 6) {
    const options = random.chance(2) ? random.octets(4 * random.between(1, 10)) : Buffer.alloc(0);
    const fields = {
      seq: random.word(),
      ack: random.word(),
      reserved: random.below(16),
      flags: random.below(256),
      window: random.below(65536),
      urgent: random.below(65536),
      options,
    };
    return tcp(src, dst, fields, payload);
  }
  if (proto === 1 || proto === 58) return echo(version, random.below(65536), random.below(65536), payload);
  return raw(proto, payload);
}

function randomHeaderBits(random: Random): [number, number] {
  const spi = random.between(0, 32);
  const choices = [0, 8, 16, 24, 32].map((low) => (low + 8 - (spi % 8)) % 40).filter((n) => n <= 32);
  return [spi, random.pick(choices)];
}

function randomSn(random: Random, esn: boolean): bigint {
  const bits = random.between(1, esn ? 64 : 32);
  const sn = numberOf(random.bits(bits));
  return sn === 0n ? 1n : sn;
}

const BREAKS = ['length', 'checksum', 'source', 'destination', 'protocol', 'port', 'version', 'dscp', 'label'] as const;

/** Breaks one condition of 4.8 where the case allows it; a case it does not apply to passes unbroken. */
function breakOne(random: Random, made: RandomCase): RandomCase {
  const { sa, inner } = made;
  const six = sa.ts_ip_version === 6;
  const tunnel = sa.ipsec_mode === 'tunnel';
  const what = random.pick(BREAKS);
  const with_ = (change: Partial<Sa>): RandomCase => ({ sa: { ...sa, ...change }, inner, broken: what });
  const other: [string, string] = six ? ['2001:db8:ffff::', '2001:db8:ffff::7'] : ['203.0.113.8', '203.0.113.15'];
  const iipc = tunnel && sa.iipc_enabled;
  if (what === 'length') return { sa, inner: Buffer.concat([inner, Buffer.alloc(1)]), broken: what };
  if (what === 'version') return { sa, inner: patched(inner, 0, [(inner[0]! & 15) | 0x70]), broken: what };
  if (what === 'checksum' && !six && iipc) {
    return { sa, inner: patched(inner, 10, [inner[10]! ^ (1 << random.below(8))]), broken: what };
  }
  if (what === 'source') return with_({ ts_ip_src: other });
  if (what === 'destination') return with_({ ts_ip_dst: other });
  if (what === 'protocol' && sa.ts_proto !== 0) return with_({ ts_proto: sa.ts_proto === 17 ? 6 : 17 });
  const reach = six ? 40 : (inner[0]! & 15) * 4;
  const whole = six || (inner.readUInt16BE(6) & 0x3fff) === 0;
  if (what === 'port' && whole && [6, 17, 132, 136].includes(sa.ts_proto)) {
    const port = inner.readUInt16BE(reach) ^ 0x8000;
    return with_({ ts_port_src: [port, port] });
  }
  const dscp = six ? Number(numberOf(bitsOf(inner.readUInt16BE(0), 16).slice(4, 10))) : inner[1]! >> 2;
  if (what === 'dscp' && iipc) return with_({ dscp_cda: 'sa', dscp_list: [(dscp + 1) % 64, (dscp + 7) % 64] });
  const label = six ? inner.readUIntBE(1, 3) & 0xfffff : inner.readUInt16BE(4);
  if (what === 'label' && iipc && label !== 0) return with_({ flow_label_cda: 'zero' });
  return made;
}

/** One SA and one packet for it; about one in ten broken so that it is refused. The same seed gives the same case. */
export function randomCase(seed: number): RandomCase {
  const random = new Random(seed);
  const version = random.pick([4, 6] as const);
  const tunnel = random.below(3) > 0;
  const any = random.chance(4);
  const icmp = version === 6 ? 58 : 1;
  const others = tunnel && version === 6 && any ? [0, 43, 44, 59, 60, 253] : [47, 253];
  const proto = random.pick([17, 17, 17, 6, 132, 136, icmp, random.pick(others)]);
  const ported = [6, 17, 132, 136].includes(proto);
  const [src, dst] = [random.below(65536), random.below(65536)];
  const address = (): string => addressText(random.octets(version === 6 ? 16 : 4));
  const flow = random.pick(['not_compressed', 'lower', 'zero'] as const);
  const ip: Ip = {
    src: address(),
    dst: address(),
    dscp: random.below(64),
    ecn: random.below(4),
    label: flow === 'zero' ? 0 : random.below(version === 6 ? 2 ** 20 : 2 ** 16),
    hops: random.between(1, 255),
  };
  let segment = randomSegment(
    random,
    version,
    proto,
    src,
    dst,
    random.chance(20) ? random.below(1200) : random.below(24),
  );
  let anyPort = any || !ported;
  if (version === 4) {
    if (random.chance(6)) ip.options = random.octets(4 * random.between(1, 10));
    ip.flags = random.pick([0, 0, 2, 2, 4, 6]);
    if (tunnel && random.chance(8)) {
      anyPort = true;
      ip.flags = random.pick([0, 1, 3]);
      ip.fragmentOffset = ip.flags === 0 ? random.between(1, 0x1fff) : random.below(0x1fff);
      segment = raw(proto, random.octets(random.between(8, 40)));
    }
  }
  const [esp_spi_lsb, esp_sn_lsb] = randomHeaderBits(random);
  const esn = random.chance(2);
  const suite = random.pick(SUITE_NAMES);
  const list = new Set([ip.dscp!]);
  const size = random.pick([1, 2, 3, 4, 5, 8, 9, 16, 33, 64]);
  while (list.size < size) list.add(random.below(64));
  const sa: Sa = {
    ipsec_mode: tunnel ? 'tunnel' : 'transport',
    ts_ip_version: version,
    ts_ip_src: tunnel || random.chance(3) ? addressRange(random, ip.src) : null,
    ts_ip_dst: tunnel || random.chance(3) ? addressRange(random, ip.dst) : null,
    ts_proto: any ? 0 : proto,
    ts_port_src: anyPort ? [0, 65535] : portRange(random, src),
    ts_port_dst: anyPort ? [0, 65535] : portRange(random, dst),
    dscp_cda: random.pick(['not_compressed', 'lower', 'sa'] as const),
    dscp_list: [...list].sort((a, b) => a - b),
    ecn_cda: random.pick(['not_compressed', 'lower'] as const),
    flow_label_cda: flow,
    ...(tunnel
      ? { tunnel_ip: random.chance(2) ? ['2001:db8:a::1', '2001:db8:a::2'] : ['192.0.2.1', '198.51.100.2'] }
      : {}),
    alignment: random.pick([8, 16, 32, 64] as const),
    esp_trailer: random.pick(['Mandatory', 'Optional'] as const),
    esp_encr: suite,
    ...keysOf(suite),
    esn,
    esp_spi: ((random.word() | 0x100) >>> 0).toString(16).padStart(8, '0'),
    esp_spi_lsb,
    esp_sn: randomSn(random, esn).toString(16),
    esp_sn_lsb,
    iipc_enabled: !random.chance(10),
    rule_id: random.chance(20) ? random.below(256) : null,
  };
  const made: RandomCase = { sa, inner: packet(ip, segment), broken: null };
  return random.below(9) === 0 ? breakOne(random, made) : made;
}

/**
 * What must come back for an accepted packet: the packet itself but for the exceptions of core/dietesp/README.md
 * (zero UDP checksum, TCP and IPv4 checksum FFFF, UDP-Lite coverage 0, a Flow Label carried in an outer Identification).
 */
export function expectedBack(sa: Sa, inner: Buffer): Buffer {
  const back = Buffer.from(inner);
  if (!sa.iipc_enabled) return back;
  const six = sa.ts_ip_version === 6;
  const tunnel = sa.ipsec_mode === 'tunnel';
  if (six && tunnel && sa.flow_label_cda === 'lower' && sa.tunnel_ip![0].includes('.')) back[1] = back[1]! & 0xf0;
  if (!six && tunnel && back.readUInt16BE(10) === 0xffff) back.writeUInt16BE(0, 10);
  const size = six ? 40 : (inner[0]! & 15) * 4;
  const proto = six ? inner[6]! : inner[9]!;
  const hidden = !six && tunnel && (size > 20 || (inner.readUInt16BE(6) & 0x3fff) !== 0);
  if (!hidden && proto === 6 && back.readUInt16BE(size + 16) === 0xffff) back.writeUInt16BE(0, size + 16);
  if (hidden || (proto !== 17 && proto !== 136)) return back;
  const at = proto === 17 ? 6 : 4;
  if (back.readUInt16BE(size + at) !== 0) return back;
  if (proto === 136) back.writeUInt16BE(back.length - size, size + 4);
  const [from, to, end] = six ? [8, 24, 40] : [12, 16, 20];
  const sum = transportChecksum(proto, back.subarray(from, to), back.subarray(to, end), back.subarray(size));
  sum.copy(back, size + 6);
  return back;
}
