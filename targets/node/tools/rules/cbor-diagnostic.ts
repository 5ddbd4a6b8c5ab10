// Rules as CBOR in the shape of the data model ietf-schc [RFC 9363]: maps keyed by SID differences [RFC 9254]. The SIDs
// are those of the working group's .sid file, marked unstable. Identities that the model lacks (ESP, IPv4, TCP, SCTP,
// UDP-Lite, undivided IPv6 addresses, the Diet-ESP computations) have the private numbers of core/wire/fid.ts. Nobody needs to
// exchange such a dump, because both peers derive the rules from the SA.

import { encodeCbor } from '../../host/cbor.ts';

/** A rule as the data model sees it. Values are the numbers of the identities. */
export interface DumpRule {
  ruleId: number;
  ruleIdLength: number;
  fields: DumpField[];
}

export interface DumpField {
  fid: number;
  /** Bits. */
  length: number;
  position: number;
  direction: number;
  /** One octet string per target value; several for match-mapping only. */
  values: Uint8Array[];
  operator: number;
  /** Prefix length of MSB, or undefined. */
  operatorValue?: number;
  action: number;
}

const SCHC = 2574;
const RULE = 2597;
const ENTRY = 2620;
const NATURE_COMPRESSION = 2940;

/** Shortest octet string of an unsigned number. */
export function shortest(value: bigint | number): Uint8Array {
  const text = value.toString(16);
  return Uint8Array.from(Buffer.from(text.length % 2 === 0 ? text : `0${text}`, 'hex'));
}

function values(list: Uint8Array[], base: number): Map<number, unknown>[] {
  return list.map(
    (octets, index) =>
      new Map<number, unknown>([
        [1 + base, index],
        [2 + base, Buffer.from(octets)],
      ]),
  );
}

function entry(field: DumpField): Map<number, unknown> {
  const map = new Map<number, unknown>([
    [2626 - ENTRY, field.fid],
    [2627 - ENTRY, field.length],
    [2628 - ENTRY, field.position],
    [2625 - ENTRY, field.direction],
  ]);
  if (field.values.length > 0) map.set(2633 - ENTRY, values(field.values, 0));
  map.set(2629 - ENTRY, field.operator);
  if (field.operatorValue !== undefined) map.set(2630 - ENTRY, values([shortest(field.operatorValue)], 0));
  map.set(2621 - ENTRY, field.action);
  return map;
}

/** CBOR of rules; keys in the order of the model. */
export function rulesCbor(rules: DumpRule[]): Uint8Array {
  const list = rules.map(
    (rule) =>
      new Map<number, unknown>([
        [2599 - RULE, rule.ruleId],
        [2598 - RULE, rule.ruleIdLength],
        [2600 - RULE, NATURE_COMPRESSION],
        [ENTRY - RULE, rule.fields.map(entry)],
      ]),
  );
  return encodeCbor(new Map([[SCHC, new Map([[RULE - SCHC, list]])]]));
}
