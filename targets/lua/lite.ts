// The module `dietlite` of Lua: what `require` returns.

import { createLite } from '../board/lite.ts';

const lite = createLite();

export const device = lite.device;
export const octets = lite.octets;
export const hex = lite.hex;
export const text = lite.text;
