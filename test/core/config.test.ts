// What createSa refuses: each wrong attribute gives an Error that names field, value and limit, and leaves nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../core/crypto/provider.ts';
import type { Attributes } from '../../core/dietesp/attributes.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import type { Parts } from '../../core/esp/parts.ts';
import { createSa, type SaConfig } from '../../core/esp/sa.ts';
import { sn32 } from '../../core/esp/sn.ts';
import * as suites from '../../core/esp/suites.ts';
import { window32 } from '../../core/esp/window.ts';
import { ipv6 } from '../../core/wire/ipv6.ts';
import { udp } from '../../core/wire/udp.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import { makeSa } from '../naive/make-sa.ts';
import { configOf, octetsOf, provider } from './support.ts';

const nodes = provider;
/** Also values that the types do not allow: a file or a blob may hold anything. */
type Change = {
  a?: Partial<Record<keyof Attributes, unknown>>;
  c?: Partial<SaConfig>;
  parts?: Parts;
  provider?: Provider;
};

const BOARD: Parts = {
  ...FULL_PARTS,
  networks: [ipv6],
  transports: [udp],
  counters: [sn32],
  window: window32,
  shapes: {},
  forms: {},
};
const octets = (count: number) => new Uint8Array(count).fill(7);
const address = (text: string) => octetsOf(text);

// [expected message, what is changed in a good UDP/IPv6 tunnel SA with AES_GCM_16_IIV]
const WRONG: [string, Change][] = [
  ['esp_spi: 255: must be 256..4294967295', { a: { espSpi: 255 } }],
  ['esp_spi: 0: must be 256..4294967295', { a: { espSpi: 0 } }],
  ['esp_spi: 4294967296: must be 256..4294967295', { a: { espSpi: 2 ** 32 } }],
  ['esp_spi: 256.5: must be 256..4294967295', { a: { espSpi: 256.5 } }],
  ['esp_spi: NaN: must be 256..4294967295', { a: { espSpi: Number.NaN } }],
  ['esp_spi_lsb: 33: must be 0..32', { a: { espSpiLsb: 33, espSnLsb: 7 } }],
  ['esp_spi_lsb: -8: must be 0..32', { a: { espSpiLsb: -8 } }],
  ['esp_sn_lsb: 40: must be 0..32', { a: { espSnLsb: 40 } }],
  ['esp_sn_lsb: 7: esp_spi_lsb + esp_sn_lsb must be a multiple of 8', { a: { espSnLsb: 7 } }],
  ['ipsec_mode: 2: must be 0..1', { a: { ipsecMode: 2 } }],
  ['ts_ip_version: 5: must be 4 or 6', { a: { tsIpVersion: 5 } }],
  ['ts_ip_version: IPv4: not in this build', { a: { tsIpVersion: 4 }, parts: BOARD }],
  ['ts_ip_src: 4 octets: must be 16 octets', { a: { tsIpSrcStart: octets(4) } }],
  ['ts_ip_dst: 17 octets: must be 16 octets', { a: { tsIpDstEnd: octets(17) } }],
  ['ts_ip_src: start above end: must be start <= end', { a: { tsIpSrcStart: octets(16).fill(255) } }],
  ['ts_ip_dst: start above end: must be start <= end', { a: { tsIpDstEnd: new Uint8Array(16) } }],
  ['ts_proto: 256: must be 0..255', { a: { tsProto: 256 } }],
  ['ts_proto: 6: not in this build', { a: { tsProto: 6 }, c: { replayWindow: 32 }, parts: BOARD }],
  ['ts_port_src: 65536: must be 0..65535', { a: { tsPortSrcEnd: 65536 } }],
  ['ts_port_src: -1: must be 0..65535', { a: { tsPortSrcStart: -1 } }],
  [
    'ts_port_dst: 65535..0: must be start <= end (OPAQUE is not supported)',
    { a: { tsPortDstStart: 65535, tsPortDstEnd: 0 } },
  ],
  [
    'ts_port_dst: 4500..4500: must be 0..65535 when ts_proto has no ports',
    { a: { tsProto: 58, tsPortSrcStart: 0, tsPortSrcEnd: 65535 } },
  ],
  ['ts_port_src: 5001..5001: must be 0..65535 when ts_proto has no ports', { a: { tsProto: 0 } }],
  ['dscp_cda: 3: must be 0..2', { a: { dscpCda: 3 } }],
  ['ecn_cda: 2: must be 0..1', { a: { ecnCda: 2 } }],
  ['flow_label_cda: 5: must be 0..4', { a: { flowLabelCda: 5 } }],
  ['flow_label_cda: sa: must be not_compressed, lower, generated or zero', { a: { flowLabelCda: 2 } }],
  ['flow_label_cda: generated: needs iipc_diet-esp', { a: { flowLabelCda: 3, iipcProfile: 1 } }],
  ['dscp_list: empty: must name a value for dscp_cda sa', { a: { dscpCda: 2 } }],
  ['dscp_list: 64: must be 0..63', { a: { dscpCda: 2, dscpList: [0, 64] } }],
  ['alignment: 24: must be 8, 16, 32 or 64', { a: { alignment: 24 } }],
  ['alignment: 0: must be 8, 16, 32 or 64', { a: { alignment: 0 } }],
  ['esp_trailer: 2: must be 0..1', { a: { espTrailer: 2 } }],
  ['iipc_profile: 2: must be 0..1', { a: { iipcProfile: 2 } }],
  ['rule_id: 256: must be -1..255', { a: { iipcRuleId: 256 } }],
  ['rule_id: 1: needs iipc_diet-esp', { a: { iipcRuleId: 1, iipcProfile: 1 } }],
  ['tunnel_ip: 0 octets: must be 16 octets', { a: { tunnelSrc: octets(0) } }],
  ['tunnel_ip: 4 octets: must be 16 octets', { a: { tunnelDst: octets(4) } }],
  ['tunnel_ip: IPv4: not in this build', { a: { tunnelSrc: octets(4), tunnelDst: octets(4) }, parts: BOARD }],
  ['esn: 2: must be 0..1', { a: { esn: 2 } }],
  ['esn: 1: not in this build', { a: { esn: 1 }, parts: BOARD }],
  ['esp_sn: 4294967296: must be 0..4294967295', { c: { snLo: 2 ** 32 } }],
  ['esp_sn: 1: must be 0..0', { c: { snHi: 1 } }],
  ['esp_sn: -1: must be 0..4294967295', { c: { snLo: -1 } }],
  ['replay_window: 48: must be 0 or a power of two from 32 to 4096', { c: { replayWindow: 48 } }],
  ['replay_window: 16: must be 0 or a power of two from 32 to 4096', { c: { replayWindow: 16 } }],
  ['replay_window: 8192: must be 0 or a power of two from 32 to 4096', { c: { replayWindow: 8192 } }],
  ['replay_window: 64: must be 0 or a power of two from 32 to 32', { parts: BOARD }],
  ['replay_window: Infinity: must be 0 or a power of two from 32 to 4096', { c: { replayWindow: Infinity } }],
  ['lifetime.soft_packets: 3: must not exceed the hard lifetime 2', { c: { softPackets: 3, hardPackets: 2 } }],
  ['lifetime.soft_bytes: -1: must be 0 or more', { c: { softBytes: -1 } }],
  ['lifetime.soft_seconds: NaN: must be 0 or more', { c: { softTime: Number.NaN } }],
  ['esp_encr: AES_GCM_16_IIV: not in this provider', { provider: createPortableProvider() }],
  ['key: 15 octets: not a key length of AES_GCM_16_IIV in this provider', { c: { key: octets(15) } }],
  ['key: 0 octets: not a key length of AES_GCM_16_IIV in this provider', { c: { key: octets(0) } }],
  ['salt: 3 octets: must be 4 octets', { c: { salt: octets(3) } }],
  ['akey: 32 octets: must be 0 octets', { c: { authKey: octets(32) } }],
  ['akey: 31 octets: must be 32 octets', { c: { suite: suites.nullHmacSha256, salt: octets(0), authKey: octets(31) } }],
  ['salt: 4 octets: must be 0 octets', { c: { suite: suites.aesCbcHmacSha256, authKey: octets(32) } }],
];

/** A provider that says which keys it made, and refuses what it is told to lack. */
function watching(base: Provider, lacks = 0): { provider: Provider; made: () => number } {
  let made = 0;
  return {
    provider: {
      ...base,
      has: (alg, length) => alg !== lacks && base.has(alg, length),
      key: (alg, given) => {
        made++;
        return base.key(alg, given);
      },
    },
    made: () => made,
  };
}

function changed(change: Change): SaConfig {
  const config = configOf(makeSa(6, 17));
  if (change.a?.tsIpVersion === 4) return { ...configOf(makeSa(4, 17)), ...change.c };
  return { ...config, ...change.c, attributes: { ...config.attributes, ...(change.a as Partial<Attributes>) } };
}

test('the SA that the others are made from is accepted', () => {
  createSa(FULL_PARTS, nodes, changed({}));
  createSa(BOARD, nodes, changed({ c: { replayWindow: 32 } }));
});

for (const [message, change] of WRONG) {
  test(`createSa refuses ${message}`, () => {
    const watched = watching(change.provider ?? nodes);
    let error: unknown;
    try {
      createSa(change.parts ?? FULL_PARTS, watched.provider, changed(change));
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error instanceof Error, 'accepted');
    assert.equal(error.message, message);
    assert.equal(watched.made(), 0, 'no key was made');
  });
}

test('an HMAC that the provider lacks is found when the SA is set up', () => {
  const config = configOf(makeSa(6, 17, { esp_encr: 'AES_CBC_HMAC_SHA2_256_128', akey: '00'.repeat(32) }));
  const { provider: without } = watching(createNodeProvider(), suites.INTEGRITY_ALG);
  assert.throws(
    () => createSa(FULL_PARTS, without, config),
    /^Error: esp_encr: AES_CBC_HMAC_SHA2_256_128: its HMAC is not in this provider$/,
  );
});

test('what is at the limits is accepted', () => {
  const fine: Change[] = [
    { a: { espSpi: 256 } },
    { a: { espSpi: 2 ** 32 - 1, espSpiLsb: 32, espSnLsb: 32 } },
    { a: { espSpiLsb: 0, espSnLsb: 0 } },
    { a: { dscpCda: 2, dscpList: Array.from({ length: 64 }, (_, i) => i) } },
    { a: { dscpCda: 2, dscpList: [5, 5, 5] } },
    { a: { tsIpSrcStart: new Uint8Array(16), tsIpSrcEnd: octets(16).fill(255) } },
    { a: { tunnelSrc: octets(4), tunnelDst: octets(4) } },
    { a: { esn: 1 }, c: { snHi: 2 ** 32 - 1, snLo: 2 ** 32 - 1 } },
    { c: { replayWindow: 0 } },
    { c: { replayWindow: 4096 } },
    { c: { key: octets(24) } },
    { c: { key: octets(32) } },
    { c: { softPackets: 5 } },
    { a: { tsIpSrcStart: address('20010db8000000000000000000000000') } },
  ];
  for (const change of fine) createSa(FULL_PARTS, nodes, changed(change));
});

test('what a build cannot hold is refused without a check, too', () => {
  // Nothing comes from the caches of a build that has more.
  createSa(FULL_PARTS, nodes, changed({ c: { replayWindow: 64 } }));
  const unchecked: Parts = { ...BOARD, check: null, forms: {} };
  const c = { replayWindow: 32 };
  const refused: [string, Change][] = [
    ['replay_window: 64: must be a power of two up to 32', { c: { replayWindow: 64 } }],
    ['replay_window: 33: must be a power of two up to 32', { c: { replayWindow: 33 } }],
    ['replay_window: NaN: must be a power of two up to 32', { c: { replayWindow: Number.NaN } }],
    ['replay_window: -1: must be a power of two up to 32', { c: { replayWindow: -1 } }],
    ['esn: 1: not in this build', { a: { esn: 1 }, c }],
    ['esp_sn: 1: not in this build', { c: { ...c, snHi: 1 } }],
    ['tunnel_ip: 4 octets: not in this build', { a: { tunnelSrc: octets(4), tunnelDst: octets(4) }, c }],
    ['ts_ip_version: 4: not in this build', { a: { tsIpVersion: 4 }, c }],
    ['ts_proto: 6: not in this build', { a: { tsProto: 6 }, c }],
  ];
  for (const [message, change] of refused) {
    const watched = watching(nodes);
    assert.throws(() => createSa(unchecked, watched.provider, changed(change)), { message });
    assert.equal(watched.made(), 0, 'no key was made');
  }
  const wide: Parts = { ...FULL_PARTS, check: null };
  for (const replayWindow of [33, 48, 96, 8192, Number.POSITIVE_INFINITY]) {
    const message = `replay_window: ${replayWindow}: must be a power of two up to 4096`;
    assert.throws(() => createSa(wide, nodes, changed({ c: { replayWindow } })), { message });
  }
  createSa(unchecked, nodes, changed({ c }));
});
