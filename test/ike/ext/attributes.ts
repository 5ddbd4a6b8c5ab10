// Attributes to change.

import type { Attributes } from '../../../core/dietesp/attributes.ts';

export function attributes(): Attributes {
  const none = new Uint8Array(16);
  return {
    iipcProfile: 1,
    iipcRuleId: -1,
    dscpCda: 0,
    ecnCda: 0,
    flowLabelCda: 0,
    dscpList: [],
    tsIpVersion: 6,
    tsIpSrcStart: none,
    tsIpSrcEnd: none,
    tsIpDstStart: none,
    tsIpDstEnd: none,
    tsProto: 0,
    tsPortSrcStart: 0,
    tsPortSrcEnd: 65535,
    tsPortDstStart: 0,
    tsPortDstEnd: 65535,
    alignment: 64,
    espTrailer: 1,
    ipsecMode: 0,
    tunnelSrc: none,
    tunnelDst: none,
    espSpi: 256,
    espSpiLsb: 32,
    espSnLsb: 32,
    esn: 0,
  };
}
