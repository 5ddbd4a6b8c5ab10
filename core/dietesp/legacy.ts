// Maps attribute names of July 2023 ("EHC context", draft-mglt-ipsecme-diet-esp-10) to today's attributes. The same engine
// then runs what a peer with the legacy notify agreed on (README.md in this folder). The octets on the wire are today's,
// not those of that draft.

import { refuse } from '../base/refuse.ts';
import {
  type Attributes,
  CDA_LOWER,
  CDA_NOT_COMPRESSED,
  CDA_SA,
  type Esn,
  IIPC_DIET_ESP,
  type IpsecMode,
  type IpVersion,
  TRAILER_OPTIONAL,
} from './attributes.ts';

/** Entries in the order of that draft's table. `null` is "undefined" there. */
export interface EhcContext {
  /** Bits: 8 or 32 (its default). */
  alignment: 8 | 32;
  /** Tunnel or transport. */
  ipsecMode: IpsecMode;
  /** Outer addresses; length 0 in transport mode. */
  tunnelSrc: Uint8Array;
  /** The outer destination; length 0 in transport mode. */
  tunnelDst: Uint8Array;
  /** The whole SPI, 32 bits. */
  espSpi: number;
  /** Octets: 0..4 (its default). */
  espSpiLsb: number;
  /** Octets of the sequence number on the wire: 0..4 (its default). */
  espSnLsb: number;
  /** 1 with extended sequence numbers. */
  esn: Esn;
  /** True (its default): the label is that of the outer header. */
  tsFlowLabel: boolean;
  /** 4 or 6; null is not supported here. */
  tsIpVersion: IpVersion | null;
  /** The sender's range of addresses, 4 or 16 octets each, both ends included. */
  tsIpSrcStart: Uint8Array;
  /** The last address of the sender's range. */
  tsIpSrcEnd: Uint8Array;
  /** The receiver's range of addresses, both ends included. */
  tsIpDstStart: Uint8Array;
  /** The last address of the receiver's range. */
  tsIpDstEnd: Uint8Array;
  /** Empty or with 0 in it: any; else one value. */
  tsProtoList: number[];
  /** The sender's range of ports, 0..65535, both ends included. */
  tsPortSrcStart: number;
  /** The last port of the sender's range. */
  tsPortSrcEnd: number;
  /** The receiver's range of ports, both ends included. */
  tsPortDstStart: number;
  /** The last port of the receiver's range. */
  tsPortDstEnd: number;
  /** Octets of DSCP and ECN; null: copied from the outer header. */
  tsDspList: number[] | null;
}

/** 0 for any protocol, else the only one. */
function protocolOf(list: number[]): number {
  let proto = list.length === 0 ? 0 : list[0];
  for (let i = 1; i < list.length; i++) if (list[i] === 0) proto = 0;
  for (let i = 0; i < list.length; i++) {
    if (proto !== 0 && list[i] !== proto) refuse('ts_proto_list', list[i], 'must be one protocol, or have 0 in it');
  }
  return proto;
}

/** The DSCP values in a list of octets, each once. */
function dscpOf(list: number[]): number[] {
  const values: number[] = [];
  for (let i = 0; i < list.length; i++) {
    let known = false;
    for (let k = 0; k < values.length; k++) known = known || values[k] === list[i] >>> 2;
    if (!known) values.push(list[i] >>> 2);
  }
  return values;
}

function bitsOf(field: string, octets: number): number {
  if (!(octets >= 0 && octets <= 4 && Math.floor(octets) === octets)) refuse(field, octets, 'must be 0..4 octets');
  return octets * 8;
}

/** The attributes for a legacy context. Throws `Error('field: value: limit')` for a value without counterpart. */
export function fromEhcContext(context: EhcContext): Attributes {
  if (context.alignment !== 8 && context.alignment !== 32) refuse('alignment', context.alignment, 'must be 8 or 32');
  if (context.tsIpVersion === null) refuse('ts_ip_version', 'undefined', 'must be 4 or 6');
  const list = context.tsDspList;
  return {
    iipcProfile: IIPC_DIET_ESP,
    iipcRuleId: -1,
    dscpCda: list === null ? CDA_LOWER : CDA_SA,
    // With a list only DSCP has a counterpart. ECN is sent, because it may change on the way.
    ecnCda: list === null ? CDA_LOWER : CDA_NOT_COMPRESSED,
    flowLabelCda: context.tsFlowLabel ? CDA_LOWER : CDA_NOT_COMPRESSED,
    dscpList: list === null ? [] : dscpOf(list),
    tsIpVersion: context.tsIpVersion,
    tsIpSrcStart: context.tsIpSrcStart,
    tsIpSrcEnd: context.tsIpSrcEnd,
    tsIpDstStart: context.tsIpDstStart,
    tsIpDstEnd: context.tsIpDstEnd,
    tsProto: protocolOf(context.tsProtoList),
    tsPortSrcStart: context.tsPortSrcStart,
    tsPortSrcEnd: context.tsPortSrcEnd,
    tsPortDstStart: context.tsPortDstStart,
    tsPortDstEnd: context.tsPortDstEnd,
    alignment: context.alignment,
    espTrailer: TRAILER_OPTIONAL,
    ipsecMode: context.ipsecMode,
    tunnelSrc: context.tunnelSrc,
    tunnelDst: context.tunnelDst,
    espSpi: context.espSpi,
    espSpiLsb: bitsOf('esp_spi_lsb', context.espSpiLsb),
    espSnLsb: bitsOf('esp_sn_lsb', context.espSnLsb),
    esn: context.esn,
  };
}
