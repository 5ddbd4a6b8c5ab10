// Rules in JSON, with names:
//
//   { "rules": [ { "ruleId": 1, "ruleIdLength": 8, "fields": [
//       { "field": "fid-udp-dev-port", "length": 16, "position": 1, "direction": "Bi", "target": ["0x1630"],
//         "operator": "MSB", "msb": 12, "action": "LSB" } ] } ] }
//
// A rule without fields is for packets that no other rule fits. `length` may be "variable" or "token-length". A target value
// is a number, "0x" and octets, or any other text, which means its UTF-8 octets. When absent, `position` is read as 1,
// `direction` as "Bi" and `target` as [].

import * as S from '../../../../core/schc/model.ts';
import { SLOT_NONE } from '../../../../core/wire/header.ts';
import {
  ACTIONS,
  byName,
  byValue,
  DIRECTIONS,
  fieldId,
  fieldName,
  LENGTHS,
  OPERATORS,
  refuse,
  SchcFormatError,
  SLOTS,
} from './names.ts';

interface JsonField {
  field: string;
  length: number | string;
  position: number;
  direction: string;
  target?: string[];
  operator: string;
  msb?: number;
  action: string;
  slot?: string;
}

function fieldJson(field: S.FieldDescriptor): JsonField {
  const json: JsonField = {
    field: fieldName(field.fid) ?? refuse('field', field.fid, 'unknown'),
    length: field.fl > 0 ? field.fl : byValue(LENGTHS, field.fl, 'fl').name,
    position: field.fp,
    direction: byValue(DIRECTIONS, field.di, 'di').name,
    ...(field.tv.length > 0 ? { target: field.tv.map((octets) => `0x${Buffer.from(octets).toString('hex')}`) } : {}),
    operator: byValue(OPERATORS, field.mo, 'mo').name,
    ...(field.mo === S.MO_MSB ? { msb: field.msb } : {}),
    action: byValue(ACTIONS, field.cda, 'cda').name,
  };
  if (field.cda === S.CDA_COMPUTE && field.slot !== SLOT_NONE) json.slot = byValue(SLOTS, field.slot, 'slot').name;
  return json;
}

/** Rules as data for JSON.stringify. */
export function schcJson(rules: S.Rule[]): object {
  return {
    rules: rules.map((rule) => ({
      ruleId: rule.ruleId,
      ruleIdLength: rule.ruleIdLength,
      fields: rule.fields.map(fieldJson),
    })),
  };
}

function objectOf(value: unknown, known: string[], where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(where, typeof value, 'must be an object');
  for (const key of Object.keys(value))
    if (!known.includes(key)) refuse(`${where}: member`, key, `one of ${known.join(', ')}`);
  return value as Record<string, unknown>;
}

function listOf(value: unknown, where: string): unknown[] {
  return Array.isArray(value) ? value : refuse(where, typeof value, 'must be a list');
}

function whole(value: unknown, most: number, where: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) {
    return refuse(where, value, `a whole number in 0..${most}`);
  }
  return value;
}

/** Octets of a target value. */
export function targetOctets(value: unknown, where: string): Uint8Array {
  if (typeof value === 'number') {
    const digits = whole(value, Number.MAX_SAFE_INTEGER, where).toString(16);
    return Uint8Array.from(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
  }
  if (typeof value !== 'string') return refuse(where, value, 'a number or a text');
  if (!value.startsWith('0x')) return Uint8Array.from(Buffer.from(value, 'utf8'));
  const digits = value.slice(2);
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) return refuse(where, value, 'whole octets in hexadecimal digits behind 0x');
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

function fieldOf(value: unknown, where: string): S.FieldDescriptor {
  const known = ['field', 'length', 'position', 'direction', 'target', 'operator', 'msb', 'action', 'slot'];
  const json = objectOf(value, known, where);
  const mo = byName(OPERATORS, json['operator'], `${where} operator`).value;
  const target = json['target'] === undefined ? [] : listOf(json['target'], `${where} target`);
  if (mo !== S.MO_MSB && json['msb'] !== undefined) refuse(`${where} msb`, json['msb'], 'only with operator MSB');
  const length = json['length'];
  return {
    fid: fieldId(json['field'], `${where} field`),
    fl:
      typeof length === 'string'
        ? byName(LENGTHS, length, `${where} length`).value
        : whole(length, 0xffff, `${where} length`),
    fp: whole(json['position'] ?? 1, 255, `${where} position`),
    di: byName(DIRECTIONS, json['direction'] ?? 'Bi', `${where} direction`).value,
    tv: target.map((item, i) => targetOctets(item, `${where} target[${i}]`)),
    mo,
    msb: mo === S.MO_MSB ? whole(json['msb'], 0xffff, `${where} msb`) : 0,
    cda: byName(ACTIONS, json['action'], `${where} action`).value,
    slot: json['slot'] === undefined ? SLOT_NONE : byName(SLOTS, json['slot'], `${where} slot`).value,
  };
}

/**
 * The rules of a file: itself, or those of the one SA that `dietesp rules --json` wrote, where they are beside what people
 * read.
 */
function fileRules(data: unknown): unknown {
  if (!Array.isArray(data)) return data;
  if (data.length === 0) return refuse('file', 'a list of no SA', 'must be an object');
  if (data.length !== 1) refuse('file: SAs', data.length, 'one at a time; `dietesp rules --schc` writes one a line');
  return objectOf(data[0], ['sa', 'rules', 'schc'], 'file[0]')['schc'];
}

/** Reads the text of a rule file; throws SchcFormatError. Whether the rules have a meaning is for `validateRules`. */
export function readSchcJson(text: string): S.Rule[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new SchcFormatError(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const rules = listOf(objectOf(fileRules(data), ['rules'], 'file')['rules'], 'rules');
  return rules.map((item, i) => {
    const where = `rules[${i}]`;
    const json = objectOf(item, ['ruleId', 'ruleIdLength', 'fields'], where);
    return {
      ruleId: whole(json['ruleId'], 0xffffffff, `${where} ruleId`),
      ruleIdLength: whole(json['ruleIdLength'], 32, `${where} ruleIdLength`),
      fields: listOf(json['fields'], `${where} fields`).map((field, k) => fieldOf(field, `${where} fields[${k}]`)),
    };
  });
}
