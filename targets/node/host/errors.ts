// Errors of configuration and of the command line: clear lines on stderr and an exit code, no stack trace.

import type { Refusal } from '../../../core/base/refuse.ts';

/** Something the user can put right. `code`: 1 failed, 2 wrong use of the command line. */
export class CommandError extends Error {
  /** Exit status of the command line: 1 failed, 2 wrong use. */
  readonly code: number;

  /** `message` is shown as it is. */
  constructor(message: string, code = 1) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
  }

  /** An error of the system or of the core, about `subject` (a file name), in one line. */
  static from(subject: string, error: unknown): CommandError {
    return new CommandError(`${subject}: ${errorText(error)}`);
  }
}

/** Where a field stands: names of fields and places in lists. */
export type FieldPath = (string | number)[];

/** Longer names are no fields of ours. */
const NAME_MAX = 100;

/** A text as a message or a table shows it: no line ends, and nothing that a terminal obeys. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (letter) => `\\u{${letter.codePointAt(0)!.toString(16)}}`);
}

/** JSON whose texts have nothing that a terminal obeys: such letters are escaped, so its value is the same. */
export function printableJson(data: unknown, indent = 0): string {
  return JSON.stringify(data, null, indent).replaceAll(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, (letter) =>
    Array.from({ length: letter.length }, (_, i) => `\\u${letter.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}

/** A field's name as a message shows it. */
function shownName(name: string): string {
  const text = printable(name);
  return text.length > NAME_MAX ? `${text.slice(0, NAME_MAX - 3)}...` : text;
}

/** `['sas', 1, 'ts_ip_src', 0]` as `sas[1].ts_ip_src[0]`. */
export function pathName(path: FieldPath): string {
  let name = '';
  for (const step of path) {
    name += typeof step === 'number' ? `[${step}]` : name === '' ? shownName(step) : `.${shownName(step)}`;
  }
  return name;
}

/** What is wrong with one field of a configuration. */
export interface Fault {
  /** '' and 0 for a configuration that a program made. */
  file: string;
  /** Line in the file, from 1. */
  line: number;
  /** Empty: the file as a whole. */
  path: FieldPath;
  /** The value as text, '' where the limit says it all; never a secret. */
  value: string;
  /** What it must be. */
  limit: string;
}

/** A field of a configuration is wrong: `file:line: field: value: limit`. */
export class FieldError extends CommandError implements Fault {
  /** See `Fault.file`. */
  readonly file: string;
  /** See `Fault.line`. */
  readonly line: number;
  /** See `Fault.path`. */
  readonly path: FieldPath;
  /** See `Fault.value`. */
  readonly value: string;
  /** See `Fault.limit`. */
  readonly limit: string;

  /** Makes the message from its parts; empty ones are left out. */
  constructor({ file, line, path, value, limit }: Fault) {
    const place = line > 0 ? `${file}:${line}` : file;
    super([place, pathName(path), printable(value), printable(limit)].filter((part) => part !== '').join(': '));
    this.name = 'FieldError';
    this.file = file;
    this.line = line;
    this.path = path;
    this.value = value;
    this.limit = limit;
  }
}

/** Several fields of a file are wrong: one line for each, in the order of the file. */
export class FieldErrors extends CommandError {
  /** The errors, in the order of the file. */
  readonly errors: readonly FieldError[];

  /** Joins the messages of `errors`, one a line. */
  constructor(errors: readonly FieldError[]) {
    super(errors.map(({ message }) => message).join('\n'));
    this.name = 'FieldErrors';
    this.errors = errors;
  }
}

/** The faults that an error tells; empty where it is about no field. */
export function faultsOf(error: unknown): readonly FieldError[] {
  if (error instanceof FieldErrors) return error.errors;
  return error instanceof FieldError ? [error] : [];
}

/** True for an error of the core that carries the field, its value and its limit. */
export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && typeof (error as Partial<Refusal>).limit === 'string' && 'field' in error;
}

const SYSTEM: Record<string, string> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ENOSPC: 'no space left on the device',
  EEXIST: 'exists already',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'too many symbolic links',
  EDQUOT: 'the quota of the disk is used up',
  EIO: 'the device has a fault',
};

/** The text of any thrown value, in one line. */
export function errorText(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (typeof code === 'string' && SYSTEM[code] !== undefined) return SYSTEM[code];
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, ' ');
}
