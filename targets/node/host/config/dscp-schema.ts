// Fields of a Child SA about DSCP: docs/dscp.md.

import { entries, flag, list, object, text } from './properties.ts';
import type { Property } from './schema.ts';

export const dscpValues = { type: 'integer', minimum: 0, maximum: 63 };

/** A name of one of several Child SAs. */
export const LABEL = (title: string, description: string): Property =>
  text(title, description, { pattern: '^[A-Za-z0-9_-]{1,32}$', mustBe: '1 to 32 letters, digits, `_` or `-`' });

export const DSCP_FIELDS: Record<string, Property> = {
  dscp: list('DSCP', 'Values that this side will send, for the DSCP notify.', dscpValues, 64),
  dscpClasses: entries(
    'DSCP classes',
    'One more Child SA for each, with the same selectors; this one is for all other values. See docs/dscp.md.',
    object(
      'Class',
      'DSCP values that share a Child SA.',
      {
        name: LABEL('Name', 'For logs and metrics.'),
        dscp: { ...list('DSCP', 'Values of the class, each in one class alone.', dscpValues, 64), minItems: 1 },
      },
      ['name', 'dscp'],
    ),
    16,
  ),
  tsDscp: flag(
    'TS_DSCP',
    'The values of `dscpClasses` are traffic selectors: packets that come in under such an SA with another value are dropped.',
    false,
  ),
  tsDscpOptional: flag(
    'TS_DSCP optional',
    'true: an SA whose TS_DSCP the peer leaves out is for every value; false: it is deleted.',
    false,
  ),
};
