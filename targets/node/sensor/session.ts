// A sensor's session over restarts: the ticket of its gateway and what belongs to it [RFC 5723]. A sensor that starts again
// resumes it: new keys, no asymmetric cryptography, and no sequence number of the time before.

import { createHash } from 'node:crypto';
import type { KeMethod } from '../../../core/crypto/asymmetric.ts';
import type { Session } from '../../../core/ike/state/sa.ts';
import type { Connection } from '../host/config/ike-policy.ts';
import type { Log } from '../host/log.ts';
import { createJournal } from '../host/state/journal.ts';
import { decodePlain, encodePlain } from '../host/state/plain.ts';
import type { StateStore } from '../host/state/store.ts';

const KEY = 'session';

/** Keeps the session of one sensor. */
export interface SessionKeeper {
  /** The session of the last run, once: a ticket is good for one use. Null: there is none that could be taken. */
  take(): Session | null;
  /** Keeps a session in the place of the last; null: there is none any more. */
  keep(session: Session | null): void;
  /** Writes what is left and closes the store. */
  close(): Promise<void>;
}

/** The stored session, if it is of this connection; its time on the clock `now`. */
function readSession(record: Uint8Array | undefined, digest: Uint8Array, now: number): Session | null {
  const stored = record === undefined ? null : decodePlain(record);
  if (stored === null || !(stored.digest instanceof Uint8Array) || Buffer.compare(stored.digest, digest) !== 0) {
    return null;
  }
  const { ticket, skD, encr, keyBits, ke, expires, at } = stored;
  if (!(ticket instanceof Uint8Array && skD instanceof Uint8Array)) return null;
  return {
    ticket,
    skD,
    encr: Number(encr),
    keyBits: Number(keyBits),
    ke: Number(ke) as KeMethod,
    // The gateway judges by its own clock; ours may have been set back since.
    expires: now + Math.max(0, Math.min(Number(expires) - Number(at), Number(expires) - Date.now())),
  };
}

/** `now`: the sensor's clock, milliseconds. A store belongs to the keeper from here on. */
export function createSessionKeeper(
  store: StateStore,
  connection: Connection,
  now: () => number,
  log: Log,
): SessionKeeper {
  const digest = createHash('sha256').update(JSON.stringify(connection)).digest();
  let current = readSession(store.records.get(KEY), digest, now());
  let kept: Session | null = current;
  const value = (): Uint8Array | null => {
    if (kept === null) return null;
    const at = Date.now();
    return encodePlain({ ...kept, expires: Math.floor(at + kept.expires - now()), at, digest });
  };
  const journal = createJournal(store, log, (one) => one.put(KEY, value));
  return {
    take() {
      const session = current;
      current = null;
      if (session !== null) {
        kept = null;
        journal.put(KEY, value);
      }
      return session;
    },
    keep(session) {
      if (session === null && kept === null) return;
      kept = session;
      journal.put(KEY, value);
    },
    close: journal.close,
  };
}
