// `child.subspaces`: further transforms in the proposals of a Child SA [draft-ponchon-ipsecme-anti-replay-subspaces-03].

import { createExtra } from '../../../../core/ike/codec/extra-transforms.ts';
import { TRANSFORM_SN } from '../../../../core/ike/codec/numbers.ts';
import { type PrivateNumbers, privateNumbers } from '../../../../core/ike/codec/private-numbers.ts';
import type { Transforms } from '../../../../core/ike/codec/proposals.ts';
import { createAdditionalKe } from '../../../../core/ike/ext/multiple-ke.ts';
import { subspaceTransform } from '../../../../core/ike/ext/subspaces.ts';
import { entriesOf, type Field, fieldError } from './field.ts';
import { ESN_NONE } from './ike-schema.ts';

/** True when one of these proposals offers subspaces. */
export function hasSubspaces(proposals: Transforms[]): boolean {
  return proposals.some(({ extra }) => extra?.list.some(({ type }) => type === TRANSFORM_SN) ?? false);
}

/**
 * Adds the subspaces of `field` to ESP proposals. `esn`: that field; `isCompressed`: compression is required. Throws the error
 * of a combination that cannot be.
 */
export function addSubspaces(esp: Transforms[], field: Field, esn: Field, isCompressed: boolean): Transforms[] {
  const counts = Array.isArray(field.value)
    ? entriesOf(field).map(({ value }) => Number(value))
    : [Number(field.value)];
  const isAlone = esn.value === ESN_NONE;
  if (counts[0] === 0) {
    if (isAlone) throw fieldError(esn, 'must be off, on or both without subspaces');
    return esp;
  }
  if (new Set(counts).size < counts.length) throw fieldError(field, 'must have each number once');
  if (isAlone && isCompressed) {
    throw fieldError(
      field,
      'must be 0 with esn none and compression.required: Diet-ESP and subspaces exclude each other',
    );
  }
  const { privateNumbers: own } = field.document.data as { privateNumbers?: Partial<PrivateNumbers> };
  const list = counts.map((count) => subspaceTransform(count, { ...privateNumbers(), ...own }));
  return esp.map((one) => {
    const extra = one.extra === undefined ? createExtra(list) : createAdditionalKe([...one.extra.list, ...list]);
    return { ...one, extra };
  });
}
