// A schema as a Markdown table, for `dietesp schema --markdown` and the documentation.

import { type Property, SA_PROPERTIES } from './schema.ts';

function kind(property: Property): string {
  if (property.enum !== undefined) return property.enum.map((value) => `\`${value}\``).join(', ');
  const type = Array.isArray(property.type) ? property.type.join(' or ') : String(property.type);
  if (property.minimum !== undefined) return `${type} ${property.minimum}..${property.maximum}`;
  if (property.type !== 'array') return type;
  const items = property.items as Partial<Property>;
  const limits = items.minimum === undefined ? '' : ` ${items.minimum}..${items.maximum}`;
  const count = property.minItems === property.maxItems ? `${property.minItems}` : 'list';
  return `${count} × ${items.type}${limits}`;
}

function row(name: string, property: Property): string {
  const initial = property.default === undefined ? '' : `\`${JSON.stringify(property.default)}\``;
  return `| \`${name}\` | ${kind(property)} | ${initial} | ${property.title}. ${property.description} |`;
}

/** The fields of an object, or of the objects in a list. */
function nestedOf(property: Property): Record<string, Property> {
  return property.properties ?? (property.items as Partial<Property> | undefined)?.properties ?? {};
}

function rows(properties: Record<string, Property>, prefix: string, known: Map<unknown, string>): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const full = prefix + name;
    const nested = nestedOf(property);
    // What occurs again (a peer's connection) is not written again.
    const repeated = Object.values(nested).find((field) => known.has(field));
    const fresh = Object.fromEntries(Object.entries(nested).filter(([, field]) => !known.has(field)));
    const steps = full + (property.type === 'array' ? '[].' : '.');
    for (const field of Object.values(fresh)) known.set(field, steps);
    const more = repeated === undefined ? [] : [`| \`${steps}*\` | | | As \`${known.get(repeated)}*\`. |`];
    return [row(full, property), ...rows(fresh, steps, known), ...more];
  });
}

/** One row per field, nested fields as `lifetime.soft_packets`. */
export function schemaMarkdown(properties: Record<string, Property> = SA_PROPERTIES): string {
  const lines = ['| Field | Values | Default | Meaning |', '|---|---|---|---|', ...rows(properties, '', new Map())];
  return lines.join('\n') + '\n';
}
