// The schema of SA files as a Markdown table, for `dietesp schema --markdown` and the documentation.

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

/** One row per field, nested fields as `lifetime.soft_packets`. */
export function schemaMarkdown(): string {
  const lines = ['| Field | Values | Default | Meaning |', '|---|---|---|---|'];
  for (const [name, property] of Object.entries(SA_PROPERTIES)) {
    lines.push(row(name, property));
    for (const [inner, nested] of Object.entries(property.properties ?? {}))
      lines.push(row(`${name}.${inner}`, nested));
  }
  return lines.join('\n') + '\n';
}
