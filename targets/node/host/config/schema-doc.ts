// A schema as a Markdown table, for `dietesp schema --markdown` and the pages in docs/.

import { type Property, SA_OBJECT } from './schema.ts';
import type { Shape } from './validate.ts';

/** Values in words: names, limits with the unit, kinds. */
function kind(property: Shape): string {
  if (property.enum !== undefined) return property.enum.map((value) => `\`${value}\``).join(', ');
  const type = Array.isArray(property.type) ? property.type.join(' or ') : String(property.type);
  const unit = property.unit === undefined ? '' : ` ${property.unit}`;
  if (property.minimum !== undefined) return `${type} ${property.minimum}..${property.maximum}${unit}`;
  if (property.type !== 'array') return type === 'string' ? 'text' : `${type}${unit}`;
  const count = property.minItems === property.maxItems ? `${property.minItems}` : 'list';
  return `${count} × ${kind(property.items as Shape)}`;
}

function row(name: string, property: Property, required: string): string {
  const initial = property.default === undefined ? '' : `\`${JSON.stringify(property.default)}\``;
  return `| \`${name}\` | ${kind(property)} | ${required} | ${initial} | ${property.title}. ${property.description} |`;
}

/** The object whose fields are a property's: its own, or those of its list's entries. */
function objectOf(property: Shape): Shape {
  if (property.properties !== undefined) return property;
  return (property.items as Shape | undefined) ?? {};
}

function rows(shape: Shape, prefix: string, known: Map<unknown, string>): string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, property]) => {
    const full = prefix + name;
    const inner = objectOf(property);
    const nested = Object.entries(inner.properties ?? {});
    // What occurs again (a peer's connection) is not written again.
    const repeated = nested.find(([, field]) => known.has(field));
    const fresh = Object.fromEntries(nested.filter(([, field]) => !known.has(field)));
    const steps = full + (property.type === 'array' ? '[].' : '.');
    for (const field of Object.values(fresh)) known.set(field, steps);
    const more = repeated === undefined ? [] : [`| \`${steps}*\` | | | | As \`${known.get(repeated[1])}*\`. |`];
    const required = shape.required?.includes(name) === true ? 'yes' : (property.needed ?? '');
    return [row(full, property, required), ...rows({ ...inner, properties: fresh }, steps, known), ...more];
  });
}

/**
 * One row per field of a file, nested fields as `lifetime.soft_packets`. Required: yes, or when; within an object that may
 * be absent it holds where the object is there.
 */
export function schemaMarkdown(shape: Shape = SA_OBJECT): string {
  const head = ['| Field | Values | Required | Default | Meaning |', '|---|---|---|---|---|'];
  return [...head, ...rows(shape, '', new Map())].join('\n') + '\n';
}
