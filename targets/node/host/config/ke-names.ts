// Key exchange methods as text: `x25519`, or several one after the other, `x25519-mlkem768` [RFC 9370].

import {
  KE_ML_KEM_512,
  KE_ML_KEM_768,
  KE_ML_KEM_1024,
  KE_P256,
  KE_X25519,
  type KeMethod,
} from '../../../../core/crypto/asymmetric.ts';
import { TRANSFORM_ADDKE1, TRANSFORM_ADDKE7 } from '../../../../core/ike/codec/numbers.ts';
import { NONE } from '../../../../core/ike/codec/octets.ts';
import type { Transform, Transforms } from '../../../../core/ike/codec/proposals.ts';
import { additionalKes, createAdditionalKe } from '../../../../core/ike/ext/multiple-ke.ts';
import { didYouMean } from '../suggest.ts';
import { entriesOf, type Field, fieldError } from './field.ts';

export const KE_METHODS: Record<string, KeMethod> = {
  x25519: KE_X25519,
  p256: KE_P256,
  mlkem512: KE_ML_KEM_512,
  mlkem768: KE_ML_KEM_768,
  mlkem1024: KE_ML_KEM_1024,
};

/** The key exchange part of one proposal. */
export type KeOffer = Pick<Transforms, 'ke' | 'extra'>;

const MOST = 1 + TRANSFORM_ADDKE7 - TRANSFORM_ADDKE1 + 1;

/** The methods of one entry, the first key exchange first. */
function methodsOf(field: Field): KeMethod[] {
  const known = Object.keys(KE_METHODS);
  const names = String(field.value).toLowerCase().split('-');
  for (const name of names) {
    if (Object.hasOwn(KE_METHODS, name)) continue;
    const limit = `must be ${known.join(', ')}, or several with - between them${didYouMean(name, known)}`;
    throw fieldError(field, limit);
  }
  if (names.length > MOST) throw fieldError(field, `must be ${MOST} methods at most [RFC 9370 §2.2.1]`);
  if (new Set(names).size < names.length) throw fieldError(field, 'must have each method once [RFC 9370 §2.2.2]');
  return names.map((name) => KE_METHODS[name]);
}

/**
 * What a list of entries offers: neighbours without additional key exchanges share a proposal, others have their own, so
 * that a peer without RFC 9370 finds one that it knows. An empty list: proposals without key exchange.
 */
export function keOffersOf(field: Field): KeOffer[] {
  const entries = entriesOf(field).map(methodsOf);
  if (entries.length === 0) return [{ ke: [] }];
  // Without any such entry nothing is different from a host without RFC 9370.
  const hasMore = entries.some((methods) => methods.length > 1);
  const offers: KeOffer[] = [];
  let open: KeMethod[] | null = null;
  for (const [first, ...more] of entries) {
    if (more.length === 0 && open !== null) {
      open.push(first);
      continue;
    }
    const ke = [first];
    open = more.length === 0 ? ke : null;
    const list = more.map((id, index): Transform => ({ type: TRANSFORM_ADDKE1 + index, id, attributes: NONE }));
    offers.push(hasMore ? { ke, extra: createAdditionalKe(list) } : { ke });
  }
  return offers;
}

/** `x25519`; `none` for 0; the number of what has no name here. */
function nameOf(method: number): string {
  const name = Object.keys(KE_METHODS).find((one) => KE_METHODS[one] === method);
  return name ?? (method === 0 ? 'none' : String(method));
}

/** `x25519`, `x25519-mlkem768`: what was agreed. */
export function keName(method: number, transforms: Transform[] = []): string {
  return [method, ...additionalKes(transforms)].map(nameOf).join('-');
}

/** What proposals offer: `x25519-mlkem768, x25519, p256`. */
export function keNames(proposals: Transforms[]): string {
  const names = proposals.flatMap(({ ke, extra }) => ke.map((method) => keName(method, extra?.list)));
  return [...new Set(names)].join(', ');
}

/** The first method of these proposals whose IKE_SA_INIT passes the MTU of a radio, or undefined. */
function tooLarge(proposals: Transforms[]): string | undefined {
  const large: number[] = [KE_ML_KEM_768, KE_ML_KEM_1024];
  const found = proposals.flatMap(({ ke }) => ke).find((method) => large.includes(method));
  return found === undefined ? undefined : nameOf(found);
}

/** Refuses what a radio cannot carry: `field` is the list `ke` of the IKE SA. */
export function checkRadioKe(field: Field, proposals: Transforms[], fragmentSize: number): void {
  const name = tooLarge(proposals);
  if (name !== undefined) {
    const limit =
      `${name} must not come first over a radio: IKE_SA_INIT cannot be fragmented and would pass 1,280 octets; ` +
      `x25519-${name} is in IKE_INTERMEDIATE, which can`;
    throw fieldError(field, limit);
  }
  const more = proposals.some(({ extra }) => additionalKes(extra?.list ?? []).length > 0);
  if (more && fragmentSize === 0) {
    throw fieldError(field, 'additional key exchanges over a radio need fragments: fragmentSize must not be 0');
  }
}
