// The functions of core/base/spans.ts, by the board. The build of a firmware image replaces that file with the text of this
// one, so it has the same exports and no imports. A call of `copy` calls the board directly.
//
// The board checks every range. A range that leaves its buffer throws an error that names the argument. A length below 1
// does nothing, as in the portable functions.

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
