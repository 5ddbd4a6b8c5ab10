// An SA's three rules for people and programs, as the core derives them, with names, texts and residue widths.

import type { Attributes } from '../../../../core/dietesp/attributes.ts';
import { IIPC_NOT_COMPRESSED, MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import { ctecRule, eecRule, iipcRule } from '../../../../core/dietesp/rules.ts';
import type { Suite } from '../../../../core/esp/suites.ts';
import * as S from '../../../../core/schc/model.ts';
import { type Header, SLOT_GENERATED, SLOT_NONE } from '../../../../core/wire/header.ts';
import { ipv4 } from '../../../../core/wire/ipv4.ts';
import { ipv6 } from '../../../../core/wire/ipv6.ts';
import { sctp } from '../../../../core/wire/sctp.ts';
import { tcp } from '../../../../core/wire/tcp.ts';
import { udp } from '../../../../core/wire/udp.ts';
import { udplite } from '../../../../core/wire/udplite.ts';
import { addressText } from './address-text.ts';
import { fieldText } from './fields.ts';

/** Headers behind IP that Diet-ESP compresses. */
export const TRANSPORTS: { name: string; header: Header }[] = [
  { name: 'UDP', header: udp },
  { name: 'TCP', header: tcp },
  { name: 'SCTP', header: sctp },
  { name: 'UDP-Lite', header: udplite },
];

const OPERATORS = ['equal', 'ignore', 'MSB', 'match-mapping'];
const ACTIONS = ['not-sent', 'value-sent', 'mapping-sent', 'LSB', 'compute', 'DevIID', 'AppIID'];
const DIRECTIONS = ['Bi', 'Up', 'Dw'];
/** A field descriptor with texts. */
export interface FieldView {
  header: string;
  name: string;
  fid: number;
  fl: number;
  fp: number;
  di: string;
  tv: string[];
  mo: string;
  cda: string;
  /** Bits of residue; null: padding, as many as the alignment asks for. */
  bits: number | null;
  clause: string;
  descriptor: S.FieldDescriptor;
}

export interface RuleView {
  name: 'IIPC' | 'CTEC' | 'EEC';
  ruleId: number;
  ruleIdLength: number;
  fields: FieldView[];
}

/** Text of a field's value (right-aligned octets). */
export function valueText(fid: number, octets: Uint8Array): string {
  const { show } = fieldText(fid);
  if (show === 'address') return addressText(octets);
  let value = 0;
  let digits = '';
  for (let i = 0; i < octets.length; i++) {
    value = value * 256 + octets[i];
    if (octets[i] !== 0 || digits !== '') digits += octets[i].toString(16).padStart(digits === '' ? 1 : 2, '0');
  }
  if (show === 'hex') return `0x${digits === '' ? '0' : digits}`;
  return String(value);
}

/** Bits that a descriptor leaves in the residue. */
export function sentBits(field: S.FieldDescriptor): number {
  if (field.cda === S.CDA_VALUE_SENT) return field.fl;
  if (field.cda === S.CDA_LSB) return field.fl - field.msb;
  return field.cda === S.CDA_MAPPING_SENT ? S.indexBits(field.tv.length) : 0;
}

function actionText(field: S.FieldDescriptor): string {
  if (field.cda !== S.CDA_COMPUTE || field.slot === SLOT_NONE) return ACTIONS[field.cda];
  return field.slot === SLOT_GENERATED ? 'compute (generated)' : 'compute (lower)';
}

function view(header: string, field: S.FieldDescriptor): FieldView {
  const text = fieldText(field.fid);
  const prefix = field.mo === S.MO_MSB && field.msb < field.fl ? `/${field.msb}` : '';
  return {
    header,
    name: text.name,
    fid: field.fid,
    fl: field.fl,
    fp: field.fp,
    di: DIRECTIONS[field.di],
    tv: field.tv.map((value) => valueText(field.fid, value) + prefix),
    mo: field.mo === S.MO_MSB ? `MSB(${field.msb})` : OPERATORS[field.mo],
    cda: actionText(field),
    bits: field.fl === 0 && field.cda === S.CDA_VALUE_SENT ? null : sentBits(field),
    clause: text.clause,
    descriptor: field,
  };
}

/** The transport headers that an SA's IIPC rule may meet: all of them where ts_proto is 0 (ANY-TRANSPORT). */
export function transportsOf(attributes: Attributes): { name: string; header: Header }[] {
  return TRANSPORTS.filter(({ header }) => attributes.tsProto === 0 || attributes.tsProto === header.proto);
}

/** IIPC (no fields where it is switched off), CTEC and EEC. */
export function rulesOf(attributes: Attributes, suite: Suite): RuleView[] {
  const headers: { name: string; header: Header }[] = [];
  if (attributes.iipcProfile !== IIPC_NOT_COMPRESSED) {
    if (attributes.ipsecMode === MODE_TUNNEL) {
      headers.push(attributes.tsIpVersion === 4 ? { name: 'IPv4', header: ipv4 } : { name: 'IPv6', header: ipv6 });
    }
    headers.push(...transportsOf(attributes));
  }
  const { ruleId, ruleIdLength } = iipcRule(attributes, []);
  const inner = headers.flatMap(({ name, header }) =>
    iipcRule(attributes, [header]).fields.map((field) => view(name, field)),
  );
  const ctec = ctecRule(attributes, suite.blockSize);
  const eec = eecRule(attributes);
  const esp = (field: S.FieldDescriptor): FieldView => view('ESP', field);
  return [
    { name: 'IIPC', ruleId, ruleIdLength, fields: inner },
    {
      name: 'CTEC',
      ruleId: ctec.ruleId,
      ruleIdLength: ctec.ruleIdLength,
      fields: ctec.fields.map((field) => esp(field)),
    },
    { name: 'EEC', ruleId: eec.ruleId, ruleIdLength: eec.ruleIdLength, fields: eec.fields.map((field) => esp(field)) },
  ];
}
