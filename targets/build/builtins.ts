// What of the language's own library the portable code may use: the part that is present and right on all engines
// (test/engines/language.test.ts runs every one of them on every engine). The subset check reads these lists, and so
// does property mangling: a property name that is not listed here is the project's own and may be renamed.

/** Global values, and their static members; an empty list means "only with new, or as a call". */
export const GLOBALS: Readonly<Record<string, readonly string[]>> = {
  Uint8Array: [],
  Uint16Array: [],
  Int32Array: [],
  Uint32Array: [],
  Float64Array: [],
  // RangeError is absent in Espruino.
  Error: [],
  TypeError: [],
  // pow is inexact in Espruino, also where the result is whole: Math.pow(2, 32) is 4294967295.99.
  Math: ['floor', 'ceil', 'round', 'abs', 'min', 'max', 'sqrt', 'log', 'pow'],
  String: ['fromCharCode'],
  undefined: [],
  NaN: [],
  Infinity: [],
};

/** Members of typed arrays: on Lua a typed array is a plain table with a length. */
export const TYPED_ARRAY_MEMBERS: readonly string[] = ['length'];
/** None that takes a function: on Lua a named function comes there with its arguments shifted by one. */
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
/** No name: absent in Espruino. */
export const ERROR_MEMBERS: readonly string[] = ['message'];

/** Every property name that belongs to the engine and must survive mangling. */
export function builtinMembers(): string[] {
  const names = new Set<string>(['constructor', 'prototype']);
  for (const list of [TYPED_ARRAY_MEMBERS, ARRAY_MEMBERS, STRING_MEMBERS, NUMBER_MEMBERS, ERROR_MEMBERS]) {
    for (const name of list) names.add(name);
  }
  for (const members of Object.values(GLOBALS)) for (const name of members) names.add(name);
  return [...names].sort();
}
