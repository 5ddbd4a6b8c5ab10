// tshark decrypts our standard ESP: it shows ports and payload, good ICVs, and a damaged one as bad. tshark 4.0 lacks AES-CCM
// with an ICV of 8 octets: AES-CTR with a longer salt decrypts it without a check.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LINKTYPE_RAW } from '../../targets/node/host/radio/pcap.ts';
import { packageMissing } from '../support/packages.ts';
import { ADDRESSES, damaged, endpoint, hex, ordinary, protect, SUITES, saOf, udpPacket } from './associations.ts';
import { tshark } from './tshark.ts';

const skip = packageMissing('tshark');
const SIZES = [1, 2, 3, 4, 28, 600];
const FIELDS = [
  'udp.srcport',
  'udp.dstport',
  'udp.payload',
  'esp.icv_good',
  'esp.icv_bad',
  '_ws.malformed',
  'ip.src',
  'ipv6.src',
];

/** The columns of esp_sa behind the SPI: encryption, its key, authentication, its key. */
function columns(suite: string): string[] {
  const { key, salt, akey } = SUITES[suite];
  if (suite === 'AES_GCM_16') return ['AES-GCM with 16 octet ICV [RFC4106]', `0x${key}${salt}`, 'NULL', ''];
  // A CCM counter block is flags (3: a counter of 4 octets), salt, IV, counter; one of CTR is 4 octets of nonce, IV, counter.
  if (suite === 'AES_CCM_8') {
    return ['AES-CTR [RFC3686]', `0x${key}03${salt}`, 'ANY 64 bit authentication [no checking]', ''];
  }
  const cipher = suite.startsWith('NULL') ? ['NULL', ''] : ['AES-CBC [RFC3602]', `0x${key}`];
  return [...cipher, 'HMAC-SHA-256-128 [RFC4868]', `0x${akey}`];
}

for (const [suite, isChecked] of [
  ['AES_GCM_16', true],
  ['AES_CCM_8', false],
  ['NULL_HMAC_SHA2_256_128', true],
  ['AES_CBC_HMAC_SHA2_256_128', true],
] as const) {
  test('tshark opens ' + suite, { skip }, () => {
    const wires: Uint8Array[] = [];
    const expected: string[][] = [];
    const table: string[] = [];
    for (const version of [6, 4]) {
      for (const outer of [6, 4, 0]) {
        const spi = 0x1000 + version * 16 + outer;
        const family = (outer === 0 ? version : outer) === 6 ? 'IPv6' : 'IPv4';
        table.push(
          [family, '*', '*', '0x' + spi.toString(16).padStart(8, '0'), ...columns(suite)]
            .map((c) => `"${c}"`)
            .join(','),
        );
        const from = endpoint();
        const sa = saOf(ordinary(suite, version, outer, spi));
        for (const size of SIZES) {
          const inner = udpPacket(version, size, 20000 + size, 4501);
          const wire = protect(from, sa, inner);
          const payload = hex(inner.subarray(inner.length - size));
          wires.push(wire);
          expected.push([ADDRESSES[version][0], String(20000 + size), '4501', payload, isChecked ? 'good' : '', '']);
          if (!isChecked) continue;
          wires.push(damaged(wire));
          expected.push(['', '', '', '', 'bad', '']);
        }
      }
    }
    const rows = tshark(LINKTYPE_RAW, wires, {
      tables: { esp_sa: table },
      preferences: ['esp.enable_encryption_decode:TRUE', 'esp.enable_authentication_check:TRUE'],
      fields: FIELDS,
    });
    const isSet = (value: string): boolean => value === '1' || value === 'True';
    const found = rows.map(([source, destination, payload, good, bad, malformed, four, six], index) => {
      const icv = isSet(good) ? 'good' : isSet(bad) ? 'bad' : '';
      // With a wrong ICV what tshark shows is not compared.
      if (icv === 'bad') return ['', '', '', '', icv, ''];
      const address = index < rows.length / 2 ? six : four;
      return [address, source, destination, payload, icv, malformed];
    });
    assert.deepEqual(found, expected);
  });
}
