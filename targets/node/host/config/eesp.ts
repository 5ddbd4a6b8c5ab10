// EESP in files, experimental: `child.eesp` switches it on. From the AEADs of `child.esp` it makes proposals for EESP; an initiator
// offers them beside those of ESP, a responder has a policy for each, in the order that it prefers.

import { SSKDF_HKDF_SHA2_256, SSKDF_NONE } from '../../../../core/eesp/format.ts';
import { createExtra } from '../../../../core/ike/codec/extra-transforms.ts';
import { type SnTransform, TRANSFORM_SN } from '../../../../core/ike/codec/numbers.ts';
import { NONE } from '../../../../core/ike/codec/octets.ts';
import { type EespNumbers, eespNumbers } from '../../../../core/ike/codec/private-numbers.ts';
import type { ExtraTransforms, Transform, Transforms } from '../../../../core/ike/codec/proposals.ts';
import { createAdditionalKe } from '../../../../core/ike/ext/multiple-ke.ts';
import { type ChildPolicy, childPolicies, type EespPolicy, type IkePolicy } from '../../../../core/ike/state/policy.ts';
import { type Field, fieldError, inside, type Values } from './field.ts';

/** What a file says of EESP. */
export interface EespSettings {
  required: boolean;
  prefer: boolean;
  hasSn: boolean;
  sskdfs: number[];
  maxSubSa: number;
  subSa: number;
  perClass: boolean;
  numbers: EespNumbers;
}

const SSKDFS: Record<string, number[]> = {
  'hkdf-sha2-256': [SSKDF_HKDF_SHA2_256],
  either: [SSKDF_HKDF_SHA2_256, SSKDF_NONE],
  none: [SSKDF_NONE],
};

/** The numbers that a file's `privateNumbers` give. */
export function eespNumbersOf(given: unknown): EespNumbers {
  const numbers = eespNumbers();
  const values = (given ?? {}) as Partial<EespNumbers>;
  for (const name of Object.keys(numbers) as (keyof EespNumbers)[]) numbers[name] = values[name] ?? numbers[name];
  return numbers;
}

const isAead = ({ integ }: Transforms): boolean => integ.length === 0;

/** The ciphers of a proposal whose IV is in the packet: transforms 29 to 31 are those of RFC 8750. */
function explicit(one: Transforms): Transforms {
  const at = one.ciphers.flatMap((id, index) => (id >= 29 && id <= 31 ? [] : [index]));
  return { ...one, ciphers: at.map((index) => one.ciphers[index]), keyBits: at.map((index) => one.keyBits[index]) };
}

function withSskdf(own: Transform[], more: Transform[]): ExtraTransforms {
  return own.length === 0 ? createExtra(more) : createAdditionalKe([...own, ...more]);
}

/** The proposals for EESP that those for ESP stand for. */
function proposals(esp: Transforms[], { numbers, hasSn, sskdfs }: EespSettings): Transforms[] {
  const more = sskdfs.map((id): Transform => ({ type: numbers.eespSskdf, id, attributes: NONE }));
  const seen = new Set<string>();
  return (
    esp
      .filter(isAead)
      .map((one) => (hasSn ? one : explicit(one)))
      .filter(({ ciphers }) => ciphers.length > 0)
      .map((one) => ({
        ...one,
        protocol: numbers.eespProtocol,
        sn: [(hasSn ? numbers.eespSn : numbers.eespSnNone) as SnTransform],
        extra: withSskdf(one.extra?.list.filter(({ type }) => type !== TRANSFORM_SN) ?? [], more),
      }))
      // Proposals that differ in what EESP does not have.
      .filter((one) => {
        const text = JSON.stringify(one);
        return !seen.has(text) && seen.add(text);
      })
  );
}

/** Reads `child.eesp`; null: it is not there. `esp`: the proposals of the Child SA. */
export function readEesp(field: Field, values: Values, esp: Transforms[]): EespSettings | null {
  if (field.value === undefined) return null;
  const { data } = field.document as { data: Values };
  const settings: EespSettings = {
    required: values.required === true,
    prefer: values.prefer !== false,
    hasSn: values.sequenceNumbers !== 'off',
    sskdfs: SSKDFS[String(values.sskdf)],
    maxSubSa: values.maxSubSa as number,
    subSa: values.subSa as number,
    perClass: values.perClass === true,
    numbers: eespNumbersOf(data.privateNumbers),
  };
  if (esp.length > 0 && proposals(esp, settings).length === 0) {
    const name = settings.hasSn ? 'sskdf' : 'sequenceNumbers';
    const limit = settings.hasSn ? 'EESP needs an AEAD in esp' : 'needs an AEAD without -iiv in esp';
    throw fieldError({ ...inside(field, name), value: values[name] }, limit);
  }
  if (settings.sskdfs.some((id) => id !== SSKDF_NONE)) return settings;
  for (const name of ['maxSubSa', 'subSa'] as const) {
    if (settings[name] > 0) throw fieldError(inside(field, name), 'must be 0 where sskdf is none');
  }
  return settings;
}

/** A Child SA's policy with EESP beside ESP, or alone where it is required. */
function beside(child: ChildPolicy, settings: EespSettings): ChildPolicy {
  const { maxSubSa: maxId, subSa: session, perClass, numbers, required, prefer } = settings;
  const own: EespPolicy = { maxId, session, perClass, snNone: numbers.eespSnNone, alone: null, plain: null };
  const eesp = proposals(child.esp, settings);
  const alone: ChildPolicy = {
    ...child,
    // A store tells the two by their names.
    name: required ? child.name : `${child.name} eesp`,
    esp: eesp,
    notify: null,
    compression: null,
    eesp: own,
  };
  if (required) return alone;
  const esp = prefer ? [...eesp, ...child.esp] : [...child.esp, ...eesp];
  return { ...child, esp, eesp: { ...own, alone, plain: child } };
}

/** The policy of an initiator: both are in one SA payload. */
export function offeringEesp(policy: IkePolicy, settings: EespSettings | null): IkePolicy {
  if (settings === null) return policy;
  const [child, ...children] = childPolicies(policy).map((one) => beside(one, settings));
  return { ...policy, child, ...(policy.children === undefined ? {} : { children }) };
}

/** The policy of a responder, which takes the first of its Child SAs' policies that fits. */
export function acceptingEesp(policy: IkePolicy, settings: EespSettings | null): IkePolicy {
  if (settings === null) return policy;
  const [child, ...children] = childPolicies(policy).flatMap((one) => {
    const both = beside(one, settings);
    const { alone, plain } = both.eesp!;
    if (alone === null || plain === null) return [both];
    return settings.prefer ? [alone, plain] : [plain, alone];
  });
  // The initiator asks for them.
  return { ...policy, child, children: children.map((one) => ({ ...one, passive: true })) };
}
