// The rules of one direction of an SA, as the emitter of iipc-text.ts needs them: masks, target values, residue and restored
// header as pieces of octets. All come from core/dietesp/rules.ts and core/schc/program.ts.

import { type Attributes, IIPC_DIET_ESP, MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import { isPrefix } from '../../../core/dietesp/iipc.ts';
import { headerFields } from '../../../core/dietesp/rules.ts';
import { CDA_COMPUTE, CDA_LSB, CDA_MAPPING_SENT, CDA_VALUE_SENT, indexBits } from '../../../core/schc/model.ts';
import { compile, fillValues } from '../../../core/schc/program.ts';
import { FIELD_STRIDE, type Header, type Network, ROLE_DST, ROLE_SRC } from '../../../core/wire/header.ts';
import { ipv4 } from '../../../core/wire/ipv4.ts';
import { ipv6 } from '../../../core/wire/ipv6.ts';
import { sctp } from '../../../core/wire/sctp.ts';
import { tcp } from '../../../core/wire/tcp.ts';
import { udp } from '../../../core/wire/udp.ts';
import { udplite } from '../../../core/wire/udplite.ts';
import {
  bitsOf,
  constant,
  constantNumber,
  index,
  leading,
  numberPiece,
  octetExpressions,
  type Piece,
} from './octets.ts';

/** A header's functions by their names in core/wire. `stop`: the end of the packet, `t`: where the header begins. */
export interface HeaderText {
  header: Header;
  check: string;
  /** Statements of `putLengths` and `putChecksums`. */
  lengths: string;
  sums: string;
}

function sumText(field: number, proto: number, zero: number): string {
  return `putChecksum(out, t + ${field}, t, stop - t, pseudoSum(out, ip, ${proto}, stop - t), ${zero});`;
}

const TRANSPORTS: readonly HeaderText[] = [
  {
    header: udp,
    check: 'checkUdp(p, t, end, ip)',
    lengths: 'put16(out, t + 4, stop - t);',
    sums: sumText(6, 17, 0xffff),
  },
  {
    header: udplite,
    check: 'checkUdplite(p, t, end, ip)',
    lengths: 'put16(out, t + 4, stop - t);',
    sums: sumText(6, 136, 0xffff),
  },
  { header: tcp, check: 'checkTcp(p, t, end, ip)', lengths: '', sums: sumText(16, 6, 0) },
  {
    header: sctp,
    check: 'checkSctp(p, t, end)',
    lengths: '',
    sums: 'putSctpChecksum(out, t, stop);',
  },
];

/** One header of a direction with what its rule says. */
export interface Ruled {
  header: Header;
  /** Bits that must equal `values`, one octet per header octet. */
  mask: Uint8Array;
  values: Uint8Array;
  /** Residue. */
  sent: Piece[];
  /** The restored header; bits of the residue count from its first one. */
  restored: (residueBit: number) => Piece[];
  residueBits: number;
  /** A list of values of which an index is sent: its statements in either direction. */
  toIndex: string[];
  fromIndex: (residueBit: number) => string[];
}

/** What a direction's text is made from. */
export interface Way {
  a: Attributes;
  /** `Out` or `In`: in the names of the device's octets. */
  name: string;
  isTunnel: boolean;
  isCompressed: boolean;
  network: Network;
  ip: Ruled;
  transports: { text: HeaderText; ruled: Ruled }[];
  anyPort: boolean;
}

/** Name of the device's octets for an octet of the network header; null: it is no address. */
function addressAt(way: { name: string; network: Network }, octet: number): string | null {
  const { network, name } = way;
  if (octet >= network.src && octet < network.src + network.addressSize) {
    return index(`P.at${name}Src`, octet - network.src);
  }
  if (octet >= network.dst && octet < network.dst + network.addressSize) {
    return index(`P.at${name}Dst`, octet - network.dst);
  }
  return null;
}

/** Values of a list as characters, from '0' on. */
function listText(values: readonly Uint8Array[]): string {
  return JSON.stringify(values.map(([value]) => String.fromCharCode(48 + value)).join(''));
}

function ruled(a: Attributes, header: Header, base: string, compressed: boolean, name: string): Ruled {
  const fields = headerFields(a, header, compressed);
  const { mask, residueBits, valuesSize } = compile(fields, header.size, 0);
  const values = new Uint8Array(valuesSize);
  fillValues(fields, header.size, values, 0);
  const sent: Piece[] = [];
  const toIndex: string[] = [];
  let bit = 0;
  fields.forEach((field) => {
    const from = field.cda === CDA_LSB ? field.msb : 0;
    if (field.cda === CDA_VALUE_SENT || field.cda === CDA_LSB) {
      sent.push(bitsOf('p', base, bit + from, field.fl - from));
    } else if (field.cda === CDA_MAPPING_SENT) {
      const octets = octetExpressions([constantNumber(0, 8 - field.fl), bitsOf('p', base, bit, field.fl)]);
      toIndex.push(`const list = ${listText(field.tv)};`, `const value = ${octets[0]};`, 'let m = 0;');
      toIndex.push('while (m < list.length && list.charCodeAt(m) - 48 !== value) m++;');
      toIndex.push('if (m === list.length) return DROP_NO_RULE;');
      sent.push(numberPiece('m', indexBits(field.tv.length)));
    }
    bit += field.fl;
  });
  const restored = (residueBit: number): Piece[] => {
    let at = residueBit;
    return fields.flatMap((field, i): Piece[] => {
      const role = header.fields[i * FIELD_STRIDE + 2];
      const take = (bits: number): Piece => {
        at += bits;
        return bitsOf('input', 'at', at - bits, bits);
      };
      if (field.cda === CDA_VALUE_SENT) return [take(field.fl)];
      if (field.cda === CDA_COMPUTE) {
        return [field.slot < 0 ? constantNumber(0, field.fl) : numberPiece(`slots[${field.slot}]`, field.fl)];
      }
      if (field.cda === CDA_MAPPING_SENT) {
        at += indexBits(field.tv.length);
        return [numberPiece('value', field.fl)];
      }
      const known = field.cda === CDA_LSB ? field.msb : field.fl;
      const isAddress = role === ROLE_SRC || role === ROLE_DST;
      const pieces: Piece[] = [];
      if (isAddress) pieces.push(bitsOf('D', `P.at${name}${role === ROLE_SRC ? 'Src' : 'Dst'}`, 0, known));
      else if (known === field.fl) pieces.push(constant(field.tv[0], field.fl));
      else pieces.push(leading(field.tv[0], field.fl, known));
      if (known < field.fl) pieces.push(take(field.fl - known));
      return pieces;
    });
  };
  const fromIndex = (residueBit: number): string[] => {
    let at = residueBit;
    for (const field of fields) {
      if (field.cda === CDA_VALUE_SENT) at += field.fl;
      else if (field.cda === CDA_LSB) at += field.fl - field.msb;
      else if (field.cda === CDA_MAPPING_SENT) {
        const bits = indexBits(field.tv.length);
        return [
          `const list = ${listText(field.tv)};`,
          `const m = getBits(input, at * 8 + ${at}, ${bits});`,
          'if (m >= list.length) return DROP_RESIDUE;',
          'const value = list.charCodeAt(m) - 48;',
        ];
      }
    }
    return [];
  };
  return { header, mask, values, sent, restored, residueBits, toIndex, fromIndex };
}

/** The rules for attributes `a`; `name` tells the direction in the names of octets. */
export function wayOf(a: Attributes, name: string): Way {
  const isTunnel = a.ipsecMode === MODE_TUNNEL;
  const isCompressed = a.iipcProfile === IIPC_DIET_ESP;
  const network = a.tsIpVersion === 6 ? ipv6 : ipv4;
  return {
    a,
    name,
    isTunnel,
    isCompressed,
    network,
    ip: ruled(a, network, 'ip', isTunnel && isCompressed, name),
    transports: TRANSPORTS.filter(({ header }) => a.tsProto === 0 || a.tsProto === header.proto).map((text) => ({
      text,
      ruled: ruled(a, text.header, 't', true, name),
    })),
    anyPort: a.tsPortSrcStart === 0 && a.tsPortSrcEnd === 65535 && a.tsPortDstStart === 0 && a.tsPortDstEnd === 65535,
  };
}

/** Conditions, any of which means that octets from..to of a header at `base` of `p` have other values than the rule's. */
export function mismatches(way: Way | null, { mask, values }: Ruled, base: string, from: number, to: number): string[] {
  const conditions: string[] = [];
  for (let i = from; i < to; i++) {
    if (mask[i] === 0) continue;
    const octet = `p[${index(base, i)}]`;
    const data = way === null ? null : addressAt(way, i);
    if (data === null) {
      conditions.push(mask[i] === 255 ? `${octet} !== ${values[i]}` : `(${octet} & ${mask[i]}) !== ${values[i]}`);
      continue;
    }
    let n = 0;
    // Both addresses stand one behind the other; their octets of the device may not.
    while (i + n < to && mask[i + n] === 255 && way !== null && i + n < endOfAddress(way.network, i)) n++;
    if (n > 2) {
      conditions.push(`!equal(p, ${index(base, i)}, D, ${data}, ${n})`);
      i += n - 1;
    } else if (mask[i] === 255) conditions.push(`${octet} !== D[${data}]`);
    else conditions.push(`((${octet} ^ D[${data}]) & ${mask[i]}) !== 0`);
  }
  return conditions;
}

function endOfAddress(network: Network, octet: number): number {
  const begin = octet < network.dst ? network.src : network.dst;
  return begin + network.addressSize;
}

/** Address ranges that are no prefixes: their names, where they are in the header, their bounds. */
export function addressRanges({
  a,
  network,
  name,
}: Way): { name: string; at: number; low: Uint8Array; high: Uint8Array }[] {
  return [
    { name: `${name}SrcRange`, at: network.src, low: a.tsIpSrcStart, high: a.tsIpSrcEnd },
    { name: `${name}DstRange`, at: network.dst, low: a.tsIpDstStart, high: a.tsIpDstEnd },
  ].filter(({ low, high }) => !isPrefix(low, high));
}
