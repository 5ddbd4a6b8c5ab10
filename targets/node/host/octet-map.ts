// A map whose keys are octets, found where they are in a packet: a look-up makes no text and no array. Keys are hashed with a
// number of the process's own, so that nobody can choose many with one hash.

import { randomInt } from 'node:crypto';

interface Entry<Value> {
  key: string;
  value: Value;
  next: Entry<Value> | null;
}

export interface OctetMap<Value> {
  /** The value of the key octets[offset..offset+length), or undefined. */
  get(octets: Uint8Array, offset: number, length: number): Value | undefined;
  /** `key`: that of `octetsKey`. */
  set(key: string, value: Value): void;
  delete(key: string): void;
  clear(): void;
  size(): number;
}

const SEED = randomInt(2 ** 31);
const FACTOR = 0x9e3779b1;

function stirred(hash: number): number {
  // V8 keeps numbers of 30 bits as they are.
  return ((hash ^ (hash >>> 15)) >>> 2) & 0x3fffffff;
}

function hashOf(octets: Uint8Array, offset: number, length: number): number {
  let hash = SEED;
  for (let i = 0; i < length; i++) {
    hash = Math.imul(hash ^ octets[offset + i], FACTOR);
    hash ^= hash >>> 13;
  }
  return stirred(hash);
}

function isKey(key: string, octets: Uint8Array, offset: number, length: number): boolean {
  if (key.length !== length) return false;
  for (let i = 0; i < length; i++) if (key.charCodeAt(i) !== octets[offset + i]) return false;
  return true;
}

export function createOctetMap<Value>(): OctetMap<Value> {
  const chains = new Map<number, Entry<Value>>();
  let size = 0;

  function hashOfKey(key: string): number {
    return hashOf(Buffer.from(key, 'latin1'), 0, key.length);
  }

  return {
    get(octets, offset, length) {
      let entry = chains.get(hashOf(octets, offset, length)) ?? null;
      while (entry !== null && !isKey(entry.key, octets, offset, length)) entry = entry.next;
      return entry?.value;
    },
    set(key, value) {
      const hash = hashOfKey(key);
      const first = chains.get(hash) ?? null;
      for (let entry = first; entry !== null; entry = entry.next) {
        if (entry.key !== key) continue;
        entry.value = value;
        return;
      }
      chains.set(hash, { key, value, next: first });
      size++;
    },
    delete(key) {
      const hash = hashOfKey(key);
      let before: Entry<Value> | null = null;
      for (let entry = chains.get(hash) ?? null; entry !== null; before = entry, entry = entry.next) {
        if (entry.key !== key) continue;
        size--;
        if (before !== null) before.next = entry.next;
        else if (entry.next !== null) chains.set(hash, entry.next);
        else chains.delete(hash);
        return;
      }
    },
    clear() {
      chains.clear();
      size = 0;
    },
    size: () => size,
  };
}
