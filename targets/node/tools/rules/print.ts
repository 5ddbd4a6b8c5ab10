// Rules as tables for people, and their validation.

import { compileContext } from '../../../../core/schc/context.ts';
import * as S from '../../../../core/schc/model.ts';
import { SLOT_NONE } from '../../../../core/wire/header.ts';
import { ipv4 } from '../../../../core/wire/ipv4.ts';
import { ipv6 } from '../../../../core/wire/ipv6.ts';
import { sctp } from '../../../../core/wire/sctp.ts';
import { tcp } from '../../../../core/wire/tcp.ts';
import { udp } from '../../../../core/wire/udp.ts';
import { udplite } from '../../../../core/wire/udplite.ts';
import { ACTIONS, byValue, DIRECTIONS, fieldName, LENGTHS, OPERATORS, SLOTS } from '../../host/rules/names.ts';
import { table } from '../../host/table.ts';

/** Headers that rules may describe on Node. */
export const SCHC_HEADERS = [ipv6, ipv4, udp, udplite, tcp, sctp];

const HEAD = ['field', 'FL', 'FP', 'DI', 'TV', 'MO', 'CDA', 'sent bits'];

/** Bits of residue of a field, `var` where they depend on the packet. */
function sentBits(field: S.FieldDescriptor): string {
  if (field.cda === S.CDA_MAPPING_SENT) return String(S.indexBits(field.tv.length));
  if (field.cda !== S.CDA_VALUE_SENT && field.cda !== S.CDA_LSB) return '0';
  if (field.fl <= 0) return 'var';
  return String(field.cda === S.CDA_LSB ? field.fl - field.msb : field.fl);
}

/** Octets as a number, or as text where they are printable and the field is of variable length. */
function targetText(field: S.FieldDescriptor, octets: Uint8Array): string {
  const bytes = Buffer.from(octets);
  if (field.fl <= 0 && octets.every((octet) => octet >= 0x20 && octet < 0x7f))
    return JSON.stringify(bytes.toString('latin1'));
  return octets.length <= 1 ? String(octets[0] ?? 0) : `0x${bytes.toString('hex')}`;
}

function row(field: S.FieldDescriptor): string[] {
  const action = byValue(ACTIONS, field.cda, 'cda').name;
  const slot =
    field.cda === S.CDA_COMPUTE && field.slot !== SLOT_NONE ? ` (${byValue(SLOTS, field.slot, 'slot').name})` : '';
  return [
    fieldName(field.fid) ?? String(field.fid),
    field.fl > 0 ? String(field.fl) : byValue(LENGTHS, field.fl, 'fl').name,
    String(field.fp),
    byValue(DIRECTIONS, field.di, 'di').name,
    field.tv.length === 0 ? '-' : field.tv.map((octets) => targetText(field, octets)).join(', '),
    field.mo === S.MO_MSB ? `MSB(${field.msb})` : byValue(OPERATORS, field.mo, 'mo').name,
    action + slot,
    sentBits(field),
  ];
}

/** Rules as text, one table each. */
export function schcTable(rules: S.Rule[]): string {
  const parts = rules.map((rule) => {
    const id = rule.ruleIdLength === 0 ? 'RuleID not sent' : `RuleID ${rule.ruleId}/${rule.ruleIdLength}`;
    return rule.fields.length === 0 ? `${id}: no compression\n` : `${id}\n${table(HEAD, rule.fields.map(row))}`;
  });
  return parts.join('\n');
}

/**
 * What is wrong with rules that are to be used as a context: one text per rule, then for the context as a whole; empty
 * where nothing is. (Diet-ESP's rules are no such context: their RuleIDs are not sent.)
 */
export function validateRules(rules: S.Rule[]): string[] {
  const found: string[] = [];
  const attempt = (list: S.Rule[]): void => {
    try {
      compileContext(list, SCHC_HEADERS);
    } catch (error) {
      found.push(error instanceof Error ? error.message : String(error));
    }
  };
  for (const rule of rules) attempt([rule]);
  if (found.length === 0) attempt(rules);
  return found;
}
