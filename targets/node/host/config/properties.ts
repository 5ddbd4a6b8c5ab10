// Fields of a schema, by kind.

import type { Property } from './schema.ts';

const SECONDS_MAX = 31536000;

export function text(title: string, description: string, more: Partial<Property> = {}): Property {
  return { title, description, type: 'string', ...more };
}

export function flag(title: string, description: string, initial: boolean): Property {
  return { title, description, type: 'boolean', default: initial };
}

export function integer(
  title: string,
  description: string,
  minimum: number,
  maximum: number,
  initial?: number,
  unit?: string,
): Property {
  const property: Property = { title, description, type: 'integer', minimum, maximum };
  if (initial !== undefined) property.default = initial;
  if (unit !== undefined) property.unit = unit;
  return property;
}

export function seconds(title: string, description: string, initial: number, minimum = 0): Property {
  return { title, description, type: 'number', minimum, maximum: SECONDS_MAX, default: initial, unit: 's' };
}

export function oneOf(title: string, description: string, values: readonly string[], initial?: string): Property {
  const property: Property = { title, description, type: 'string', enum: values };
  return initial === undefined ? property : { ...property, default: initial };
}

/** `required`: the fields that must be there; `needed`: when it must be there itself, in words. */
export function object(
  title: string,
  description: string,
  properties: Record<string, Property>,
  required: string[] = [],
  needed?: string,
): Property {
  const property: Property = { title, description, type: 'object', additionalProperties: false, required, properties };
  return needed === undefined ? property : { ...property, needed };
}

export function list(title: string, description: string, items: Record<string, unknown>, maxItems: number): Property {
  return { title, description, type: 'array', items, maxItems };
}

export function entries(title: string, description: string, item: Property, maxItems = 4096): Property {
  return { title, description, type: 'array', maxItems, items: item as unknown as Record<string, unknown> };
}
