// What rules for CoAP make of a packet's UDP payload (docs/coap-profile.md), for `dietesp explain`.

import { getBits } from '../../../../core/base/bits.ts';
import { type CoapRules, packCoap } from '../../../../core/dietesp/coap-rules.ts';
import { schcCompress } from '../../../../core/schc/compress.ts';
import { compileContext } from '../../../../core/schc/context.ts';
import * as S from '../../../../core/schc/model.ts';
import { FID_COAP_OPTION } from '../../../../core/wire/coap.ts';
import { coapPathRules, coapSet } from '../config/coap.ts';
import { printable } from '../errors.ts';
import { fieldName } from '../rules/names.ts';
import type { FieldLine, Part } from './lines.ts';

/** Both ends of an SA with rules for CoAP. */
export interface CoapEnds {
  rules: S.Rule[];
  sender: CoapRules;
  receiver: CoapRules;
}

/** The ends with the rules of these paths; `isUp`: the SA is that from the device to the server. */
export function coapEnds(paths: string[], isUp: boolean): CoapEnds {
  const rules = coapPathRules(paths);
  return { rules, sender: coapSet(rules, isUp), receiver: coapSet(rules, !isUp) };
}

const OPERATORS = ['equal', 'ignore', 'MSB', 'match-mapping'];
const ACTIONS = ['not-sent', 'value-sent', 'mapping-sent', 'LSB'];

/** The first rule that takes the message, with the place of its fields in the message; null: none. */
function ruleFor({ rules, sender }: CoapEnds, message: Uint8Array) {
  const out = new Uint8Array(2 * message.length + 64);
  for (const rule of rules) {
    if (rule.fields.length === 0) continue;
    const context = compileContext([rule], []);
    if (schcCompress(context, sender.out, message, 0, message.length, out, 0) >= 0) return { rule, context };
  }
  return null;
}

function bitText(octets: Uint8Array, bit: number, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += getBits(octets, bit + i, 1) === 1 ? '1' : '0';
  return text;
}

/** A value as its number, or as octets where it is long. */
function valueText(bits: string): string {
  if (bits === '') return '';
  const value = BigInt(`0b${bits}`);
  return bits.length <= 8 ? value.toString() : `0x${value.toString(16).padStart(Math.ceil(bits.length / 4), '0')}`;
}

function sentBits(field: S.FieldDescriptor, bits: string): string {
  const size = field.fl === S.FL_VARIABLE ? (bits.length / 8).toString(2).padStart(4, '0') : '';
  if (field.cda === S.CDA_VALUE_SENT) return size + bits;
  if (field.cda === S.CDA_LSB) return size + bits.slice(field.msb);
  if (field.cda !== S.CDA_MAPPING_SENT) return '';
  const width = S.indexBits(field.tv.length);
  const index = field.tv.findIndex((octets) => {
    const text = bitText(octets, 0, octets.length * 8);
    return field.fl > 0 ? BigInt(`0b0${text}`) === BigInt(`0b0${bits}`) : text === bits;
  });
  return width === 0 ? '' : index.toString(2).padStart(width, '0');
}

/** Lines for the fields of `message`, which begins at bit `start` of its packet, and the part that it becomes. */
export function explainCoap(
  ends: CoapEnds,
  message: Uint8Array,
  start: number,
): { fields: FieldLine[]; part: Part; octets: number } {
  const octets = packCoap(ends.sender, message, 0, message.length, new Uint8Array(message.length + 64), 0);
  const part: Part = { part: 'clear text', field: 'SCHC packet of CoAP', value: '', octets, clause: 'RFC 8824' };
  const found = octets > message.length ? null : ruleFor(ends, message);
  if (found === null) {
    part.value = 'no rule fits: RuleID and the payload as it is; even sequence number';
    return { fields: [], part, octets };
  }
  const { rule, context } = found;
  const table = context.fields;
  const seen = new Map<number, number>();
  const fields = rule.fields
    .filter(({ di }) => di === S.DI_BI || di === ends.sender.out.direction)
    .map((field): FieldLine => {
      const position = (seen.get(field.fid) ?? 0) + 1;
      seen.set(field.fid, position);
      let bits = '';
      let at = 0;
      for (let i = 0; i < table.count; i++) {
        const isThis = table.fid[i] === field.fid && table.fp[i] === position;
        if (!isThis) continue;
        bits = bitText(message, table.bit[i], table.bits[i]);
        at = start + table.bit[i];
      }
      const sent = sentBits(field, bits);
      const isOption = field.fid >= FID_COAP_OPTION;
      const text = (octets: Uint8Array): string =>
        isOption ? printable(Buffer.from(octets).toString()) : valueText(bitText(octets, 0, octets.length * 8));
      return {
        header: 'CoAP',
        field: (fieldName(field.fid) ?? String(field.fid)).replace('fid-coap-', ''),
        value: isOption && bits !== '' ? text(Buffer.from(valueOctets(bits))) : valueText(bits),
        tv: field.mo === S.MO_IGNORE ? '' : field.tv.map(text).join(', '),
        mo: field.mo === S.MO_MSB ? `MSB(${field.msb})` : OPERATORS[field.mo],
        cda: ACTIONS[field.cda],
        sent,
        bits: sent.length,
        at,
        width: bits.length,
        clause: isOption ? 'RFC 8824 §5' : 'RFC 8824 §4',
      };
    });
  const id = `rule ${rule.ruleId}/${rule.ruleIdLength}`;
  part.value = ends.sender.context.isImplied
    ? `${id}, RuleID implied by the odd sequence number`
    : `${id}, RuleID sent, even sequence number`;
  return { fields, part, octets };
}

function valueOctets(bits: string): number[] {
  return (bits.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2));
}
