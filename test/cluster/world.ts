// Gateways of a cluster in virtual time, over a store with faults (faulty-store.ts), with partitions,
// and gateways that are stopped, killed and started again. The cluster's own code runs; the SAs are models: numbers that go out
// under a reservation, and numbers that are taken once it is durable, as keeper.ts does.

import type { Bus } from '../../targets/node/gateway/bus.ts';
import { createCluster } from '../../targets/node/gateway/cluster.ts';
import { createRelay, type Relay, type RelayView } from '../../targets/node/gateway/relay.ts';
import { joinCluster } from '../../targets/node/host/cluster/open.ts';
import type { Timers } from '../../targets/node/host/cluster/timers.ts';
import { silent } from '../../targets/node/host/log.ts';
import { decodePlain, encodePlain } from '../../targets/node/host/state/plain.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';
import { createFaultyStore } from './faulty-store.ts';

const LEASE = 3000;
const BLOCK = 8;
/** Of numbers that may be late, as most SAs have it. */
const WINDOW = 64;

export interface WorldOptions {
  seed: number;
  gateways: number;
  groups: number;
  /** False: the store takes every write, whatever its revision. What it does then shows that faults are seen. */
  fences?: boolean;
}

interface Sa {
  next: number;
  reserved: number;
  /** Highest number that was taken, and that a record holds. */
  taken: number;
  /** None up to this one is taken: others had it. */
  base: number;
  seen: Set<number>;
}

export interface World {
  now(): number;
  random(): number;
  /** Runs until this time, and looks at each step that no SA has two gateways that may send. */
  run(until: number): Promise<void>;
  /** True when the store has every group whole: before, nobody could take one over, and a peer would do a new handshake. */
  isSet(): boolean;
  /** While it is false the store answers each call, in time. */
  isRough: boolean;
  /** A gateway's store is out of reach from now on, or within it again. */
  cut(index: number, isCut: boolean): void;
  stop(index: number, time: number): void;
  kill(index: number): void;
  start(index: number): void;
  /** Something is wrong with what happened: one line each. */
  faults: string[];
  sent: number;
  delivered: number;
  /** When a number of each group was delivered last. */
  deliveredAt: number[];
  readonly writes: number;
  /** Readings that a gateway heard in this time, and that were not delivered. */
  missing(from: number, to: number): string[];
  /** Of the gateways' relays. */
  counters(): RelayView[];
}

export function createWorld(options: WorldOptions): World {
  const { gateways: count, groups, fences = true } = options;
  let seed = options.seed >>> 0;
  let time = 0;
  let order = 0;
  const events: { at: number; order: number; run: () => void }[] = [];

  function random(): number {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  }
  function at(when: number, run: () => void): void {
    const event = { at: Math.max(time, when), order: order++, run };
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (events[middle].at <= event.at) low = middle + 1;
      else high = middle;
    }
    events.splice(low, 0, event);
  }

  /** One process of a gateway. */
  interface Life {
    index: number;
    isOver: boolean;
    stoppedUntil: number;
    /** Runs it in this process; `isNews`: it has to come from the store, in order. */
    later(delay: number, run: () => void, isNews?: boolean): void;
    sas: Map<string, Sa>;
    store: StateStore | null;
    relay: Relay | null;
    isWriting: boolean;
    wanted: Set<string>;
  }
  const lives: Life[] = [];
  const cuts = new Set<number>();
  const faulty = createFaultyStore({
    random,
    after: (delay, run) => at(time + delay, run),
    isCut: (index) => cuts.has(index),
    isRough: () => world.isRough,
    fences,
  });

  function createLife(index: number): Life {
    let newsAt = 0;
    const life: Life = {
      index,
      isOver: false,
      stoppedUntil: 0,
      later(delay, run, isNews = false) {
        let when = time + delay;
        if (isNews) {
          newsAt = Math.max(newsAt, when);
          when = newsAt;
        }
        at(when, function go() {
          if (life.isOver) return;
          if (life.stoppedUntil > time) at(life.stoppedUntil, go);
          else if (isNews && cuts.has(index)) at(time + 200, go);
          else run();
        });
      },
      sas: new Map(),
      store: null,
      relay: null,
      isWriting: false,
      wanted: new Set(),
    };
    return life;
  }

  const world: World = {
    now: () => time,
    random,
    async run(until) {
      while (events.length > 0 && events[0].at <= until) {
        const event = events.shift()!;
        time = event.at;
        event.run();
        // Everything that waits for it.
        for (let i = 0; i < 12; i++) await null;
        check();
      }
      time = until;
    },
    isSet: () =>
      Array.from({ length: groups }, (_, group) =>
        ['n', 's'].every((kind) => faulty.values.get(`${kind}.${group}`)?.value),
      ).every(Boolean),
    isRough: true,
    cut: (index, isCut) => void (isCut ? cuts.add(index) : cuts.delete(index)),
    stop(index, length) {
      lives[index].stoppedUntil = time + length;
    },
    kill(index) {
      lives[index].isOver = true;
    },
    start(index) {
      const life = createLife(index);
      lives[index] = life;
      const timers: Timers = {
        now: () => time,
        after(delay, work) {
          let isCancelled = false;
          life.later(delay, () => isCancelled || work());
          return () => {
            isCancelled = true;
          };
        },
      };
      const bucket = faulty.bucketOf(life);
      const join = (): void => {
        const config = {
          bucket,
          name: `g${index}`,
          scope: 'x',
          lease: LEASE,
          secret: new Uint8Array(32),
          timers,
          log: silent,
        };
        joinCluster(config).then(
          (store) => begin(life, store),
          () => life.later(1000, join),
        );
      };
      join();
    },
    faults: [],
    sent: 0,
    delivered: 0,
    deliveredAt: Array.from({ length: groups }, () => 0),
    get writes() {
      return faulty.writes;
    },
    missing: (from, to) => [...missing].filter(([, at]) => at >= from && at < to).map(([key]) => key),
    counters: () => lives.flatMap(({ relay }) => (relay === null ? [] : [relay.counters])),
  };

  const numKey = (group: string): string => `num/${group}`;
  function begin(life: Life, store: StateStore): void {
    life.store = store;
    const shared = store.shared!;
    const bus = {
      log: silent,
      guard: (_otherwise: unknown, run: () => unknown) => run(),
      wake() {},
    } as unknown as Bus;
    const { unknown: hold } = createCluster(bus, shared, {
      take(records) {
        for (const [key, value] of records) {
          if (!key.startsWith('num/')) continue;
          const { out, into } = decodePlain(value) as { out: number; into: number };
          life.sas.set(key.slice(4), { next: out + 1, reserved: out, taken: into, base: into, seen: new Set() });
        }
      },
      others() {},
      release(list) {
        for (const group of list) life.sas.delete(group);
      },
    });
    life.relay = createRelay(shared, {
      hold,
      guard: (run) => run(),
      take(octets) {
        const [group, number] = Buffer.from(octets).toString().split(' ');
        if (!life.sas.has(group)) return null;
        receive(life, group, Number(number));
        return 0;
      },
      transmit() {},
    });
  }

  /** Writes what is wanted of each SA, one write at a time; then what waited is done, where it still may be. */
  function reserve(life: Life): void {
    if (life.isWriting || life.store === null || life.wanted.size === 0) return;
    life.isWriting = true;
    const batch = new Map<string, Uint8Array>();
    const done: (() => void)[] = [];
    for (const group of life.wanted) {
      const sa = life.sas.get(group);
      if (sa === undefined) continue;
      const wanted = { out: sa.next + BLOCK, into: sa.taken };
      batch.set(numKey(group), encodePlain(wanted));
      done.push(() => {
        // Another may have it by now.
        if (life.sas.get(group) !== sa || !life.store!.shared!.isHeld()) return;
        sa.reserved = Math.max(sa.reserved, wanted.out);
        waiting.set(
          sa,
          (waiting.get(sa) ?? []).filter((effect) => !effect(wanted.into)),
        );
      });
    }
    life.wanted.clear();
    life.store.write(batch).then(
      () => {
        life.isWriting = false;
        for (const one of done) one();
        reserve(life);
      },
      () => {
        life.isWriting = false;
        for (const key of batch.keys()) life.wanted.add(key.slice(4));
        life.later(250, () => reserve(life));
      },
    );
  }
  /** They say whether they are done. */
  const waiting = new Map<Sa, ((durable: number) => boolean)[]>();

  const sentNumbers = new Set<string>();
  const takenNumbers = new Set<string>();
  const missing = new Map<string, number>();

  function send(life: Life, group: string): void {
    const sa = life.sas.get(group);
    if (sa === undefined || !life.store!.shared!.isHeld()) return;
    if (sa.next > sa.reserved) {
      life.wanted.add(group);
      reserve(life);
      return;
    }
    const key = `${group} ${sa.next++}`;
    if (sentNumbers.has(key)) world.faults.push(`${Math.round(time)}: sent twice: ${key}`);
    sentNumbers.add(key);
    world.sent++;
  }

  /** A packet of a sensor, or an old one once more, comes to a gateway. */
  function receive(life: Life, group: string, number: number): void {
    if (life.store === null || life.isOver || life.stoppedUntil > time || !life.store.shared!.isHeld()) return;
    const sa = life.sas.get(group);
    if (sa === undefined) {
      life.relay!.unknown(`at/${group}`, Buffer.from(`${group} ${number}`), () => receive(life, group, number));
      return;
    }
    if (number > Math.max(sa.base, sa.taken - WINDOW) && !sa.seen.has(number)) {
      sa.seen.add(number);
      sa.taken = Math.max(sa.taken, number);
      const list = waiting.get(sa) ?? [];
      waiting.set(
        sa,
        list.concat((durable) => {
          if (durable < number) return false;
          const key = `${group} ${number}`;
          if (takenNumbers.has(key)) world.faults.push(`${Math.round(time)}: taken twice: ${key}`);
          takenNumbers.add(key);
          world.delivered++;
          world.deliveredAt[Number(group)] = time;
          missing.delete(key);
          return true;
        }),
      );
      life.wanted.add(group);
      reserve(life);
    }
    send(life, group);
  }

  const may = (life: Life): boolean =>
    !life.isOver && life.stoppedUntil <= time && life.store?.shared?.isHeld() === true;
  function check(): void {
    for (let first = 0; first < count; first++) {
      for (let second = first + 1; second < count; second++) {
        const [one, other] = [lives[first], lives[second]];
        if (one.sas.size === 0 || other.sas.size === 0 || !may(one) || !may(other)) continue;
        for (const group of one.sas.keys()) {
          if (other.sas.has(group)) world.faults.push(`${Math.round(time)}: group ${group} has two gateways`);
        }
      }
    }
  }

  for (let index = 0; index < count; index++) world.start(index);
  // Sensors: each sends a number a second, which one gateway hears or several; now and then somebody repeats an old one.
  const places = Array.from({ length: groups }, (_, group) => group % count);
  const numbers = Array.from({ length: groups }, () => 0);
  at(6000, function set() {
    if (lives.some(({ store }) => store === null)) {
      at(time + 500, set);
      return;
    }
    for (let group = 0; group < groups; group++) {
      const life = lives[group % count];
      const name = String(group);
      const shared = life.store!.shared!;
      shared.belongs(numKey(name), name, [`at/${name}`]);
      shared.belongs(`ike/${name}`, name, []);
      life.sas.set(name, { next: 1, reserved: 0, taken: 0, base: 0, seen: new Set() });
      const records = new Map([
        [numKey(name), encodePlain({ out: 0, into: 0 })],
        [`ike/${name}`, Uint8Array.of(1)],
      ]);
      const put = (): void =>
        void life.store!.write(records).catch(() => {
          if (!life.isOver) at(time + 300, put);
        });
      put();
      at(time + 2000 + random() * 1000, function sense() {
        const number = ++numbers[group];
        // Now and then it moves. It is heard by the gateway where it is, and by any other at random.
        if (random() < 0.2) places[group] = Math.floor(random() * count);
        const near = lives.filter((_, place) => place === places[group] || random() < 0.3);
        if (near.some(may)) missing.set(`${name} ${number}`, time);
        for (const one of near) receive(one, name, number);
        if (random() < 0.3) {
          const old = 1 + Math.floor(random() * number);
          for (const one of lives) receive(one, name, old);
        }
        at(time + 500 + random() * 1000, sense);
      });
    }
  });
  return world;
}
