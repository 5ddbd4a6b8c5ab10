// The records of a cluster of gateways, as a `StateStore`. What belongs to one peer is a group: its IKE SA, Child SAs and
// sequence numbers. A group has one owner.
//
//   n.GROUP   who owns it (a session), its sequence numbers, and by what its packets are known
//   s.GROUP   its IKE SA and Child SAs
//
// Every write names the revision that it follows. To take a group over, a gateway writes first n, then s, unchanged but for the
// owner: from then on no write of the former owner comes through, so it can reserve no number and send no message any more.
// What it had reserved before is in what the new owner reads, and counts as used. All this holds with any clocks.
//
// Both are needed for a peer. Of a new Child SA its numbers are written first, so that a group never has one without.

import { errorText } from '../errors.ts';
import type { Log } from '../log.ts';
import { decodePlain, encodePlain } from '../state/plain.ts';
import { seal, unseal } from '../state/seal.ts';
import type { Orphan, SharedState } from '../state/shared.ts';
import type { StateStore } from '../state/store.ts';
import { type Bucket, createSlot, erase, type Slot, save } from './bucket.ts';
import type { Session } from './session.ts';

/** Octets of a session in front of n.GROUP. */
const OWNER_SIZE = 8;
/** Attempts to take s.GROUP while its former owner still writes. */
const TRIES = 8;
const NUMBERS = 'num/';
const IKE = 'ike/';

interface Group {
  id: string;
  numbers: Map<string, Uint8Array>;
  records: Map<string, Uint8Array>;
  count: Slot;
  main: Slot;
  isCountNew: boolean;
  isMainNew: boolean;
}

interface Claimed {
  group: Group;
  hints: string[];
  /** The session that n.GROUP names now. */
  by: string;
}

export interface GroupsConfig {
  bucket: Bucket;
  session: Pick<Session, 'id' | 'isHeld' | 'isLive' | 'refresh'>;
  secret: Uint8Array;
  /** Records that are there from the start: secrets of all gateways. */
  records: ReadonlyMap<string, Uint8Array>;
  log: Log;
  close(): Promise<void>;
}

export interface GroupStore extends Omit<StateStore, 'shared'> {
  shared: SharedState;
  /** Everything is lost: another gateway has declared this one dead. */
  forget(): void;
}

/** A list of records by key, both ways. */
const toList = (records: Map<string, Uint8Array>): unknown[] => [...records].flat();
function fromList(list: unknown): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  const items = list as (string | Uint8Array)[];
  for (let i = 0; i + 1 < items.length; i += 2) records.set(items[i] as string, items[i + 1] as Uint8Array);
  return records;
}

const hasIke = ({ records }: Group): boolean => [...records.keys()].some((key) => key.startsWith(IKE));

export function createGroups(config: GroupsConfig): GroupStore {
  const { bucket, session, secret, log } = config;
  const groups = new Map<string, Group>();
  const places = new Map<string, string>();
  const hints = new Map<string, string[]>();
  const counters = { taken: 0, lost: 0 };

  /** `more`: hints that none of its keys has. */
  function countOctets(group: Group, more: string[] = []): Uint8Array {
    const owner = session.id();
    const known = new Set<string>(more);
    for (const key of [...group.numbers.keys(), ...group.records.keys()]) {
      for (const hint of hints.get(key) ?? []) known.add(hint);
    }
    const plain = encodePlain({ owner, numbers: toList(group.numbers), hints: [...known] });
    return Buffer.concat([Buffer.from(owner, 'hex'), seal(secret, `n.${group.id}`, 1, plain)]);
  }

  const ownerOf = (value: Uint8Array): string => Buffer.from(value.subarray(0, OWNER_SIZE)).toString('hex');

  /** The content of n.GROUP; null: it was not written with our key, or is damaged. */
  function openCount(id: string, value: Uint8Array): { numbers: unknown; hints: string[] } | null {
    const opened = unseal(secret, `n.${id}`, value.subarray(OWNER_SIZE));
    const plain = opened?.value ? decodePlain(opened.value) : null;
    if (plain === null || plain.owner !== ownerOf(value)) {
      log('warn', 'state', () => `n.${id} is damaged, or was written with another key: it is left alone`);
      return null;
    }
    return { numbers: plain.numbers, hints: plain.hints as string[] };
  }

  function drop(group: Group): void {
    groups.delete(group.id);
    for (const key of [...group.numbers.keys(), ...group.records.keys()]) {
      places.delete(key);
      hints.delete(key);
    }
  }

  /** Writes what has changed of a group. False: it is another gateway's now. */
  async function store(group: Group, dropped: string[]): Promise<boolean> {
    const { id } = group;
    if (!hasIke(group)) {
      // Without the IKE SA nothing of it comes back: the keys first.
      if (group.main.revision + group.main.attempts.length > 0) {
        await erase(bucket, `s.${id}`, group.main);
        await erase(bucket, `n.${id}`, group.count);
        drop(group);
      } else if (group.records.size === 0) {
        drop(group);
      }
      return true;
    }
    if (group.isCountNew) {
      if (!(await save(bucket, `n.${id}`, group.count, countOctets(group)))) return false;
      group.isCountNew = false;
      // Who has our place now has looked for n.GROUP already: it must not come to life.
      if (!session.isHeld() || groups.get(id) !== group) throw new Error('this gateway does not have its lease');
    }
    if (group.isMainNew) {
      const octets = seal(secret, `s.${id}`, 1, encodePlain({ records: toList(group.records) }));
      if (!(await save(bucket, `s.${id}`, group.main, octets))) return false;
      group.isMainNew = false;
    }
    // They go with the next write of numbers.
    for (const key of dropped) {
      group.numbers.delete(key);
      hints.delete(key);
      places.delete(key);
    }
    return true;
  }

  /** Notes a change. Numbers that go stay until the Child SA has gone. */
  function note(group: Group, key: string, value: Uint8Array | null): boolean {
    const isNumber = key.startsWith(NUMBERS);
    if (value === null) {
      if (isNumber) return true;
      if (group.records.delete(key)) group.isMainNew = true;
      places.delete(key);
      hints.delete(key);
      return false;
    }
    if (isNumber) {
      group.numbers.set(key, value);
      group.isCountNew = true;
    } else {
      // What it is known by is beside the numbers.
      if (!group.records.has(key) && hints.has(key)) group.isCountNew = true;
      group.records.set(key, value);
      group.isMainNew = true;
    }
    return false;
  }

  /** Makes n.GROUP this gateway's; null: another gateway that lives has it, or it is gone or damaged. */
  async function claim(id: string, former: string): Promise<Claimed | null> {
    for (let i = 0; i < TRIES; i++) {
      const found = await bucket.get(`n.${id}`);
      if (!found?.value || found.value.length <= OWNER_SIZE || groups.has(id)) return null;
      const owner = ownerOf(found.value);
      // An attempt of ours may have come through without an acknowledgement, or late.
      if (owner !== former && owner !== session.id()) {
        await session.refresh();
        if (session.isLive(owner)) return null;
      }
      const opened = openCount(id, found.value);
      if (opened === null) return null;
      const group: Group = {
        id,
        numbers: fromList(opened.numbers),
        records: new Map(),
        count: createSlot(found.revision),
        main: createSlot(),
        isCountNew: false,
        isMainNew: false,
      };
      const by = session.id();
      if (!session.isHeld()) throw new Error('this gateway does not have its lease');
      // What came between may be an earlier attempt of ours: the group would be ours, and nobody would know.
      if (await save(bucket, `n.${id}`, group.count, countOctets(group, opened.hints))) {
        return { group, hints: opened.hints, by };
      }
    }
    throw new Error(`n.${id} changes all the time`);
  }

  async function take(id: string, former: string): Promise<Map<string, Uint8Array> | null> {
    const claimed = await claim(id, former);
    if (claimed === null) return null;
    const { group, by } = claimed;
    // A session that has ended meanwhile stands in n.GROUP, and others may take it.
    const isOurs = (): boolean => session.id() === by && session.isHeld();
    for (let i = 0; i < TRIES; i++) {
      const main = await bucket.get(`s.${id}`);
      if (!main?.value) {
        await erase(bucket, `n.${id}`, group.count);
        return null;
      }
      const value = unseal(secret, `s.${id}`, main.value)?.value;
      const plain = value ? decodePlain(value) : null;
      if (!value || plain === null) {
        log('warn', 'state', () => `s.${id} is damaged: its peer has to connect anew`);
        await erase(bucket, `n.${id}`, group.count);
        return null;
      }
      group.main = createSlot(main.revision);
      const octets = seal(secret, `s.${id}`, 1, value);
      if (!isOurs()) throw new Error('the lease ended');
      if (!(await save(bucket, `s.${id}`, group.main, octets))) continue;
      if (session.id() !== by) throw new Error('the lease ended');
      group.records = fromList(plain.records);
      groups.set(id, group);
      for (const key of group.numbers.keys()) hints.set(key, claimed.hints);
      for (const key of [...group.records.keys(), ...group.numbers.keys()]) places.set(key, id);
      counters.taken++;
      return new Map([...group.records, ...group.numbers]);
    }
    throw new Error(`s.${id} changes all the time`);
  }

  function lose(list: Group[]): void {
    for (const group of list) drop(group);
    counters.lost += list.length;
    if (list.length > 0) shared.lost(list.map(({ id }) => id));
  }

  const shared: SharedState = {
    belongs(key, group, known) {
      places.set(key, group);
      if (known.length > 0) hints.set(key, known);
    },
    groupOf: (key) => places.get(key),
    isHeld: session.isHeld,
    lost: () => {},
    async survey({ orphan, other }) {
      const over = new Set<string>();
      const asked = new Map<string, Orphan[]>();
      const checks: Promise<void>[] = [];

      /** A session that was not known when a record of it was read: the watch may be behind, and its gateway have just joined. */
      async function ask(owner: string, list: Orphan[]): Promise<void> {
        await session.refresh();
        asked.delete(owner);
        if (session.isLive(owner)) return;
        over.add(owner);
        for (const one of list) orphan(one);
      }

      function found(one: Orphan): void {
        if (over.has(one.session) || one.session === session.id()) {
          orphan(one);
          return;
        }
        const list = asked.get(one.session);
        if (list !== undefined) {
          list.push(one);
          return;
        }
        const first = [one];
        asked.set(one.session, first);
        const check = ask(one.session, first);
        // It counts when the scan is done.
        check.catch(() => {});
        checks.push(check);
      }

      await bucket.scan('n.', ({ key, value }) => {
        if (value === null || value.length <= OWNER_SIZE) return;
        const id = key.slice(2);
        if (groups.has(id)) return;
        const owner = ownerOf(value);
        const isOver = over.has(owner) || owner === session.id() || !session.isLive(owner);
        if (!isOver && other === undefined) return;
        const opened = openCount(id, value);
        if (opened === null) return;
        other?.(opened.hints);
        if (isOver) found({ id, session: owner, hints: opened.hints });
      });
      await Promise.all(checks);
    },
    take,
    count: () => groups.size,
    counters,
  };

  return {
    records: config.records,
    problems: [],
    shared,
    async write(changes) {
      if (!session.isHeld()) throw new Error('this gateway does not have its lease');
      const touched = new Map<Group, string[]>();
      for (const [key, value] of changes) {
        const id = places.get(key);
        if (id === undefined) continue;
        let group = groups.get(id);
        if (group === undefined) {
          if (value === null) continue;
          const fresh = { numbers: new Map(), records: new Map(), count: createSlot(), main: createSlot() };
          group = { id, ...fresh, isCountNew: true, isMainNew: true };
          groups.set(id, group);
        }
        const dropped = touched.get(group) ?? [];
        if (note(group, key, value)) dropped.push(key);
        touched.set(group, dropped);
      }
      const fenced: Group[] = [];
      const done: PromiseSettledResult<void>[] = [];
      // A peer that connects anew may have its address of the IKE SA that ends: first what is new, then what goes.
      for (const isEnding of [false, true]) {
        const some = [...touched].filter(([group]) => hasIke(group) !== isEnding);
        const stored = some.map(async ([group, dropped]) => {
          if (!(await store(group, dropped))) fenced.push(group);
        });
        done.push(...(await Promise.allSettled(stored)));
        if (done.some(({ status }) => status === 'rejected')) break;
      }
      // A session that ended meanwhile has dropped them all.
      lose(fenced.filter((group) => groups.get(group.id) === group));
      const failed = done.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw new Error(`the cluster's store: ${errorText(failed.reason)}`);
    },
    forget: () => lose([...groups.values()]),
    destroy: () => Promise.reject(new Error('the store of a cluster is not removed')),
    close: config.close,
  };
}
