// Reads a gateway's or a sensor's file: fields with their place, defaults, files that fields name. The document keeps errors,
// so that the rest of the file is read.

import { dirname, resolve } from 'node:path';
import { type ConfigDocument, parseConfig, valueText } from '../document.ts';
import { CommandError, errorText, FieldError, FieldErrors, type FieldPath, isRefusal } from '../errors.ts';
import { openToOthers, readOctets } from '../read-file.ts';
import { type FileKind, refuseOtherKind } from './kind.ts';
import type { Property } from './schema.ts';
import { type Shape, validate } from './validate.ts';

export type Values = Record<string, unknown>;

/** A place in a file: what its parts are read with. */
export interface Field {
  /** The file. */
  document: ConfigDocument;
  /** Names and indexes down to the field. */
  path: FieldPath;
  /** What the file says there, as a plain value; undefined: the field is absent. */
  value: unknown;
}

/** Keys are a few dozen octets; more than this is a wrong file. */
const KEY_FILE_MAX = 65536;

/** The error of a field, to be thrown. */
export function fieldError(field: Field, limit: string): FieldError {
  const { document, path, value } = field;
  return document.error(path, valueText(path, value), limit);
}

/** The field `name` (or entry) of an object or list. */
export function inside(field: Field, ...steps: FieldPath): Field {
  let value = field.value;
  for (const step of steps) value = (value as Values | undefined | null)?.[step];
  return { document: field.document, path: [...field.path, ...steps], value };
}

/** The entries of a list that may be absent; those that were refused are left out. */
export function entriesOf(field: Field): Field[] {
  if (!Array.isArray(field.value)) return [];
  return field.value.map((_, index) => inside(field, index)).filter(({ value }) => value !== undefined);
}

/** Steps of a field that the core or a check calls by name: `lifetime.soft_packets`. */
function stepsOf(name: string): FieldPath {
  return name.split('.');
}

/** Keeps an error in the document of `field`; what is about another field is put there. */
export function keepError(field: Field, error: unknown): void {
  const { document, path } = field;
  if (error instanceof FieldErrors) for (const one of error.errors) document.keep(one);
  else if (error instanceof FieldError) {
    document.keep(error.line > 0 ? error : document.error([...path, ...error.path], error.value, error.limit));
  } else if (isRefusal(error))
    document.keep(document.error([...path, ...stepsOf(error.field)], error.value, error.limit));
  else if (error instanceof CommandError) document.keep(document.error(path, '', error.message));
  else throw error;
}

/** Reads a part of a file: what is wrong in it is kept, and `instead` stands for the part. */
export function attempt<Part>(field: Field, read: () => Part, instead: Part): Part {
  try {
    return read();
  } catch (error) {
    keepError(field, error);
    return instead;
  }
}

/** Parses the text of a file and checks it against its schema; what is wrong is kept in the document. */
export function checkText(file: string, text: string, schema: Shape, kind: FileKind): Field {
  const document = parseConfig(file, text);
  const { data } = document;
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw document.error([], '', 'must be an object');
  }
  refuseOtherKind(document, kind);
  validate(document, schema, data, []);
  return { document, path: [], value: data };
}

/** A file's name as written in a configuration: relative to the configuration's own folder. */
export function fileOf(field: Field): string {
  return resolve(dirname(field.document.file), String(field.value));
}

/** False for what may be a key with an error in it, which is no name of a file either. */
function isFileName(text: string): boolean {
  const parts = text.split(/[/\\]/);
  return parts.every((part) => part.length < 32) && (text.length < 40 || parts[parts.length - 1].includes('.'));
}

/** The octets of a file that a field names, at most `most`. */
export function fileOctets(field: Field, most = KEY_FILE_MAX): Buffer {
  const file = fileOf(field);
  try {
    return readOctets(file, most);
  } catch (error) {
    throw field.document.error(field.path, isFileName(String(field.value)) ? file : '(hidden)', errorText(error));
  }
}

/** Warns when others than its owner may read a file with a key. */
export function warnOfOthers(document: ConfigDocument, file: string): void {
  const text = openToOthers(file);
  if (text !== '' && !document.warnings.includes(text)) document.warnings.push(text);
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
