// IIPC of one SA as text [draft-ietf-ipsecme-diet-esp §6.1]: what core/dietesp/iipc.ts does with compiled rules, written out for
// one set of attributes, with the same verdicts. Addresses are octets of the device (D), all else is in the text.

import type { Attributes } from '../../../core/dietesp/attributes.ts';
import { isPrefix } from '../../../core/dietesp/iipc.ts';
import type { Network } from '../../../core/wire/header.ts';
import { ipv4 } from '../../../core/wire/ipv4.ts';
import { ipv6 } from '../../../core/wire/ipv6.ts';
import { addressRanges, type HeaderText, mismatches, type Way, wayOf } from './iipc-rules.ts';
import type { DataField } from './layout.ts';
import { bitsOf, constantNumber, index, octetExpressions, type Piece } from './octets.ts';

function word(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

/** As `select` of core/dietesp/iipc.ts. */
function selectText(way: Way): string[] {
  const { a, network, ip, anyPort, transports } = way;
  const lines = [`function packetSelect${way.name}(p: Uint8Array, ip: number, end: number): number {`];
  const selectors = mismatches(way, ip, 'ip', 6, network.size);
  if (selectors.length > 0) lines.push(`if (${selectors.join(' || ')}) return DROP_SELECTOR;`);
  if (!anyPort && transports.length > 0) {
    if (network === ipv4) lines.push('if ((u16(p, ip + 6) & 0x3fff) !== 0) return DROP_SELECTOR;');
    lines.push(`const t = ${headerEnd(network, 'p')};`, 'if (t + 4 > end) return DROP_SHORT;');
    const ports = mismatches(null, transports[0].ruled, 't', 0, 4);
    if (ports.length > 0) lines.push(`if (${ports.join(' || ')}) return DROP_SELECTOR;`);
  }
  const outside: string[] = [];
  for (const { name, at } of addressRanges(way)) {
    const size = network.addressSize;
    outside.push(`compare(p, ${index('ip', at)}, D, P.at${name}, ${size}) < 0`);
    outside.push(`compare(p, ${index('ip', at)}, D, P.at${name} + ${size}, ${size}) > 0`);
  }
  if (!anyPort && transports.length > 0) {
    for (const [at, low, high] of [
      [0, a.tsPortSrcStart, a.tsPortSrcEnd],
      [2, a.tsPortDstStart, a.tsPortDstEnd],
    ]) {
      if (isPrefix(word(low), word(high))) continue;
      outside.push(`u16(p, ${index('t', at)}) < ${low}`, `u16(p, ${index('t', at)}) > ${high}`);
    }
  }
  if (outside.length > 0) lines.push(`if (${outside.join(' || ')}) return DROP_SELECTOR;`);
  // The version has been checked.
  const mask = Uint8Array.from(ip.mask, (bits, i) => (i === 0 ? bits & 15 : bits));
  const values = Uint8Array.from(ip.values, (value, i) => (i === 0 ? value & 15 : value));
  const rules = mismatches(way, { ...ip, mask, values }, 'ip', 0, 6);
  lines.push(rules.length === 0 ? 'return 0;' : `return ${rules.join(' || ')} ? DROP_NO_RULE : 0;`, '}');
  return lines;
}

function headerEnd(network: Network, array: string): string {
  return network === ipv6 ? 'ip + 40' : `ip + (${array}[ip] & 15) * 4`;
}

/** Statements that write pieces to `array` from octet `base` on; octets that stand together are copied. */
function writeText(pieces: readonly Piece[], array: string, base: string): string[] {
  const octets = octetExpressions(pieces);
  const lines: string[] = [];
  const plain = octets.map((text) => /^(\w+)\[([\w.]+)(?: \+ (\d+))?\]$/.exec(text));
  for (let i = 0; i < octets.length; i++) {
    const first = plain[i];
    let n = 1;
    if (first !== null && first[1] !== array) {
      const from = Number(first[3] ?? 0);
      while (plain[i + n]?.[1] === first[1] && plain[i + n]?.[2] === first[2]) {
        if (Number(plain[i + n]?.[3] ?? 0) !== from + n) break;
        n++;
      }
    }
    if (first !== null && n > 3) {
      const from = index(first[2], Number(first[3] ?? 0));
      lines.push(`copy(${array}, ${index(base, i)}, ${first[1]}, ${from}, ${n});`);
      i += n - 1;
      continue;
    }
    // Lua's octets are no octets by themselves.
    const isWide = octets[i].includes('<<') || octets[i].includes('slots') || octets[i].includes('value');
    lines.push(`${array}[${index(base, i)}] = ${isWide ? `(${octets[i]}) & 255` : octets[i]};`);
  }
  return lines;
}

/** Bits before the residue. */
function ruleIdBits({ a, isCompressed }: Way): number {
  return isCompressed && a.iipcRuleId >= 0 ? 8 : 0;
}

const octetsOf = (bits: number): number => (bits + 7) >>> 3;

/** Says which transport header the rule covers in the packet of `array`; null: none ever. Statements, and conditions. */
function covered(way: Way, array: string): { before: string[]; conditions: string[] } {
  const { network, isTunnel, a, transports } = way;
  const before: string[] = [];
  const isHidden = isTunnel && network === ipv4;
  if (isHidden && transports.length > 0) {
    before.push(`const isPlain = (${array}[ip] & 15) === 5 && (u16(${array}, ip + 6) & 0x3fff) === 0;`);
  }
  const conditions = transports.map(({ text }) => {
    const is = a.tsProto === 0 ? [`${array}[${index('ip', network.protocol)}] === ${text.header.proto}`] : [];
    return [...(isHidden ? ['isPlain'] : []), ...is].join(' && ');
  });
  return { before, conditions };
}

/** As `iipcCompress`. */
function compressText(way: Way): string[] {
  const { network, isTunnel, isCompressed, ip, transports, name } = way;
  const lines = [
    'export function packetCompress(p: Uint8Array, ip: number, end: number, out: Uint8Array, at: number): number {',
    `let code = ${network === ipv6 ? 'checkIpv6' : 'checkIpv4'}(p, ip, end - ip);`,
    'if (code < 0) return code;',
    `code = packetSelect${name}(p, ip, end);`,
    'if (code !== 0) return code;',
  ];
  if (network === ipv4 && !isTunnel) lines.push('if ((u16(p, ip + 6) & 0x3fff) !== 0) return DROP_NO_RULE;');
  if (!isCompressed) {
    lines.push(`const from = ${isTunnel ? 'ip' : headerEnd(network, 'p')};`);
    lines.push('copy(out, at, p, from, end - from);', 'return end - from;', '}');
    return lines;
  }
  const id = ruleIdBits(way);
  const first: Piece[] = id > 0 ? [constantNumber(way.a.iipcRuleId, 8)] : [];
  let bits = id;
  if (isTunnel) {
    lines.push(...ip.toIndex);
    first.push(...ip.sent);
    bits += ip.residueBits;
  }
  lines.push(...writeText(first, 'out', 'at'));
  const { before, conditions } = covered(way, 'p');
  if (!isTunnel || transports.length > 0)
    lines.push(`const t = ${isTunnel ? index('ip', network.size) : headerEnd(network, 'p')};`);
  lines.push(...before);
  const end = (headers: string, size: number): string[] => [
    `copy(out, ${index('at', size)}, p, ${headers}, end - (${headers}));`,
    `return ${size} + end - (${headers});`,
  ];
  transports.forEach(({ text, ruled: transport }, i) => {
    const body = [`code = ${text.check};`, 'if (code < 0) return code;'];
    const whole = bits >>> 3;
    const open = bits & 7;
    const pieces = open > 0 ? [bitsOf('out', 'at', whole * 8, open), ...transport.sent] : transport.sent;
    body.push(...writeText(pieces, 'out', index('at', whole)));
    body.push(...end(index('t', text.header.size), octetsOf(bits + transport.residueBits)));
    if (conditions[i] === '') lines.push(...body);
    else lines.push(`if (${conditions[i]}) {`, ...body, '}');
  });
  if (!conditions.includes('')) lines.push(...end(isTunnel ? index('ip', network.size) : 't', octetsOf(bits)));
  lines.push('}');
  return lines;
}

/** As `iipcRestore`. */
function restoreText(way: Way): string[] {
  const { network, isTunnel, isCompressed, ip, transports, name } = way;
  const lines = [
    'export function packetRestore(',
    'input: Uint8Array, at: number, length: number, slots: Int32Array, out: Uint8Array, ip: number): number {',
  ];
  const isV4 = network === ipv4;
  const check = [
    `const code = ${isV4 ? 'checkIpv4' : 'checkIpv6'}(out, ip, stop - ip);`,
    'if (code < 0) return code;',
    `const selected = packetSelect${name}(out, ip, stop);`,
    'return selected === 0 ? stop - ip : selected;',
  ];
  const lengths = isV4 ? 'put16(out, ip + 2, stop - ip);' : 'put16(out, ip + 4, stop - ip - 40);';
  /** From the payload at `from` on, with the header of `text` at t. */
  const end = (from: number, body: string, text: HeaderText | null): string[] => [
    `const rest = length - ${from};`,
    `const stop = ${body} + rest;`,
    'if (stop - ip > 65535 || stop > out.length) return DROP_TOO_LONG;',
    `copy(out, ${body}, input, ${index('at', from)}, rest);`,
    ...(isV4 && isTunnel ? [`if (${headerEnd(network, 'out')} > stop) return DROP_LENGTH;`] : []),
    ...(text === null ? [] : [text.lengths]),
    lengths,
    ...(text === null ? [] : [text.sums]),
    ...(isV4 ? ['putIpv4Checksum(out, ip);'] : []),
    ...check,
  ];
  if (!isCompressed) {
    if (isTunnel) {
      // What follows the inner packet is padding for traffic flow confidentiality [RFC 4303 §2.7].
      const size = isV4 ? 'u16(input, at + 2)' : '40 + u16(input, at + 4)';
      lines.push('let rest = length;', `if (rest >= ${network.size}) rest = Math.min(rest, ${size});`);
      lines.push('const stop = ip + rest;', 'if (rest > 65535 || stop > out.length) return DROP_TOO_LONG;');
      lines.push('copy(out, ip, input, at, rest);', ...check, '}');
    } else lines.push(`const t = ${headerEnd(network, 'out')};`, ...end(0, 't', null), '}');
    return lines;
  }
  const id = ruleIdBits(way);
  let bits = id;
  if (id > 0) lines.push(`if (length < 1 || input[at] !== ${way.a.iipcRuleId}) return DROP_RESIDUE;`);
  if (isTunnel) {
    bits += ip.residueBits;
    lines.push(`if (ip + ${network.size} > out.length) return DROP_TOO_LONG;`);
    if (octetsOf(bits) > (id > 0 ? 1 : 0)) lines.push(`if (length < ${octetsOf(bits)}) return DROP_RESIDUE;`);
    lines.push(...ip.fromIndex(id), ...writeText(ip.restored(id), 'out', 'ip'));
  }
  const { before, conditions } = covered(way, 'out');
  if (!isTunnel || transports.length > 0) {
    lines.push(`const t = ${isTunnel ? index('ip', network.size) : headerEnd(network, 'out')};`);
  }
  lines.push(...before);
  transports.forEach(({ text, ruled: transport }, i) => {
    const all = octetsOf(bits + transport.residueBits);
    const body = [`if (t + ${text.header.size} > out.length) return DROP_TOO_LONG;`];
    if (all > octetsOf(bits)) body.push(`if (length < ${all}) return DROP_RESIDUE;`);
    body.push(...writeText(transport.restored(bits), 'out', 't'));
    body.push(...end(all, index('t', text.header.size), text));
    if (conditions[i] === '') lines.push(...body);
    else lines.push(`if (${conditions[i]}) {`, ...body, '}');
  });
  if (!conditions.includes('')) {
    lines.push(...end(octetsOf(bits), isTunnel ? index('ip', network.size) : 't', null));
  }
  lines.push('}');
  return lines;
}

const IMPORTS: readonly (readonly [string, readonly string[]])[] = [
  ['core/base/bits.ts', ['getBits']],
  ['core/base/bytes.ts', ['compare', 'copy', 'equal', 'put16', 'u16']],
  ['core/base/checksum.ts', ['pseudoSum', 'putChecksum']],
  [
    'core/base/drop.ts',
    ['DROP_LENGTH', 'DROP_NO_RULE', 'DROP_RESIDUE', 'DROP_SELECTOR', 'DROP_SHORT', 'DROP_TOO_LONG'],
  ],
  ['core/wire/ipv4.ts', ['checkIpv4', 'putIpv4Checksum']],
  ['core/wire/ipv6.ts', ['checkIpv6']],
  ['core/wire/udp.ts', ['checkUdp']],
  ['core/wire/udplite.ts', ['checkUdplite']],
  ['core/wire/tcp.ts', ['checkTcp']],
  ['core/wire/sctp.ts', ['checkSctp', 'putSctpChecksum']],
];

/** The octets of the device that the text of one direction needs. */
function fieldsOf(way: Way): DataField[] {
  const { ip, network, name } = way;
  const at = (from: number): Uint8Array => ip.values.slice(from, from + network.addressSize);
  return [
    { name: `${name}Src`, octets: at(network.src) },
    { name: `${name}Dst`, octets: at(network.dst) },
    ...addressRanges(way).map(({ name: range, low, high }) => ({ name: range, octets: Buffer.concat([low, high]) })),
  ];
}

/** The module that stands for targets/special/packet-rules.ts, and the octets that it expects in D. */
export function iipcText(out: Attributes, back: Attributes): { text: string; fields: DataField[] } {
  const up = wayOf(out, 'Out');
  const down = wayOf(back, 'In');
  const body = [selectText(up), compressText(up), selectText(down), restoreText(down)]
    .map((lines) => lines.filter((line) => line !== '').join('\n'))
    .join('\n\n');
  const imports = IMPORTS.map(([file, names]) => {
    const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(body));
    return used.length === 0 ? '' : `import { ${used.join(', ')} } from '../../${file}';\n`;
  });
  const text =
    imports.join('') +
    "import { D } from './data.ts';\nimport type { Profile } from './profile.ts';\n\ndeclare const P: Profile;\n\n" +
    body +
    '\n';
  return { text, fields: [...fieldsOf(up), ...fieldsOf(down)] };
}
