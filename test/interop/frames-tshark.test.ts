// tshark reads Diet-ESP on air: every frame is 802.15.4 with a good FCS and 6LoWPAN, fragments are reassembled, ESP follows
// the IP header that IPHC restores, nothing is malformed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { LINKTYPE_IEEE802_15_4 } from '../../targets/node/host/radio/pcap.ts';
import { createFrameSender, linkPlan } from '../../targets/node/tools/convert/frames.ts';
import { packageMissing } from '../support/packages.ts';
import { ADDRESSES, endpoint, hex, OUTER, protect, saOf, udpPacket, type Values } from './associations.ts';
import { tshark } from './tshark.ts';

const skip = packageMissing('tshark');
// biome-ignore format: one layer a line
const FIELDS = [
  'frame.protocols', '_ws.malformed',
  'wpan.fcs_ok', 'wpan.dst_pan', 'wpan.src16', 'wpan.dst16',
  '6lowpan.frag.size', '6lowpan.reassembled.length',
  'ipv6.src', 'ipv6.dst', 'ipv6.nxt', 'ipv6.plen', 'ipv6.hlim', 'esp.spi',
];

/** A sensor's SA: exact selectors, all that can be elided is, 8 bits each of SPI and SN. */
function diet(outer: readonly string[] | null): Values {
  const [src, dst] = ADDRESSES[6];
  return {
    ipsec_mode: outer === null ? 'transport' : 'tunnel',
    ...(outer === null ? {} : { tunnel_ip: outer }),
    ts_ip_version: 6,
    ts_ip_src: [src, src],
    ts_ip_dst: [dst, dst],
    ts_proto: 17,
    ts_port_src: [5001, 5001],
    ts_port_dst: [4501, 4501],
    dscp_cda: 'lower',
    ecn_cda: 'lower',
    flow_label_cda: 'zero',
    alignment: 8,
    esp_trailer: 'Optional',
    esp_encr: 'AES_CCM_8_IIV',
    key: '000102030405060708090a0b0c0d0e0f',
    salt: 'a0a1a2',
    esp_spi: '112233a7',
    esp_spi_lsb: 8,
    esp_sn_lsb: 8,
  };
}

/** The /112 prefix of an address as tshark's preference for context `index`. */
function context(index: number, address: string): string {
  return `6lowpan.context${index}:${address.replace(/[^:]*$/, '')}/112`;
}

for (const [name, outer] of [
  ['tunnel', OUTER[6]],
  ['transport', null],
] as const) {
  test('Diet-ESP on air, ' + name, { skip }, () => {
    const [src, dst] = outer ?? ADDRESSES[6];
    const from = endpoint();
    const sa = saOf(diet(outer));
    const sender = createFrameSender(linkPlan({ pan: 'abcd' }, [addressOctets(src)!, addressOctets(dst)!]));
    const frames: Uint8Array[] = [];
    const expected: { wire: Uint8Array; frames: number }[] = [];
    for (const size of [1, 28, 60, 300, 28, 301, 1000, 2]) {
      const wire = protect(from, sa, udpPacket(6, size));
      const count = sender.send(wire, 0, wire.length, 0, (frame, length) => frames.push(frame.slice(0, length)));
      expected.push({ wire, frames: count });
    }
    assert.deepEqual(
      expected.map((entry) => entry.frames > 1),
      [false, false, false, true, false, true, true, false],
    );
    const damaged = frames[0].slice();
    damaged[damaged.length - 1] ^= 1;

    const rows = tshark(LINKTYPE_IEEE802_15_4, [...frames, damaged], {
      preferences: [context(0, src), context(1, dst)],
      fields: FIELDS,
    });
    assert.doesNotMatch(rows.pop()![2], /^(1|True)$/, 'FCS of the damaged frame');
    let at = 0;
    for (const { wire, frames: count } of expected) {
      for (let i = 1; i <= count; i++) {
        const [protocols, malformed, fcs, pan, source, destination, size, reassembled, ...ip] = rows[at];
        const where = `frame ${++at}: ${rows[at - 1].join(' | ')}`;
        assert.equal(malformed, '', where);
        assert.match(fcs, /^(1|True)$/, where);
        assert.match(protocols, /^wpan:6lowpan/, where);
        assert.deepEqual([pan, Number(source), Number(destination)], ['0xabcd', lastGroup(src), lastGroup(dst)], where);
        assert.equal(size, count > 1 ? String(wire.length) : '', where);
        if (i < count) {
          assert.doesNotMatch(protocols, /esp/, where);
          continue;
        }
        assert.match(protocols, /:ipv6:esp$/, where);
        assert.equal(reassembled, count > 1 ? String(wire.length) : '', where);
        const spi = '0x' + hex(wire.subarray(40, 44));
        assert.deepEqual(ip, [src, dst, '50', String(wire.length - 40), String(wire[7]), spi], where);
      }
    }
    assert.equal(at, rows.length);
  });
}

/** The last 16 bits of an address, which are its short address. */
function lastGroup(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
}
