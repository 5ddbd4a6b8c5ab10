// The fields of the files that hold keys. Errors show no value of them, none below them, and none in place of an object that
// has them: in `auth: hunter2` a key is in the wrong place.

import { GATEWAY_PROPERTIES, SENSOR_PROPERTIES } from './ike-files.ts';
import { type Property, SA_PROPERTIES } from './schema.ts';

type Step = string | number;

const SECRETS = new Set<string>();
const HOLDERS = new Set<string>(['sas']);

/** Notes the names below `properties`; true when one is a secret. */
function note(properties: Record<string, Property>): boolean {
  let holds = false;
  for (const [name, property] of Object.entries(properties)) {
    const inner = property.properties ?? (property.items as Partial<Property> | undefined)?.properties;
    if (property.writeOnly === true) SECRETS.add(name);
    const innerHolds = inner !== undefined && note(inner);
    if (innerHolds) HOLDERS.add(name);
    holds ||= property.writeOnly === true || innerHolds;
  }
  return holds;
}

for (const properties of [GATEWAY_PROPERTIES, SENSOR_PROPERTIES, SA_PROPERTIES]) note(properties);

/** True for a secret and for what is below it. */
export function isHidden(path: Step[]): boolean {
  return path.some((step) => SECRETS.has(String(step)));
}

/** True for the file and for what has secrets among its fields. */
export function isHolder(path: Step[]): boolean {
  const names = path.filter((step) => typeof step === 'string');
  return names.length === 0 || HOLDERS.has(names[names.length - 1]);
}
