// The lease of one gateway of a cluster, and what it knows of the others.
//
//   gw.INDEX   who has this place: name, session, and whether it has gone; written a few times in each lease
//
// A gateway has its lease from the moment before its last written renewal, less a margin. Another takes it for dead when it has
// seen no renewal for a whole lease, by its own clock, and then says so in the same value: the compare-and-set fails where a
// renewal was faster. So no clocks are compared. The lease makes gateways silent in time; that no sequence number is used twice
// does not rest on it (groups.ts).

import { randomBytes } from 'node:crypto';
import { CommandError, errorText } from '../errors.ts';
import { createInARow, timesText } from '../in-a-row.ts';
import type { Log } from '../log.ts';
import { decodePlain, encodePlain } from '../state/plain.ts';
import { seal, unseal } from '../state/seal.ts';
import { type Bucket, createSlot, type Entry, type Slot, save } from './bucket.ts';
import type { Timers } from './timers.ts';

/** Gateways of a cluster. */
export const MEMBERS_MAX = 16;
/** Renewals in a lease, and the part of it that is kept back. */
const RENEWALS = 4;
const MARGIN = 6;

/** What a gateway knows of one. */
export interface Member {
  index: number;
  name: string;
  /** Of its life, 16 hexadecimal digits. */
  session: string;
  /** It has gone, or was declared dead. */
  isGone: boolean;
  lease: number;
  revision: number;
  /** When its last change was seen. */
  seenAt: number;
}

export interface SessionConfig {
  bucket: Bucket;
  name: string;
  /** Milliseconds. */
  lease: number;
  secret: Uint8Array;
  timers: Timers;
  log: Log;
  /** This session is over: another gateway has said so. What it owned is not its any more. */
  ended(): void;
  /** A session of another gateway, or an earlier one of this, is over. */
  died(session: string): void;
}

export interface Session {
  /** Takes a place. Rejects when there is none, or another gateway has this name. */
  join(): Promise<void>;
  /** True while this gateway may send and take packets. */
  isHeld(): boolean;
  /** Of this life; '' before `join`. */
  id(): string;
  index(): number;
  /** True for the session of a gateway that is known, and not known to be over. */
  isLive(session: string): boolean;
  /**
   * Reads all places from the store. A session wrote its place before all else: one that is in a record read before, and not live
   * after this, is over.
   */
  refresh(): Promise<void>;
  members(): Member[];
  counters: { renewals: number; failures: number; ended: number };
  /** Says that it is over. */
  leave(): Promise<void>;
}

export function createSession(config: SessionConfig): Session {
  const { bucket, name, lease, secret, timers, log } = config;
  const members = new Map<number, Member>();
  const failures = createInARow();
  const counters = { renewals: 0, failures: 0, ended: 0 };
  let slot: Slot = createSlot();
  let index = -1;
  let id = '';
  let validUntil = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  let isWatching = false;
  let isRead = false;
  let cancel: () => void = () => {};
  let waiting: (() => void)[] = [];

  const keyOf = (place: number): string => `gw.${place}`;

  function octetsOf(place: number, member: Pick<Member, 'name' | 'session' | 'isGone' | 'lease'>): Uint8Array {
    const { name: named, session, isGone, lease: time } = member;
    return seal(secret, keyOf(place), 1, encodePlain({ name: named, session, gone: isGone, lease: time }));
  }

  function read(entry: Entry): Member | null {
    const place = Number(entry.key.slice(3));
    const opened = entry.value === null ? null : unseal(secret, entry.key, entry.value);
    if (opened === null) return null;
    const plain = opened.value === null ? null : decodePlain(opened.value);
    if (plain === null) {
      throw new CommandError(`stateKey: record ${entry.key} was written with another key, or is damaged`);
    }
    return {
      index: place,
      name: String(plain.name),
      session: String(plain.session),
      isGone: plain.gone === true,
      lease: Number(plain.lease),
      revision: entry.revision,
      seenAt: timers.now(),
    };
  }

  const isOver = (member: Member): boolean => member.isGone || timers.now() - member.seenAt >= member.lease;

  function seen(entry: Entry): void {
    let member: Member | null;
    try {
      member = read(entry);
    } catch (error) {
      log('error', 'state', () => errorText(error));
      return;
    }
    if (member === null) return;
    const before = members.get(member.index);
    if (before !== undefined && before.revision >= member.revision) return;
    members.set(member.index, member);
    const wake = waiting;
    waiting = [];
    for (const one of wake) one();
    if (member.session === id) return;
    // Who has taken the place of another knows that it was over.
    if (before !== undefined && before.session !== member.session && !before.isGone) config.died(before.session);
    if (member.isGone && !(before?.isGone && before.session === member.session)) config.died(member.session);
  }

  /** Resolves at the next change of a member, or after `time` ms. */
  function change(time: number): Promise<void> {
    return new Promise((resolve) => {
      waiting.push(resolve);
      timers.after(time, resolve);
    });
  }

  function over(): void {
    if (id === '') return;
    const last = id;
    id = '';
    validUntil = Number.NEGATIVE_INFINITY;
    cancel();
    if (isClosed) return;
    counters.ended++;
    log(
      'error',
      'state',
      () => `another gateway has declared this one (session ${last}) dead: its SAs are not its any more`,
    );
    config.ended();
  }

  async function renew(): Promise<void> {
    const sentAt = timers.now();
    try {
      if (!(await save(bucket, keyOf(index), slot, octetsOf(index, { name, session: id, isGone: false, lease })))) {
        over();
        return;
      }
      // One that was cut off heard nobody: the others have a whole lease from now on.
      if (sentAt >= validUntil) for (const member of members.values()) member.seenAt = timers.now();
      validUntil = sentAt + lease - lease / MARGIN;
      counters.renewals++;
      const failed = failures.good();
      if (failed > 0) log('info', 'state', () => `the lease is renewed again, after ${failed} failures`);
    } catch (error) {
      counters.failures++;
      const told = failures.failed();
      if (told > 0) log('warn', 'state', () => `the lease could not be renewed${timesText(told)}: ${errorText(error)}`);
    }
  }

  /** Declares those dead that were silent for their whole lease. */
  async function bury(): Promise<void> {
    for (const member of members.values()) {
      if (member.index === index || member.isGone || !isOver(member) || !session.isHeld()) continue;
      const { revision } = member;
      try {
        const next = await bucket.put(
          keyOf(member.index),
          octetsOf(member.index, { ...member, isGone: true }),
          revision,
        );
        if (next < 0) {
          // It lives, or another was faster. A watch may say nothing for half a minute after this process was stopped.
          member.seenAt = timers.now();
          void bucket.get(keyOf(member.index)).then(
            (found) => found !== null && seen(found),
            () => {},
          );
        } else log('warn', 'state', () => `gateway ${member.name} (session ${member.session}) is dead`);
      } catch {
        // The next look tries again.
      }
    }
  }

  function schedule(): void {
    cancel = timers.after(lease / RENEWALS / 2, () => void tick());
  }

  let isEven = false;
  let renewing: Promise<void> = Promise.resolve();
  async function tick(): Promise<void> {
    const own = id;
    isEven = !isEven;
    // At once where the last one failed.
    if (isEven || validUntil - timers.now() < lease / 2) {
      renewing = renew();
      await renewing;
    }
    if (id === own && id !== '') await bury();
    if (id === own && id !== '' && !isClosed) schedule();
  }

  /** The place to take: that of an earlier life, a free one, or that of a gateway that is over. Null: wait. */
  function place(): { at: number; revision: number } | null {
    const own = [...members.values()].filter((member) => member.name === name);
    if (own.some((member) => !isOver(member))) return null;
    if (own.length > 0) return { at: own[0].index, revision: own[0].revision };
    for (let at = 0; at < MEMBERS_MAX; at++) if (!members.has(at)) return { at, revision: 0 };
    const dead = [...members.values()].find(isOver);
    return dead === undefined ? null : { at: dead.index, revision: dead.revision };
  }

  const session: Session = {
    async join() {
      if (!isWatching) await bucket.watch('gw.', seen);
      isWatching = true;
      if (!isRead) {
        await bucket.scan('gw.', (entry) => {
          read(entry);
          seen(entry);
        });
      }
      isRead = true;
      const limit = timers.now() + 3 * lease + 5000;
      for (;;) {
        const chosen = place();
        if (chosen !== null) {
          const fresh = randomBytes(8).toString('hex');
          const mine = createSlot(chosen.revision);
          const sentAt = timers.now();
          id = fresh;
          const octets = octetsOf(chosen.at, { name, session: fresh, isGone: false, lease });
          if (await save(bucket, keyOf(chosen.at), mine, octets)) {
            index = chosen.at;
            slot = mine;
            validUntil = sentAt + lease - lease / MARGIN;
            schedule();
            return;
          }
          id = '';
          // Another was faster, and the watch may be behind.
          await session.refresh();
        }
        if (timers.now() > limit) {
          const isTwin = [...members.values()].some((member) => member.name === name);
          throw new CommandError(
            isTwin
              ? `cluster.name: ${name}: another gateway with this name is running`
              : `cluster: there are ${MEMBERS_MAX} gateways already`,
          );
        }
        await change(lease / RENEWALS);
      }
    },
    isHeld: () => id !== '' && timers.now() < validUntil,
    id: () => id,
    index: () => index,
    isLive(one) {
      if (one === id) return true;
      for (const { session: of, isGone } of members.values()) if (of === one && !isGone) return true;
      return false;
    },
    refresh: () => bucket.scan('gw.', seen),
    members: () => [...members.values()].sort((a, b) => a.index - b.index),
    counters,
    async leave() {
      isClosed = true;
      cancel();
      if (id === '') return;
      const own = id;
      validUntil = Number.NEGATIVE_INFINITY;
      id = '';
      await renewing;
      await save(bucket, keyOf(index), slot, octetsOf(index, { name, session: own, isGone: true, lease }));
    },
  };
  return session;
}
