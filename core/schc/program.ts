// Compiles the descriptors of one fixed header into a flat program, and runs it [RFC 8724 §7.2].
//
// A program has two parts. Octets that must match (equal, MSB) become one mask over the header: a header matches when
// (octet & mask) equals the SA's value for every octet. Each field that is sent, or restored from elsewhere, becomes a step
// of four numbers. Mask and steps depend only on a rule's shape, so SAs of one shape share a program. Target values are
// separate, in `values`: first one octet per header octet, then the match-mapping lists.

import { copyBits, getBits, putBits } from '../base/bits.ts';
import { DROP_NO_RULE, DROP_RESIDUE } from '../base/drop.ts';
import { copy, lastDifference } from '../base/spans.ts';
import { SLOT_NONE } from '../wire/header.ts';
import {
  CDA_COMPUTE,
  CDA_LSB,
  CDA_MAPPING_SENT,
  CDA_VALUE_SENT,
  type FieldDescriptor,
  indexBits,
  MO_EQUAL,
  MO_MATCH_MAPPING,
  MO_MSB,
} from './model.ts';

/** The residue is the field's bits. */
const OP_SEND = 0;
/** The residue is an index into a list of values. */
const OP_MAP = 1;
/** No residue; the value comes from a slot. */
const OP_SLOT = 2;

/** Numbers per step: operation, bit position in the header, bits, argument (list: offset * 256 + count; slot). */
const STRIDE = 4;

/** The compiled rule of one header with fixed fields: octets to match, and steps that make and read the residue. */
export interface Program {
  /** Octets of the header. */
  size: number;
  /** Where the header's target values begin among the rule's. */
  at: number;
  /** One octet per header octet: the bits that must equal `values`. */
  mask: Uint8Array;
  /** Octets up to the last one with a bit to match. Later ones are not read: the packet may end there. */
  matched: number;
  /** Compiled fields that are sent or computed. */
  steps: Int32Array;
  /** Octets of the header's target values. */
  valuesSize: number;
  /** Bits of residue: the same for every packet, because all fields have fixed lengths. */
  residueBits: number;
}

/** Where a rule's target values are: `octets` from `base` on. */
export interface Values {
  /** Holds target values, among other octets perhaps. */
  octets: Uint8Array;
  /** Offset of the first of them. */
  base: number;
}

/** Writes a rule's target values into `values` at `base` (see the file's head), in the layout of `compile`. */
export function fillValues(fields: FieldDescriptor[], size: number, values: Uint8Array, base: number): void {
  let bit = base * 8;
  let list = base + size;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (field.mo === MO_MATCH_MAPPING) {
      for (let k = 0; k < field.tv.length; k++) values[list + k] = field.tv[k][0];
      list += field.tv.length;
    } else if (field.tv.length > 0) {
      copyBits(values, bit, field.tv[0], field.tv[0].length * 8 - field.fl, field.fl);
    }
    bit += field.fl;
  }
}

/**
 * Compiles descriptors of fixed length, without gaps, that cover `size` octets; their values begin at `at` of the rule's.
 * Lists hold values of up to 8 bits.
 */
export function compile(fields: FieldDescriptor[], size: number, at: number): Program {
  const mask = new Uint8Array(size);
  const steps: number[] = [];
  let bit = 0;
  let list = size;
  let residueBits = 0;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const matched = field.mo === MO_EQUAL ? field.fl : field.mo === MO_MSB ? field.msb : 0;
    for (let k = 0; k < matched; k += 8) {
      const ones = Math.min(8, matched - k);
      putBits(mask, bit + k, ones, (1 << ones) - 1);
    }
    if (field.cda === CDA_VALUE_SENT || field.cda === CDA_LSB) {
      const sent = field.cda === CDA_LSB ? field.fl - matched : field.fl;
      if (sent > 0) steps.push(OP_SEND, bit + field.fl - sent, sent, 0);
      residueBits += sent;
    } else if (field.cda === CDA_MAPPING_SENT) {
      steps.push(OP_MAP, bit, field.fl, list * 256 + field.tv.length);
      list += field.tv.length;
      residueBits += indexBits(field.tv.length);
    } else if (field.cda === CDA_COMPUTE && field.slot !== SLOT_NONE) {
      steps.push(OP_SLOT, bit, field.fl, field.slot);
    }
    bit += field.fl;
  }
  const flat = new Int32Array(steps.length);
  for (let i = 0; i < steps.length; i++) flat[i] = steps[i];
  let matched = size;
  while (matched > 0 && mask[matched - 1] === 0) matched--;
  return {
    size: size,
    at: at,
    mask: mask,
    matched: matched,
    steps: flat,
    valuesSize: list,
    residueBits: residueBits,
  };
}

/** The last octet of the header at `offset` where an equal or MSB of the rule fails; -1: all hold. */
export function mismatch(program: Program, values: Values, buffer: Uint8Array, offset: number): number {
  return lastDifference(buffer, offset, values.octets, values.base + program.at, program.mask, program.matched);
}

/**
 * Appends the residue of the header at `offset` to `out`, from bit position `outBit` on.
 * Returns the new bit position, or DROP_NO_RULE when a value is not in its list.
 */
export function emitResidue(
  program: Program,
  values: Values,
  buffer: Uint8Array,
  offset: number,
  out: Uint8Array,
  outBit: number,
): number {
  const octets = values.octets;
  const base = values.base + program.at;
  const steps = program.steps;
  let at = outBit;
  for (let i = 0; i < steps.length; i += STRIDE) {
    const bit = offset * 8 + steps[i + 1];
    const bits = steps[i + 2];
    if (steps[i] === OP_SEND) {
      copyBits(out, at, buffer, bit, bits);
      at += bits;
    } else if (steps[i] === OP_MAP) {
      const list = base + (steps[i + 3] >>> 8);
      const count = steps[i + 3] & 255;
      const value = getBits(buffer, bit, bits);
      let index = 0;
      while (index < count && octets[list + index] !== value) index++;
      if (index === count) return DROP_NO_RULE;
      putBits(out, at, indexBits(count), index);
      at += indexBits(count);
    }
  }
  return at;
}

/** False when a field of the header at `offset` has a value that is not in its list, for which `emitResidue` has no index. */
export function isListed(program: Program, values: Values, buffer: Uint8Array, offset: number): boolean {
  const octets = values.octets;
  const base = values.base + program.at;
  const steps = program.steps;
  for (let i = 0; i < steps.length; i += STRIDE) {
    if (steps[i] !== OP_MAP) continue;
    const value = getBits(buffer, offset * 8 + steps[i + 1], steps[i + 2]);
    let left = steps[i + 3] & 255;
    while (left > 0 && octets[base + (steps[i + 3] >>> 8) + left - 1] !== value) left--;
    if (left === 0) return false;
  }
  return true;
}

/**
 * Rebuilds a header at `offset` of `buffer` from its values, the residue at bit position `at` of `residue`, and the
 * slots. The caller has checked that program.residueBits are there. Computed fields are left for the header. Returns the
 * new bit position, or DROP_RESIDUE for an index out of range.
 */
export function restoreHeader(
  program: Program,
  values: Values,
  residue: Uint8Array,
  at: number,
  slots: Int32Array,
  buffer: Uint8Array,
  offset: number,
): number {
  const octets = values.octets;
  const base = values.base + program.at;
  let from = at;
  copy(buffer, offset, octets, base, program.size);
  const steps = program.steps;
  for (let i = 0; i < steps.length; i += STRIDE) {
    const bit = offset * 8 + steps[i + 1];
    const bits = steps[i + 2];
    if (steps[i] === OP_SEND) {
      copyBits(buffer, bit, residue, from, bits);
      from += bits;
    } else if (steps[i] === OP_MAP) {
      const count = steps[i + 3] & 255;
      const index = getBits(residue, from, indexBits(count));
      from += indexBits(count);
      if (index >= count) return DROP_RESIDUE;
      putBits(buffer, bit, bits, octets[base + (steps[i + 3] >>> 8) + index]);
    } else {
      putBits(buffer, bit, bits, slots[steps[i + 3]]);
    }
  }
  return from;
}
