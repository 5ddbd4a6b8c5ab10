// A rule set as octets that are the same for all spellings of the same rules, to name it by a hash.
//
//   "schc1" | rules: RuleID (4), its bits (1), entries (2) | entries: FID (4), FL + 1 (4), DI (1), MO (1), x of MSB (4), CDA (1),
//   values (2) | values: octets (2), value
//
// Left out is what has no meaning: field positions (an entry's place among those of its field), values beside `ignore`, bits
// behind the x of MSB. Values of a fixed length have leading zeros up to whole octets.

import { put16, put32 } from '../base/bytes.ts';
import { type FieldDescriptor, MO_IGNORE, MO_MSB, type Rule } from './model.ts';
import { alignedOctet } from './validate.ts';

const HEAD = /* @__PURE__ */ [0x73, 0x63, 0x68, 0x63, 0x31];

function push(octets: number[], value: number, size: number): void {
  const part = new Uint8Array(4);
  if (size === 2) put16(part, 0, value);
  else put32(part, 0, value);
  for (let i = 0; i < size; i++) octets.push(part[i]);
}

function pushValue(octets: number[], field: FieldDescriptor, value: Uint8Array): void {
  const isFixed = field.fl > 0;
  let size = isFixed ? Math.floor((field.fl + 7) / 8) : value.length;
  // Bits in front of the first of the field, and bits that count behind them.
  const before = isFixed ? size * 8 - field.fl : 0;
  const bits = field.mo === MO_MSB ? field.msb : size * 8 - before;
  if (!isFixed) size = Math.floor((bits + 7) / 8);
  push(octets, size, 2);
  for (let i = 0; i < size; i++) {
    const left = before + bits - 8 * i;
    const mask = left >= 8 ? 0xff : left <= 0 ? 0 : (0xff00 >>> left) & 0xff;
    octets.push((isFixed ? alignedOctet(value, size, i) : value[i]) & mask);
  }
}

/** The octets of a rule set that `compileContext` takes. Two sets with the same octets compress alike. */
export function canonicalRules(rules: Rule[]): Uint8Array {
  const octets: number[] = [];
  for (let i = 0; i < HEAD.length; i++) octets.push(HEAD[i]);
  for (let r = 0; r < rules.length; r++) {
    const rule = rules[r];
    push(octets, rule.ruleId, 4);
    octets.push(rule.ruleIdLength);
    push(octets, rule.fields.length, 2);
    for (let i = 0; i < rule.fields.length; i++) {
      const field = rule.fields[i];
      const values = field.mo === MO_IGNORE ? 0 : field.tv.length;
      push(octets, field.fid, 4);
      push(octets, field.fl + 1, 4);
      octets.push(field.di, field.mo);
      push(octets, field.mo === MO_MSB ? field.msb : 0, 4);
      octets.push(field.cda);
      push(octets, values, 2);
      for (let k = 0; k < values; k++) pushValue(octets, field, field.tv[k]);
    }
  }
  const result = new Uint8Array(octets.length);
  for (let i = 0; i < result.length; i++) result[i] = octets[i];
  return result;
}
