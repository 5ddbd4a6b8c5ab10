// Checks of values in a configuration. Each throws a FieldError: `field: value: limit`.

import { FieldError, type FieldPath } from './errors.ts';

/** Throws a FieldError of a configuration that is in no file. */
export function refuseAt(path: FieldPath, value: unknown, limit: string): never {
  throw new FieldError({ file: '', line: 0, path, value: value === undefined ? '(missing)' : String(value), limit });
}

/** A number within low..high. */
export function inRange(path: FieldPath, value: unknown, low: number, high: number): void {
  if (!(typeof value === 'number' && Number.isFinite(value) && value >= low && value <= high)) {
    refuseAt(path, value, `must be ${low}..${high}`);
  }
}

/** An integer within low..high. */
export function integerIn(path: FieldPath, value: unknown, low: number, high: number): void {
  inRange(path, value, low, high);
  if (!Number.isInteger(value)) refuseAt(path, value, 'must be an integer');
}

/** Octets of as many hexadecimal digits as one of `lengths`. */
export function hexOf(path: FieldPath, text: unknown, lengths: number[]): Uint8Array {
  if (typeof text !== 'string' || !/^[0-9a-fA-F]*$/.test(text) || !lengths.includes(text.length)) {
    refuseAt(path, text, `must be ${lengths.join(' or ')} hexadecimal digits`);
  }
  return Uint8Array.from(Buffer.from(text as string, 'hex'));
}
