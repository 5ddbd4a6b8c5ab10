// ECN of a decapsulated packet [RFC 6040 figure 4], for IPv4 and IPv6 inside and outside.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internetChecksum } from '../naive/bits.ts';
import { FOUR, makeSa, OUTER_FOUR, OUTER_SIX, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import type { Sa as NaiveSa } from '../naive/types.ts';
import { endpointOf, hex, packetOf, receive, saOf, send } from './support.ts';

const NOT_ECT = 0;
const ECT1 = 1;
const ECT0 = 2;
const CE = 3;
const DROP = -1;

// Rows: inner field; columns: outer Not-ECT, ECT(0), ECT(1), CE.
const OUTER = [NOT_ECT, ECT0, ECT1, CE];
const FIGURE_4: [number, number[]][] = [
  [NOT_ECT, [NOT_ECT, NOT_ECT, NOT_ECT, DROP]],
  [ECT0, [ECT0, ECT0, ECT1, CE]],
  [ECT1, [ECT1, ECT1, ECT1, CE]],
  [CE, [CE, CE, CE, CE]],
];

/** The packet with another ECN in its (outer) header. */
function marked(wire: Uint8Array, ecn: number): Uint8Array {
  const copy = Buffer.from(wire);
  if (copy[0]! >> 4 === 6) {
    copy[1] = (copy[1]! & 0xcf) | (ecn << 4);
  } else {
    copy[1] = (copy[1]! & 0xfc) | ecn;
    copy.writeUInt16BE(0, 10);
    copy.writeUInt16BE(internetChecksum(copy.subarray(0, 20)), 10);
  }
  return copy;
}

const innerOf = (version: 4 | 6, ecn: number): Buffer =>
  packet({ ...(version === 6 ? SIX : FOUR), dscp: 46, ecn }, udp(5001, 4500, Buffer.from('data')));

for (const version of [4, 6] as const) {
  for (const tunnel_ip of [OUTER_FOUR, OUTER_SIX]) {
    for (const iipc_enabled of [true, false]) {
      test(`RFC 6040: IPv${version} in ${tunnel_ip[0]}, IIPC ${iipc_enabled ? 'on' : 'off'}`, () => {
        const change: Partial<NaiveSa> = { tunnel_ip, iipc_enabled, ecn_cda: 'not_compressed' };
        for (const [inner, row] of FIGURE_4) {
          OUTER.forEach((outer, column) => {
            const sa = makeSa(version, 17, change);
            const receiver = saOf(sa);
            const endpoint = endpointOf(receiver);
            const wire = packetOf(send(endpointOf(), saOf(sa), innerOf(version, inner)));
            const back = receive(endpoint, marked(wire, outer));
            if (row[column] === DROP) {
              assert.equal(back, 'ecn');
              assert.equal(endpoint.drops[27], 1);
              assert.equal(receive(endpoint, wire), 'replay', 'it was authentic');
            } else assert.equal(typeof back === 'string' ? back : hex(back), hex(innerOf(version, row[column])));
          });
        }
      });
    }
  }
}

test('ecn_cda lower: the field is the outer one', () => {
  for (const version of [4, 6] as const) {
    for (const inner of OUTER) {
      for (const outer of OUTER) {
        const sa = makeSa(version, 17, { ecn_cda: 'lower' });
        const wire = packetOf(send(endpointOf(), saOf(sa), innerOf(version, inner)));
        assert.equal(hex(packetOf(receive(endpointOf(saOf(sa)), marked(wire, outer)))), hex(innerOf(version, outer)));
      }
    }
  }
});

test('transport mode: the field is that of the packet as it came', () => {
  const sa = makeSa(6, 17, { ipsec_mode: 'transport' });
  const wire = packetOf(send(endpointOf(), saOf(sa), innerOf(6, ECT0)));
  assert.equal(hex(packetOf(receive(endpointOf(saOf(sa)), marked(wire, CE)))), hex(innerOf(6, CE)));
});

test('the sender copies the inner field out', () => {
  for (const ecn of OUTER) {
    const wire = packetOf(send(endpointOf(), saOf(makeSa(6, 17, { ecn_cda: 'not_compressed' })), innerOf(6, ecn)));
    assert.equal((wire[1] >> 4) & 3, ecn);
  }
});
