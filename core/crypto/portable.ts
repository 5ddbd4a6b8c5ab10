// A provider made of portable parts. A board imports the parts that its suites need, and its bundle contains only these,
// e.g. `createPortable([aesCcm], randomOfTheBoard)`. `has` is false for a missing part.

import { checkRange } from '../base/refuse.ts';
import type { Key, Provider } from './provider.ts';

/** `Provider.random` of the target. */
export type Random = (buffer: Uint8Array, offset: number, length: number) => void;

// A method's type as a plain function's: typescript-to-lua gives methods a self parameter, and plain functions none.
type Plain<F> = F extends (...args: infer A) => infer R ? (...args: A) => R : never;

/** One algorithm (ALG_*): the key lengths it takes, in octets, and the operations that its kind has. */
export interface Part {
  /** The algorithm, ALG_*. */
  alg: number;
  /** Octets of the shortest key. */
  minKey: number;
  /** Octets of the longest key. */
  maxKey: number;
  /** Expands a key whose length `createPortable` has checked. */
  key: Plain<(octets: Uint8Array) => Key>;
  /** Overwrites an expanded key. */
  wipe: Plain<Provider['wipe']>;
  /** AEADs only: see `Provider.seal`. */
  seal?: Plain<Provider['seal']>;
  /** AEADs only: see `Provider.open`. */
  open?: Plain<Provider['open']>;
  /** Block ciphers in CBC mode only: see `Provider.cbc`. */
  cbc?: Plain<Provider['cbc']>;
  /** Integrity algorithms only: see `Provider.mac`. */
  mac?: Plain<Provider['mac']>;
}

/**
 * A provider of `parts`. `random` null: the target has no secure source, and `Provider.random` throws. A wiped key has alg 0,
 * which no operation accepts.
 */
export function createPortable(parts: Part[], random: Random | null): Provider {
  function find(alg: number): Part | null {
    for (let i = 0; i < parts.length; i++) if (parts[i].alg === alg) return parts[i];
    return null;
  }

  function part(alg: number): Part {
    const found = find(alg);
    if (found === null) throw new Error('key.alg ' + alg + ': not in this provider, or wiped');
    return found;
  }

  return {
    has: (alg, keyLength) => {
      const found = find(alg);
      return found !== null && keyLength >= found.minKey && keyLength <= found.maxKey;
    },
    key: (alg, octets) => {
      const found = part(alg);
      checkRange('key.length', octets.length, found.minKey, found.maxKey);
      return found.key(octets);
    },
    wipe: (key) => {
      if (key.alg !== 0) part(key.alg).wipe(key);
      key.alg = 0;
    },
    seal: (key, aead, buffer, offset, length) => {
      part(key.alg).seal!(key, aead, buffer, offset, length);
    },
    open: (key, aead, buffer, offset, length) => part(key.alg).open!(key, aead, buffer, offset, length),
    cbc: (key, encrypt, buffer, ivOffset, offset, length) => {
      part(key.alg).cbc!(key, encrypt, buffer, ivOffset, offset, length);
    },
    mac: (key, buffer, offset, length, out, outOffset) => {
      part(key.alg).mac!(key, buffer, offset, length, out, outOffset);
    },
    random: (buffer, offset, length) => {
      if (random === null) throw new Error('random: this target has no secure source');
      random(buffer, offset, length);
    },
  };
}
