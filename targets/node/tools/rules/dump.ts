// The rules of an SA with the numbers of SCHC's data model.

import * as S from '../../../../core/schc/model.ts';
import type { RuleView } from '../../host/explain/rules-view.ts';
import type { DumpRule } from './cbor-diagnostic.ts';

/** Identities of ietf-schc [RFC 9363], in the order of the core's constants. */
const OPERATOR_SIDS = [2908, 2909, 2911, 2910];
const ACTION_SIDS = [2899, 2900, 2898, 2897, 2895, 2896, 2894];
const DIRECTION_SIDS = [2875, 2877, 2876];

/** Without leading zero octets, one octet at least. */
function trimmed(octets: Uint8Array): Uint8Array {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  return octets.subarray(start);
}

/** Rules with the numbers of the data model. The three RuleIDs, which are not sent, are numbered 1, 2, 3 there. */
export function dumpOf(rules: RuleView[]): DumpRule[] {
  return rules.map((rule, index) => ({
    ruleId: rule.ruleIdLength === 0 ? index + 1 : rule.ruleId,
    ruleIdLength: rule.ruleIdLength,
    fields: rule.fields.map(({ descriptor: field }) => ({
      fid: field.fid,
      length: field.fl,
      position: field.fp,
      direction: DIRECTION_SIDS[field.di],
      values: field.tv.map(trimmed),
      operator: OPERATOR_SIDS[field.mo],
      operatorValue: field.mo === S.MO_MSB ? field.msb : undefined,
      action: ACTION_SIDS[field.cda],
    })),
  }));
}
