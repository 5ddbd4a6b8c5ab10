// `mtu` of both files: MTU detection [draft-liu-ipsecme-ikev2-mtu-dect]. Where the field stands, it is on.

import type { MtuSettings } from '../mtu/paths.ts';
import { type Field, fieldError, filled, inside, keepError } from './field.ts';
import { MTU } from './mtu-schema.ts';

/** Settings with the defaults of the file. */
export function mtuDefaults(values: Partial<MtuSettings> = {}): MtuSettings {
  const { every, again, age, ...rest } = filled({}, MTU.properties!) as unknown as MtuSettings;
  const times = { every: every * 1000, again: again * 1000, age: age * 1000 };
  return { ...rest, ...times, link: 0, ...values };
}

/** The settings of the field, undefined: it is not there. */
export function mtuOf(field: Field): MtuSettings | undefined {
  if (field.value === undefined) return undefined;
  const values = filled(field.value, MTU.properties!) as unknown as MtuSettings;
  if (values.link !== undefined && values.link > 0 && values.link > values.reassembled) {
    keepError(field, fieldError(inside(field, 'link'), `must not be above \`reassembled\`, ${values.reassembled}`));
  }
  const { every, again, age } = values;
  return { ...values, link: values.link ?? 0, every: every * 1000, again: again * 1000, age: age * 1000 };
}
