// `dietesp/node/rules`: SCHC rules as JSON, as CBOR [RFC 9363] and as tables, and compiled to functions.

export { type GeneratedContext, generateContext } from '../build/specialise/context.ts';
export { readSchcCbor, schcCbor } from './tools/rules/cbor.ts';
export { readSchcJson, schcJson } from './tools/rules/json.ts';
export { SchcFormatError } from './tools/rules/names.ts';
export { SCHC_HEADERS, schcTable, validateRules } from './tools/rules/print.ts';
export { readSidFile, type Sids } from './tools/rules/sid.ts';
