// The three rules of an SA, derived from its attributes [draft-ietf-ipsecme-diet-esp §6]: IIPC (inner headers),
// CTEC (ESP trailer) and EEC (ESP header).

import { getBits } from '../base/bits.ts';
import { put32 } from '../base/bytes.ts';
import {
  CDA_COMPUTE,
  CDA_LSB,
  CDA_MAPPING_SENT,
  CDA_NOT_SENT,
  CDA_VALUE_SENT,
  DI_BI,
  type FieldDescriptor,
  MO_EQUAL,
  MO_IGNORE,
  MO_MATCH_MAPPING,
  MO_MSB,
  type Rule,
} from '../schc/model.ts';
import { FID_ESP_NEXT_HEADER, FID_ESP_PADDING, FID_ESP_SN, FID_ESP_SPI } from '../wire/fid.ts';
import {
  FIELD_STRIDE,
  type Header,
  ROLE_COMPUTE,
  ROLE_DSCP,
  ROLE_DST,
  ROLE_DST_PORT,
  ROLE_ECN,
  ROLE_FLOW,
  ROLE_HOPS,
  ROLE_PROTO,
  ROLE_SENT,
  ROLE_SRC,
  ROLE_SRC_PORT,
  ROLE_VERSION,
  SLOT_DSCP,
  SLOT_ECN,
  SLOT_FLOW,
  SLOT_GENERATED,
  SLOT_HOPS,
  SLOT_NONE,
} from '../wire/header.ts';
import {
  type Attributes,
  CDA_GENERATED,
  CDA_LOWER,
  CDA_NOT_COMPRESSED,
  MODE_TUNNEL,
  TRAILER_MANDATORY,
} from './attributes.ts';

/** Number of equal leading bits of two numbers of the same length in octets (helper prefix_bits of the draft). */
export function prefixLength(start: Uint8Array, end: Uint8Array): number {
  const bits = start.length * 8;
  let count = 0;
  while (count + 8 <= bits && start[count >>> 3] === end[count >>> 3]) count += 8;
  while (count < bits && getBits(start, count, 1) === getBits(end, count, 1)) count++;
  return count;
}

/** A number as `size` octets. */
export function octets(value: number, size: number): Uint8Array {
  const result = new Uint8Array(size);
  if (size === 4) put32(result, 0, value);
  else {
    result[size - 1] = value & 0xff;
    if (size > 1) result[size - 2] = (value >>> 8) & 0xff;
  }
  return result;
}

function descriptor(
  fid: number,
  fl: number,
  tv: Uint8Array[],
  mo: number,
  msb: number,
  cda: number,
  slot: number,
): FieldDescriptor {
  return { fid: fid, fl: fl, fp: 1, di: DI_BI, tv: tv, mo: mo, msb: msb, cda: cda, slot: slot };
}

function sent(fid: number, fl: number): FieldDescriptor {
  return descriptor(fid, fl, [], MO_IGNORE, 0, CDA_VALUE_SENT, SLOT_NONE);
}

function computed(fid: number, fl: number, slot: number): FieldDescriptor {
  return descriptor(fid, fl, [], MO_IGNORE, 0, CDA_COMPUTE, slot);
}

function notSent(fid: number, fl: number, value: Uint8Array): FieldDescriptor {
  return descriptor(fid, fl, [value], MO_EQUAL, fl, CDA_NOT_SENT, SLOT_NONE);
}

/** A selector range: its common prefix is the target value, the rest of the bits are sent (PREFIX-X). */
function range(fid: number, fl: number, start: Uint8Array, end: Uint8Array): FieldDescriptor {
  const prefix = prefixLength(start, end);
  if (prefix === 0) return sent(fid, fl);
  const value = new Uint8Array(start.length);
  for (let i = 0; i < value.length; i++) value[i] = start[i] & ~(start[i] ^ end[i]) & 0xff;
  // Octets after the prefix may agree by chance; they are not part of it.
  for (let bit = prefix; bit < fl; bit++) value[bit >>> 3] &= ~(0x80 >>> (bit & 7)) & 0xff;
  return descriptor(fid, fl, [value], MO_MSB, prefix, CDA_LSB, SLOT_NONE);
}

/** DSCP values without duplicates, ascending (DSCP-ORDER). */
export function dscpValues(list: number[]): Uint8Array[] {
  const values: Uint8Array[] = [];
  for (let dscp = 0; dscp < 64; dscp++) {
    let found = false;
    for (let i = 0; i < list.length; i++) if (list[i] === dscp) found = true;
    if (found) values.push(octets(dscp, 1));
  }
  return values;
}

function field(a: Attributes, fid: number, fl: number, role: number): FieldDescriptor {
  if (role === ROLE_VERSION) return notSent(fid, fl, octets(a.tsIpVersion, 1));
  if (role === ROLE_DSCP) {
    if (a.dscpCda === CDA_LOWER) return computed(fid, fl, SLOT_DSCP);
    if (a.dscpCda === CDA_NOT_COMPRESSED) return sent(fid, fl);
    const values = dscpValues(a.dscpList);
    if (values.length === 1) return notSent(fid, fl, values[0]);
    return descriptor(fid, fl, values, MO_MATCH_MAPPING, 0, CDA_MAPPING_SENT, SLOT_NONE);
  }
  if (role === ROLE_ECN) return a.ecnCda === CDA_LOWER ? computed(fid, fl, SLOT_ECN) : sent(fid, fl);
  if (role === ROLE_FLOW) {
    if (a.flowLabelCda === CDA_LOWER) return computed(fid, fl, SLOT_FLOW);
    if (a.flowLabelCda === CDA_GENERATED) return computed(fid, fl, SLOT_GENERATED);
    if (a.flowLabelCda === CDA_NOT_COMPRESSED) return sent(fid, fl);
    return notSent(fid, fl, octets(0, 4));
  }
  if (role === ROLE_COMPUTE) return computed(fid, fl, SLOT_NONE);
  if (role === ROLE_HOPS) return computed(fid, fl, SLOT_HOPS);
  if (role === ROLE_PROTO) return a.tsProto === 0 ? sent(fid, fl) : notSent(fid, fl, octets(a.tsProto, 1));
  if (role === ROLE_SRC) return range(fid, fl, a.tsIpSrcStart, a.tsIpSrcEnd);
  if (role === ROLE_DST) return range(fid, fl, a.tsIpDstStart, a.tsIpDstEnd);
  if (role === ROLE_SRC_PORT) return range(fid, fl, octets(a.tsPortSrcStart, 2), octets(a.tsPortSrcEnd, 2));
  if (role === ROLE_DST_PORT) return range(fid, fl, octets(a.tsPortDstStart, 2), octets(a.tsPortDstEnd, 2));
  return sent(fid, fl);
}

/**
 * Descriptors of one header for the IIPC rule. With `compressed` false only selectors keep their operators: fields with an
 * attribute of their own (DSCP, ECN, Flow Label) are ignored.
 */
export function headerFields(a: Attributes, header: Header, compressed: boolean): FieldDescriptor[] {
  const fields: FieldDescriptor[] = [];
  for (let i = 0; i < header.fields.length; i += FIELD_STRIDE) {
    const role = header.fields[i + 2];
    const free = !compressed && role >= ROLE_DSCP && role <= ROLE_FLOW;
    fields.push(field(a, header.fields[i], header.fields[i + 1], free ? ROLE_SENT : role));
  }
  return fields;
}

/** The IIPC rule over the inner headers, outermost first (in transport mode only the transport header). */
export function iipcRule(a: Attributes, headers: Header[]): Rule {
  const fields: FieldDescriptor[] = [];
  for (let i = 0; i < headers.length; i++) {
    const part = headerFields(a, headers[i], true);
    for (let k = 0; k < part.length; k++) fields.push(part[k]);
  }
  return { ruleId: Math.max(a.iipcRuleId, 0), ruleIdLength: a.iipcRuleId < 0 ? 0 : 8, fields: fields };
}

/** Alignment of the clear text in octets: the larger of the alignment attribute and the cipher's block
 * [draft-ietf-ipsecme-diet-esp §6]. */
export function clearTextAlignment(a: Attributes, blockSize: number): number {
  const alignment = Math.floor(a.alignment / 8);
  return Math.max(alignment, blockSize);
}

/** True when the clear text ends with Next Header: always when mandatory, else if the receiver cannot know it. */
export function sendsNextHeader(a: Attributes): boolean {
  return a.espTrailer === TRAILER_MANDATORY || (a.ipsecMode !== MODE_TUNNEL && a.tsProto === 0);
}

/** Next Header of the trailer: 41 or 4 in tunnel mode, else ts_proto (0: the protocol of the segment). */
export function trailerNextHeader(a: Attributes): number {
  if (a.ipsecMode === MODE_TUNNEL) return a.tsIpVersion === 6 ? 41 : 4;
  return a.tsProto;
}

/** The CTEC rule: padding with its length, and Next Header. `blockSize` is the cipher's, in octets. */
export function ctecRule(a: Attributes, blockSize: number): Rule {
  const padded = clearTextAlignment(a, blockSize) > 1 || a.espTrailer === TRAILER_MANDATORY;
  const padding = padded ? sent(FID_ESP_PADDING, 0) : computed(FID_ESP_PADDING, 0, SLOT_NONE);
  const next = trailerNextHeader(a);
  const nextHeader = sendsNextHeader(a)
    ? sent(FID_ESP_NEXT_HEADER, 8)
    : notSent(FID_ESP_NEXT_HEADER, 8, octets(next, 1));
  return { ruleId: 0, ruleIdLength: 0, fields: [padding, nextHeader] };
}

function lsb(fid: number, value: Uint8Array[], bits: number): FieldDescriptor {
  return descriptor(fid, 32, value, MO_MSB, 32 - bits, CDA_LSB, SLOT_NONE);
}

/** The EEC rule: low bits of SPI and SN (MSB4). The target value of SN is what the receiver infers
 * (SN-RECOVERY). */
export function eecRule(a: Attributes): Rule {
  return {
    ruleId: 0,
    ruleIdLength: 0,
    fields: [lsb(FID_ESP_SPI, [octets(a.espSpi, 4)], a.espSpiLsb), lsb(FID_ESP_SN, [], a.espSnLsb)],
  };
}
