// Packets that the compressor must refuse (core/dietesp/README.md: CKSUM-VERIFY, UDP-LEN and others). Each breaks one
// condition; `also` lists names that are right as well.

import { FOUR, makeSa, SIX } from './make-sa.ts';
import { protect } from './naive.ts';
import { hopByHop, type Ip, packet, patched, raw, sctp, segmentOctets, tcp, udp, udpLite } from './packets.ts';
import { type DropName, Dropped, type Refusal, type Sa } from './types.ts';

const PAYLOAD = Buffer.from('0102030405060708', 'hex');
const six: Ip = { ...SIX };
const four: Ip = { ...FOUR };
const datagram = udp(5001, 4500, PAYLOAD);
const v6 = packet(six, datagram);
const v4 = packet(four, datagram);
const SYN = { seq: 1, ack: 0, flags: 2, window: 512 };

export function refusals(): Refusal[] {
  const list: Refusal[] = [];
  const add = (name: DropName, title: string, sa: Sa, inner: Buffer, also: DropName[] = []): void => {
    let found = 'accepted';
    try {
      protect(sa, inner);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      found = error.drop;
    }
    if (found !== name) throw new Error(`refusal "${title}": ${found} instead of ${name}`);
    const id = 'R' + String(list.length + 1).padStart(3, '0');
    const entry: Refusal = { id, title, sa, inner: inner.toString('hex'), drop: name };
    list.push(also.length === 0 ? entry : { ...entry, also });
  };
  const sa6 = makeSa(6, 17);
  const sa4 = makeSa(4, 17);
  const any6 = makeSa(6, 0);
  const transport6 = makeSa(6, 17, { ipsec_mode: 'transport' });
  const transport4 = makeSa(4, 17, { ipsec_mode: 'transport' });

  add('version', 'IPv4 packet, IPv6 SA', sa6, v4);
  add('version', 'IPv6 packet, IPv4 SA', sa4, v6);
  add('version', 'IPv4 packet, IPv6 SA, transport', transport6, v4);
  add('version', 'version 5', sa6, patched(v6, 0, [0x50]));

  add('short', 'no octets', sa6, Buffer.alloc(0), ['version', 'length']);
  add('short', 'IPv6 header of 39 octets', sa6, v6.subarray(0, 39), ['length']);
  add('short', 'IPv4 header of 19 octets', sa4, v4.subarray(0, 19), ['length']);
  add('short', 'IPv4 options cut', makeSa(4, 0), patched(v4, 0, [0x4f], true), ['length', 'checksum']);
  for (const [name, proto, size] of [
    ['UDP', 17, 7],
    ['UDP-Lite', 136, 7],
    ['TCP', 6, 19],
    ['SCTP', 132, 11],
  ] as const) {
    const cut = Buffer.alloc(size);
    cut.writeUInt16BE(5001, 0);
    cut.writeUInt16BE(4500, 2);
    cut.writeUInt16BE(size, 4);
    add('short', `${name} header of ${size} octets`, makeSa(6, proto), packet(six, raw(proto, cut)), ['length']);
  }
  const bare = packet(six, raw(17, Buffer.alloc(0)));
  add('short', 'nothing behind the IPv6 header, ts_proto 0', any6, bare, ['length']);
  const cutTcp = raw(6, Buffer.alloc(12));
  add('short', 'TCP header of 12 octets, transport', makeSa(4, 0, { ipsec_mode: 'transport' }), packet(four, cutTcp));

  add('length', 'IPv6 Payload Length one too large', sa6, patched(v6, 5, [17]), ['short']);
  add('length', 'IPv6 Payload Length one too small', sa6, patched(v6, 5, [15]));
  add('length', 'IPv6 packet with a trailing octet', sa6, Buffer.concat([v6, Buffer.alloc(1)]));
  const jumbo = packet(six, hopByHop(17, segmentOctets(six, datagram)));
  add('length', 'jumbogram: Payload Length 0', any6, patched(jumbo, 4, [0, 0]));
  add('length', 'IPv4 Total Length one too large', sa4, patched(v4, 3, [37], true), ['short']);
  add('length', 'IPv4 Total Length one too small', sa4, patched(v4, 3, [35], true));
  add('length', 'IPv4 IHL 4', sa4, patched(v4, 0, [0x44], true), ['short', 'version', 'checksum', 'no-rule']);
  for (const [name, length] of [
    ['one too large', 17],
    ['one too small', 15],
    ['0', 0],
  ] as const) {
    const wrong = Buffer.from(datagram.octets);
    wrong.writeUInt16BE(length, 4);
    add('length', `UDP Length ${name}`, sa6, packet(six, { proto: 17, octets: wrong }));
  }
  const wrong = Buffer.from(datagram.octets);
  wrong.writeUInt16BE(12, 4);
  add('length', 'UDP Length, transport', transport4, packet(four, { proto: 17, octets: wrong }));
  for (const coverage of [8, 15, 17]) {
    const inner = packet(six, udpLite(5001, 4500, PAYLOAD, coverage));
    add('length', `UDP-Lite coverage ${coverage} of 16`, makeSa(6, 136), inner, ['no-rule', 'checksum']);
  }

  const flip = (octets: Buffer, at: number, fix = false) => patched(octets, at, [octets[at]! ^ 1], fix);
  add('checksum', 'IPv4 header checksum', sa4, flip(v4, 11));
  add('checksum', 'IPv4 header checksum, transport', transport4, flip(v4, 10));
  add('checksum', 'UDP checksum', sa6, flip(v6, 47));
  add('checksum', 'UDP payload changed', sa6, flip(v6, 50));
  add('checksum', 'UDP checksum, ts_proto 0', any6, flip(v6, 46));
  add('checksum', 'UDP checksum over IPv4', sa4, flip(v4, 27));
  add('checksum', 'UDP checksum, transport', transport6, flip(v6, 47));
  const lite = packet(six, udpLite(5001, 4500, PAYLOAD));
  add('checksum', 'UDP-Lite checksum', makeSa(6, 136), flip(lite, 47));
  add('checksum', 'UDP-Lite checksum 0', makeSa(6, 136), patched(lite, 46, [0, 0]));
  const segment = packet(six, tcp(5001, 4500, SYN, PAYLOAD));
  add('checksum', 'TCP checksum', makeSa(6, 6), flip(segment, 56));
  add('checksum', 'TCP checksum 0', makeSa(6, 6), patched(segment, 56, [0, 0]));
  const sum = segmentOctets(six, tcp(5001, 4500, SYN, Buffer.alloc(2))).subarray(16, 18);
  const zeroSum = packet(six, tcp(5001, 4500, SYN, sum));
  add('checksum', 'TCP checksum FFFE where 0000 is computed', makeSa(6, 6), patched(zeroSum, 56, [255, 254]));
  const chunk = packet(six, sctp(5001, 4500, 7, PAYLOAD));
  add('checksum', 'SCTP CRC', makeSa(6, 132), flip(chunk, 48));
  const swapped = patched(chunk, 48, [...chunk.subarray(48, 52)].reverse());
  add('checksum', 'SCTP CRC most significant octet first', makeSa(6, 132), swapped);

  add('selector', 'TCP on a UDP SA', sa6, segment);
  add('selector', 'Hop-by-Hop header on a UDP SA', sa6, jumbo);
  add('selector', 'TCP on a UDP SA, transport', transport6, segment);
  add('selector', 'source address', sa6, packet({ ...six, src: '2001:db8::1235' }, datagram));
  add('selector', 'destination address', sa4, packet({ ...four, dst: '10.1.2.4' }, datagram));
  const ranged = makeSa(6, 17, { ts_ip_src: ['2001:db8::1', '2001:db8::6'], ts_port_src: [5001, 5006] });
  for (const [name, src, port] of [
    ['source address in the prefix, below the range', '2001:db8::', 5001],
    ['source address in the prefix, above the range', '2001:db8::7', 5001],
    ['source port in the prefix, below the range', '2001:db8::1', 5000],
    ['source port in the prefix, above the range', '2001:db8::1', 5007],
    ['source port outside the prefix', '2001:db8::1', 5008],
  ] as const) {
    add('selector', name, ranged, packet({ ...six, src }, udp(port, 4500, PAYLOAD)));
  }
  add('selector', 'destination port', sa6, packet(six, udp(5001, 4501, PAYLOAD)));
  add('selector', 'destination port, transport', transport4, packet(four, udp(5001, 4501, PAYLOAD)));
  add('selector', 'first fragment, one port', sa4, packet({ ...four, flags: 1 }, datagram), ['no-rule']);
  add('selector', 'last fragment, one port', sa4, packet({ ...four, fragmentOffset: 2 }, datagram), ['no-rule']);

  const listed = (dscp_list: number[]) => makeSa(6, 17, { dscp_cda: 'sa', dscp_list });
  add('no-rule', 'DSCP not the only one', listed([46]), v6);
  add('no-rule', 'DSCP not in the list', listed([10, 26, 46]), v6);
  add('no-rule', 'Flow Label 1 with zero', makeSa(6, 17, { flow_label_cda: 'zero' }), patched(v6, 3, [1]));
  const identified = packet({ ...four, label: 0x100 }, datagram);
  add('no-rule', 'Identification 0100 with zero', makeSa(4, 17, { flow_label_cda: 'zero' }), identified);
  const anyPorts = makeSa(4, 0, { ipsec_mode: 'transport' });
  add('no-rule', 'first fragment, transport', anyPorts, packet({ ...four, flags: 1 }, datagram), [
    'selector',
    'length',
  ]);
  const last = packet({ ...four, fragmentOffset: 4 }, raw(17, PAYLOAD));
  add('no-rule', 'last fragment, transport', anyPorts, last, ['selector', 'length', 'short']);

  add('exhausted', 'SN 2^32 without ESN', makeSa(6, 17, { esp_sn: '100000000' }), v6, ['sequence']);
  const full = makeSa(6, 17, { esn: true, esp_sn: '10000000000000000' });
  add('exhausted', 'SN 2^64 with ESN', full, v6, ['sequence']);
  return list;
}
