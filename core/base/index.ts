// Drop codes and their names: every function that takes packets returns them. Each layer exports them with its own symbols.

export { type Address, addressOf } from './address.ts';
export * from './drop.ts';
export { dropName } from './drop-name.ts';
export type { Refusal } from './refuse.ts';
