// The octets in which devices of one profile differ, one field behind the other: D of targets/special/data.ts.

import type { Constants } from './fold.ts';

/** A field: `at` and its name is the constant with its offset. */
export interface DataField {
  /** `Outer` for P.atOuter. */
  name: string;
  octets: Uint8Array;
}

/** What the host finds out for one part of a device. */
export interface Facts {
  constants: Constants;
  fields: readonly DataField[];
}

/** A profile's constants, and the octets of one device. */
export interface Specialised {
  constants: Constants;
  data: Uint8Array;
}

/** Puts facts together: offsets become constants. A field that is there twice must have the same octets, and stands once. */
export function layOut(facts: readonly Facts[], more: Constants): Specialised {
  const constants: Record<string, boolean | number | string> = { ...more };
  const octets: number[] = [];
  const seen = new Map<string, Uint8Array>();
  for (const { constants: own, fields } of facts) {
    for (const [name, value] of Object.entries(own)) {
      if (constants[name] !== undefined && constants[name] !== value) throw new Error(`P.${name}: two values`);
      constants[name] = value;
    }
    for (const { name, octets: field } of fields) {
      const other = seen.get(name);
      if (other !== undefined) {
        if (Buffer.compare(other, field) !== 0) throw new Error(`P.at${name}: two values`);
        continue;
      }
      seen.set(name, field);
      constants[`at${name}`] = octets.length;
      octets.push(...field);
    }
  }
  constants.dataSize = octets.length;
  return { constants, data: Uint8Array.from(octets) };
}
