// Rules for CoAP in a connection: made from paths, or read from a file of SCHC rules. All connections with the same rules share
// one compiled set.

import { createHash } from 'node:crypto';
import { COAP_HASH, type CoapRules, createCoapRules } from '../../../../core/dietesp/coap-rules.ts';
import { coapRuleSet } from '../../../../core/dietesp/coap-set.ts';
import type { ChildPolicy } from '../../../../core/ike/state/policy.ts';
import { canonicalRules } from '../../../../core/schc/canonical.ts';
import type { Rule } from '../../../../core/schc/model.ts';
import { errorText } from '../errors.ts';
import { readSchcCbor } from '../rules/cbor.ts';
import { readSchcJson } from '../rules/json.ts';
import { attempt, type Field, fieldError, fileOctets, inside, keepError, type Values } from './field.ts';

/** Octets of the largest packet that is compressed. */
const ROOM = 65536;
/** Compiled sets that are remembered. */
const SETS_MAX = 64;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

const sets = new Map<string, CoapRules>();

/** The name of a rule set, as peers know it. */
export function coapName(rules: Rule[]): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(canonicalRules(rules)).digest().subarray(0, COAP_HASH));
}

/** The rules for these paths, `/` between their parts. */
export function coapPathRules(paths: readonly string[]): Rule[] {
  return coapRuleSet(paths.map((path) => Uint8Array.from(Buffer.from(path))));
}

/** Rules compiled for one side. Throws like createCoapRules. */
export function coapSet(rules: Rule[], isDev: boolean): CoapRules {
  const hash = coapName(rules);
  const key = `${Buffer.from(hash).toString('hex')} ${isDev}`;
  const known = sets.get(key);
  if (known !== undefined) return known;
  const set = createCoapRules(rules, hash, isDev, ROOM);
  if (sets.size === SETS_MAX) sets.clear();
  sets.set(key, set);
  return set;
}

/** Rules of a file: JSON, or CBOR. */
function fileRules(octets: Buffer): Rule[] {
  const text = octets.toString('utf8').trimStart();
  const isJson = [OPEN_BRACE, OPEN_BRACKET].includes(text.charCodeAt(0));
  return isJson ? readSchcJson(text) : readSchcCbor(octets);
}

function pathsOf(field: Field): Rule[] {
  const paths = field.value as string[];
  const same = paths.map((path) => path.split('/').filter(Boolean).join('/'));
  const doubled = paths.find((_path, i) => same.indexOf(same[i]) < i);
  if (doubled !== undefined) throw fieldError({ ...field, value: doubled }, 'is there twice');
  const long = paths.find((path) => path.split('/').some((part) => Buffer.byteLength(part) > 255));
  if (long !== undefined) throw fieldError({ ...field, value: long }, 'must have parts of at most 255 octets');
  return coapPathRules(paths);
}

/** The policy's `coap` from the field of that name; nothing where the file has none. */
export function coapOf(field: Field, isCompressed: boolean, isDev: boolean): Pick<ChildPolicy, 'coap'> {
  if (field.value === undefined) return {};
  const values = field.value as Values;
  const paths = inside(field, 'paths');
  const rules = inside(field, 'rules');
  const isFile = rules.value !== undefined;
  if (isFile === (paths.value !== undefined)) {
    keepError(field, fieldError({ ...field, value: isFile ? 'both' : 'none' }, 'must have one of `paths` and `rules`'));
    return {};
  }
  if (!isCompressed) {
    keepError(field, fieldError({ ...field, value: 'notify none' }, 'needs a notify, hcp or ehc, beside it'));
    return {};
  }
  const from = isFile ? rules : paths;
  const set = attempt(
    from,
    () => {
      if (!isFile) return coapSet(pathsOf(paths), isDev);
      const octets = fileOctets(rules);
      try {
        return coapSet(fileRules(octets), isDev);
      } catch (error) {
        throw fieldError(rules, errorText(error));
      }
    },
    null,
  );
  return set === null ? {} : { coap: { rules: set, required: values.required === true } };
}
