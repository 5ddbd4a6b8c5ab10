// The store that gateways share, as little of it as they need: values by key, each with a revision, written only by who knows
// the last one.

/** A value and its revision. */
export interface Entry {
  key: string;
  /** Null: it was removed. */
  value: Uint8Array | null;
  revision: number;
}

/** Messages between gateways: each comes once or never. Nothing keeps them. */
export interface Messages {
  /** False: there is no connection. */
  send(to: string, octets: Uint8Array): boolean;
  /** Hears those to `to`; the result ends that. */
  listen(to: string, each: (octets: Uint8Array) => void): () => void;
}

/** A call that was not sent: it will not be done. */
export class NotSent extends Error {}

/** Attempts whose octets are remembered: those of a minute. One that came through later still would be taken for another writer's. */
const ATTEMPTS_MAX = 64;

/** Values by key. A call that rejects, but with NotSent, may have been done, or may be done later. */
export interface Bucket {
  /** The newest value; null: there never was one. */
  get(key: string): Promise<Entry | null>;
  /** Writes where `expected` is the revision of the newest value, 0 of none: the new revision, or -1 where it is not. */
  put(key: string, value: Uint8Array, expected: number): Promise<number>;
  /** Removes it, likewise. False: it has another revision. */
  remove(key: string, expected: number): Promise<boolean>;
  /**
   * Gives every value whose key begins with `prefix`, which ends with a dot: all that were there at the call, as they were then or
   * later. Where there are many it lets others run in between.
   */
  scan(prefix: string, each: (entry: Entry) => void): Promise<void>;
  /** Tells of these values, first of those that are there, and of each change. */
  watch(prefix: string, each: (entry: Entry) => void): Promise<void>;
  messages: Messages;
  close(): Promise<void>;
}

/** A value of one writer; the outcome of some of its writes is not known. */
export interface Slot {
  revision: number;
  /** Octets that were written, perhaps. */
  attempts: Uint8Array[];
}

export function createSlot(revision = 0): Slot {
  return { revision, attempts: [] };
}

/**
 * Writes a value of `slot`. False: somebody else has written since, and nothing of ours is written any more. Rejects where the
 * outcome is not known: then another call may follow. `octets` are never the same twice.
 */
export async function save(bucket: Bucket, key: string, slot: Slot, octets: Uint8Array): Promise<boolean> {
  slot.attempts.push(octets);
  if (slot.attempts.length > ATTEMPTS_MAX) slot.attempts.shift();
  for (;;) {
    const revision = await bucket.put(key, octets, slot.revision).catch((error: unknown) => {
      if (error instanceof NotSent) slot.attempts = slot.attempts.filter((one) => one !== octets);
      throw error;
    });
    if (revision >= 0) {
      slot.revision = revision;
      break;
    }
    // An acknowledgement may have been lost, and an earlier write may come late.
    const found = await bucket.get(key);
    const value = found?.value ?? null;
    if (value === null || !slot.attempts.some((one) => Buffer.compare(one, value) === 0)) return false;
    slot.revision = found!.revision;
    if (Buffer.compare(value, octets) === 0) break;
  }
  slot.attempts = [];
  return true;
}

/** Removes a value of `slot`, where it is still its. */
export async function erase(bucket: Bucket, key: string, slot: Slot): Promise<void> {
  while (slot.revision > 0 || slot.attempts.length > 0) {
    if (await bucket.remove(key, slot.revision)) return;
    const found = await bucket.get(key);
    const value = found?.value ?? null;
    if (value === null || !slot.attempts.some((one) => Buffer.compare(one, value) === 0)) return;
    slot.revision = found!.revision;
  }
}
