// `dietesp/node/rules`: SCHC rules as JSON, as CBOR [RFC 9363] and as tables, and compiled to functions.

export { type GeneratedContext, generateContext } from '../build/specialise/context.ts';
export { readSchcCbor, schcCbor } from './host/rules/cbor.ts';
export { readSchcJson, schcJson } from './host/rules/json.ts';
export { SchcFormatError } from './host/rules/names.ts';
export { readSidFile, type Sids } from './host/rules/sid.ts';
export { SCHC_HEADERS, schcTable, validateRules } from './tools/rules/print.ts';
