// Drop codes and their names: what every function that takes packets answers with. Each layer exports them with its own.

export * from './drop.ts';
export { dropName } from './drop-name.ts';
