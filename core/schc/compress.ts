// Packet to SCHC packet: rule selection and residue [RFC 8724 §7.2, §7.4, §7.5].
//
//   | RuleID | residue of each field, in the order of the rule | payload | zero bits to the octet |
//
// It uses the first rule whose descriptors match the fields one to one. Descriptors of a repeated field match its
// occurrences in order, also with field position 0, because the order would be lost otherwise. It uses a rule only if the
// packet can be restored unchanged: lengths and checksums to compute have the computed value, and the IID of a link-layer
// address is the one in the packet [RFC 8724 §10.10, §10.11].

import { copyBits, getBits, putBits } from '../base/bits.ts';
import { DROP_NO_RULE, DROP_TOO_LONG } from '../base/drop.ts';
import type { Header } from '../wire/header.ts';
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
  STEP_ORDINAL,
  STEP_STRIDE,
  STEP_VALUE,
} from './context.ts';
import {
  CDA_APP_IID,
  CDA_COMPUTE,
  CDA_DEV_IID,
  CDA_LSB,
  CDA_MAPPING_SENT,
  CDA_VALUE_SENT,
  DI_UP,
  FL_VARIABLE,
  indexBits,
  MO_EQUAL,
  MO_IGNORE,
  MO_MATCH_MAPPING,
  MO_MSB,
  type Way,
} from './model.ts';
import { type Fields, LAYER_NETWORK, LAYER_PAYLOAD, type Layout, mayBeEmpty, parseFields } from './parse.ts';
import { appendOctets, putIid, putSize, sameBits, sizeBits } from './residue.ts';
import { COMPUTE_CHECKSUM, COMPUTE_LENGTH, computeKind, SIZE_MAX } from './validate.ts';

/** The stack's header with this layer. */
export function layerHeader(layout: Layout, layer: number): Header | null {
  return layer === LAYER_NETWORK ? layout.network : layout.transport;
}

/** Index of occurrence `ordinal` of a field without fixed place; -1: none. */
function findField(fields: Fields, from: number, fid: number, ordinal: number): number {
  for (let i = from; i < fields.count; i++) if (fields.fid[i] === fid && fields.fp[i] === ordinal) return i;
  return -1;
}

/** Index of the target value that equals a field, among `count` from `first` on; -1: none. */
function findValue(
  context: Context,
  first: number,
  count: number,
  packet: Uint8Array,
  bit: number,
  bits: number,
): number {
  for (let k = 0; k < count; k++) {
    const at = first + k;
    if (context.valueBits[at] === bits && sameBits(packet, bit, context.values, context.valueBit[at], bits)) return k;
  }
  return -1;
}

/** True when computed fields of one kind have the value that the header would give them. Leaves the packet unchanged. */
function computedAgree(program: RuleProgram, fields: Fields, packet: Uint8Array, end: number, kind: number): boolean {
  const steps = program.steps;
  for (let s = 0; s < steps.length; s += STEP_STRIDE) {
    if (steps[s + STEP_CDA] !== CDA_COMPUTE || computeKind(steps[s + STEP_FID]) !== kind) continue;
    const i = steps[s + STEP_FIELD];
    const layer = program.layout.layer[i];
    const header = layerHeader(program.layout, layer);
    if (header === null) return false;
    const before = getBits(packet, fields.bit[i], fields.bits[i]);
    if (kind === COMPUTE_LENGTH) header.putLengths(packet, fields.starts[layer], end);
    else header.putChecksums(packet, fields.starts[layer], end, fields.starts[LAYER_NETWORK]);
    if (getBits(packet, fields.bit[i], fields.bits[i]) !== before) {
      putBits(packet, fields.bit[i], fields.bits[i], before);
      return false;
    }
  }
  return true;
}

/**
 * Appends the parsed packet's residue to `out` from bit position `start`. Returns the new bit position, DROP_NO_RULE (the rule
 * does not fit), or DROP_TOO_LONG.
 */
function emit(
  context: Context,
  program: RuleProgram,
  packet: Uint8Array,
  end: number,
  out: Uint8Array,
  start: number,
  way: Way,
): number {
  const fields = context.fields;
  const steps = program.steps;
  const fixed = program.layout.fid.length;
  const limit = out.length * 8;
  let left = fields.count - fixed;
  let at = start;
  for (let s = 0; s < steps.length; s += STEP_STRIDE) {
    const mo = steps[s + STEP_MO];
    const cda = steps[s + STEP_CDA];
    const fl = steps[s + STEP_FL];
    const first = steps[s + STEP_VALUE];
    // An absent field of variable length is sent as size 0 [RFC 8724 §7.4.2]; then an empty one is not.
    const isEmptySent = !context.isZeroAbsence && mayBeEmpty(steps[s + STEP_FID]);
    const mayLack = mo === MO_IGNORE && cda === CDA_VALUE_SENT && fl <= 0 && !isEmptySent;
    let i = steps[s + STEP_FIELD];
    if (i < 0) {
      i = findField(fields, fixed, steps[s + STEP_FID], steps[s + STEP_ORDINAL]);
      if (i < 0) {
        if (!mayLack) return DROP_NO_RULE;
        if (fl === FL_VARIABLE) {
          if (at + 4 > limit) return DROP_TOO_LONG;
          at = putSize(out, at, 0);
        }
        continue;
      }
      left--;
      if (mayLack && fields.bits[i] === 0) return DROP_NO_RULE;
    }
    const bit = fields.bit[i];
    const bits = fields.bits[i];
    if (fl > 0 && bits !== fl) return DROP_NO_RULE;

    let index = 0;
    if (mo === MO_EQUAL || mo === MO_MATCH_MAPPING) {
      index = findValue(context, first, steps[s + STEP_COUNT], packet, bit, bits);
      if (index < 0) return DROP_NO_RULE;
    } else if (mo === MO_MSB) {
      const x = steps[s + STEP_MSB];
      if (bits < x || !sameBits(packet, bit, context.values, context.valueBit[first], x)) return DROP_NO_RULE;
    }

    if (cda === CDA_VALUE_SENT || cda === CDA_LSB) {
      const sent = cda === CDA_LSB ? bits - steps[s + STEP_MSB] : bits;
      if (fl === FL_VARIABLE) {
        const size = Math.floor(sent / 8);
        if (size > SIZE_MAX) return DROP_NO_RULE;
        if (at + sizeBits(size) > limit) return DROP_TOO_LONG;
        at = putSize(out, at, size);
      }
      if (at + sent > limit) return DROP_TOO_LONG;
      copyBits(out, at, packet, bit + bits - sent, sent);
      at += sent;
    } else if (cda === CDA_MAPPING_SENT) {
      const width = indexBits(steps[s + STEP_COUNT]);
      if (at + width > limit) return DROP_TOO_LONG;
      putBits(out, at, width, index);
      at += width;
    } else if (cda === CDA_DEV_IID || cda === CDA_APP_IID) {
      if (!putIid(context.iids, 0, cda === CDA_DEV_IID ? way.dev : way.app)) return DROP_NO_RULE;
      if (!sameBits(packet, bit, context.iids, 0, 64)) return DROP_NO_RULE;
    }
  }
  if (left !== 0) return DROP_NO_RULE;
  if (program.computes) {
    if (!computedAgree(program, fields, packet, end, COMPUTE_LENGTH)) return DROP_NO_RULE;
    if (!computedAgree(program, fields, packet, end, COMPUTE_CHECKSUM)) return DROP_NO_RULE;
  }
  return at;
}

/** Appends the payload and the padding. Returns the total octets. */
function finish(
  context: Context,
  packet: Uint8Array,
  payload: number,
  end: number,
  out: Uint8Array,
  outOffset: number,
  bit: number,
): number {
  const bits = bit + (end - payload) * 8;
  const total = (bits + 7) >>> 3;
  if (total > out.length) return DROP_TOO_LONG;
  appendOctets(out, bit, packet, payload, end - payload);
  if ((bits & 7) !== 0) putBits(out, bits, 8 - (bits & 7), 0);
  context.bitLength = bits - outOffset * 8;
  return total - outOffset;
}

/** Writes a rule's RuleID. Returns the new bit position, or DROP_TOO_LONG. */
function putRuleId(context: Context, rule: number, out: Uint8Array, outOffset: number): number {
  const bits = context.ruleIdLength[rule];
  if (outOffset * 8 + bits > out.length * 8) return DROP_TOO_LONG;
  putBits(out, outOffset * 8, bits, context.ruleId[rule]);
  return outOffset * 8 + bits;
}

/** The packet behind the RuleID of packets without a rule. Octets written, or a drop code: DROP_NO_RULE where there is none. */
export function schcUncompressed(
  context: Context,
  packet: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
  outOffset: number,
): number {
  if (context.noCompression < 0) return DROP_NO_RULE;
  context.isImplied = false;
  const bit = putRuleId(context, context.noCompression, out, outOffset);
  return bit < 0 ? bit : finish(context, packet, offset, offset + length, out, outOffset, bit);
}

/**
 * Compresses packet[offset..offset+length), which goes `way`, to out[outOffset..). Returns the octets of the SCHC packet
 * (its bits without padding are in context.bitLength; whether it has a RuleID in context.isImplied), or a drop code: that of a malformed packet, DROP_NO_RULE,
 * DROP_TOO_LONG. The ranges must not overlap; computed fields of the packet are rewritten with their own value.
 */
export function schcCompress(
  context: Context,
  way: Way,
  packet: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
  outOffset: number,
): number {
  const programs = way.direction === DI_UP ? context.up : context.dw;
  const end = offset + length;
  let drop = DROP_NO_RULE;
  let parsed = 0;
  for (let r = 0; r < programs.length; r++) {
    const program = programs[r];
    if (r === 0 || program.layout !== programs[r - 1].layout) {
      parsed = parseFields(context.fields, program.layout, packet, offset, length);
    }
    if (parsed !== 0) {
      if (drop === DROP_NO_RULE) drop = parsed;
      continue;
    }
    const isImplied = r === 0 && context.impliesFirst;
    let bit = isImplied ? outOffset * 8 : putRuleId(context, program.rule, out, outOffset);
    if (bit >= 0) bit = emit(context, program, packet, end, out, bit, way);
    if (bit >= 0) bit = finish(context, packet, context.fields.starts[LAYER_PAYLOAD], end, out, outOffset, bit);
    context.isImplied = isImplied;
    if (bit >= 0) return bit;
    if (drop !== DROP_TOO_LONG) drop = bit;
  }
  return context.noCompression < 0 ? drop : schcUncompressed(context, packet, offset, length, out, outOffset);
}
