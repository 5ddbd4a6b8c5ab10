// The built-ins that portable code may use: those that are present and right on all engines. test/engines/language.test.ts
// runs each on every engine. The subset check and property mangling read these lists: a property name that is not here is
// the project's own and may be renamed.

/** Global values, and their static members; an empty list means "only with new, or as a call". */
export const GLOBALS: Readonly<Record<string, readonly string[]>> = {
  Uint8Array: [],
  Uint16Array: [],
  Int32Array: [],
  Uint32Array: [],
  Float64Array: [],
  // Espruino lacks RangeError.
  Error: [],
  TypeError: [],
  // Espruino's pow is inexact even if the result is whole: Math.pow(2, 32) is 4294967295.99.
  Math: ['floor', 'ceil', 'round', 'abs', 'min', 'max', 'sqrt', 'log', 'pow'],
  String: ['fromCharCode'],
  undefined: [],
  NaN: [],
  Infinity: [],
};

/** Members of typed arrays: on Lua a typed array is a plain table with a length. */
export const TYPED_ARRAY_MEMBERS: readonly string[] = ['length'];
/** No member that takes a function: on Lua a named function gets its arguments shifted by one. */
export const ARRAY_MEMBERS: readonly string[] = ['length', 'push', 'pop', 'join', 'indexOf', 'slice'];
export const STRING_MEMBERS: readonly string[] = [
  'length',
  'charCodeAt',
  'charAt',
  'substring',
  'slice',
  'indexOf',
  'split',
  'toUpperCase',
  'toLowerCase',
];
export const NUMBER_MEMBERS: readonly string[] = ['toString', 'toFixed'];
/** Without `name`, which Espruino lacks. */
export const ERROR_MEMBERS: readonly string[] = ['message'];

/** Property names that belong to the engine and must survive mangling. */
export function builtinMembers(): string[] {
  const names = new Set<string>(['constructor', 'prototype']);
  for (const list of [TYPED_ARRAY_MEMBERS, ARRAY_MEMBERS, STRING_MEMBERS, NUMBER_MEMBERS, ERROR_MEMBERS]) {
    for (const name of list) names.add(name);
  }
  for (const members of Object.values(GLOBALS)) for (const name of members) names.add(name);
  return [...names].sort();
}
