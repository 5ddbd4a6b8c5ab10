// Rules in CBOR, after the data model ietf-schc [RFC 9363] and its encoding [RFC 9254]: maps are keyed by the difference of
// their SID to the parent's; identities are SIDs. A target value is the shortest big-endian octets of the number (at least
// one octet), or the octets of a field of variable length. MSB's length is the matching operator's value. Private extensions:
// see names.ts; and a computed field of Diet-ESP has its slot as the action's value.

import * as S from '../../../../core/schc/model.ts';
import { SLOT_NONE } from '../../../../core/wire/header.ts';
import { decodeCbor, encodeCbor, Tag } from '../cbor.ts';
import {
  ACTIONS,
  bySid,
  byValue,
  DIRECTIONS,
  fieldName,
  type Identity,
  LENGTHS,
  NATURE_COMPRESSION,
  NATURE_FRAGMENTATION,
  NATURE_NO_COMPRESSION,
  OPERATORS,
  refuse,
  SchcFormatError,
  SLOTS,
} from './names.ts';
import { type Sids, withoutSids, withSids } from './sid.ts';

export { SchcFormatError };

const SCHC = 2574;
const RULE = 2597;
const RULE_ID_LENGTH = 2598;
const RULE_ID_VALUE = 2599;
const RULE_NATURE = 2600;
const ENTRY = 2620;
const ACTION = 2621;
const ACTION_VALUE = 2622;
const DIRECTION = 2625;
const FIELD_ID = 2626;
const FIELD_LENGTH = 2627;
const POSITION = 2628;
const OPERATOR = 2629;
const OPERATOR_VALUE = 2630;
const TARGET_VALUE = 2633;
/** An identity inside a union is tagged [RFC 9254 §6.13, §9.1]: field-length is a number or a function. */
const TAG_IDENTITY = 45;

type Node = Map<number, unknown>;

/** Without leading zero octets, one octet at least. */
function shortest(octets: Uint8Array): Uint8Array {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  return octets.subarray(start);
}

function number(value: number): Uint8Array {
  return shortest(new Uint8Array([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]));
}

/** The list { index, value } under `sid`: index is 1, value is 2 more than it. */
function values(list: Uint8Array[]): Node[] {
  return list.map(
    (octets, index) =>
      new Map<number, unknown>([
        [1, index],
        [2, Buffer.from(octets)],
      ]),
  );
}

function entryNode(field: S.FieldDescriptor): Node {
  const variable = field.fl <= 0;
  const length = variable ? new Tag(byValue(LENGTHS, field.fl, 'fl').sid, TAG_IDENTITY) : field.fl;
  const node: Node = new Map<number, unknown>([
    [FIELD_ID - ENTRY, field.fid],
    [FIELD_LENGTH - ENTRY, length],
    [POSITION - ENTRY, field.fp],
    [DIRECTION - ENTRY, byValue(DIRECTIONS, field.di, 'di').sid],
  ]);
  if (field.tv.length > 0) {
    node.set(TARGET_VALUE - ENTRY, values(variable ? field.tv : field.tv.map(shortest)));
  }
  node.set(OPERATOR - ENTRY, byValue(OPERATORS, field.mo, 'mo').sid);
  if (field.mo === S.MO_MSB) node.set(OPERATOR_VALUE - ENTRY, values([number(field.msb)]));
  node.set(ACTION - ENTRY, byValue(ACTIONS, field.cda, 'cda').sid);
  if (field.cda === S.CDA_COMPUTE && field.slot !== SLOT_NONE) {
    node.set(ACTION_VALUE - ENTRY, values([number(field.slot)]));
  }
  return node;
}

function ruleNode(rule: S.Rule): Node {
  const compresses = rule.fields.length > 0;
  const node: Node = new Map<number, unknown>([
    [RULE_ID_VALUE - RULE, rule.ruleId],
    [RULE_ID_LENGTH - RULE, rule.ruleIdLength],
    [RULE_NATURE - RULE, compresses ? NATURE_COMPRESSION : NATURE_NO_COMPRESSION],
  ]);
  if (compresses) node.set(ENTRY - RULE, rule.fields.map(entryNode));
  return node;
}

/** Rules as one CBOR data item; map keys in the order of the model. `sids`: numbers of a `.sid` file. */
export function schcCbor(rules: S.Rule[], sids: Sids | null = null): Uint8Array {
  const octets = encodeCbor(new Map([[SCHC, new Map([[RULE - SCHC, rules.map(ruleNode)]])]]));
  return sids === null ? octets : withSids(octets, sids);
}

/** Reads a map and refuses keys that are not in `known` (SIDs). */
function mapOf(value: unknown, parent: number, known: number[], where: string): (sid: number) => unknown {
  if (!(value instanceof Map)) return refuse(where, typeof value, 'must be a map');
  for (const key of value.keys()) {
    const sid = typeof key === 'number' ? key + parent : key;
    if (!known.includes(sid)) refuse(`${where}: SID`, sid, `unknown; one of ${known.join(', ')}`);
  }
  return (sid) => value.get(sid - parent);
}

function whole(value: unknown, most: number, where: string): number {
  const plain = typeof value === 'bigint' ? Number(value) : value;
  if (typeof plain !== 'number' || !Number.isInteger(plain) || plain < 0 || plain > most) {
    return refuse(where, value, `a whole number in 0..${most}`);
  }
  return plain;
}

function listOf(value: unknown, where: string): unknown[] {
  return Array.isArray(value) ? value : refuse(where, typeof value, 'must be a list');
}

/** A list { index, value }: octets in the order of their indexes, which are contiguous from 0. */
function valuesOf(value: unknown, parent: number, where: string): Uint8Array[] {
  if (value === undefined) return [];
  const list = listOf(value, where);
  const found = new Array<Uint8Array | undefined>(list.length);
  for (const [i, item] of list.entries()) {
    const get = mapOf(item, parent, [parent + 1, parent + 2], `${where}[${i}]`);
    const index = whole(get(parent + 1), list.length - 1, `${where}[${i}] index`);
    const octets = get(parent + 2);
    if (!(octets instanceof Uint8Array)) return refuse(`${where}[${i}] value`, typeof octets, 'must be octets');
    if (found[index] !== undefined) refuse(`${where}[${i}] index`, index, 'occurs twice');
    found[index] = Uint8Array.from(octets);
  }
  return found as Uint8Array[];
}

function numberOf(value: unknown, parent: number, most: number, where: string): number {
  const octets = valuesOf(value, parent, where);
  if (octets.length !== 1 || octets[0].length > 4)
    return refuse(where, octets.length, 'must be one value of up to 4 octets');
  return whole(
    octets[0].reduce((sum, octet) => sum * 256 + octet, 0),
    most,
    where,
  );
}

function lengthOf(value: unknown, where: string): number {
  if (value instanceof Tag) {
    if (value.tag !== TAG_IDENTITY) refuse(`${where} tag`, value.tag, `must be ${TAG_IDENTITY}`);
    return bySid(LENGTHS, value.value, where).value;
  }
  return whole(value, 0xffff, where);
}

function fieldOf(value: unknown, where: string): S.FieldDescriptor {
  const known = [
    ACTION,
    ACTION_VALUE,
    DIRECTION,
    FIELD_ID,
    FIELD_LENGTH,
    POSITION,
    OPERATOR,
    OPERATOR_VALUE,
    TARGET_VALUE,
  ];
  const get = mapOf(value, ENTRY, known, where);
  const fid = whole(get(FIELD_ID), 0xffffffff, `${where} field-id`);
  if (fieldName(fid) === undefined) refuse(`${where} field-id`, fid, 'unknown SID');
  const identity = (list: Identity[], sid: number, name: string): number =>
    bySid(list, get(sid), `${where} ${name}`).value;
  const mo = identity(OPERATORS, OPERATOR, 'matching-operator');
  const cda = identity(ACTIONS, ACTION, 'comp-decomp-action');
  const slot = get(ACTION_VALUE);
  if (slot !== undefined && cda !== S.CDA_COMPUTE) refuse(`${where} comp-decomp-action-value with action`, cda, 'none');
  if (mo !== S.MO_MSB && get(OPERATOR_VALUE) !== undefined)
    refuse(`${where} matching-operator-value with operator`, mo, 'none');
  return {
    fid,
    fl: lengthOf(get(FIELD_LENGTH), `${where} field-length`),
    fp: whole(get(POSITION) ?? 1, 255, `${where} field-position`),
    di: identity(DIRECTIONS, DIRECTION, 'direction-indicator'),
    tv: valuesOf(get(TARGET_VALUE), TARGET_VALUE, `${where} target-value`),
    mo,
    msb:
      mo === S.MO_MSB ? numberOf(get(OPERATOR_VALUE), OPERATOR_VALUE, 0xffff, `${where} matching-operator-value`) : 0,
    cda,
    slot:
      slot === undefined
        ? SLOT_NONE
        : numberOf(slot, ACTION_VALUE, SLOTS.length - 1, `${where} comp-decomp-action-value`),
  };
}

function ruleOf(value: unknown, where: string): S.Rule {
  const get = mapOf(value, RULE, [RULE_ID_LENGTH, RULE_ID_VALUE, RULE_NATURE, ENTRY], where);
  const nature = get(RULE_NATURE);
  if (nature === NATURE_FRAGMENTATION) refuse(`${where} rule-nature`, nature, 'fragmentation is not supported');
  if (nature !== NATURE_COMPRESSION && nature !== NATURE_NO_COMPRESSION)
    refuse(`${where} rule-nature`, nature, 'unknown SID');
  const entries = get(ENTRY) === undefined ? [] : listOf(get(ENTRY), `${where} entry`);
  if (nature === NATURE_NO_COMPRESSION && entries.length > 0)
    refuse(`${where} entries`, entries.length, 'none without compression');
  return {
    ruleId: whole(get(RULE_ID_VALUE), 0xffffffff, `${where} rule-id-value`),
    ruleIdLength: whole(get(RULE_ID_LENGTH), 32, `${where} rule-id-length`),
    fields: entries.map((item, i) => fieldOf(item, `${where} entry[${i}]`)),
  };
}

/** Reads what `schcCbor` writes, with the same `sids`; throws SchcFormatError. Whether the rules have a meaning is for `validateRules`. */
export function readSchcCbor(octets: Uint8Array, sids: Sids | null = null): S.Rule[] {
  let item: unknown;
  try {
    item = decodeCbor(sids === null ? octets : withoutSids(octets, sids));
  } catch (error) {
    if (error instanceof SchcFormatError) throw error;
    throw new SchcFormatError(`not CBOR: ${error instanceof Error ? error.message : String(error)}`);
  }
  const schc = mapOf(item, 0, [SCHC], 'data item')(SCHC);
  const rules = mapOf(schc, SCHC, [RULE], 'schc')(RULE);
  return rules === undefined ? [] : listOf(rules, 'rule').map((rule, i) => ruleOf(rule, `rule[${i}]`));
}
