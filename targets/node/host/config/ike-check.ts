// Reading a gateway's or a sensor's file: YAML or JSON, checked against its schema, defaults filled in. The first error
// is thrown as `file:line: field: value: limit`.

import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Ajv, type ErrorObject } from 'ajv';
import { type ConfigDocument, type Path, parseConfig, pathName, readText } from '../document.ts';
import { type CommandError, errorText } from '../errors.ts';
import { SECRETS, TEXT_FIELDS } from './ike-schema.ts';
import type { Property } from './schema.ts';

export type Values = Record<string, unknown>;

/** A place in a file: what its parts are read with. */
export interface Field {
  document: ConfigDocument;
  path: Path;
  value: unknown;
}

/** Keys are a few dozen octets; more than this is a wrong file. */
const KEY_FILE_MAX = 65536;

/** A value as errors show it: secrets as their length. */
function valueText(path: Path, value: unknown): string {
  if (value === undefined) return '(missing)';
  // In a list the name is in front of the index.
  const names = path.filter((step) => typeof step === 'string');
  if (SECRETS.has(names[names.length - 1]))
    return typeof value === 'string' ? `(${value.length} characters)` : '(hidden)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? text.slice(0, 57) + '...' : text;
}

/** The error of a field, to be thrown. */
export function fieldError(field: Field, limit: string): CommandError {
  const { document, path, value } = field;
  return document.error(path, `${pathName(path) || 'file'}: ${valueText(path, value)}: ${limit}`);
}

/** The field `name` (or entry) of an object or list. */
export function inside(field: Field, ...steps: Path): Field {
  let value = field.value;
  for (const step of steps) value = (value as Values | undefined)?.[step];
  return { document: field.document, path: [...field.path, ...steps], value };
}

/** The entries of a list that may be absent. */
export function entriesOf(field: Field): Field[] {
  return Array.isArray(field.value) ? field.value.map((_, index) => inside(field, index)) : [];
}

function limitOf(problem: ErrorObject): string {
  const { minimum, maximum, description, type } = problem.parentSchema as unknown as Property;
  switch (problem.keyword) {
    case 'minimum':
    case 'maximum':
      return `must be ${minimum}..${maximum}`;
    case 'enum':
      return `must be one of ${(problem.params.allowedValues as unknown[]).join(', ')}`;
    case 'pattern':
      return `must be: ${description}`;
    case 'type':
      return `must be ${Array.isArray(type) ? type.join(' or ') : `${/^[aeiou]/.test(type!) ? 'an' : 'a'} ${type}`}`;
    default:
      return problem.message ?? problem.keyword;
  }
}

function schemaError(document: ConfigDocument, problem: ErrorObject): CommandError {
  const path: Path = [];
  let value: unknown = document.data;
  for (const step of problem.instancePath.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(key) : key);
    value = (value as Values)[key];
  }
  if (problem.keyword === 'additionalProperties') {
    const field = [...path, String(problem.params.additionalProperty)];
    return document.error(field, `${pathName(field)}: unknown field`);
  }
  if (problem.keyword === 'required') {
    const field = [...path, String(problem.params.missingProperty)];
    return document.error(path, `${pathName(field)}: (missing): is required`);
  }
  return fieldError({ document, path, value }, limitOf(problem));
}

/** Text fields that YAML read as numbers become the text as written: `link: 0001`. */
function textFields(document: ConfigDocument, value: unknown, path: Path): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (typeof inner === 'number' && TEXT_FIELDS.has(key)) (value as Values)[key] = document.source(at);
    else textFields(document, inner, at);
  }
}

/** Parses and checks the text of a file. */
export function checkText(file: string, text: string, schema: object): Field {
  const document = parseConfig(file, text);
  if (typeof document.data !== 'object' || document.data === null || Array.isArray(document.data)) {
    throw document.error([], 'file: must be an object');
  }
  textFields(document, document.data, []);
  const validate = new Ajv({ strict: false, verbose: true }).compile(schema);
  if (!validate(document.data)) throw schemaError(document, validate.errors![0]);
  return { document, path: [], value: document.data };
}

export function checkFile(file: string, schema: object): Field {
  return checkText(file, readText(file), schema);
}

/** A file's name as written in a configuration: relative to the configuration's own folder. */
export function fileOf(field: Field): string {
  return resolve(dirname(field.document.file), String(field.value));
}

/** The octets of a small file that a field names. */
export function fileOctets(field: Field): Buffer {
  const file = fileOf(field);
  try {
    if (statSync(file).size > KEY_FILE_MAX) throw new Error(`longer than ${KEY_FILE_MAX} octets`);
    return readFileSync(file);
  } catch (error) {
    const { document, path } = field;
    throw document.error(path, `${pathName(path)}: ${file}: ${errorText(error)}`);
  }
}

/** The values of an object with the schema's defaults, nested objects included. */
export function filled(value: unknown, properties: Record<string, Property>): Values {
  const full: Values = { ...(value as Values | undefined) };
  for (const [name, property] of Object.entries(properties)) {
    if (full[name] === undefined && property.default !== undefined) full[name] = property.default;
    if (property.properties !== undefined && full[name] !== undefined)
      full[name] = filled(full[name], property.properties);
  }
  return full;
}
