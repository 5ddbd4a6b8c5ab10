// A context: a user's rules, compiled once to flat programs, one per rule and direction [RFC 8724 §6, §7]. A rule without
// field descriptors is for packets that no other rule fits: its RuleID, then the whole packet.

import { getBits } from '../base/bits.ts';
import { FID_COAP_OPTION, FID_COAP_TKL, FID_COAP_TOKEN } from '../wire/coap.ts';
import { FID_UDP_LENGTH } from '../wire/fid.ts';
import type { Header } from '../wire/header.ts';
import { CDA_COMPUTE, DI_BI, DI_DW, DI_UP, FL_TOKEN_LENGTH, type Rule } from './model.ts';
import { COAP_NONE, createFields, createLayout, type Fields, isOption, isVariableField, type Layout } from './parse.ts';
import { alignedOctet, checkEntry, checkRuleId, entryName, needsNetwork, ruleName } from './validate.ts';

/** Numbers per step. A step is a field descriptor with the direction. */
export const STEP_STRIDE = 9;
/** Index in the layout, -1 for a field without fixed place. */
export const STEP_FIELD = 0;
export const STEP_FID = 1;
/** Which occurrence, from 1. */
export const STEP_ORDINAL = 2;
export const STEP_FL = 3;
export const STEP_MO = 4;
export const STEP_MSB = 5;
export const STEP_CDA = 6;
/** First target value (index of valueBit, valueBits) and their number. */
export const STEP_VALUE = 7;
export const STEP_COUNT = 8;

/** A rule in one direction. */
export interface RuleProgram {
  /** Index of the rule. */
  rule: number;
  /** The headers that the rule's packets have. */
  layout: Layout;
  /** Compiled fields. */
  steps: Int32Array;
  /** A field is computed. */
  computes: boolean;
}

/** Compiled rules, made by `compileContext`, and the scratch memory of compression. One serves both directions. */
export interface Context {
  /** @internal */
  ruleId: Uint32Array;
  /** @internal */
  ruleIdLength: Uint8Array;
  /** Rule for packets without a rule, -1 for none. */
  noCompression: number;
  /** Programs in the order of the rules. A rule without a program in a direction is not used there. */
  up: RuleProgram[];
  /** Programs of the other direction. */
  dw: RuleProgram[];
  /** Target values: octets, and for each value its first bit and its bits. */
  values: Uint8Array;
  /** @internal */
  valueBit: Int32Array;
  /** @internal */
  valueBits: Int32Array;
  /** Bits of the last SCHC packet made, without padding. */
  bitLength: number;
  /**
   * What size 0 of a residue means, for `ignore` with `value-sent`. False, as `compileContext` makes it: an empty value for CoAP
   * options that may have one (Observe 0, Content-Format 0, If-None-Match), absence for others. True: absence always, as RFC
   * 8724 §7.4.2 says; then no such rule takes an empty option. Both ends need the same; set it before the first packet.
   */
  isZeroAbsence: boolean;
  /**
   * The first rule of each direction goes without its RuleID, and `isImplied` says so beside the packet. False, as
   * `compileContext` makes it: every packet has a RuleID. Both ends need the same.
   */
  impliesFirst: boolean;
  /** With `impliesFirst`: the last packet that was compressed has no RuleID; the next one to restore has none. */
  isImplied: boolean;
  /** @internal */
  fields: Fields;
  /** Interface identifiers from link-layer addresses: Dev, App; and an octet of scratch. */
  iids: Uint8Array;
  /** Per step, while a packet is restored: bit position of the residue, bits of the whole field (-1: absent), value. */
  sourceBit: Int32Array;
  /** @internal */
  sourceBits: Int32Array;
  /** @internal */
  sourceValue: Int32Array;
}

interface Builder {
  layouts: Layout[];
  octets: number[];
  valueBit: number[];
  valueBits: number[];
  mostSteps: number;
}

function toInt32(list: number[]): Int32Array {
  const result = new Int32Array(list.length);
  for (let i = 0; i < list.length; i++) result[i] = list[i];
  return result;
}

function addValue(builder: Builder, value: Uint8Array, fl: number): void {
  const size = fl > 0 ? Math.floor((fl + 7) / 8) : value.length;
  builder.valueBit.push((builder.octets.length + size) * 8 - (fl > 0 ? fl : size * 8));
  builder.valueBits.push(fl > 0 ? fl : size * 8);
  for (let i = 0; i < size; i++) {
    // An octet that is cut off before the value is zero: checked.
    builder.octets.push(alignedOctet(value, size, i));
  }
}

function sharedLayout(builder: Builder, layout: Layout): Layout {
  for (let i = 0; i < builder.layouts.length; i++) {
    const other = builder.layouts[i];
    if (other.key === layout.key && other.direction === layout.direction) return other;
  }
  builder.layouts.push(layout);
  return layout;
}

function indexIn(layout: Layout, fid: number): number {
  for (let i = 0; i < layout.fid.length; i++) if (layout.fid[i] === fid) return i;
  return -1;
}

/** A rule's entries with the direction. */
function entriesOf(rule: Rule, direction: number): number[] {
  const entries: number[] = [];
  for (let i = 0; i < rule.fields.length; i++) {
    const di = rule.fields[i].di;
    if (di === DI_BI || di === direction) entries.push(i);
  }
  return entries;
}

/** Position of entry `n` of `entries`. Throws unless the fields can be matched one to one and rebuilt in this order. */
function ordinalOf(rule: Rule, entries: number[], n: number): number {
  const field = rule.fields[entries[n]];
  const where = entryName(rule, entries[n]);
  let ordinal = 1;
  let hasTkl = false;
  for (let i = 0; i < n; i++) {
    const earlier = rule.fields[entries[i]];
    if (earlier.fid === field.fid) ordinal++;
    if (earlier.fid === FID_COAP_TKL) hasTkl = true;
    if (isOption(field.fid) && isOption(earlier.fid) && earlier.fid > field.fid) {
      const number = field.fid - FID_COAP_OPTION;
      throw new Error(where + ' option ' + number + ': must not follow ' + (earlier.fid - FID_COAP_OPTION));
    }
  }
  if (field.fp !== 0 && field.fp !== ordinal) {
    throw new Error(
      where + ' fp ' + field.fp + ': must be 0 or ' + ordinal + ', its place among the entries of the field',
    );
  }
  if (ordinal > 1 && !isOption(field.fid))
    throw new Error(where + ' fp ' + ordinal + ': the field occurs once, limit 1');
  if (field.fid === FID_COAP_TOKEN && field.fl === FL_TOKEN_LENGTH && !hasTkl) {
    throw new Error(where + ' fl ' + field.fl + ': needs fid ' + FID_COAP_TKL + ' in front');
  }
  return ordinal;
}

/** Why the entries do not make a whole stack in their direction; '': they do. */
function incomplete(layout: Layout, rule: Rule, entries: number[]): string {
  let missing = -1;
  if (layout.coap !== COAP_NONE && layout.network !== null && layout.transport === null) missing = FID_UDP_LENGTH;
  for (let i = layout.fid.length - 1; i >= 0; i--) {
    let found = false;
    for (let k = 0; k < entries.length; k++) if (rule.fields[entries[k]].fid === layout.fid[i]) found = true;
    if (!found) missing = layout.fid[i];
  }
  if (missing >= 0) return ' fid ' + missing + ': no entry for this field of its header';
  for (let k = 0; k < entries.length; k++) {
    const field = rule.fields[entries[k]];
    if (field.cda === CDA_COMPUTE && layout.network === null && needsNetwork(field.fid)) {
      return ' fid ' + field.fid + ' cda ' + field.cda + ': must be other than compute where the rule has no IP header';
    }
  }
  return '';
}

/** Adds the program of a rule in one direction. Returns '', or why there is none. */
function addProgram(
  builder: Builder,
  programs: RuleProgram[],
  rule: Rule,
  index: number,
  direction: number,
  headers: Header[],
): string {
  const entries = entriesOf(rule, direction);
  if (entries.length === 0) return ' di: no entry';
  const fids: number[] = [];
  for (let i = 0; i < entries.length; i++) fids.push(rule.fields[entries[i]].fid);
  const layout = sharedLayout(builder, createLayout(fids, headers, direction));
  const indexes: number[] = [];
  for (let n = 0; n < entries.length; n++) {
    const fid = rule.fields[entries[n]].fid;
    const at = indexIn(layout, fid);
    if (at < 0 && !isVariableField(fid)) {
      throw new Error(entryName(rule, entries[n]) + ': not together with the other fields of its header in this rule');
    }
    checkEntry(rule, entries[n], at < 0 ? -1 : layout.bits[at]);
    indexes.push(at);
  }
  const why = incomplete(layout, rule, entries);
  if (why !== '') return why;
  const steps: number[] = [];
  let computes = false;
  for (let n = 0; n < entries.length; n++) {
    const field = rule.fields[entries[n]];
    const ordinal = ordinalOf(rule, entries, n);
    const value = builder.valueBit.length;
    for (let k = 0; k < field.tv.length; k++) addValue(builder, field.tv[k], field.fl);
    steps.push(indexes[n], field.fid, ordinal, field.fl, field.mo, field.msb, field.cda, value, field.tv.length);
    if (field.cda === CDA_COMPUTE) computes = true;
  }
  if (entries.length > builder.mostSteps) builder.mostSteps = entries.length;
  programs.push({ rule: index, layout: layout, steps: toInt32(steps), computes: computes });
  return '';
}

/** Refuses equal RuleIDs, and one that begins with another: a receiver cannot tell them apart. */
function checkPrefixFree(rules: Rule[]): void {
  const bits = new Uint8Array(8);
  for (let i = 0; i < rules.length; i++) {
    for (let k = 0; k < i; k++) {
      const a = rules[i];
      const b = rules[k];
      const length = Math.min(a.ruleIdLength, b.ruleIdLength);
      for (let n = 0; n < 8; n++) {
        const rule = n < 4 ? a : b;
        // Octet n of the number, left-aligned in 32 bits.
        let value = rule.ruleId;
        for (let s = rule.ruleIdLength; s < 32; s++) value *= 2;
        for (let s = n & 3; s < 3; s++) value = Math.floor(value / 256);
        bits[n] = value % 256;
      }
      if (getBits(bits, 0, length) === getBits(bits, 32, length)) {
        throw new Error(ruleName(a) + ' ruleId ' + a.ruleId + ': must not begin as ' + ruleName(b));
      }
    }
  }
}

/**
 * Compiles rules. `headers` are the build's (wire/ipv6.ts `ipv6`, `udp`, ...; CoAP is always there). Throws on a rule without
 * meaning; the message names rule, entry, value and limit.
 */
export function compileContext(rules: Rule[], headers: Header[]): Context {
  const builder: Builder = { layouts: [], octets: [], valueBit: [], valueBits: [], mostSteps: 0 };
  const up: RuleProgram[] = [];
  const dw: RuleProgram[] = [];
  let noCompression = -1;
  const ruleId = new Uint32Array(rules.length);
  const ruleIdLength = new Uint8Array(rules.length);
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i];
    checkRuleId(rule);
    ruleId[i] = rule.ruleId;
    ruleIdLength[i] = rule.ruleIdLength;
    if (rule.fields.length === 0) {
      if (noCompression >= 0) {
        throw new Error(
          ruleName(rule) + ' fields 0: one rule without fields only, beside ' + ruleName(rules[noCompression]),
        );
      }
      noCompression = i;
    } else {
      const whyUp = addProgram(builder, up, rule, i, DI_UP, headers);
      const whyDw = addProgram(builder, dw, rule, i, DI_DW, headers);
      if (whyUp !== '' && whyDw !== '') throw new Error(ruleName(rule) + (rule.fields[0].di === DI_DW ? whyDw : whyUp));
    }
  }
  checkPrefixFree(rules);
  const values = new Uint8Array(builder.octets.length);
  for (let i = 0; i < values.length; i++) values[i] = builder.octets[i];
  return {
    ruleId: ruleId,
    ruleIdLength: ruleIdLength,
    noCompression: noCompression,
    up: up,
    dw: dw,
    values: values,
    valueBit: toInt32(builder.valueBit),
    valueBits: toInt32(builder.valueBits),
    bitLength: 0,
    isZeroAbsence: false,
    impliesFirst: false,
    isImplied: false,
    fields: createFields(),
    iids: new Uint8Array(17),
    sourceBit: new Int32Array(builder.mostSteps),
    sourceBits: new Int32Array(builder.mostSteps),
    sourceValue: new Int32Array(builder.mostSteps),
  };
}
