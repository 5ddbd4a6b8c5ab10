// The module `dietesp` of Lua: what `require` returns.

import { createWhole } from '../board/module.ts';

declare function print(text: string): void;
declare function next(table: unknown, key: unknown): unknown;

function namesOf(table: unknown): string[] {
  const names: string[] = [];
  for (let name = next(table, null); name !== undefined && name !== null; name = next(table, name)) {
    names.push(name as string);
  }
  return names;
}

const whole = createWhole({ name: 'lua', print: (text) => print(text), namesOf: namesOf });

export const start = whole.start;
export const device = whole.device;
export const blob = whole.blob;
export const octets = whole.octets;
export const hex = whole.hex;
export const text = whole.text;
