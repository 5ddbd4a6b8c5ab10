// SCHC packet to packet [RFC 8724 §7.2, §7.4]. First it finds and measures every residue, in the order of the rule. Then it
// lays out the headers and places their fields, because roles (Dev, App) and variable fields change their places.

import { copyBits, getBits, putBits } from '../base/bits.ts';
import { DROP_NO_RULE, DROP_RESIDUE, DROP_SHORT, DROP_TOO_LONG } from '../base/drop.ts';
import {
  COAP_MARKER,
  COAP_SIZE,
  coapHeadSize,
  FID_COAP_OPTION,
  FID_COAP_TKL,
  FID_COAP_TOKEN,
  putCoapHead,
} from '../wire/coap.ts';
import { layerHeader } from './compress.ts';
import {
  type Context,
  type RuleProgram,
  STEP_CDA,
  STEP_COUNT,
  STEP_FID,
  STEP_FIELD,
  STEP_FL,
  STEP_MO,
  STEP_MSB,
  STEP_STRIDE,
  STEP_VALUE,
} from './context.ts';
import { FID_IPV4_OPTIONS } from './fid.ts';
import {
  CDA_APP_IID,
  CDA_COMPUTE,
  CDA_DEV_IID,
  CDA_LSB,
  CDA_MAPPING_SENT,
  CDA_VALUE_SENT,
  DI_UP,
  FL_TOKEN_LENGTH,
  FL_VARIABLE,
  indexBits,
  MO_IGNORE,
  type Way,
} from './model.ts';
import {
  COAP_MESSAGE,
  COAP_NONE,
  LAYER_COAP,
  LAYER_NETWORK,
  LAYER_PAYLOAD,
  LAYER_TRANSPORT,
  mayBeEmpty,
  parseFields,
} from './parse.ts';
import { extractOctets, getSize, putIid, sizeBits } from './residue.ts';
import { COMPUTE_CHECKSUM, COMPUTE_LENGTH, computeKind } from './validate.ts';

/** Longest restored packet. */
const PACKET_MAX = 65535;
const ABSENT = -1;
/** Where TKL is assembled, after the interface identifiers. */
const TKL_BIT = 128;

/** Writes the value of step `n` at bit position `bit` of `out`. */
function place(
  context: Context,
  program: RuleProgram,
  n: number,
  input: Uint8Array,
  out: Uint8Array,
  bit: number,
): void {
  const s = n * STEP_STRIDE;
  const steps = program.steps;
  const cda = steps[s + STEP_CDA];
  const bits = context.sourceBits[n];
  const value = context.sourceValue[n];
  if (cda === CDA_VALUE_SENT) copyBits(out, bit, input, context.sourceBit[n], bits);
  else if (cda === CDA_DEV_IID || cda === CDA_APP_IID) {
    copyBits(out, bit, context.iids, cda === CDA_DEV_IID ? 0 : 64, 64);
  } else if (cda === CDA_COMPUTE) putBits(out, bit, bits, 0);
  else {
    const known = cda === CDA_LSB ? steps[s + STEP_MSB] : bits;
    copyBits(out, bit, context.values, context.valueBit[value], known);
    copyBits(out, bit + known, input, context.sourceBit[n], bits - known);
  }
}

/**
 * Finds and measures the residue of each step from bit `start`. Returns the bit position after the last, or DROP_RESIDUE.
 */
function locate(
  context: Context,
  program: RuleProgram,
  input: Uint8Array,
  start: number,
  end: number,
  way: Way,
): number {
  const steps = program.steps;
  let at = start;
  let tkl = 0;
  for (let s = 0, n = 0; s < steps.length; s += STEP_STRIDE, n++) {
    const cda = steps[s + STEP_CDA];
    const fl = steps[s + STEP_FL];
    let value = steps[s + STEP_VALUE];
    let bits = fl;
    if (cda === CDA_VALUE_SENT || cda === CDA_LSB) {
      const known = cda === CDA_LSB ? steps[s + STEP_MSB] : 0;
      let sent = fl - known;
      if (fl === FL_VARIABLE) {
        const size = getSize(input, at, end);
        if (size < 0) return size;
        at += sizeBits(size);
        sent = size * 8;
      } else if (fl === FL_TOKEN_LENGTH) sent = tkl * 8 - known;
      if (sent < 0 || at + sent > end) return DROP_RESIDUE;
      context.sourceBit[n] = at;
      at += sent;
      bits = known + sent;
      if (bits === 0 && cda === CDA_VALUE_SENT && steps[s + STEP_MO] === MO_IGNORE) {
        if (context.isZeroAbsence || !mayBeEmpty(steps[s + STEP_FID])) bits = ABSENT;
      }
    } else if (cda === CDA_MAPPING_SENT) {
      const width = indexBits(steps[s + STEP_COUNT]);
      if (at + width > end) return DROP_RESIDUE;
      const index = getBits(input, at, width);
      if (index >= steps[s + STEP_COUNT]) return DROP_RESIDUE;
      at += width;
      value += index;
      bits = context.valueBits[value];
    } else if (cda === CDA_DEV_IID || cda === CDA_APP_IID) {
      const isDev = cda === CDA_DEV_IID;
      if (!putIid(context.iids, isDev ? 0 : 8, isDev ? way.dev : way.app)) return DROP_NO_RULE;
    } else if (cda !== CDA_COMPUTE) bits = context.valueBits[value];
    context.sourceBits[n] = bits;
    context.sourceValue[n] = value;
    if (steps[s + STEP_FID] === FID_COAP_TKL) {
      place(context, program, n, input, context.iids, TKL_BIT);
      tkl = getBits(context.iids, TKL_BIT, 4);
    }
  }
  return at;
}

/** Bits of a field that occurs once and has no fixed place; 0: absent. */
function variableBits(context: Context, program: RuleProgram, fid: number): number {
  const steps = program.steps;
  for (let s = 0, n = 0; s < steps.length; s += STEP_STRIDE, n++) {
    if (steps[s + STEP_FID] === fid) return Math.max(0, context.sourceBits[n]);
  }
  return 0;
}

/**
 * Writes the headers to out[outOffset..), without computed fields. Returns the payload's offset, or a drop code. `payload` is
 * the number of octets that will follow.
 */
function build(
  context: Context,
  program: RuleProgram,
  input: Uint8Array,
  out: Uint8Array,
  outOffset: number,
  payload: number,
): number {
  const layout = program.layout;
  const steps = program.steps;
  const starts = context.fields.starts;
  const optionBits = variableBits(context, program, FID_IPV4_OPTIONS);
  const tokenBits = variableBits(context, program, FID_COAP_TOKEN);
  if (optionBits > 320 || (optionBits & 31) !== 0 || tokenBits > 64) return DROP_RESIDUE;
  let at = outOffset;
  starts[LAYER_NETWORK] = at;
  if (layout.network !== null) at += layout.network.size + (optionBits >>> 3);
  const options = at - (optionBits >>> 3);
  starts[LAYER_TRANSPORT] = at;
  if (layout.transport !== null) at += layout.transport.size;
  starts[LAYER_COAP] = at;
  if (layout.coap !== COAP_NONE) at += layout.coap === COAP_MESSAGE ? COAP_SIZE : 1;
  const token = at;
  at += tokenBits >>> 3;
  if (at > out.length) return DROP_TOO_LONG;
  let number = 0;
  for (let s = 0, n = 0; s < steps.length; s += STEP_STRIDE, n++) {
    const i = steps[s + STEP_FIELD];
    const fid = steps[s + STEP_FID];
    const bits = context.sourceBits[n];
    let bit = 0;
    if (bits < 0) continue;
    if (i >= 0) bit = starts[layout.layer[i]] * 8 + layout.first[i];
    else if (fid === FID_IPV4_OPTIONS) bit = options * 8;
    else if (fid === FID_COAP_TOKEN) bit = token * 8;
    else {
      // Options come in ascending order: checked when the rule was compiled.
      const delta = fid - FID_COAP_OPTION - number;
      const length = bits >>> 3;
      if (at + coapHeadSize(delta, length) + length > out.length) return DROP_TOO_LONG;
      at = putCoapHead(out, at, delta, length);
      bit = at * 8;
      at += length;
      number += delta;
    }
    place(context, program, n, input, out, bit);
  }
  if (layout.coap === COAP_MESSAGE && (out[starts[LAYER_COAP]] & 15) * 8 !== tokenBits) return DROP_RESIDUE;
  if (layout.coap !== COAP_NONE && payload > 0) {
    if (at >= out.length) return DROP_TOO_LONG;
    out[at++] = COAP_MARKER;
  }
  return at + payload > out.length || at + payload - outOffset > PACKET_MAX ? DROP_TOO_LONG : at;
}

/** Fills in the computed fields of one kind, in the packet that ends at `end`. */
function compute(context: Context, program: RuleProgram, out: Uint8Array, end: number, kind: number): void {
  const steps = program.steps;
  const starts = context.fields.starts;
  for (let s = 0; s < steps.length; s += STEP_STRIDE) {
    if (steps[s + STEP_CDA] !== CDA_COMPUTE || computeKind(steps[s + STEP_FID]) !== kind) continue;
    const layer = program.layout.layer[steps[s + STEP_FIELD]];
    const header = layerHeader(program.layout, layer);
    if (header === null) continue;
    if (kind === COMPUTE_LENGTH) header.putLengths(out, starts[layer], end);
    else header.putChecksums(out, starts[layer], end, starts[LAYER_NETWORK]);
  }
}

/** Index of the rule whose RuleID is at bit `bit`; -1: none. */
export function findRule(context: Context, input: Uint8Array, bit: number, end: number): number {
  for (let i = 0; i < context.ruleId.length; i++) {
    const bits = context.ruleIdLength[i];
    if (bit + bits <= end && getBits(input, bit, bits) === context.ruleId[i]) return i;
  }
  return -1;
}

/**
 * Restores the packet whose SCHC packet is input[offset..offset+length) to out[outOffset..). The last octet may hold up
 * to 7 bits of padding, of any value. Returns the packet's octets, or a drop code:
 * DROP_SHORT (no octets), DROP_NO_RULE (unknown RuleID, or not for this direction), DROP_RESIDUE (truncated, index out
 * of range, fields that contradict each other), DROP_TOO_LONG; or that of the headers restored, if they are malformed.
 */
export function schcDecompress(
  context: Context,
  way: Way,
  input: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
  outOffset: number,
): number {
  const programs = way.direction === DI_UP ? context.up : context.dw;
  const isImplied = context.impliesFirst && context.isImplied;
  if (isImplied ? programs.length === 0 : length < 1) return isImplied ? DROP_NO_RULE : DROP_SHORT;
  const end = (offset + length) * 8;
  const rule = isImplied ? programs[0].rule : findRule(context, input, offset * 8, end);
  if (rule < 0) return DROP_NO_RULE;
  let bit = offset * 8 + (isImplied ? 0 : context.ruleIdLength[rule]);
  if (rule === context.noCompression) {
    const octets = (end - bit) >>> 3;
    if (octets > PACKET_MAX || outOffset + octets > out.length) return DROP_TOO_LONG;
    extractOctets(out, outOffset, input, bit, octets);
    return octets;
  }
  let r = 0;
  while (r < programs.length && programs[r].rule !== rule) r++;
  if (r === programs.length) return DROP_NO_RULE;
  const program = programs[r];
  const layout = program.layout;
  bit = locate(context, program, input, bit, end, way);
  if (bit < 0) return bit;
  const payload = (end - bit) >>> 3;
  const at = build(context, program, input, out, outOffset, payload);
  if (at < 0) return at;
  extractOctets(out, at, input, bit, payload);
  const total = at + payload - outOffset;
  if (program.computes) {
    compute(context, program, out, at + payload, COMPUTE_LENGTH);
    compute(context, program, out, at + payload, COMPUTE_CHECKSUM);
  }
  // Checks the restored packet against the rule: an IHL, protocol or length from the residue may contradict it.
  const code = parseFields(context.fields, layout, out, outOffset, total);
  if (code !== 0) return code;
  return context.fields.starts[LAYER_PAYLOAD] === at ? total : DROP_RESIDUE;
}
