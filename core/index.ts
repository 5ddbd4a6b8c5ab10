// `dietesp`: the whole portable core, for programs that bring their own engine or transport. Each layer has an entry of
// its own: `dietesp/schc`, `/dietesp`, `/esp`, `/ike`, `/link`, `/wire`, `/crypto`, `/device`.

export * from './ah/index.ts';
export * from './base/index.ts';
export * from './crypto/index.ts';
export * from './device/index.ts';
export * from './dietesp/index.ts';
export * from './eesp/index.ts';
export * from './esp/index.ts';
export * from './ike/index.ts';
export * from './link/index.ts';
export * from './schc/index.ts';
export * from './wire/index.ts';
