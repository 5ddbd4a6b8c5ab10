// JavaScript for a user's SCHC rules: what compress.ts and decompress.ts of core/schc decide for every packet anew is decided
// once here, when the text is made. A field becomes the comparison of the octets that it lies in, the residue a row of octets.
//
// The text takes the usual cases only. Whatever needs care is given to the interpreter with unchanged arguments, so that both
// say the same: rules with CoAP or with IPv4 options, little room for the result, link-layer addresses of no known length.

import { getBits } from '../../../core/base/bits.ts';
import {
  DROP_LENGTH,
  DROP_NO_RULE,
  DROP_RESIDUE,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_UNSUPPORTED,
  DROP_VERSION,
} from '../../../core/base/drop.ts';
import type { Context, RuleProgram } from '../../../core/schc/context.ts';
import {
  CDA_APP_IID,
  CDA_COMPUTE,
  CDA_DEV_IID,
  CDA_LSB,
  CDA_MAPPING_SENT,
  CDA_VALUE_SENT,
  indexBits,
  MO_EQUAL,
  MO_MATCH_MAPPING,
  MO_MSB,
} from '../../../core/schc/model.ts';
import { LAYER_NETWORK, type Layout } from '../../../core/schc/parse.ts';
import { COMPUTE_CHECKSUM, COMPUTE_LENGTH, computeKind } from '../../../core/schc/validate.ts';
import { FID_IPV4_TOTAL_LENGTH, FID_IPV6_PAYLOAD_LENGTH } from '../../../core/wire/fid.ts';
import {
  bitsOf,
  constant,
  constantNumber,
  difference,
  index,
  leading,
  numberPiece,
  type Piece,
  writeOctets,
} from './octets.ts';
import { headersSize, isPlain, networkSize, prefixBits, type Step, sentBits, stepsOf } from './schc-steps.ts';

/** Returned by a check: the interpreter has to look at the packet. */
const UNUSUAL = 1;
/** Widest number that is compared or chosen as one; wider values are compared octet by octet. */
const NUMBER_BITS = 24;
const PACKET_MAX = 65535;
const IPV6 = 41;

/** An expression for up to 24 bits of `array`, from bit `bit` after octet `base`. */
function numberAt(array: string, base: string, bit: number, bits: number): string {
  const last = (bit + bits - 1) >>> 3;
  const terms: string[] = [];
  for (let octet = bit >>> 3; octet <= last; octet++) {
    const text = `${array}[${index(base, octet)}]`;
    terms.push(octet === last ? text : `(${text} << ${8 * (last - octet)})`);
  }
  const below = 8 * (last + 1) - bit - bits;
  const all = terms.length === 1 ? terms[0] : `(${terms.join(' | ')})`;
  const whole = below === 0 ? all : `(${all} >>> ${below})`;
  return (bit & 7) === 0 ? whole : `(${whole} & ${(1 << bits) - 1})`;
}

/** Checks what parseFields checks, for a stack without variable fields. */
function checkText(name: string, layout: Layout): string {
  const { network, transport } = layout;
  const lines = [`function ${name}(p, o, n) {`];
  if (network !== null) {
    const is6 = network.proto === IPV6;
    lines.push(`  if (n < 1) return ${DROP_SHORT};`);
    lines.push(`  if (p[o] >>> 4 !== ${is6 ? 6 : 4}) return ${DROP_VERSION};`);
    lines.push(`  if (n < ${network.size}) return ${DROP_SHORT};`);
    // Header Length: options, or an error.
    if (!is6) lines.push(`  if (p[o] !== 0x45) return ${UNUSUAL};`);
    const total = is6 ? `${network.size} + (p[o + 4] << 8) + p[o + 5]` : '(p[o + 2] << 8) + p[o + 3]';
    lines.push(`  if (${total} !== n) return ${DROP_LENGTH};`);
    if (transport !== null) {
      lines.push(`  if (p[o + ${is6 ? 6 : 9}] !== ${transport.proto}) return ${DROP_UNSUPPORTED};`);
      if (!is6) lines.push(`  if ((p[o + 6] & 0x3f) !== 0 || p[o + 7] !== 0) return ${DROP_UNSUPPORTED};`);
    }
  }
  if (transport !== null) lines.push(`  if (n < ${headersSize(layout)}) return ${DROP_SHORT};`);
  lines.push('  return 0;', '}');
  return lines.join('\n');
}

/** The header's name in the text. */
function headerName(layer: number, prefix: string): string {
  return prefix + (layer === LAYER_NETWORK ? 'n' : 't');
}

/** Statements that refuse a packet whose computed field has another value than its header gives it. */
function computedText(step: Step, layout: Layout, prefix: string, kind: number): string[] {
  // The check of the headers has compared these with the packet's length.
  if (step.fid === FID_IPV6_PAYLOAD_LENGTH || step.fid === FID_IPV4_TOTAL_LENGTH) return [];
  const at = step.layer === LAYER_NETWORK ? 0 : networkSize(layout);
  const octets = Array.from({ length: step.bits / 8 }, (_, i) => `p[${index('o', step.bit / 8 + i)}]`);
  const header = headerName(step.layer, prefix);
  const call =
    kind === COMPUTE_LENGTH
      ? `${header}.putLengths(p, ${index('o', at)}, o + n);`
      : `${header}.putChecksums(p, ${index('o', at)}, o + n, o);`;
  return [
    '  {',
    `    const ${octets.map((octet, i) => `b${i} = ${octet}`).join(', ')};`,
    `    ${call}`,
    `    if (${octets.map((octet, i) => `${octet} !== b${i}`).join(' || ')}) {`,
    `      ${octets.map((octet, i) => `${octet} = b${i};`).join(' ')}`,
    `      return ${DROP_NO_RULE};`,
    '    }',
    '  }',
  ];
}

/** Statements that find the target value's index, as `m` and the step's number. */
function indexText(step: Step, n: number): string[] {
  const lines: string[] = [];
  if (step.bits <= NUMBER_BITS) {
    lines.push(`  const v${n} = ${numberAt('p', 'o', step.bit, step.bits)};`);
    const cases = step.values.map(
      (value, k) => `v${n} === ${getBits(value, value.length * 8 - step.bits, step.bits)} ? ${k} : `,
    );
    lines.push(`  const m${n} = ${cases.join('')}-1;`);
  } else {
    const cases = step.values.map((value, k) => {
      return `(${difference('p', 'o', step.bit, constant(value, step.bits), step.bits)}) === 0 ? ${k} : `;
    });
    lines.push(`  const m${n} = ${cases.join('')}-1;`);
  }
  lines.push(`  if (m${n} < 0) return ${DROP_NO_RULE};`);
  return lines;
}

/** Octets of the context's interface identifiers: Dev's, then App's. */
function iidOctet(step: Step): number {
  return step.cda === CDA_DEV_IID ? 0 : 8;
}

const isIid = (step: Step): boolean => step.cda === CDA_DEV_IID || step.cda === CDA_APP_IID;

/** Statements that give a packet to the interpreter unless both sides' addresses make an interface identifier. */
function iidText(steps: readonly Step[], call: string): string[] {
  const lines: string[] = [];
  for (const step of steps) {
    if (!isIid(step)) continue;
    const address = step.cda === CDA_DEV_IID ? 'w.dev' : 'w.app';
    lines.push(`  if (!putIid(iids, ${iidOctet(step)}, ${address})) return ${call};`);
  }
  return lines;
}

/** The function that compresses by one rule: the bits written, or a drop code. The headers have been checked. */
function compressText(name: string, context: Context, program: RuleProgram, steps: Step[], prefix: string): string {
  const { layout } = program;
  const lines = [`function ${name}(w, p, o, n, q, z) {`];
  const pieces: Piece[] = [constantNumber(context.ruleId[program.rule], context.ruleIdLength[program.rule])];
  lines.push(...iidText(steps, String(DROP_NO_RULE)));
  steps.forEach((step, n) => {
    const { bit, bits } = step;
    if (step.mo === MO_MATCH_MAPPING || (step.mo === MO_EQUAL && step.values.length > 1)) {
      lines.push(...indexText(step, n));
    } else if (step.mo === MO_EQUAL || (step.mo === MO_MSB && step.msb > 0)) {
      const count = step.mo === MO_EQUAL ? bits : step.msb;
      const compared = difference('p', 'o', bit, constant(step.values[0], bits), count);
      lines.push(`  if ((${compared}) !== 0) return ${DROP_NO_RULE};`);
    }
    if (isIid(step)) {
      const octets = Array.from({ length: 8 }, (_, i) => {
        return `(p[${index('o', bit / 8 + i)}] ^ iids[${iidOctet(step) + i}])`;
      });
      lines.push(`  if ((${octets.join(' | ')}) !== 0) return ${DROP_NO_RULE};`);
    }
    const sent = sentBits(step);
    if (sent === 0) return;
    if (step.cda === CDA_MAPPING_SENT) pieces.push(numberPiece(`m${n}`, sent));
    else pieces.push(bitsOf('p', 'o', bit + bits - sent, sent));
  });
  for (const kind of [COMPUTE_LENGTH, COMPUTE_CHECKSUM]) {
    for (const step of steps) {
      if (step.cda === CDA_COMPUTE && computeKind(step.fid) === kind) {
        lines.push(...computedText(step, layout, prefix, kind));
      }
    }
  }
  const before = prefixBits(context, program, steps);
  const headers = headersSize(layout);
  for (const line of writeOctets(pieces, 'q', 'z')) lines.push('  ' + line);
  lines.push(`  append(q, z * 8 + ${before}, p, ${index('o', headers)}, n - ${headers});`);
  lines.push(`  return ${before} + (n - ${headers}) * 8;`, '}');
  return lines.join('\n');
}

/** What a field is restored from. `at` is the bit of its residue after the SCHC packet's first octet. */
function restored(step: Step, n: number, at: number, lines: string[]): Piece[] {
  const { bits, cda } = step;
  if (cda === CDA_VALUE_SENT) return [bitsOf('i', 'o', at, bits)];
  if (isIid(step)) return [bitsOf('iids', '0', iidOctet(step) * 8, bits)];
  if (cda === CDA_COMPUTE) return [constantNumber(0, bits)];
  if (cda === CDA_LSB) {
    const known = step.msb;
    const pieces = known === 0 ? [] : [leading(step.values[0], bits, known)];
    return bits === known ? pieces : [...pieces, bitsOf('i', 'o', at, bits - known)];
  }
  if (cda !== CDA_MAPPING_SENT) return [constant(step.values[0], bits)];
  const count = step.values.length;
  const width = indexBits(count);
  lines.push(`  const m${n} = ${width === 0 ? '0' : numberAt('i', 'o', at, width)};`);
  if (count < 1 << width) lines.push(`  if (m${n} >= ${count}) return ${DROP_RESIDUE};`);
  // Values stand one after another, right-aligned in whole octets.
  const size = step.values[0].length;
  lines.push(`  const a${n} = ${step.firstOctet} + m${n} * ${size};`);
  return [bitsOf('values', `a${n}`, size * 8 - bits, bits)];
}

/** Statements that fill in the computed fields of one kind. */
function computeText(steps: readonly Step[], layout: Layout, prefix: string, kind: number): string[] {
  const lines: string[] = [];
  for (const step of steps) {
    if (step.cda !== CDA_COMPUTE || computeKind(step.fid) !== kind) continue;
    const at = index('z', step.layer === LAYER_NETWORK ? 0 : networkSize(layout));
    const header = headerName(step.layer, prefix);
    if (kind === COMPUTE_LENGTH) lines.push(`  ${header}.putLengths(q, ${at}, z + total);`);
    else lines.push(`  ${header}.putChecksums(q, ${at}, z + total, z);`);
  }
  return lines;
}

/** The function that restores by one rule: the packet's octets, or a drop code. `n` octets are there, one at least. */
function restoreText(name: string, context: Context, program: RuleProgram, steps: Step[], prefix: string): string {
  const { layout } = program;
  const before = prefixBits(context, program, steps);
  const headers = headersSize(layout);
  const lines = [`function ${name}(w, i, o, n, q, z) {`];
  const interpreted = 'decompress(context, w, i, o, n, q, z)';
  lines.push(...iidText(steps, interpreted));
  if (before > 8) lines.push(`  if (n * 8 < ${before}) return ${DROP_RESIDUE};`);
  const places: { bit: number; pieces: Piece[] }[] = [];
  let at = context.ruleIdLength[program.rule];
  steps.forEach((step, n) => {
    places.push({ bit: step.bit, pieces: restored(step, n, at, lines) });
    at += sentBits(step);
  });
  // The rule's order may differ from the header's.
  places.sort((a, b) => a.bit - b.bit);
  lines.push(`  const payload = n * 8 - ${before} >>> 3;`);
  lines.push(`  const total = payload + ${headers};`);
  lines.push(`  if (z + total > q.length || total > ${PACKET_MAX}) return ${DROP_TOO_LONG};`);
  for (const line of writeOctets(
    places.flatMap((place) => place.pieces),
    'q',
    'z',
  ))
    lines.push('  ' + line);
  lines.push(`  extract(q, ${index('z', headers)}, i, o * 8 + ${before}, payload);`);
  lines.push(...computeText(steps, layout, prefix, COMPUTE_LENGTH));
  lines.push(...computeText(steps, layout, prefix, COMPUTE_CHECKSUM));
  lines.push(`  const code = ${prefix}check(q, z, total);`);
  lines.push(`  return code === 0 ? total : code === ${UNUSUAL} ? ${interpreted} : code;`, '}');
  return lines.join('\n');
}

/** Text of one direction, and what it needs by name. */
export interface DirectionText {
  /** Functions, a blank line between them: `NAMEcompress(w, p, o, n, q, z)` and `NAMErestore(w, rule, i, o, n, q, z)`. */
  text: string;
  /** Header objects by their names in the text. */
  headers: Record<string, unknown>;
  /** Programs that became text. */
  generated: number;
}

/**
 * The text for the programs of one direction. Arguments of its functions: the way, a packet (array, offset, length), and where
 * the result goes (array, offset). Results are those of schcCompress and schcDecompress. In scope: `context`,
 * `compress`, `decompress`, `append`, `extract`, `putIid`, `iids`, `values` and the headers.
 */
export function directionText(context: Context, programs: readonly RuleProgram[], name: string): DirectionText {
  const texts: string[] = [];
  const headers: Record<string, unknown> = {};
  const interpreted = 'compress(context, w, p, o, n, q, z)';
  const main = [`function ${name}compress(w, p, o, n, q, z) {`];
  const restore = [`function ${name}restore(w, rule, i, o, n, q, z) {`, '  switch (rule) {'];
  const layouts: Layout[] = [];
  let most = 0;
  let generated = 0;
  // A program for the interpreter was met: it takes the packet from there on.
  let isOpen = false;
  const body: string[] = [`  let drop = ${DROP_NO_RULE}, code = 0, bits = 0;`];
  programs.forEach((program, k) => {
    if (isOpen) return;
    if (!isPlain(program)) {
      isOpen = true;
      return;
    }
    generated++;
    if (!layouts.includes(program.layout)) {
      const prefix = name + layouts.length;
      layouts.push(program.layout);
      texts.push(checkText(prefix + 'check', program.layout));
      headers[prefix + 'n'] = program.layout.network;
      headers[prefix + 't'] = program.layout.transport;
    }
    const prefix = name + layouts.indexOf(program.layout);
    const rule = `${name}r${program.rule}`;
    const steps = stepsOf(context, program);
    texts.push(compressText(rule + 'c', context, program, steps, prefix));
    texts.push(restoreText(rule + 'd', context, program, steps, prefix));
    most = Math.max(most, (prefixBits(context, program, steps) + 7) >>> 3);
    if (k === 0 || programs[k - 1].layout !== program.layout) {
      body.push(`  code = ${prefix}check(p, o, n);`, `  if (code === ${UNUSUAL}) return ${interpreted};`);
    }
    body.push('  if (code === 0) {', `    bits = ${rule}c(w, p, o, n, q, z);`);
    body.push('    if (bits > 0) { context.bitLength = bits; return bits + 7 >>> 3; }');
    body.push(`    if (drop !== ${DROP_TOO_LONG}) drop = bits;`, `  } else if (drop === ${DROP_NO_RULE}) drop = code;`);
    restore.push(`    case ${program.rule}: return ${rule}d(w, i, o, n, q, z);`);
  });
  // Room for any rule's result: what does not fit is the interpreter's, which tells at which field.
  main.push(`  if (z + ${most} + n > q.length) return ${interpreted};`, ...body);
  main.push(!isOpen && context.noCompression < 0 ? '  return drop;' : `  return ${interpreted};`, '}');
  restore.push('  }', '  return decompress(context, w, i, o, n, q, z);', '}');
  return { text: [...texts, main.join('\n'), restore.join('\n')].join('\n\n'), headers, generated };
}
