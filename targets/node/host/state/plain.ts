// Plain data as CBOR: objects as maps with text keys, octets as octets. What a record holds has no other kinds of values.

import { decodeCbor, encodeCbor } from '../cbor.ts';

function toItem(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toItem);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return new Map(Object.entries(value).map(([name, one]) => [name, toItem(one)]));
}

function fromItem(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(fromItem);
  if (!(item instanceof Map)) return item;
  return Object.fromEntries([...item].map(([name, one]) => [String(name), fromItem(one)]));
}

/** Encodes numbers that are whole, texts, octets, booleans, null, lists and objects of these. Throws RangeError for others. */
export function encodePlain(value: object): Uint8Array {
  return encodeCbor(toItem(value));
}

/** Decodes what `encodePlain` made; null: it is no such thing. */
export function decodePlain(octets: Uint8Array): Record<string, unknown> | null {
  try {
    const value = fromItem(decodeCbor(octets));
    return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
