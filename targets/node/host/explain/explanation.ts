// The explanation of one packet, field by field: the rules of its SA, what is sent, and where the octets go. It needs no key:
// the packet in clear and on the wire are given. The texts follow the core's rules.

import { getBits } from '../../../../core/base/bits.ts';
import * as A from '../../../../core/dietesp/attributes.ts';
import { clearTextAlignment, sendsNextHeader } from '../../../../core/dietesp/rules.ts';
import type { Suite } from '../../../../core/esp/suites.ts';
import { PROTO_ESP } from '../../../../core/wire/esp.ts';
import { FID_ESP_NEXT_HEADER, FID_ESP_PADDING, FID_ESP_SN, FID_ESP_SPI } from '../../../../core/wire/fid.ts';
import { addressText } from '../addresses.ts';
import { type CoapEnds, explainCoap } from './coap.ts';
import { fieldText } from './fields.ts';
import { fieldLines, ipOf, layersOf } from './layers.ts';
import type { FieldLine, Part } from './lines.ts';

export { ipOf, type Layer, layersOf } from './layers.ts';

/** What an explanation needs of an SA. */
export interface Explained {
  /** Name of the SA. */
  name: string;
  attributes: A.Attributes;
  suite: Suite;
  /** Rules for CoAP of both ends. */
  coap?: CoapEnds;
  /** There are rules for CoAP, but they are not at hand: what they make of a message is one part. */
  hasCoap?: boolean;
}

export interface Explanation {
  sa: string;
  mode: 'tunnel' | 'transport';
  suite: string;
  /** The packet before compression. */
  inner: string;
  fields: FieldLine[];
  residueBits: string;
  padBits: number;
  /** ESP from front to end, and the outer header. */
  parts: Part[];
  wire: string;
  totals: {
    innerOctets: number;
    payloadOctets: number;
    espOctets: number;
    plainEspOctets: number;
    wireOctets: number;
  };
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

function outerParts(a: A.Attributes, wire: Uint8Array): Part[] {
  const tunnel = a.ipsecMode === A.MODE_TUNNEL;
  const part = tunnel ? 'outer header' : 'IP header';
  const copied = (action: number): string => (tunnel ? (action === A.CDA_LOWER ? 'inner (lower)' : 'local') : 'kept');
  const line = (field: string, value: string, clause: string): Part => ({ part, field, value, octets: 0, clause });
  const v4 = wire[0] >>> 4 === 4;
  const size = ipOf(wire).size;
  const traffic = v4 ? wire[1] : getBits(wire, 4, 8);
  const flow = v4 ? getBits(wire, 32, 16) : getBits(wire, 12, 20);
  const at = v4 ? 12 : 8;
  const length = v4 ? 4 : 16;
  const lines = [
    line('Version', v4 ? '4' : '6', ''),
    line('DSCP', String(traffic >>> 2), `RFC 6040: ${copied(a.dscpCda)}`),
    line('ECN', String(traffic & 3), `RFC 6040: ${copied(a.ecnCda)}`),
    line(v4 ? 'Identification' : 'Flow Label', `0x${flow.toString(16)}`, copied(a.flowLabelCda)),
    line(v4 ? 'Total Length' : 'Payload Length', String(v4 ? getBits(wire, 16, 16) : getBits(wire, 32, 16)), ''),
    line(v4 ? 'Protocol' : 'Next Header', String(PROTO_ESP), 'SCHC-NH'),
    line(v4 ? 'Time to Live' : 'Hop Limit', String(v4 ? wire[8] : wire[7]), tunnel ? 'inner (HOPLIMIT)' : 'kept'),
    line('Source Address', addressText(wire, at, length), ''),
    line('Destination Address', addressText(wire, at + length, length), ''),
  ];
  lines[0].octets = size;
  return lines;
}

/** The parts of the ESP packet; `clear` are the octets of residue and payload. */
function espParts(sa: Explained, wire: Uint8Array, residue: number, payload: number | null): Part[] {
  const { attributes: a, suite } = sa;
  const outer = ipOf(wire).size;
  const header = (a.espSpiLsb + a.espSnLsb) / 8;
  const ivAt = outer + header;
  const textAt = ivAt + suite.ivLength;
  const icvAt = wire.length - suite.icvLength;
  const text = icvAt - textAt;
  const next = sendsNextHeader(a) ? 1 : 0;
  const padded = clearTextAlignment(a, suite.blockSize) > 1 || a.espTrailer === A.TRAILER_MANDATORY ? 1 : 0;
  // What is not known otherwise is all that is left.
  const body = payload ?? text - residue - next - padded;
  const padding = text - residue - body - next - padded;
  const implicit = suite.ivLength === 0 ? 'implicit: the sequence number [RFC 8750]' : hex(wire.subarray(ivAt, textAt));
  const esp = 'ESP header';
  const spi = `${a.espSpiLsb} of 32 bits of 0x${a.espSpi.toString(16).padStart(8, '0')}`;
  const sequence = `${a.espSnLsb} of 32 bits`;
  const trailer = fieldText(FID_ESP_PADDING).clause;
  const clear = 'clear text';
  return [
    { part: esp, field: 'SPI', value: spi, octets: a.espSpiLsb / 8, clause: fieldText(FID_ESP_SPI).clause },
    {
      part: esp,
      field: 'Sequence Number',
      value: sequence,
      octets: a.espSnLsb / 8,
      clause: fieldText(FID_ESP_SN).clause,
    },
    { part: 'IV', field: 'IV', value: implicit, octets: suite.ivLength, clause: 'RFC 4303 §2.3, IIV-SN' },
    { part: clear, field: 'Residue and padding bits', value: '', octets: residue, clause: '§6.1, PAD-BITS' },
    { part: clear, field: 'Payload', value: '', octets: body, clause: '' },
    {
      part: 'trailer',
      field: 'Padding',
      value: padding === 0 ? 'none' : '1, 2, ...',
      octets: padding,
      clause: trailer,
    },
    {
      part: 'trailer',
      field: 'Pad Length',
      value: padded === 0 ? 'elided' : String(padding),
      octets: padded,
      clause: trailer,
    },
    {
      part: 'trailer',
      field: 'Next Header',
      value: next === 0 ? 'elided' : 'sent',
      octets: next,
      clause: fieldText(FID_ESP_NEXT_HEADER).clause,
    },
    {
      part: 'ICV',
      field: 'ICV',
      value: hex(wire.subarray(icvAt)),
      octets: suite.icvLength,
      clause: 'RFC 4303 §2.8, ICV-SCOPE',
    },
  ];
}

/** Octets of ordinary ESP for the same packet: same suite, alignment of 4, nothing compressed [RFC 4303 §2]. */
function plainEspOctets(config: Explained, packet: Uint8Array): number {
  const { suite, attributes: a } = config;
  const text = a.ipsecMode === A.MODE_TUNNEL ? packet.length : packet.length - ipOf(packet).size;
  const unit = Math.max(4, suite.blockSize);
  return 8 + suite.ivLength + Math.ceil((text + 2) / unit) * unit + suite.icvLength;
}

/** Explains the IP packet `packet` that became the ESP packet `wire` under this SA. */
export function explanationOf(sa: Explained, packet: Uint8Array, wire: Uint8Array): Explanation {
  const { attributes: a, suite, coap } = sa;
  const { layers, payload } = layersOf(a, packet);
  const fields = fieldLines(a, suite, layers, packet);
  const residueBits = fields.map((field) => field.sent).join('');
  const residue = Math.ceil(residueBits.length / 8);
  const payloadOctets = packet.length - payload;
  const isUdp = layers.some(({ name }) => name === 'UDP');
  const message = isUdp && coap !== undefined ? explainCoap(coap, packet.slice(payload), payload * 8) : null;
  const isOpen = message === null && isUdp && sa.hasCoap === true;
  const parts = espParts(sa, wire, residue, isOpen ? null : (message?.octets ?? payloadOctets));
  if (message !== null)
    parts.splice(
      parts.findIndex(({ field }) => field === 'Payload'),
      1,
      message.part,
    );
  const explanation: Explanation = {
    sa: sa.name,
    mode: a.ipsecMode === A.MODE_TUNNEL ? 'tunnel' : 'transport',
    suite: suite.name,
    inner: hex(packet),
    fields: [...fields, ...(message?.fields ?? [])],
    residueBits,
    padBits: residue * 8 - residueBits.length,
    parts: [...outerParts(a, wire), ...parts],
    wire: hex(wire),
    totals: {
      innerOctets: packet.length,
      payloadOctets,
      espOctets: wire.length - ipOf(wire).size,
      plainEspOctets: plainEspOctets(sa, packet),
      wireOctets: wire.length,
    },
  };
  return explanation;
}
