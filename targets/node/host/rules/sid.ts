// SIDs of the data model ietf-schc [RFC 9363] from a `.sid` file [RFC 9595]. Public listings differ, and all are marked
// unstable: two programs understand each other's CBOR when both take the numbers of one file. Without a file the numbers are
// those of names.ts and cbor.ts.

import { decodeCbor, encodeCbor, Tag } from '../cbor.ts';
import {
  ACTIONS,
  DIRECTIONS,
  FIELD_NAMES,
  LENGTHS,
  NATURE_COMPRESSION,
  NATURE_FRAGMENTATION,
  NATURE_NO_COMPRESSION,
  OPERATORS,
  refuse,
  SchcFormatError,
} from './names.ts';

const MODULE = 'ietf-schc';
const ROOT = '/ietf-schc:schc';
const ENTRY = `${ROOT}/rule/entry`;
/** Data nodes of the model: path, SID without a file. */
const NODES: [string, number][] = [
  [ROOT, 2574],
  [`${ROOT}/rule`, 2597],
  [`${ROOT}/rule/rule-id-length`, 2598],
  [`${ROOT}/rule/rule-id-value`, 2599],
  [`${ROOT}/rule/rule-nature`, 2600],
  [ENTRY, 2620],
  [`${ENTRY}/comp-decomp-action`, 2621],
  [`${ENTRY}/comp-decomp-action-value`, 2622],
  [`${ENTRY}/comp-decomp-action-value/index`, 2623],
  [`${ENTRY}/comp-decomp-action-value/value`, 2624],
  [`${ENTRY}/direction-indicator`, 2625],
  [`${ENTRY}/field-id`, 2626],
  [`${ENTRY}/field-length`, 2627],
  [`${ENTRY}/field-position`, 2628],
  [`${ENTRY}/matching-operator`, 2629],
  [`${ENTRY}/matching-operator-value`, 2630],
  [`${ENTRY}/matching-operator-value/index`, 2631],
  [`${ENTRY}/matching-operator-value/value`, 2632],
  [`${ENTRY}/target-value`, 2633],
  [`${ENTRY}/target-value/index`, 2634],
  [`${ENTRY}/target-value/value`, 2635],
];
/** Nodes whose value is an identity: rule-nature, and those of an entry. */
const IDENTITY_NODES = [2600, 2621, 2625, 2626, 2629];
/** What the model calls directions; other identities have a prefix before our name. */
const DIRECTION_NAMES = ['di-bidirectional', 'di-up', 'di-down'];
/** Numbers from here on are ours: they stand for identities that a file lacks. */
const PRIVATE = 60000;

/** Every name of the model that rules use, with its SID without a file. */
function ownSids(): Map<string, number> {
  const names = new Map(NODES);
  for (const { name, sid } of OPERATORS) names.set(`mo-${name.toLowerCase()}`, sid);
  for (const { name, sid } of ACTIONS) names.set(`cda-${name.toLowerCase()}`, sid);
  for (const { name, sid } of LENGTHS) names.set(`fl-${name}`, sid);
  DIRECTIONS.forEach(({ sid }, i) => {
    names.set(DIRECTION_NAMES[i], sid);
  });
  names.set('nature-compression', NATURE_COMPRESSION);
  names.set('nature-fragmentation', NATURE_FRAGMENTATION);
  names.set('nature-no-compression', NATURE_NO_COMPRESSION);
  for (const [fid, name] of FIELD_NAMES) names.set(name, fid);
  return names;
}

/** SIDs of a `.sid` file. */
export interface Sids {
  /** From the number without a file to that of the file. */
  to: Map<number, number>;
  /** And back. */
  from: Map<number, number>;
}

function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return refuse(where, value, 'must be an object');
}

/** Reads the text of a `.sid` file of ietf-schc; throws a SchcFormatError that names the field. */
export function readSidFile(text: string): Sids {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new SchcFormatError('not JSON');
  }
  const file = objectOf(objectOf(data, 'file')['ietf-sid-file:sid-file'], 'ietf-sid-file:sid-file');
  if (file['module-name'] !== MODULE) refuse('module-name', file['module-name'], `must be ${MODULE}`);
  // Drafts of RFC 9595 called the list `items`.
  const items = file['item'] ?? file['items'];
  if (!Array.isArray(items)) return refuse('item', items, 'must be a list');
  const own = ownSids();
  const sids: Sids = { to: new Map(), from: new Map() };
  const seen = new Map<number, string>();
  for (const [i, entry] of items.entries()) {
    const item = objectOf(entry, `item[${i}]`);
    const { identifier, sid } = item;
    if (typeof identifier !== 'string') return refuse(`item[${i}].identifier`, identifier, 'must be a text');
    // 64-bit numbers are texts in JSON [RFC 7951 §6.1].
    const number = typeof sid === 'string' && /^\d{1,16}$/.test(sid) ? Number(sid) : sid;
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
      return refuse(`item[${i}].sid`, sid, 'must be a whole number in 0..9007199254740991');
    }
    const before = seen.get(number);
    if (before !== undefined) refuse(`item[${i}].sid`, number, `${before} has it already`);
    seen.set(number, identifier);
    const known = own.get(identifier) ?? own.get(identifier.replace(`${MODULE}:`, ''));
    if (known === undefined) continue;
    if (sids.to.has(known)) refuse(`item[${i}].identifier`, identifier, 'occurs twice');
    sids.to.set(known, number);
    sids.from.set(number, known);
  }
  for (const [path, sid] of NODES) if (!sids.to.has(sid)) refuse('item', path, 'has no SID');
  return sids;
}

function translated(numbers: Map<number, number>, sid: unknown): number {
  if (typeof sid !== 'number') return refuse('SID', sid, 'must be a whole number');
  const found = numbers.get(sid);
  if (found !== undefined) return found;
  return sid >= PRIVATE ? sid : refuse('SID', sid, 'is not in the .sid file, or of no rule');
}

/** Translates keys and identities of a node; `from` and `to` are the SIDs of its parent, `isOwn`: keys are ours. */
function node(value: unknown, numbers: Map<number, number>, isOwn: boolean, from: number, to: number): unknown {
  if (Array.isArray(value)) return value.map((item) => node(item, numbers, isOwn, from, to));
  if (value instanceof Map) {
    return new Map(
      [...value].map(([key, inner]) => {
        const sid = from + (typeof key === 'number' ? key : refuse('SID', key, 'must be a whole number'));
        const other = translated(numbers, sid);
        return [other - to, node(inner, numbers, isOwn, sid, other)];
      }),
    );
  }
  if (value instanceof Tag) return new Tag(translated(numbers, value.value), value.tag);
  return IDENTITY_NODES.includes(isOwn ? from : to) ? translated(numbers, value) : value;
}

function translate(octets: Uint8Array, numbers: Map<number, number>, isOwn: boolean): Uint8Array {
  let item: unknown;
  try {
    item = decodeCbor(octets);
  } catch (error) {
    throw new SchcFormatError(`not CBOR: ${error instanceof Error ? error.message : String(error)}`);
  }
  return encodeCbor(node(item, numbers, isOwn, 0, 0));
}

/** Rules in CBOR with the SIDs of a file, from those without one. Throws SchcFormatError where the file lacks one. */
export function withSids(octets: Uint8Array, sids: Sids): Uint8Array {
  return translate(octets, sids.to, true);
}

/** Rules in CBOR with SIDs of a file, as the reader takes them. Throws SchcFormatError. */
export function withoutSids(octets: Uint8Array, sids: Sids): Uint8Array {
  return translate(octets, sids.from, false);
}
