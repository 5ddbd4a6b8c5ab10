// Accepted packets, first half: inner headers, selectors, and the actions of IIPC [draft-ietf-ipsecme-diet-esp §6.1].
import type { Collector } from './collector.ts';
import { ANY_PORT, FOUR, makeSa, OUTER_FOUR, OUTER_SIX, SIX } from './make-sa.ts';
import {
  echo,
  hopByHop,
  type Ip,
  packet,
  raw,
  type Segment,
  sctp,
  segmentOctets,
  tcp,
  udp,
  udpLite,
} from './packets.ts';
import type { Sa } from './types.ts';

export const SYN = { seq: 0xdeadbeef, ack: 0, flags: 2, window: 64240 };
export const DATA = { seq: 0x01020304, ack: 0xfffefdfc, reserved: 5, flags: 0x38, window: 1, urgent: 0x8001 };
export const MSS = Buffer.from('020405a0', 'hex');
const RECORD_ROUTE = Buffer.from('0707040000000000', 'hex');

function segments(c: Collector, version: 4 | 6): [string, Segment, string[]][] {
  return [
    ['UDP', udp(5001, 4500, c.octets(5)), []],
    ['UDP-Lite, coverage = length', udpLite(5001, 4500, c.octets(3)), ['UDPLITE-COV']],
    ['UDP-Lite, coverage 0', udpLite(5001, 4500, c.octets(3), 0), ['UDPLITE-COV']],
    ['TCP', tcp(5001, 4500, DATA, c.octets(2)), ['TCP-REST']],
    ['TCP with options', tcp(5001, 4500, { ...SYN, options: MSS }, Buffer.alloc(0)), ['TCP-REST']],
    ['SCTP', sctp(5001, 4500, 0xcafe0001, Buffer.from('0a000004', 'hex')), ['SCTP-CRC']],
    [version === 6 ? 'ICMPv6' : 'ICMPv4', echo(version, 0x1234, 7, c.octets(4)), []],
  ];
}

function ipOf(version: 4 | 6, change: Partial<Ip> = {}): Ip {
  const base = version === 6 ? { ...SIX, label: 0x12345 } : { ...FOUR, label: 0xbeef };
  return { ...base, dscp: 10, ecn: 1, hops: 61, ...change };
}

const outerName = (outer: [string, string]): string => (outer === OUTER_SIX ? 'IPv6' : 'IPv4');

function protocols(c: Collector): void {
  for (const version of [6, 4] as const) {
    for (const outer of [OUTER_SIX, OUTER_FOUR]) {
      for (const [name, segment, depends] of segments(c, version)) {
        const crossed = (version === 6) !== (outer === OUTER_SIX);
        if (crossed && !/^UDP$|with options|ICMP/.test(name)) continue;
        const where = `IPv${version}/${name} in ${outerName(outer)}`;
        const v4 = version === 4 ? ['IPV4-FLAGS'] : [];
        // The upper 4 bits of a Flow Label do not fit in an outer Identification.
        const label = version === 6 && outer === OUTER_FOUR ? 0x02345 : undefined;
        const ip = ipOf(version, label === undefined ? {} : { label });
        c.add(`Tunnel, ${where}`, makeSa(version, segment.proto, { tunnel_ip: outer }), packet(ip, segment), [
          ...v4,
          ...depends,
        ]);
        if (crossed) continue;
        c.add(`Tunnel, ${where}, ts_proto 0`, makeSa(version, 0, { tunnel_ip: outer }), packet(ip, segment), [
          ...v4,
          'ANY-TRANSPORT',
          ...depends,
        ]);
      }
    }
  }
  for (const [version, options] of [
    [6, undefined],
    [4, undefined],
    [4, RECORD_ROUTE],
  ] as const) {
    for (const [name, segment, depends] of segments(c, version)) {
      if (options && !/^UDP$|with options|ICMP/.test(name)) continue;
      const inner = packet(ipOf(version, { options }), segment);
      const where = `Transport, IPv${version}${options ? ' with options' : ''}/${name}`;
      const transport = { ipsec_mode: 'transport', esp_spi: 'c0ffee01' } as const;
      c.add(where, makeSa(version, segment.proto, transport), inner, depends);
      if (options) continue;
      const any = makeSa(version, 0, transport);
      c.add(`${where}, ts_proto 0`, any, inner, ['ANY-TRANSPORT', 'OPT-NH-ORDER', ...depends]);
    }
  }
}

function ipv4(c: Collector): void {
  const datagram = udp(5001, 4500, c.octets(4));
  const full = { ts_port_src: ANY_PORT, ts_port_dst: ANY_PORT };
  const long = Buffer.concat([Buffer.from([1, 1, 1, 0]), Buffer.alloc(36)]);
  const options: [string, Buffer][] = [
    ['IHL 7', RECORD_ROUTE],
    ['IHL 15', long],
  ];
  for (const [name, octets] of options) {
    for (const proto of [17, 0]) {
      const inner = packet(ipOf(4, { options: octets }), datagram);
      c.add(`Tunnel, IPv4 options, ${name}, ts_proto ${proto}`, makeSa(4, proto), inner, ['HDR-EXTENT']);
    }
  }
  const zero = packet(ipOf(4, { options: MSS }), udp(5001, 4500, c.octets(4), true));
  c.add('Tunnel, IPv4 options: a zero UDP checksum is sent', makeSa(4, 17), zero, ['HDR-EXTENT']);
  const kinds: [string, Partial<Ip>][] = [
    ['first fragment', { flags: 1 }],
    ['middle fragment', { flags: 1, fragmentOffset: 3 }],
    ['last fragment', { fragmentOffset: 0x1fff }],
    ['DF', { flags: 2 }],
    ['DF and MF', { flags: 3 }],
    ['reserved flag', { flags: 4 }],
  ];
  for (const [name, change] of kinds) {
    for (const proto of [17, 0, 6]) {
      if (proto === 6 && name !== 'middle fragment') continue;
      const whole = change.fragmentOffset === undefined && change.flags !== 1 && change.flags !== 3;
      const segment = whole ? datagram : raw(proto === 0 ? 17 : proto, c.octets(16));
      const inner = packet(ipOf(4, change), segment);
      c.add(`Tunnel, IPv4 ${name}, ts_proto ${proto}`, makeSa(4, proto, full), inner, ['IPV4-FLAGS', 'HDR-EXTENT']);
    }
  }
}

function ranges(c: Collector): void {
  const ports: [number, number][] = [
    [0, 65535],
    [1, 65535],
    [32768, 65535],
    [49152, 65535],
    [50000, 50010],
    [50000, 50015],
    [50002, 50003],
    [50003, 50003],
  ];
  const makers: [string, number, () => Segment][] = [
    ['UDP', 17, () => udp(50003, 4500, c.octets(2))],
    ['TCP', 6, () => tcp(50003, 4500, DATA, c.octets(1))],
    ['SCTP', 132, () => sctp(50003, 4500, 1, c.octets(4))],
    ['UDP-Lite', 136, () => udpLite(50003, 4500, c.octets(2))],
  ];
  for (const [i, range] of ports.entries()) {
    const [name, proto, make] = makers[i % 2 === 0 ? 0 : (i >> 1) % 4]!;
    const title = `Tunnel, ${name}, source ports ${range[0]}..${range[1]}`;
    c.add(title, makeSa(6, proto, { ts_port_src: range }), packet(ipOf(6), make()), []);
  }
  const both = makeSa(4, 17, { ts_port_src: [5000, 5007], ts_port_dst: [4096, 8191] });
  c.add('Tunnel, both port ranges', both, packet(ipOf(4), udp(5007, 8191, c.octets(1))), ['IPV4-FLAGS']);
  const transport = makeSa(6, 6, { ipsec_mode: 'transport', ts_port_dst: [4096, 8191] });
  c.add('Transport, a port range', transport, packet(ipOf(6), tcp(5001, 4096, SYN, c.octets(0))), ['TCP-REST']);
  const addresses: [4 | 6, [string, string], string][] = [
    [6, ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'], '2001:db8:5::1'],
    [6, ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'], '2001:db8:ffff:1:2:3:4:5'],
    [6, ['2001:db8:1:2::', '2001:db8:1:2:ffff:ffff:ffff:ffff'], '2001:db8:1:2:200:ff:fe00:1'],
    [6, ['2001:db8::8', '2001:db8::9'], '2001:db8::9'],
    [6, ['2001:db8::1', '2001:db8::6'], '2001:db8::6'],
    [6, ['7fff::', '8000::'], '8000::'],
    [4, ['0.0.0.0', '255.255.255.255'], '203.0.113.7'],
    [4, ['10.0.0.0', '10.255.255.255'], '10.200.3.4'],
    [4, ['192.168.1.16', '192.168.1.31'], '192.168.1.16'],
    [4, ['192.168.1.1', '192.168.1.6'], '192.168.1.5'],
    [4, ['127.255.255.255', '128.0.0.0'], '128.0.0.0'],
  ];
  for (const [i, [version, range, address]] of addresses.entries()) {
    const source = i % 2 === 0;
    const change: Partial<Sa> = source ? { ts_ip_src: range } : { ts_ip_dst: range };
    const ip = ipOf(version, source ? { src: address } : { dst: address });
    const title = `Tunnel, ${source ? 'source' : 'destination'} ${range.join('..')}`;
    c.add(title, makeSa(version, 17, change), packet(ip, udp(5001, 4500, c.octets(3))), []);
  }
  const limited = makeSa(6, 17, {
    ipsec_mode: 'transport',
    ts_ip_src: [SIX.src, SIX.src],
    ts_ip_dst: ['::', 'ffff::'],
  });
  c.add('Transport with address selectors', limited, packet(ipOf(6), udp(5001, 4500, c.octets(3))), []);
}

function actions(c: Collector): void {
  for (const version of [6, 4] as const) {
    let turn = 0;
    for (const dscp_cda of ['not_compressed', 'lower', 'sa'] as const) {
      for (const ecn_cda of ['not_compressed', 'lower'] as const) {
        for (const flow_label_cda of ['not_compressed', 'lower', 'zero'] as const) {
          turn++;
          if ((version === 4) !== (turn % 2 === 0)) continue;
          const outer = (turn >> 1) % 2 === 0 ? OUTER_SIX : OUTER_FOUR;
          const lossy = version === 6 && outer === OUTER_FOUR;
          const label = flow_label_cda === 'zero' ? 0 : version === 6 ? 0xfa001 + turn : 0xff00 + turn;
          const change = { dscp_cda, ecn_cda, flow_label_cda, dscp_list: [0, 46], tunnel_ip: outer };
          const ip = ipOf(version, { label, dscp: turn % 3 === 0 ? 0 : 46, ecn: turn % 4 });
          c.add(
            `IPv${version} in ${outerName(outer)}, DSCP ${dscp_cda}, ECN ${ecn_cda}, label ${flow_label_cda}`,
            makeSa(version, 17, change),
            packet(ip, udp(5001, 4500, c.octets(1))),
            flow_label_cda === 'zero' ? ['FLOW-ZERO'] : flow_label_cda === 'lower' && lossy ? ['FLOW-X'] : [],
          );
        }
      }
    }
    for (const n of [1, 2, 3, 4, 5, 8, 9]) {
      if (version === 4 && n % 2 === 0) continue;
      const list = Array.from({ length: n }, (_, i) => (version === 6 ? 46 - 2 * (n - 1 - i) : 7 * i));
      const dscp = list[version === 6 ? n - 1 : n >> 1]!;
      const sa = makeSa(version, 17, { dscp_cda: 'sa', dscp_list: list });
      c.add(`IPv${version}, DSCP list of ${n}`, sa, packet(ipOf(version, { dscp }), udp(5001, 4500, c.octets(1))), []);
    }
  }
  const list = [46, 0, 26, 0, 10, 46];
  c.add(
    'DSCP list unsorted with duplicates: index in ascending order',
    makeSa(6, 17, { dscp_cda: 'sa', dscp_list: list }),
    packet(ipOf(6, { dscp: 26 }), udp(5001, 4500, c.octets(1))),
    ['DSCP-ORDER'],
  );
}

function special(c: Collector): void {
  for (const [mode, version] of [
    ['tunnel', 6],
    ['tunnel', 4],
    ['transport', 6],
    ['transport', 4],
  ] as const) {
    const sa = makeSa(version, 17, { ipsec_mode: mode });
    const zero = packet(ipOf(version), udp(5001, 4500, c.octets(4), true));
    c.add(`${mode}, IPv${version}, zero UDP checksum`, sa, zero, ['UDP-ZERO']);
    c.add(`${mode}, IPv${version}, UDP without payload`, sa, packet(ipOf(version), udp(5001, 4500, c.octets(0))), []);
  }
  for (const proto of [17, 136, 6]) {
    // A payload that makes the computed sum 0: FFFF on the wire for UDP and UDP-Lite, 0000 for TCP.
    const make = (octets: Buffer) =>
      proto === 17
        ? udp(5001, 4500, octets)
        : proto === 136
          ? udpLite(5001, 4500, octets)
          : tcp(5001, 4500, SYN, octets);
    const first = segmentOctets(ipOf(6), make(Buffer.alloc(2)));
    const at = proto === 6 ? 16 : 6;
    const inner = packet(ipOf(6), make(Buffer.from(first.subarray(at, at + 2))));
    c.add(`Protocol ${proto}, computed checksum is zero`, makeSa(6, proto), inner, proto === 6 ? [] : ['UDP-ZERO']);
  }
  const datagram = segmentOctets(ipOf(6), udp(5001, 4500, c.octets(3)));
  const extensions: [string, Segment][] = [
    ['Hop-by-Hop header', hopByHop(17, datagram)],
    ['Fragment header', raw(44, Buffer.concat([Buffer.from('1100000100000001', 'hex'), datagram]))],
    ['Destination Options', raw(60, Buffer.concat([Buffer.from('1100010400000000', 'hex'), datagram]))],
    ['No Next Header', raw(59, Buffer.alloc(0))],
    ['protocol 253', raw(253, c.octets(9))],
  ];
  for (const [name, segment] of extensions) {
    c.add(`Tunnel, IPv6 ${name}, ts_proto 0`, makeSa(6, 0), packet(ipOf(6), segment), ['EXT-HDR', 'HDR-EXTENT']);
  }
  c.add('Tunnel, IPv4 protocol 47', makeSa(4, 47), packet(ipOf(4), raw(47, c.octets(7))), ['IPV4-FLAGS']);
  for (const hops of [1, 2, 128, 255]) {
    const inner = packet(ipOf(hops < 100 ? 6 : 4, { hops }), udp(5001, 4500, c.octets(1)));
    c.add(`Hop limit ${hops}`, makeSa(hops < 100 ? 6 : 4, 17), inner, ['HOPLIMIT']);
  }
  const coap = Buffer.from('420116340102b474656d70', 'hex');
  for (const mode of ['tunnel', 'transport'] as const) {
    for (const [name, payload] of [
      ['1 octet', c.octets(1)],
      ['CoAP GET', coap],
      ['1200 octets', c.octets(1200)],
    ] as const) {
      if (mode === 'transport' && payload.length > 1000) continue;
      const sa = makeSa(6, 17, {
        ipsec_mode: mode,
        ts_port_src: [5683, 5683],
        ts_port_dst: [5683, 5683],
        esp_encr: 'AES_CCM_8_IIV',
        salt: 'a0a1a2',
      });
      c.add(`${mode}, UDP payload ${name}`, sa, packet(ipOf(6), udp(5683, 5683, Buffer.from(payload))), []);
    }
  }
}

export function headerCases(c: Collector): void {
  protocols(c);
  ipv4(c);
  ranges(c);
  actions(c);
  special(c);
}
