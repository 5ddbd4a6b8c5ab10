// Accepted packets, second half: trailer, suites, SPI and SN bits, ESN, switches [draft-ietf-ipsecme-diet-esp §5, §6].
import type { Collector } from './collector.ts';
import { FOUR, makeSa, OUTER_FOUR, SIX, SUITE_NAMES } from './make-sa.ts';
import { echo, packet, patched, tcp, udp } from './packets.ts';
import type { Sa, Suite } from './types.ts';

const ALIGNMENTS = [8, 16, 32, 64] as const;
const TRAILERS = ['Optional', 'Mandatory'] as const;
/** The sister of each differs only in its IV: half of the combinations is enough for these. */
const HALVED: Suite[] = ['AES_CCM_8', 'AES_CCM_16', 'AES_GCM_16', 'AES_GCM_16_IIV', 'CHACHA20_POLY1305'];
const four = { ...FOUR, flags: 2, hops: 64 };
const six = { ...SIX, hops: 64 };

function trailers(c: Collector): void {
  let turn = 0;
  for (const esp_encr of SUITE_NAMES) {
    for (const ipsec_mode of ['tunnel', 'transport'] as const) {
      for (const esp_trailer of TRAILERS) {
        for (const alignment of ALIGNMENTS) {
          turn++;
          if (HALVED.includes(esp_encr) && (alignment === 8 || alignment === 32) !== (esp_trailer === 'Optional'))
            continue;
          const esn = turn % 5 === 0;
          const sa = makeSa(4, 17, {
            ipsec_mode,
            esp_encr,
            esp_trailer,
            alignment,
            esn,
            esp_sn: esn ? (0x100000000 * turn + turn).toString(16) : '1',
            flow_label_cda: 'zero',
            ...(ipsec_mode === 'tunnel' ? { tunnel_ip: OUTER_FOUR } : {}),
          });
          const depends =
            esp_trailer === 'Optional' && (alignment > 8 || esp_encr.startsWith('AES_CBC')) ? ['OPT-ALIGN'] : [];
          const title = `${ipsec_mode}, ${esp_encr}, ${esp_trailer}, ${alignment} bit`;
          c.add(title, sa, packet(four, udp(5001, 4500, c.octets(turn % 19))), depends);
        }
      }
    }
  }
  for (const esp_encr of ['AES_CCM_8_IIV', 'AES_CBC_HMAC_SHA2_256_128'] as Suite[]) {
    for (const esp_trailer of TRAILERS) {
      for (const alignment of ALIGNMENTS) {
        turn++;
        const sa = makeSa(6, 0, { ipsec_mode: 'transport', esp_encr, esp_trailer, alignment });
        const inner = packet(
          six,
          turn % 2 === 0 ? echo(6, 1, turn, c.octets(turn % 7)) : udp(9, 10, c.octets(turn % 7)),
        );
        const title = `transport, ts_proto 0, ${esp_encr}, ${esp_trailer}, ${alignment} bit`;
        c.add(title, sa, inner, ['ANY-TRANSPORT', 'OPT-NH-ORDER']);
      }
    }
  }
}

/** 32 + 32 bits, Mandatory, 32 bit, IIPC off: ordinary RFC 4303 ESP, which any other implementation can open. */
function ordinary(c: Collector): void {
  for (const esp_encr of SUITE_NAMES) {
    for (const version of [6, 4] as const) {
      if (version === 4 && esp_encr.endsWith('_IIV')) continue;
      const change: Partial<Sa> = {
        esp_encr,
        esp_trailer: 'Mandatory',
        alignment: 32,
        esp_spi_lsb: 32,
        esp_sn_lsb: 32,
        iipc_enabled: false,
        ipsec_mode: version === 6 ? 'tunnel' : 'transport',
      };
      const inner = packet(version === 6 ? six : four, udp(5001, 4500, c.octets(6)));
      c.add(`Ordinary ESP, ${change.ipsec_mode} IPv${version}, ${esp_encr}`, makeSa(version, 17, change), inner, []);
    }
  }
}

function headers(c: Collector): void {
  const splits: [number, number][] = [
    [0, 0],
    [0, 8],
    [8, 0],
    [4, 12],
    [12, 4],
    [1, 7],
    [7, 1],
    [20, 4],
    [4, 20],
    [3, 13],
    [16, 16],
    [31, 1],
    [1, 31],
    [32, 0],
    [0, 32],
    [32, 32],
  ];
  for (const [i, [esp_spi_lsb, esp_sn_lsb]] of splits.entries()) {
    const esn = i % 2 === 1;
    const change: Partial<Sa> = { esp_spi: 'fedcba98', esp_spi_lsb, esp_sn_lsb, esn, tunnel_ip: OUTER_FOUR };
    const inner = packet(four, udp(5001, 4500, c.octets(3)));
    const sn = esn ? 'abcdef0187654321' : '87654321';
    const sa = makeSa(4, 17, { ...change, flow_label_cda: 'zero', esp_sn: sn });
    c.add(`SPI ${esp_spi_lsb} bits, SN ${esp_sn_lsb} bits${esn ? ', ESN' : ''}`, sa, inner, ['MSB4']);
  }
  const edges: [string, boolean][] = [
    ['ffffffff', false],
    ['ffffffff', true],
    ['100000000', true],
    ['100000001', true],
    ['fffffffffffffffe', true],
    ['ffffffffffffffff', true],
  ];
  const suites: Suite[] = ['AES_CCM_8_IIV', 'NULL_HMAC_SHA2_256_128', 'AES_GCM_16'];
  for (const [i, [esp_sn, esn]] of edges.entries()) {
    for (const esp_encr of i === 3 ? SUITE_NAMES : suites.slice(i % 3, (i % 3) + 1)) {
      const sa = makeSa(4, 17, { esp_sn, esn, esp_encr, flow_label_cda: 'zero' });
      c.add(`SN ${esp_sn}${esn ? ', ESN' : ''}, ${esp_encr}`, sa, packet(four, udp(5001, 4500, c.octets(2))), [
        'IIV-SN',
      ]);
    }
  }
}

function switches(c: Collector): void {
  for (const ipsec_mode of ['tunnel', 'transport'] as const) {
    for (const version of [6, 4] as const) {
      for (const proto of [6, 0]) {
        const sa = makeSa(version, proto, { ipsec_mode, iipc_enabled: false });
        const inner = packet(
          version === 6 ? six : four,
          tcp(5001, 4500, { seq: 1, ack: 2, flags: 16, window: 3 }, c.octets(1)),
        );
        c.add(`IIPC off, ${ipsec_mode}, IPv${version}, ts_proto ${proto}`, sa, inner, ['IIPC-PROFILE']);
      }
    }
  }
  for (const rule_id of [0, 1, 255]) {
    for (const ipsec_mode of ['tunnel', 'transport'] as const) {
      const sa = makeSa(6, 17, { ipsec_mode, rule_id, flow_label_cda: 'not_compressed' });
      c.add(`RuleID ${rule_id}, ${ipsec_mode}`, sa, packet(six, udp(5001, 4500, c.octets(2))), ['RULEID']);
    }
  }
}

/** TCP and IPv4 header checksums FFFF where 0000 is computed, which is as valid [RFC 1071]. */
function onesSums(c: Collector): void {
  const flags = { seq: 1, ack: 2, flags: 16, window: 3 };
  for (const [version, ip] of [
    [6, six],
    [4, four],
  ] as const) {
    const ipsec_mode = version === 6 ? 'tunnel' : 'transport';
    const size = version === 6 ? 40 : 20;
    const zeroed = packet(ip, tcp(5001, 4500, flags, Buffer.alloc(2)));
    const inner = packet(ip, tcp(5001, 4500, flags, zeroed.subarray(size + 16, size + 18)));
    const sa = makeSa(version, 6, { ipsec_mode });
    c.add(`${ipsec_mode}, IPv${version}, TCP checksum FFFF for 0000`, sa, patched(inner, size + 16, [255, 255]), [
      'CKSUM-VERIFY',
    ]);
  }
  for (const iipc_enabled of [true, false]) {
    const datagram = udp(5001, 4500, c.octets(2));
    // With the checksum as Identification the header's sum is all ones.
    const inner = packet({ ...four, label: packet(four, datagram).readUInt16BE(10) }, datagram);
    const sa = makeSa(4, 17, { iipc_enabled, flow_label_cda: 'not_compressed' });
    c.add(`IPv4 header checksum FFFF for 0000${iipc_enabled ? '' : ', IIPC off'}`, sa, patched(inner, 10, [255, 255]), [
      'CKSUM-VERIFY',
    ]);
  }
}

export function saCases(c: Collector): void {
  trailers(c);
  ordinary(c);
  headers(c);
  switches(c);
  onesSums(c);
}
