// The X-ray of one packet (targets/web/xray/model.ts) from its explanation: four packets piece by piece, and what becomes of each
// field. It needs no key.

import { MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import { IPV6_SIZE } from '../../../../core/wire/ipv6.ts';
import type { Kind, Piece, Strip, Xray, XrayField } from '../../../web/xray/model.ts';
import { type Explained, type Explanation, explanationOf, ipOf } from './explanation.ts';
import { IPHC_NOTE, iphcOf, iphcPieces } from './iphc-pieces.ts';
import type { FieldLine, Part } from './lines.ts';
import { outerPieces } from './outer-pieces.ts';
import { kindOf, partFields, whyOf } from './xray-words.ts';

/** Bits that are shown as 0 and 1; more are only counted. */
const BITS_SHOWN = 32;
/** Bits of a word of a header [RFC 4303 §2]. */
const WORD = 32;

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const sum = (pieces: Piece[]): number => pieces.reduce((total, { bits }) => total + bits, 0);
const plain = (name: string, bits: number, kind: Kind, field = -1, value = ''): Piece => {
  return { field, name, value, bits, kind, isEncrypted: false };
};
const encrypted = (pieces: Piece[]): Piece[] => pieces.map((piece) => ({ ...piece, isEncrypted: true }));

function fieldOf(line: FieldLine): XrayField {
  return {
    header: line.header,
    name: line.field.replace(new RegExp(`^${line.header} `), ''),
    value: line.value,
    bits: line.width,
    tv: line.tv,
    mo: line.mo,
    cda: line.cda,
    sent: line.bits <= BITS_SHOWN ? line.sent : '',
    sentBits: line.bits,
    stage: line.header === 'CoAP' ? 'CoAP' : 'IIPC',
    kind: kindOf(line),
    why: whyOf(line),
    clause: line.clause,
  };
}

/** The packet in clear: the lines in their places, and what lies between and behind them. */
function clearPieces(inner: Uint8Array, lines: FieldLine[], payloadAt: number, ip: Piece[]): Piece[] {
  const pieces = [...ip];
  let at = sum(ip);
  const gap = (to: number, name: string, kind: Kind): void => {
    if (to > at) pieces.push(plain(name, to - at, kind));
    at = Math.max(at, to);
  };
  const placed = lines.map((line, field) => ({ line, field })).filter(({ line }) => line.width > 0);
  placed.sort((a, b) => a.line.at - b.line.at);
  for (const { line, field } of placed) {
    gap(line.at, line.header === 'CoAP' ? 'option' : 'header', line.header === 'CoAP' ? 'known' : 'sent');
    pieces.push(plain(line.field, line.width, kindOf(line), field, line.value));
    at += line.width;
  }
  gap(payloadAt, 'header', 'sent');
  gap(inner.length * 8, 'Payload', 'payload');
  return pieces;
}

interface Made {
  explanation: Explanation;
  fields: XrayField[];
  lines: FieldLine[];
  part(field: string): Part;
  index(name: string): number;
}

/** What ESP adds in front of the clear text, and behind it; `isDiet`: as compressed. */
function around(made: Made, isDiet: boolean, text: Piece[], suiteIcv: number, alignment: number): Piece[] {
  const { fields, index } = made;
  const of = (name: string, bits: number, kind: Kind = 'added'): Piece[] =>
    bits === 0 ? [] : [plain(name, bits, kind, index(name), fields[index(name)]?.value ?? '')];
  const octets = (name: string): number => made.part(name).octets * 8;
  const head = isDiet
    ? [...of('SPI', fields[index('SPI')].sentBits), ...of('Sequence Number', fields[index('Sequence Number')].sentBits)]
    : [...of('SPI', WORD), ...of('Sequence Number', WORD)];
  const over = (sum(text) / 8 + 2) % alignment;
  const padding = isDiet ? octets('Padding') : over === 0 ? 0 : (alignment - over) * 8;
  const trailer = [
    ...of('Padding', padding),
    ...of('Pad Length', isDiet ? octets('Pad Length') : 8),
    ...of('Next Header', isDiet ? octets('Next Header') : 8),
  ];
  return [...head, ...of('IV', octets('IV')), ...encrypted([...text, ...trailer]), ...of('ICV', suiteIcv * 8, 'icv')];
}

/** The clear text of Diet-ESP: residue, bits to the octet, payload. */
function dietText({ explanation, lines, part }: Made): Piece[] {
  const inner = lines.map((line, field) => ({ line, field })).filter(({ line }) => line.header !== 'CoAP');
  const residue = inner
    .filter(({ line }) => line.bits > 0)
    .map(({ line, field }) => {
      const kind: Kind = line.bits < line.width ? 'part' : 'sent';
      return plain(line.field, line.bits, kind, field, line.bits <= BITS_SHOWN ? line.sent : line.value);
    });
  const pad = explanation.padBits > 0 ? [plain('padding bits', explanation.padBits, 'added')] : [];
  const coap = explanation.parts.some(({ field }) => field === 'SCHC packet of CoAP');
  const octets = part(coap ? 'SCHC packet of CoAP' : 'Payload').octets;
  const body = octets > 0 ? [plain(coap ? 'CoAP by its rules' : 'Payload', octets * 8, coap ? 'part' : 'payload')] : [];
  return [...residue, ...pad, ...body];
}

/** The pieces of another packet under the same outer header. */
function withLength(pieces: Piece[]): Piece[] {
  const octets = sum(pieces) / 8;
  return pieces.map((piece) => {
    if (piece.kind !== 'outer') return piece;
    if (piece.name === 'Total Length') return { ...piece, value: String(octets) };
    return piece.name === 'Payload Length' ? { ...piece, value: String(octets - IPV6_SIZE) } : piece;
  });
}

function strip(id: Strip['id'], title: string, note: string, pieces: Piece[]): Strip {
  return { id, title, note, octets: sum(pieces) / 8, pieces };
}

/**
 * The X-ray of the IP packet `inner` that became the ESP packet `wire` under this SA. `isOnAir`: with what 6LoWPAN leaves of it,
 * where the outer header is IPv6.
 */
export function xrayOf(sa: Explained, inner: Uint8Array, wire: Uint8Array, isOnAir = true): Xray {
  const explanation = explanationOf(sa, inner, wire);
  const { attributes, suite } = sa;
  const isTunnel = attributes.ipsecMode === MODE_TUNNEL;
  const lines = explanation.fields;
  const fields = lines.map(fieldOf);
  const base = fields.length;
  fields.push(...partFields(explanation.parts, attributes, suite));
  const outerAt = fields.length;
  const outer = outerPieces(wire, isTunnel, outerAt);
  fields.push(...outer.fields);
  const made: Made = {
    explanation,
    fields,
    lines,
    part: (name) => explanation.parts.find(({ field, part }) => field === name && !/header$/i.test(part)) ?? NO_PART,
    index: (name) => fields.findIndex((field, i) => i >= base && i < outerAt && field.name === name),
  };
  const ip = isTunnel ? [] : outerPieces(inner, false, outerAt).pieces;
  const clear = clearPieces(inner, lines, (inner.length - explanation.totals.payloadOctets) * 8, ip);
  const under = isTunnel ? clear : clear.slice(ip.length);
  const unit = Math.max(4, suite.blockSize);
  const esp = around(made, false, under, suite.icvLength, unit);
  const diet = around(made, true, dietText(made), suite.icvLength, 1);
  const strips = [
    strip('clear', 'In clear', '', clear),
    strip('esp', 'Ordinary ESP', 'what it would take without compression', withLength([...outer.pieces, ...esp])),
    strip('diet', 'Diet-ESP', '', [...outer.pieces, ...diet]),
  ];
  if (isOnAir && wire[0] >>> 4 === 6) {
    const find = (name: string): number => outer.fields.findIndex((field) => field.name === name);
    const pieces = iphcPieces(iphcOf(wire), (name) => (find(name) < 0 ? -1 : outerAt + find(name)));
    strips.push(strip('air', 'Diet-ESP on 6LoWPAN', IPHC_NOTE, [...pieces, ...diet]));
  }
  const octetsOf = (id: string): number => strips.find((one) => one.id === id)?.octets ?? 0;
  return {
    sa: sa.name,
    mode: explanation.mode,
    suite: explanation.suite,
    unexplained: '',
    strips,
    fields,
    totals: {
      clear: inner.length,
      payload: explanation.totals.payloadOctets,
      esp: octetsOf('esp'),
      diet: octetsOf('diet'),
      air: octetsOf('air'),
    },
    hex: { clear: hex(inner), wire: hex(wire) },
  };
}

const NO_PART: Part = { part: '', field: '', value: '', octets: 0, clause: '' };

/** A packet that nothing here explains: its octets alone. */
export function unexplained(sa: string, suite: string, why: string, inner: Uint8Array, wire: Uint8Array): Xray {
  const whole = (name: string, octets: Uint8Array, kind: Kind): Piece[] => [plain(name, octets.length * 8, kind)];
  const ip = Math.min(wire.length, ipOf(wire).size);
  const outer = [plain('IP header', ip * 8, 'outer')];
  const strips = [
    strip('clear', 'In clear', '', whole('IP packet', inner, 'payload')),
    strip('diet', 'On the wire', '', [...outer, ...encrypted(whole('protected', wire.subarray(ip), 'payload'))]),
  ];
  const totals = { clear: inner.length, payload: 0, esp: 0, diet: wire.length, air: 0 };
  return {
    sa,
    mode: '',
    suite,
    unexplained: why,
    strips,
    fields: [],
    totals,
    hex: { clear: hex(inner), wire: hex(wire) },
  };
}
