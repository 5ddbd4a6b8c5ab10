// A radio's configuration and its check, for gateways and sensors.

import { createContexts, DATAGRAM_MAX } from '../../../../core/wire/sixlowpan.ts';
import { hexOf, inRange, integerIn, refuseAt } from '../check.ts';
import type { FieldPath } from '../errors.ts';
import { CONTEXT_FORM, readContext } from './contexts.ts';
import { KIND_NAMES, KINDS, kindOf } from './kinds.ts';
import type { CheckedRadio, RadioConfig } from './settings.ts';

export type { CheckedRadio, RadioConfig } from './settings.ts';

/** Checks the radio at `path`; `name` where it has none. Throws a FieldError. */
export function checkRadio(radio: RadioConfig, path: FieldPath, name: string): CheckedRadio {
  const given = [radio.radio, ...KIND_NAMES.map((kind) => radio[kind])].filter((one) => one !== undefined).length;
  if (given !== 1) {
    const names = ['radio', ...KIND_NAMES].map((one) => `\`${one}\``);
    const rule = `must have one of ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
    refuseAt(path, given === 0 ? 'no radio' : given === 2 ? 'two radios' : 'several radios', rule);
  }
  const kind = kindOf(radio);
  if (kind !== undefined) KINDS[kind].check(radio, path);
  integerIn([...path, 'panId'], radio.panId, 0, 0xfffe);
  if (radio.shortAddress !== undefined) integerIn([...path, 'shortAddress'], radio.shortAddress, 0, 0xfffd);
  integerIn([...path, 'queue'], radio.queue ?? 1, 1, 255);
  integerIn([...path, 'neighbours'], radio.neighbours ?? 1, 1, 524288);
  inRange([...path, 'ackWait'], radio.ackWait ?? 1, 0.1, 10000);
  integerIn([...path, 'reassemblies'], radio.reassemblies ?? 1, 1, 65535);
  inRange([...path, 'reassemblyTime'], radio.reassemblyTime ?? 1, 1, 60000);
  integerIn([...path, 'maxSize'], radio.maxSize ?? 40, 40, DATAGRAM_MAX);
  return {
    ...radio,
    name: radio.name ?? name,
    address:
      radio.extendedAddress === undefined ? null : hexOf([...path, 'extendedAddress'], radio.extendedAddress, [16]),
  };
}

/** 6LoWPAN contexts 0, 1, ... from texts `fd00::/64`, `fd00::/64 C=0`; throws a FieldError. */
export function checkContexts(texts: string[]): Uint8Array {
  if (texts.length > 16) refuseAt(['contexts'], texts.length, 'must be 16 at most');
  const contexts = createContexts(texts.length);
  texts.forEach((text, id) => {
    if (!readContext(contexts, id, String(text))) refuseAt(['contexts', id], text, `must be ${CONTEXT_FORM}`);
  });
  return contexts;
}
