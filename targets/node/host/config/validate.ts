// Checks a file's data against its schema, with messages for the files' users. The document keeps all errors; misspelt names
// get a suggestion. Wrong values are removed from the data, so that reading continues and finds the rest. A number in place
// of text becomes the text as written (`link: 0001`). Supports the part of JSON Schema that the schemas use.

import { type ConfigDocument, valueText } from '../document.ts';
import type { FieldPath } from '../errors.ts';
import { didYouMean, nearest } from '../suggest.ts';
import type { Property } from './schema.ts';
import { isHidden, isHolder } from './secrets.ts';

type Values = Record<string, unknown>;
/** What items and the whole of a file have of a property. */
export type Shape = Partial<Property>;

const TYPES: Record<string, string> = {
  string: 'text',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return value === null;
  }
}

function typesOf(shape: Shape): string[] {
  const { type } = shape;
  return type === undefined ? [] : Array.isArray(type) ? type : [type];
}

/** Why `value` itself is refused, or ''. */
export function limitOf(shape: Shape, value: unknown): string {
  const types = typesOf(shape);
  const { minimum, maximum, minItems, maxItems } = shape;
  if (shape.enum !== undefined && !shape.enum.includes(value)) {
    const names = shape.enum.map(String);
    return `must be one of ${names.join(', ')}${typeof value === 'string' ? didYouMean(value, names) : ''}`;
  }
  if (types.length > 0 && !types.some((type) => isOf(type, value))) {
    return `must be ${types.map((type) => TYPES[type]).join(' or ')}`;
  }
  if (typeof value === 'number') {
    if ((minimum !== undefined && value < minimum) || (maximum !== undefined && value > maximum)) {
      return `must be ${minimum}..${maximum}`;
    }
  }
  if (typeof value === 'string' && shape.pattern !== undefined && !new RegExp(shape.pattern, 'su').test(value)) {
    return `must be ${shape.mustBe ?? `as ${shape.pattern}`}`;
  }
  if (Array.isArray(value)) {
    const { length } = value;
    if (minItems !== undefined && minItems === maxItems && length !== minItems) return `must have ${minItems} entries`;
    if (minItems !== undefined && length < minItems) return `must have ${minItems} or more entries`;
    if (maxItems !== undefined && length > maxItems) return `must have at most ${maxItems} entries`;
  }
  return '';
}

/** A name that may be shown: ours misspelt, or at least a word, and not where a key may stand. */
function isShown(path: FieldPath, name: string, known: string[]): boolean {
  if (nearest(name, known) !== undefined) return true;
  const isNear = path.length > 0 && isHolder(path);
  return !isNear && !isHidden(path) && /^[A-Za-z_][A-Za-z0-9_-]{0,31}$/.test(name);
}

/** The fields of an object: unknown ones, missing ones, then each. */
function checkFields(document: ConfigDocument, shape: Shape, values: Values, path: FieldPath): void {
  const properties = shape.properties ?? {};
  const known = Object.keys(properties);
  for (const name of Object.keys(values)) {
    if (Object.hasOwn(properties, name)) continue;
    const value = values[name];
    delete values[name];
    const meant = nearest(name, known);
    const shown = isShown(path, name, known);
    const limit = `unknown field${shown ? didYouMean(name, known) : `; must be one of ${known.join(', ')}`}`;
    const { line } = document.error([...path, name], '', limit);
    const error = shown ? document.error([...path, name], '', limit) : document.error(path, '(hidden)', limit);
    document.keep(Object.assign(error, { line }));
    // What was meant is read, so that it is not missing too.
    if (meant !== undefined && values[meant] === undefined && !known.includes(name)) {
      document.alias([...path, meant], name);
      values[meant] = value;
    }
  }
  for (const name of shape.required ?? []) {
    if (values[name] === undefined) document.keep(document.error([...path, name], '(missing)', 'is required'));
  }
  for (const [name, property] of Object.entries(properties)) {
    if (values[name] === undefined) continue;
    const value = validate(document, property, values[name], [...path, name]);
    if (value === undefined) delete values[name];
    else values[name] = value;
  }
}

/** The value to go on with; undefined where it is refused. */
export function validate(document: ConfigDocument, shape: Shape, given: unknown, path: FieldPath): unknown {
  let value = given;
  if (typeof value === 'number' && shape.type === 'string' && shape.enum === undefined) {
    value = document.source(path) ?? String(value);
  }
  const limit = limitOf(shape, value);
  if (limit !== '') {
    document.keep(document.error(path, valueText(path, value), limit));
    return undefined;
  }
  if (Array.isArray(value)) {
    const items = shape.items as Shape | undefined;
    if (items !== undefined) {
      value.forEach((entry, index) => {
        value[index] = validate(document, items, entry, [...path, index]);
      });
    }
  } else if (typeof value === 'object' && value !== null) {
    checkFields(document, shape, value as Values, path);
  }
  return value;
}
