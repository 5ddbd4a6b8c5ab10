// Sizes of outer packets: the table of the notes, and random SAs and packets of the naive side against real ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxInner, outerSizeOf, UDP_ENCAPSULATION } from '../../core/esp/packet-size.ts';
import { FOUR, makeSa, OUTER_FOUR, OUTER_SIX, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { Random, randomCase } from '../naive/random.ts';
import type { Sa as NaiveSa, Suite } from '../naive/types.ts';
import { endpointOf, saOf, send } from './support.ts';

const PLAIN: Partial<NaiveSa> = {
  iipc_enabled: false,
  esp_spi_lsb: 32,
  esp_sn_lsb: 32,
  alignment: 32,
  esp_trailer: 'Mandatory',
};

/** DIETESP_LONG=1: more. */
const SEEDS = process.env['DIETESP_LONG'] === '1' ? 100000 : 1500;

function plainSa(outer: readonly [string, string], suite: Suite) {
  return saOf(makeSa(6, 17, { ...PLAIN, tunnel_ip: [...outer] as [string, string], esp_encr: suite }));
}

test('overhead and largest inner packets of plain ESP', () => {
  const rows: [readonly [string, string], boolean, Suite, number, number, number][] = [
    [OUTER_FOUR, false, 'AES_GCM_16', 52, 1446, 1226],
    [OUTER_FOUR, true, 'AES_GCM_16', 60, 1438, 1218],
    [OUTER_SIX, false, 'AES_GCM_16', 72, 1426, 1206],
    [OUTER_SIX, true, 'AES_GCM_16', 80, 1418, 1198],
    [OUTER_SIX, false, 'AES_CCM_8_IIV', 56, 1442, 1222],
  ];
  for (const [outer, isUdp, suite, overhead, of1500, of1280] of rows) {
    const { form } = plainSa(outer, suite);
    const encapsulation = isUdp ? UDP_ENCAPSULATION : 0;
    // Without the two octets of the trailer.
    assert.equal(outerSizeOf(form, 1438, encapsulation), overhead + 1440);
    assert.equal(maxInner(form, 1500, encapsulation), of1500);
    assert.equal(maxInner(form, 1280, encapsulation), of1280);
  }
});

test('plain ESP: what is largest fits, and one octet more does not', () => {
  for (const suite of ['AES_GCM_16', 'AES_CCM_8', 'AES_CCM_8_IIV', 'NULL_HMAC_SHA2_256_128'] as const) {
    for (const [version, outer] of [
      [4, OUTER_FOUR],
      [6, OUTER_FOUR],
      [4, OUTER_SIX],
      [6, OUTER_SIX],
    ] as const) {
      const sa = saOf(makeSa(version, 17, { ...PLAIN, tunnel_ip: outer, esp_encr: suite }));
      const endpoint = endpointOf();
      const headers = (version === 4 ? 20 : 40) + 8;
      for (let limit = 200; limit < 232; limit++) {
        const inner = maxInner(sa.form, limit, 0);
        const made = (size: number): number => {
          const text = packet(version === 6 ? SIX : FOUR, udp(5001, 4500, Buffer.alloc(size - headers)));
          assert.equal(text.length, size);
          const wire = send(endpoint, sa, text);
          assert.ok(typeof wire !== 'string', String(wire));
          assert.equal(wire.length, outerSizeOf(sa.form, size, 0));
          return wire.length;
        };
        assert.ok(made(inner) <= limit);
        assert.ok(made(inner + 1) > limit);
      }
    }
  }
});

test('random SAs, Diet-ESP and plain: no packet gets larger than the worst case, nor one of the largest size than the limit', () => {
  let packets = 0;
  let tight = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { sa: naive, inner } = randomCase(seed);
    const sa = saOf(naive);
    const wire = send(endpointOf(), sa, inner);
    if (typeof wire === 'string') continue;
    packets++;
    const worst = outerSizeOf(sa.form, inner.length, 0);
    assert.ok(wire.length <= worst, `seed ${seed}: ${wire.length} above ${worst}`);
    if (wire.length === worst) tight++;
    // Every limit under which a packet of this size counts as one that fits.
    const random = new Random(seed);
    for (let i = 0; i < 8; i++) {
      const limit = wire.length - 12 + random.below(40);
      const largest = maxInner(sa.form, limit, 0);
      assert.ok(outerSizeOf(sa.form, largest, 0) <= limit, `seed ${seed}: ${largest} for ${limit}`);
      assert.ok(
        outerSizeOf(sa.form, largest + 1, 0) > limit,
        `seed ${seed}: ${largest} is not the largest for ${limit}`,
      );
      if (inner.length <= largest) assert.ok(wire.length <= limit, `seed ${seed}: ${wire.length} above ${limit}`);
    }
  }
  assert.ok(packets > 0.6 * SEEDS, `${packets} packets`);
  // The worst case is one that happens.
  assert.ok(tight > 0.1 * SEEDS, `${tight} of ${packets} at the worst case`);
});
