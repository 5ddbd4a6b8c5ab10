// The rules of the SAs of a file, in the forms that are printed.

import type { Rule } from '../../../../core/schc/model.ts';
import { loadSaFile } from '../../host/config/sa.ts';
import { type RuleView, rulesOf } from '../../host/explain/rules-view.ts';
import { providerNamed } from '../../host/provider/by-name.ts';
import { schcJson } from '../../host/rules/json.ts';
import { type Sids, withSids } from '../../host/rules/sid.ts';
import { createSas } from '../convert/convert.ts';
import { rulesCbor } from './cbor-diagnostic.ts';
import { dumpOf } from './dump.ts';

/** An SA and the rules IIPC, CTEC and EEC that both peers derive from it. */
export interface DerivedRules {
  name: string;
  rules: RuleView[];
}

/** The rules of every SA of a file. Throws a CommandError: what the core refuses has no rules. */
export async function deriveRules(file: string): Promise<DerivedRules[]> {
  const loaded = loadSaFile(file);
  createSas(loaded, await providerNamed('node'));
  return loaded.map(({ name, attributes, config }) => ({ name, rules: rulesOf(attributes, config.suite) }));
}

/** Rules as plain data, for people and their programs. */
export function rulesData(sa: DerivedRules): object {
  const { name, rules } = sa;
  return {
    sa: name,
    rules: rules.map(({ fields, ...rule }) => ({
      ...rule,
      fields: fields.map(({ descriptor: _descriptor, ...field }) => field),
    })),
    // What readSchcJson takes of it.
    schc: rulesSchc(sa),
  };
}

/** A rule as the SCHC layer takes it. */
function ruleOf({ ruleId, ruleIdLength, fields }: RuleView): Rule {
  return { ruleId, ruleIdLength, fields: fields.map(({ descriptor }) => descriptor) };
}

/** Rules as readSchcJson takes them. */
export function rulesSchc({ rules }: DerivedRules): ReturnType<typeof schcJson> {
  return schcJson(rules.map(ruleOf));
}

/** Rules as one CBOR data item [RFC 9363, RFC 9254], `sids`: numbers of a `.sid` file; those of several SAs are a CBOR sequence [RFC 8742]. */
export function rulesItem({ rules }: DerivedRules, sids: Sids | null): Uint8Array {
  const octets = rulesCbor(dumpOf(rules));
  return sids === null ? octets : withSids(octets, sids);
}
