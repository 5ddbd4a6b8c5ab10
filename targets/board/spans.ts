// core/base/spans.ts by the board's own functions: the build of a firmware image puts the text of this file in its place, so
// it has the same exports and no import of its own. Nothing lies between: a call of `copy` is a call of the board.
//
// Every range is checked by the board, and one that leaves its buffer throws, naming the argument. A length below 1 is
// none, as in the portable functions.

/** @noSelf */
interface SpanHooks {
  copy(to: Uint8Array, toOffset: number, from: Uint8Array, fromOffset: number, length: number): void;
  fill(buffer: Uint8Array, offset: number, length: number, value: number): void;
  equal(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): boolean;
  difference(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, mask: Uint8Array, length: number): number;
  sum(buffer: Uint8Array, offset: number, length: number, sum: number): number;
  fcs(buffer: Uint8Array, offset: number, length: number): number;
}

declare const board: SpanHooks;

export const copy = board.copy;
export const fill = board.fill;
export const equal = board.equal;
export const lastDifference = board.difference;
export const sumWords = board.sum;
export const frameFcs = board.fcs;
