// Repositories for the tests of the RPKI: two ASes, of which one takes part in RISAV. Keys are made once.

import type { Key } from '../../targets/node/risav/rpki/issue.ts';
import { mapStore, type Options, type Validation, validate } from '../../targets/node/risav/rpki/relying-party.ts';
import {
  makeRepository,
  newKey,
  type Repository,
  type RepositoryGiven,
} from '../../targets/node/risav/rpki/repository.ts';
import { readTal } from '../../targets/node/risav/rpki/tal.ts';
import { prefixOfText } from '../../targets/node/risav/rpki/vrps.ts';

export const prefix = (text: string) => prefixOfText(text, 'test');

export const BASE = 'rsync://rpki.example/repo/';
export const ASES: RepositoryGiven['ases'] = [
  {
    as: 64500,
    prefixes: [prefix('192.0.2.0/24'), prefix('2001:db8:1::/48')],
    contacts: [prefix('192.0.2.1/32'), prefix('2001:db8:1::1/128')],
  },
  { as: 64501, prefixes: [prefix('198.51.100.0/24')], contacts: null },
];

/** As many as the repository has. */
const keys: Key[] = [];

/** Keys in turn: no CA has the key of one above it. */
export function keysInTurn(): () => Key {
  let at = 0;
  return () => {
    keys[at] ??= newKey();
    return keys[at++];
  };
}

export function repository(more: Partial<RepositoryGiven> = {}): Repository {
  return makeRepository({ now: Date.now(), keys: keysInTurn(), ases: ASES, ...more });
}

export function validated({ files, tal }: Repository, more: Partial<Options> = {}): Validation {
  return validate({ store: mapStore(files), tal: readTal(tal, 'test.tal'), now: Date.now(), ...more });
}

/** What was refused, and why. */
export function problems({ verdicts }: Validation): Record<string, string> {
  const bad = verdicts.filter(({ problem }) => problem !== '');
  return Object.fromEntries(bad.map(({ uri, problem }) => [uri.slice(BASE.length), problem]));
}

/** Prefixes with their AS, sorted: `64500 192.0.2.0/24-24`. */
export function vrpText(as: number, address: string, length: number, maxLength: number): string {
  return `${as} ${address}/${length}-${maxLength}`;
}
