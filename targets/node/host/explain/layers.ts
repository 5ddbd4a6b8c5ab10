// The fields of a packet's inner headers under its SA's rules: values, and the bits of the residue. On Node, and in Wireshark.

import { getBits } from '../../../../core/base/bits.ts';
import * as A from '../../../../core/dietesp/attributes.ts';
import type { Suite } from '../../../../core/esp/suites.ts';
import * as S from '../../../../core/schc/model.ts';
import { ipv4 } from '../../../../core/wire/ipv4.ts';
import { ipv6 } from '../../../../core/wire/ipv6.ts';
import type { FieldLine } from './lines.ts';
import { type FieldView, rulesOf, TRANSPORTS, valueText } from './rules-view.ts';

/** The bits as a string of 0 and 1. */
export function bitText(packet: Uint8Array, bit: number, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += getBits(packet, bit + i, 1) === 1 ? '1' : '0';
  return text;
}

/** Value of `count` bits as right-aligned octets. */
function bitsAt(packet: Uint8Array, bit: number, count: number): Uint8Array {
  const size = Math.floor((count + 7) / 8);
  const octets = new Uint8Array(size);
  let left = count;
  for (let i = size - 1; i >= 0; i--) {
    const take = Math.min(left, 8);
    left -= take;
    octets[i] = getBits(packet, bit + left, take);
  }
  return octets;
}

/** What a descriptor sends of a field. */
function residueOf(field: FieldView, packet: Uint8Array, bit: number): string {
  const { descriptor } = field;
  if (descriptor.cda === S.CDA_VALUE_SENT) return bitText(packet, bit, descriptor.fl);
  if (descriptor.cda === S.CDA_LSB) return bitText(packet, bit + descriptor.msb, descriptor.fl - descriptor.msb);
  if (descriptor.cda !== S.CDA_MAPPING_SENT) return '';
  const value = getBits(packet, bit, descriptor.fl);
  const index = descriptor.tv.findIndex((octets) => octets[octets.length - 1] === value);
  const bits = S.indexBits(descriptor.tv.length);
  return bits === 0 ? '' : index.toString(2).padStart(bits, '0');
}

/** Header size and protocol of an IP packet; extension headers are not looked into (EXT-HDR). */
export function ipOf(packet: Uint8Array): { size: number; proto: number } {
  if (packet[0] >>> 4 === 4) return { size: (packet[0] & 15) * 4, proto: packet[9] };
  return { size: 40, proto: packet[6] };
}

/** A header of the inner packet. */
export interface Layer {
  name: string;
  offset: number;
  size: number;
}

/** The headers that IIPC takes of a packet, and where the payload begins (HDR-EXTENT). */
export function layersOf(a: A.Attributes, packet: Uint8Array): { layers: Layer[]; payload: number } {
  const tunnel = a.ipsecMode === A.MODE_TUNNEL;
  const ip = ipOf(packet);
  const layers: Layer[] = [];
  let at = tunnel ? 0 : ip.size;
  if (a.iipcProfile === A.IIPC_NOT_COMPRESSED) return { layers, payload: at };
  if (tunnel) {
    const v4 = packet[0] >>> 4 === 4;
    layers.push({ name: v4 ? 'IPv4' : 'IPv6', offset: 0, size: v4 ? ipv4.size : ipv6.size });
    at = layers[0].size;
    if (v4 && (ip.size !== ipv4.size || ipv4.fragment(packet, 0) !== 0)) return { layers, payload: at };
  }
  const transport = TRANSPORTS.find(({ header }) => header.proto === ip.proto);
  if (transport !== undefined) {
    layers.push({ name: transport.name, offset: at, size: transport.header.size });
    at += transport.header.size;
  }
  return { layers, payload: at };
}

/** The fields of a packet's inner headers, in the order of the residue; a RuleID first where one is sent. */
export function fieldLines(a: A.Attributes, suite: Suite, layers: Layer[], packet: Uint8Array): FieldLine[] {
  const rules = rulesOf(a, suite)[0].fields;
  const lines: FieldLine[] = [];
  if (a.iipcRuleId >= 0 && a.iipcProfile !== A.IIPC_NOT_COMPRESSED) {
    lines.push({
      header: 'SCHC',
      field: 'RuleID',
      value: String(a.iipcRuleId),
      tv: '',
      mo: '',
      cda: '',
      sent: a.iipcRuleId.toString(2).padStart(8, '0'),
      bits: 8,
      clause: 'RULEID',
      at: 0,
      width: 0,
    });
  }
  for (const layer of layers) {
    let bit = layer.offset * 8;
    for (const field of rules) {
      if (field.header !== layer.name) continue;
      const sent = residueOf(field, packet, bit);
      lines.push({
        header: layer.name,
        field: field.name,
        value: valueText(field.fid, bitsAt(packet, bit, field.fl)),
        tv: field.tv.join(', '),
        mo: field.mo,
        cda: field.cda,
        sent,
        bits: sent.length,
        clause: field.clause,
        at: bit,
        width: field.fl,
      });
      bit += field.fl;
    }
  }
  return lines;
}
