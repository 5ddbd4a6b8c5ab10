// Received packets that must be dropped (core/dietesp/README.md, RFC 4303 §3.4), and some that must not although they changed on the way.
import { ipv4Checksum } from './bits.ts';
import { compress } from './compress.ts';
import { FOUR, makeSa, OUTER_FOUR, SIX } from './make-sa.ts';
import { receiverOf, unprotect } from './naive.ts';
import { packet, patched, raw, tcp, udp } from './packets.ts';
import { type DropName, Dropped, type OnPath, type Rejection, type Sa } from './types.ts';

const PAYLOAD = Buffer.from('0102030405060708', 'hex');
const v6 = packet({ ...SIX, dscp: 10, ecn: 2, label: 0x12345 }, udp(5001, 4500, PAYLOAD));
const v4 = packet({ ...FOUR, label: 0xbeef }, udp(5001, 4500, PAYLOAD));

function wireOf(sa: Sa, inner: Buffer, tamper?: (clear: Buffer) => Buffer): Buffer {
  return Buffer.from(compress(sa, inner, undefined, tamper).wire, 'hex');
}

/** Outer length (and IPv4 checksum) made right for the octets there are. */
function fitted(wire: Buffer): Buffer {
  const copy = Buffer.from(wire);
  if (copy[0]! >> 4 === 6) copy.writeUInt16BE(copy.length - 40, 4);
  else {
    copy.writeUInt16BE(copy.length, 2);
    copy.writeUInt16BE(ipv4Checksum(copy.subarray(0, 20)), 10);
  }
  return copy;
}

const flip = (wire: Buffer, at: number): Buffer => patched(wire, at, [wire.at(at)! ^ 1]);
const clearText = (hex: string) => () => Buffer.from(hex, 'hex');

export function rejections(): Rejection[] {
  const list: Rejection[] = [];
  const add = (
    name: DropName,
    title: string,
    sa: Sa,
    wire: Buffer,
    also: DropName[] = [],
    before: Buffer[] = [],
  ): void => {
    const state = receiverOf(sa);
    for (const earlier of before) unprotect(sa, earlier, state);
    let found = 'accepted';
    try {
      unprotect(sa, wire, state);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      found = error.drop;
    }
    if (found !== name) throw new Error(`rejection "${title}": ${found} instead of ${name}`);
    const id = 'D' + String(list.length + 1).padStart(3, '0');
    const entry: Rejection = { id, title, sa, wire: wire.toString('hex'), drop: name };
    if (before.length > 0) entry.before = before.map((earlier) => earlier.toString('hex'));
    if (also.length > 0) entry.also = also;
    list.push(entry);
  };
  const sa = makeSa(6, 17, { esp_sn: '105' });
  const good = wireOf(sa, v6);
  const cut = (sa: Sa, inner: Buffer, espOctets: number) => fitted(wireOf(sa, inner).subarray(0, 40 + espOctets));

  add('short', 'outer header cut', sa, good.subarray(0, 24), ['length']);
  for (const size of [0, 1, 2, 17]) add('short', `${size} of 26 ESP octets`, sa, cut(sa, v6, size), ['length']);
  const explicit = makeSa(6, 17, { esp_encr: 'AES_CCM_8', esp_sn: '6' });
  add('short', 'IV cut', explicit, cut(explicit, v6, 9));
  add('short', 'explicit IV, ICV cut', explicit, cut(explicit, v6, 17));
  const cbc = makeSa(6, 17, { esp_encr: 'AES_CBC_HMAC_SHA2_256_128', esp_sn: '7' });
  add('short', 'CBC, ICV cut', cbc, cut(cbc, v6, 33));
  add('length', 'outer Payload Length beyond the end', sa, good.subarray(0, 60), ['short']);

  for (const size of [18, 20, 25]) add('icv', `${size} of 26 ESP octets`, sa, cut(sa, v6, size));
  add('icv', 'one octet more', sa, fitted(Buffer.concat([good, Buffer.alloc(1)])));
  add('icv', 'cipher text changed', sa, flip(good, 42));
  add('icv', 'ICV changed, last octet', sa, flip(good, -1 + good.length));
  add('icv', 'ICV changed, first octet', sa, flip(good, good.length - 16));
  // The number before the SA's first: a receiver that checks for replays first may say so.
  add('icv', 'SN changed', sa, flip(good, 41), ['replay']);
  add('icv', 'explicit IV changed', explicit, flip(wireOf(explicit, v6), 43));
  add('icv', 'CBC cipher text changed', cbc, flip(wireOf(cbc, v6), 60));
  add('icv', 'other key', { ...sa, key: 'ff'.repeat(16) }, good);
  add('icv', 'other salt', { ...sa, salt: 'ffffffff' }, good);
  add('icv', 'other SPI with the same low bits', sa, wireOf({ ...sa, esp_spi: 'ff2233a7' }, v6));
  const esn = { ...sa, esn: true };
  add('icv', 'other high half of the ESN', esn, wireOf({ ...esn, esp_sn: '100000105' }, v6));
  add('icv', 'ESN on one side only', esn, good);
  const hmac = makeSa(6, 17, { esp_encr: 'NULL_HMAC_SHA2_256_128', esp_sn: '8', esn: true });
  add('icv', 'HMAC, other high half of the ESN', hmac, wireOf({ ...hmac, esp_sn: '100000008' }, v6));

  const wide = makeSa(6, 17, { esp_sn_lsb: 32, esp_spi_lsb: 32, esp_sn: '1' });
  const at = (base: Sa, sn: string) => wireOf({ ...base, esp_sn: sn }, v6);
  add('replay', 'the same packet again', sa, good, [], [good]);
  add('replay', 'again after a later one', wide, at(wide, '3'), [], [at(wide, '3'), at(wide, '28')]);
  add(
    'sequence',
    'older than the window, 32 bits',
    wide,
    at(wide, '5'),
    ['replay', 'exhausted', 'icv'],
    [at(wide, '64')],
  );
  add('icv', 'older than the window, 8 bits', sa, wireOf({ ...sa, esp_sn: 'c0' }, v6), ['replay'], [good]);
  const zero = patched(at(wide, '1'), 44, [0, 0, 0, 0]);
  add('sequence', 'SN 0 on the wire', wide, zero, ['replay', 'exhausted', 'icv']);
  const last = makeSa(6, 17, { esp_sn: 'fffffff1' });
  add('sequence', 'SN runs over 2^32-1', last, wireOf({ ...last, esp_sn: '5' }, v6), ['exhausted', 'icv']);

  const padded = makeSa(6, 17, { alignment: 64 });
  const mandatory = makeSa(6, 17, { alignment: 32, esp_trailer: 'Mandatory' });
  const any = makeSa(6, 0, { ipsec_mode: 'transport', esp_trailer: 'Mandatory' });
  add('trailer', 'Pad Length 8 of 8 octets, Optional', padded, wireOf(padded, v6, clearText('0102030405060708')));
  add('trailer', 'Pad Length 255, Optional', padded, wireOf(padded, v6, clearText('01020304050607ff')));
  add('trailer', 'Pad Length 3 of 4 octets, Mandatory', mandatory, wireOf(mandatory, v6, clearText('01020329')));
  add('trailer', 'Pad Length too large, transport', any, wireOf(any, v6, clearText('138911940911')));
  add('trailer', 'empty clear text, Mandatory', mandatory, wireOf(mandatory, v6, clearText('')), ['short', 'residue']);
  add('trailer', 'one octet, Mandatory', mandatory, wireOf(mandatory, v6, clearText('29')), ['short', 'residue']);
  add('trailer', 'empty clear text, Optional 64 bit', padded, wireOf(padded, v6, clearText('')), ['short', 'residue']);
  const nextFour = wireOf(mandatory, v6, clearText('01020004'));
  add('trailer', 'Next Header 4, IPv6 tunnel', mandatory, nextFour, ['version', 'selector', 'no-rule']);
  add('dummy', 'Next Header 59, tunnel', mandatory, wireOf(mandatory, v6, clearText('0102003b')), ['trailer']);
  add('dummy', 'Next Header 59, transport', any, wireOf(any, v6, clearText('010203040506003b')));
  const udpOnly = makeSa(6, 17, { ipsec_mode: 'transport', esp_trailer: 'Mandatory' });
  add('selector', 'Next Header 6, UDP SA', udpOnly, wireOf(udpOnly, v6, clearText('0102030405060006')), ['trailer']);

  const ranged = (change: Partial<Sa>) => makeSa(6, 17, { esp_sn: '9', ...change });
  const sender = ranged({ ts_ip_src: ['2001:db8::', '2001:db8::7'], ts_port_dst: [4496, 4511] });
  const stray = wireOf(sender, packet({ ...SIX, src: '2001:db8::7' }, udp(5001, 4510, PAYLOAD)));
  add('selector', 'source address', ranged({ ...sender, ts_ip_src: ['2001:db8::1', '2001:db8::6'] }), stray);
  add('selector', 'destination port', ranged({ ...sender, ts_port_dst: [4496, 4509] }), stray);
  const off = makeSa(6, 17, { iipc_enabled: false });
  const openOff = { ...off, ts_proto: 0, ts_port_src: [0, 65535], ts_port_dst: [0, 65535] } as Sa;
  add('selector', 'IIPC off, destination port', off, wireOf(openOff, packet(SIX, udp(5001, 4501, PAYLOAD))));
  add('selector', 'IIPC off, protocol', off, wireOf(openOff, packet(SIX, raw(58, PAYLOAD))));
  add(
    'length',
    'IIPC off, inner length',
    off,
    wireOf(off, v6, () => patched(v6, 5, [17])),
  );
  add(
    'version',
    'IIPC off, IPv4 packet',
    off,
    wireOf(off, v6, () => v4),
    ['selector', 'length'],
  );
  add(
    'short',
    'IIPC off, 10 octets',
    off,
    wireOf(off, v6, () => v6.subarray(0, 10)),
    ['length'],
  );
  const onePort = makeSa(4, 17);
  const allPorts = makeSa(4, 17, { ts_port_src: [0, 65535], ts_port_dst: [0, 65535] });
  const fragment = wireOf(allPorts, packet({ ...FOUR, flags: 1 }, raw(17, PAYLOAD)));
  add('selector', 'fragment on an SA of one port', onePort, fragment, ['no-rule']);

  const open = makeSa(6, 17, { dscp_cda: 'not_compressed', flow_label_cda: 'not_compressed', esp_sn: 'a' });
  for (const hex of ['', '28', '281234']) {
    add('residue', `${hex.length / 2} octets of a 26-bit residue`, open, wireOf(open, v6, clearText(hex)), ['short']);
  }
  const tcpSa = makeSa(6, 6);
  const syn = packet(SIX, tcp(5001, 4500, { seq: 1, ack: 2, flags: 16, window: 3 }, Buffer.alloc(0)));
  add(
    'residue',
    'TCP residue cut',
    tcpSa,
    wireOf(tcpSa, syn, (clear) => clear.subarray(0, -1)),
    ['short'],
  );
  add('residue', 'IPv4 residue cut', onePort, wireOf(onePort, v4, clearText('5000')), ['short']);
  add('length', 'IHL 4', onePort, wireOf(onePort, v4, clearText('40000001020304')), [
    'short',
    'residue',
    'version',
    'no-rule',
  ]);
  const bare = wireOf(onePort, v4, clearText('f00000aabbccdd'));
  add('short', 'IHL 15 with 4 octets behind', onePort, bare, ['residue', 'length', 'no-rule']);
  const listed = (dscp_list: number[]) => makeSa(6, 17, { dscp_cda: 'sa', dscp_list });
  add('residue', 'DSCP index 3 of 3', listed([0, 8, 9]), wireOf(listed([0, 8, 9, 10]), v6), ['no-rule']);
  add('residue', 'DSCP index 7 of 5', listed([0, 1, 2, 3, 4]), wireOf(listed([0, 1, 2, 3, 4, 5, 6, 10]), v6), [
    'no-rule',
  ]);
  add('no-rule', 'other RuleID', makeSa(6, 17, { rule_id: 2 }), wireOf(makeSa(6, 17, { rule_id: 1 }), v6), ['residue']);
  return list;
}

export function onPath(): OnPath[] {
  const list: OnPath[] = [];
  const add = (title: string, note: string, sa: Sa, wire: Buffer): void => {
    const id = 'P' + String(list.length + 1).padStart(3, '0');
    const decompressed = unprotect(sa, wire).toString('hex');
    list.push({ id, title, note, sa, wire: wire.toString('hex'), decompressed });
  };
  const sa = makeSa(6, 17);
  const good = wireOf(sa, v6);
  add('Hop Limit 64 to 60', 'HOPLIMIT', sa, patched(good, 7, [60]));
  add('DSCP lower, rewritten to 46', '4.1', sa, patched(good, 0, [0x6b, (good[1]! & 0x3f) | 0x80]));
  add('ECN lower, marked CE', '4.1', sa, patched(good, 1, [good[1]! | 0x30]));
  add('Flow Label lower, rewritten', '4.1', sa, patched(good, 2, [0xaa, 0xbb]));
  const sent = makeSa(6, 17, { ecn_cda: 'not_compressed', dscp_cda: 'not_compressed', flow_label_cda: 'zero' });
  const plain = wireOf(sent, packet({ ...SIX, dscp: 10, ecn: 2 }, udp(5001, 4500, PAYLOAD)));
  add('ECN sent as ECT(0), outer marked CE', 'RFC 6040: CE', sent, patched(plain, 1, [plain[1]! | 0x30]));
  add('ECN sent as ECT(0), outer cleared', 'RFC 6040: ECT(0)', sent, patched(plain, 1, [plain[1]! & 0xcf]));
  add('DSCP sent, outer rewritten', 'the residue counts', sent, patched(plain, 0, [0x6f]));
  const four = makeSa(4, 17, { tunnel_ip: OUTER_FOUR });
  const inFour = wireOf(four, v4);
  add('IPv4 in IPv4, TTL 61 and DSCP 8', 'HOPLIMIT', four, patched(patched(inFour, 8, [61]), 1, [0x20], true));
  const transport = makeSa(6, 17, { ipsec_mode: 'transport' });
  add('Transport, Hop Limit 1', 'the IP header is outside ESP', transport, patched(wireOf(transport, v6), 7, [1]));
  add(
    'Alignment bits set',
    'PAD-BITS: ignored on receipt',
    four,
    wireOf(four, v4, (c) => patched(c, 2, [c[2]! | 15])),
  );
  const padded = makeSa(6, 17, { alignment: 32 });
  const longer = clearText('aabb' + '010203040506070809' + '09');
  add('More padding than needed', 'the receiver only reads Pad Length', padded, wireOf(padded, v6, longer));
  const unaligned = clearText('aabbcc' + '01' + '01');
  add('Clear text not a multiple of A', 'OPT-ALIGN: works either way', padded, wireOf(padded, v6, unaligned));
  // RFC 4303 2.7: behind the inner packet of a tunnel there may be any octets.
  for (const [name, tail] of [
    ['16 zero octets', Buffer.alloc(16)],
    ['3 octets', Buffer.from('aa0155', 'hex')],
  ] as const) {
    for (const [version, inner] of [
      [6, v6],
      [4, v4],
    ] as const) {
      const off = makeSa(version, 17, { iipc_enabled: false, esp_encr: 'AES_GCM_16', tunnel_ip: OUTER_FOUR });
      const behind = wireOf(off, inner, () => Buffer.concat([inner, tail]));
      add(`IIPC off, IPv${version}, ${name} behind the packet`, 'TFC', off, behind);
    }
  }
  return list;
}
