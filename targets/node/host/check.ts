// Checks of values that a configuration gives; each throws `Error('field: value: limit')`.

import { refuse } from '../../../core/base/refuse.ts';

/** A number within low..high. */
export function inRange(field: string, value: unknown, low: number, high: number): void {
  if (!(typeof value === 'number' && Number.isFinite(value) && value >= low && value <= high)) {
    refuse(field, String(value), `must be ${low}..${high}`);
  }
}

/** An integer within low..high. */
export function integerIn(field: string, value: unknown, low: number, high: number): void {
  inRange(field, value, low, high);
  if (!Number.isInteger(value)) refuse(field, String(value), 'must be an integer');
}

/** Octets of as many hexadecimal digits as one of `lengths`. */
export function hexOf(field: string, text: unknown, lengths: number[]): Uint8Array {
  if (typeof text !== 'string' || !/^[0-9a-fA-F]*$/.test(text) || !lengths.includes(text.length)) {
    refuse(field, String(text), `must be ${lengths.join(' or ')} hexadecimal digits`);
  }
  return Uint8Array.from(Buffer.from(text as string, 'hex'));
}
