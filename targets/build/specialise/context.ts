// A context whose rules are compiled to functions of the engine, where the engine makes functions from text. Else, and for
// what the text does not take, the interpreter of core/schc works: the results are the same.

import { putBits } from '../../../core/base/bits.ts';
import { schcCompress } from '../../../core/schc/compress.ts';
import type { Context } from '../../../core/schc/context.ts';
import { findRule, schcDecompress } from '../../../core/schc/decompress.ts';
import { DI_DW, DI_UP, type Way } from '../../../core/schc/model.ts';
import { appendOctets, extractOctets, putIid } from '../../../core/schc/residue.ts';
import { directionText } from './schc.ts';

/** schcCompress and schcDecompress without their first argument. */
type Run = (way: Way, from: Uint8Array, offset: number, length: number, to: Uint8Array, toOffset: number) => number;

/** Rules of a context as functions. */
export interface GeneratedContext {
  /** As `schcCompress`, for the context. */
  compress: Run;
  /** As `schcDecompress`, for the context. */
  decompress: Run;
  /** Programs (a rule in one direction) that are functions; the others are interpreted. */
  generated: number;
  /** Programs of the context. */
  programs: number;
  /** The text of the functions. */
  text: string;
}

/** In a table of first octets: no rule begins so, or one of more than 8 bits does. */
const NONE = -1;
const LONGER = -2;

/** The rule by the first octet of a SCHC packet; NONE, LONGER. */
function rulesByOctet(context: Context): Int32Array {
  const table = new Int32Array(256).fill(NONE);
  for (let rule = 0; rule < context.ruleId.length; rule++) {
    const bits = context.ruleIdLength[rule];
    const octets = new Uint8Array(4);
    putBits(octets, 0, bits, context.ruleId[rule]);
    const count = bits >= 8 ? 1 : 1 << (8 - bits);
    for (let i = 0; i < count; i++) table[octets[0] + i] = bits > 8 ? LONGER : rule;
  }
  return table;
}

type Restore = (
  way: Way,
  rule: number,
  from: Uint8Array,
  offset: number,
  length: number,
  to: Uint8Array,
  toOffset: number,
) => number;

interface Made {
  upcompress: Run;
  dwcompress: Run;
  uprestore: Restore;
  dwrestore: Restore;
}

/** Makes functions from text; null where the engine does not (Content Security Policy, a flag of Node). */
function make(text: string, scope: Record<string, unknown>): Made | null {
  const names = Object.keys(scope);
  const result = 'return { upcompress, dwcompress, uprestore, dwrestore };';
  try {
    return new Function(...names, `'use strict';\n${text}\n${result}`)(...names.map((name) => scope[name])) as Made;
  } catch (error) {
    if (error instanceof EvalError) return null;
    throw error;
  }
}

/**
 * Compiles the rules of a context to functions. They serve as long as the context does, share its scratch memory and set its
 * `bitLength`; `schcCompress` and `schcDecompress` may be used beside them. Rules with CoAP fields or IPv4 options, and lists
 * of more than 256 values, are interpreted; where such a rule stands, so are those after it when compressing.
 */
export function generateContext(context: Context): GeneratedContext {
  const up = directionText(context, context.up, 'up');
  const dw = directionText(context, context.dw, 'dw');
  const text = up.text + '\n\n' + dw.text;
  const made = make(text, {
    ...up.headers,
    ...dw.headers,
    context,
    compress: schcCompress,
    decompress: schcDecompress,
    append: appendOctets,
    extract: extractOctets,
    putIid,
    iids: context.iids,
    values: context.values,
  });
  const programs = context.up.length + context.dw.length;
  if (made === null) {
    return {
      compress: (way, from, offset, length, to, toOffset) => {
        return schcCompress(context, way, from, offset, length, to, toOffset);
      },
      decompress: (way, from, offset, length, to, toOffset) => {
        return schcDecompress(context, way, from, offset, length, to, toOffset);
      },
      generated: 0,
      programs,
      text,
    };
  }
  const { upcompress, dwcompress, uprestore, dwrestore } = made;
  const table = rulesByOctet(context);
  return {
    compress: (way, from, offset, length, to, toOffset) => {
      const run = way.direction === DI_UP ? upcompress : dwcompress;
      return run(way, from, offset, length, to, toOffset);
    },
    decompress: (way, from, offset, length, to, toOffset) => {
      let rule = length < 1 ? NONE : table[from[offset]];
      if (rule === LONGER) rule = findRule(context, from, offset * 8, (offset + length) * 8);
      if (rule < 0) return schcDecompress(context, way, from, offset, length, to, toOffset);
      const restore = way.direction === DI_DW ? dwrestore : uprestore;
      return restore(way, rule, from, offset, length, to, toOffset);
    },
    generated: up.generated + dw.generated,
    programs,
    text,
  };
}
