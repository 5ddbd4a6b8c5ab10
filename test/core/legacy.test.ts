// Legacy attribute names (July 2023) to attributes, and an SA made from them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '../../core/dietesp/attributes.ts';
import { type EhcContext, fromEhcContext } from '../../core/dietesp/legacy.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createSa } from '../../core/esp/sa.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { configOf, easySa, endpointOf, hex, packetOf, provider, receive, send } from './support.ts';

const today = configOf(makeSa(6, 17));

/** The context of the SA that makeSa makes. */
function context(change: Partial<EhcContext> = {}): EhcContext {
  const a = today.attributes;
  return {
    alignment: 8,
    ipsecMode: a.ipsecMode,
    tunnelSrc: a.tunnelSrc,
    tunnelDst: a.tunnelDst,
    espSpi: a.espSpi,
    espSpiLsb: 1,
    espSnLsb: 1,
    esn: 0,
    tsFlowLabel: true,
    tsIpVersion: 6,
    tsIpSrcStart: a.tsIpSrcStart,
    tsIpSrcEnd: a.tsIpSrcEnd,
    tsIpDstStart: a.tsIpDstStart,
    tsIpDstEnd: a.tsIpDstEnd,
    tsProtoList: [17],
    tsPortSrcStart: a.tsPortSrcStart,
    tsPortSrcEnd: a.tsPortSrcEnd,
    tsPortDstStart: a.tsPortDstStart,
    tsPortDstEnd: a.tsPortDstEnd,
    tsDspList: null,
    ...change,
  };
}

test('the context of A1 gives the attributes of A1', () => {
  assert.deepEqual(fromEhcContext(context()), today.attributes);
});

// [what the context says, what the attributes say]
const ROWS: [Partial<EhcContext>, Partial<Attributes>][] = [
  [{ alignment: 32 }, { alignment: 32 }],
  [{ espSpiLsb: 0 }, { espSpiLsb: 0 }],
  [
    { espSpiLsb: 4, espSnLsb: 4 },
    { espSpiLsb: 32, espSnLsb: 32 },
  ],
  [{ espSnLsb: 2 }, { espSnLsb: 16 }],
  [{ tsFlowLabel: true }, { flowLabelCda: 1 }],
  [{ tsFlowLabel: false }, { flowLabelCda: 0 }],
  [{ tsProtoList: [] }, { tsProto: 0 }],
  [{ tsProtoList: [17, 0] }, { tsProto: 0 }],
  [{ tsProtoList: [0, 6, 17] }, { tsProto: 0 }],
  [{ tsProtoList: [6, 6] }, { tsProto: 6 }],
  [{ tsDspList: null }, { dscpCda: 1, ecnCda: 1, dscpList: [] }],
  [{ tsDspList: [0x28] }, { dscpCda: 2, ecnCda: 0, dscpList: [10] }],
  [{ tsDspList: [0xb8, 0x2b, 0] }, { dscpCda: 2, ecnCda: 0, dscpList: [46, 10, 0] }],
  [{}, { espTrailer: 0, iipcProfile: 0, iipcRuleId: -1 }],
];

test('every entry maps as in the table', () => {
  for (const [given, expected] of ROWS) {
    const attributes = fromEhcContext(context(given));
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(attributes[name as keyof Attributes], value, `${JSON.stringify(given)} ${name}`);
    }
  }
});

test('what has no counterpart is refused', () => {
  for (const [given, message] of [
    [{ alignment: 16 }, 'alignment: 16: must be 8 or 32'],
    [{ tsIpVersion: null }, 'ts_ip_version: undefined: must be 4 or 6'],
    [{ espSpiLsb: 5 }, 'esp_spi_lsb: 5: must be 0..4 octets'],
    [{ espSnLsb: 1.5 }, 'esp_sn_lsb: 1.5: must be 0..4 octets'],
    [{ tsProtoList: [6, 17] }, 'ts_proto_list: 17: must be one protocol, or have 0 in it'],
  ] as [Partial<EhcContext>, string][]) {
    assert.throws(() => fromEhcContext(context(given)), { message });
  }
});

test('a packet over an SA of a legacy context', () => {
  const inner = packet(SIX, udp(5001, 4500, Buffer.from('legacy')));
  const legacy = () => createSa(FULL_PARTS, provider, { ...today, attributes: fromEhcContext(context()) });
  const wire = packetOf(send(endpointOf(), legacy(), inner));
  assert.equal(hex(wire), hex(packetOf(send(endpointOf(), easySa(6, 17), inner))));
  assert.equal(hex(packetOf(receive(endpointOf(legacy()), wire))), hex(inner));
});
