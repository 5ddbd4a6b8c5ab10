// Many peers at the gateways of a cluster, in virtual time, to count what its store has to do. The project's own code runs: lease,
// records, take-over (host/cluster, gateway/cluster.ts), journal, keeper and reserves (gateway/state). IKE SAs, Child SAs and
// packets are models: objects with the fields that are recorded, with sizes of a sensor with a pre-shared key.

import type { ChildSa } from '../../core/ike/state/child.ts';
import {
  type IkeSa,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_HALF_OPEN,
  STATE_REPLACED,
} from '../../core/ike/state/sa.ts';
import type { Bus } from '../../targets/node/gateway/bus.ts';
import { type Cluster, createCluster } from '../../targets/node/gateway/cluster.ts';
import type { IkeLink } from '../../targets/node/gateway/ike-link.ts';
import type { Keeper, Pair } from '../../targets/node/gateway/state/keeper.ts';
import { espHint } from '../../targets/node/gateway/state/own-groups.ts';
import { createState } from '../../targets/node/gateway/state/state.ts';
import { joinCluster } from '../../targets/node/host/cluster/open.ts';
import type { Timers } from '../../targets/node/host/cluster/timers.ts';
import { silent } from '../../targets/node/host/log.ts';
import { decodePlain } from '../../targets/node/host/state/plain.ts';
import type { SharedState } from '../../targets/node/host/state/shared.ts';
import { CHILD_KEYS, IKE_KEYS, modelChild, modelIke, NONE } from './load-models.ts';
import { createClock, createVirtualStore, type StoreCount } from './virtual-store.ts';

const LEASE = 3000;
/** Milliseconds until the server answers a reading, and until a reading without an answer is sent again, at first. */
const SERVER = 2;
const AGAIN = 2000;
/** Octets of answers that are kept to be repeated: CREATE_CHILD_SA of an optimized rekey, INFORMATIONAL. */
const REKEY_SIZE = 90;
const DELETE_SIZE = 60;

interface Peer {
  gateway: number;
  ike: IkeSa;
  child: ChildSa;
  pair: Pair;
  /** Number of the sensor's last packet, and of the last that was taken; of the last that it was sent. */
  sent: number;
  taken: number;
  got: number;
  /** When it sent a reading that has no answer yet; -1: none. */
  waitsSince: number;
}

interface Life {
  isOver: boolean;
  keeper: Keeper;
  cluster: Cluster;
  shared: SharedState;
}

export interface Load {
  now(): number;
  count: StoreCount;
  /** Records in the store but for leases, and their octets. */
  stored(): { records: number; octets: number };
  /** Sets a peer up at gateway `at`. */
  connect(at: number): void;
  /** Peer `index` sends a reading; its gateway answers. */
  read(index: number): void;
  /** Peer `index` rekeys its Child SA, or its IKE SA. */
  rekeyChild(index: number): void;
  rekeyIke(index: number): void;
  kill(gateway: number): void;
  /** Runs for `time` ms; `each` is called at each of them. */
  run(time: number, each?: (now: number) => void): Promise<void>;
  readings: number;
  answers: number;
  /** Numbers that came or went twice, and other faults: one line each. */
  faults: string[];
  /** Milliseconds from a reading to its answer, since it was emptied last: only those of more than a second. */
  slow: number[];
  /** When the last of them had its answer. */
  slowAt: number;
}

/** `gateways` that have joined, and no peer. `rate`: writes that the store does in a second. */
export async function createLoad(gateways: number, rate?: number): Promise<Load> {
  const clock = createClock();
  const { at } = clock;
  const store = createVirtualStore(clock, rate);
  const peers: Peer[] = [];
  const byIkeSpi = new Map<string, number>();
  let spis = 256;

  function createIke(index: number): IkeSa {
    const spi = new Uint8Array(16);
    const serial = ++spis;
    new DataView(spi.buffer).setUint32(4, serial);
    new DataView(spi.buffer).setUint32(8, (serial * 2654435761) >>> 0);
    new DataView(spi.buffer).setUint32(12, serial);
    byIkeSpi.set(Buffer.from(spi.subarray(8)).toString('hex'), index);
    return modelIke(index, spi, clock.now());
  }

  function install(life: Life, ike: IkeSa, spiIn: number, out: number, into: number): [ChildSa, Pair] {
    const [child, pair] = modelChild(ike, spiIn, out, into, clock.now());
    life.keeper.installed(child, CHILD_KEYS, CHILD_KEYS, pair);
    ike.children.push(child);
    return [child, pair];
  }

  /** What a gateway does with the records of another: as restoreIke, it sets everything up with the numbers that are in them. */
  function restore(life: Life, gateway: number, records: ReadonlyMap<string, Uint8Array>): void {
    for (const key of records.keys()) {
      if (!key.startsWith('ike/')) continue;
      const spi = key.slice(4);
      const index = byIkeSpi.get(spi)!;
      const peer = peers[index];
      const progress = decodePlain(records.get(`now/${spi}`)!)!;
      if (progress.replaced === true) continue;
      const ids = progress.children as { id: string }[];
      const record = decodePlain(records.get(key)!)!;
      const ike = modelIke(
        index,
        record.spis as Uint8Array,
        clock.now(),
        Number(progress.nextId),
        Number(progress.expectedId),
      );
      ike.response = progress.response as Uint8Array;
      life.keeper.keys(ike, record.keys as Uint8Array);
      life.keeper.established(ike);
      for (const { id } of ids) {
        const stored = decodePlain(records.get(`sa/${id}`)!)!;
        const numbers = decodePlain(records.get(`num/${id}`)!) as { out: number; in: number };
        if (numbers.in < peer.taken)
          load.faults.push(`peer ${index}: ${peer.taken} was taken, ${numbers.in} is stored`);
        [peer.child, peer.pair] = install(life, ike, Number(stored.spiIn), numbers.out, numbers.in);
      }
      peer.ike = ike;
      peer.gateway = gateway;
    }
  }

  const lives: Life[] = [];
  function start(gateway: number): void {
    const life = { isOver: false } as Life;
    const isOver = (): boolean => life.isOver;
    lives[gateway] = life;
    const timers: Timers = {
      now: clock.now,
      after(delay, work) {
        let isCancelled = false;
        at(clock.now() + delay, () => isCancelled || life.isOver || work());
        return () => {
          isCancelled = true;
        };
      },
    };
    const secret = new Uint8Array(32);
    const bucket = store.bucketOf(isOver);
    void joinCluster({ bucket, name: `g${gateway}`, scope: 'x', lease: LEASE, secret, timers, log: silent }).then(
      (store) => {
        const bus = { log: silent, guard: (_: unknown, run: () => unknown) => run(), wake() {} } as unknown as Bus;
        const state = createState(store, bus);
        const ike = { restore: (records: ReadonlyMap<string, Uint8Array>) => restore(life, gateway, records) };
        life.shared = store.shared!;
        life.keeper = state.keep({ now: clock.now, placeOf: () => 'udp 192.0.2.1:4500' });
        life.cluster = createCluster(bus, store.shared!, {
          take: (records) => state.take(ike as unknown as IkeLink, records),
          others() {},
          release: (groups) => load.faults.push(`gateway ${gateway} lost ${groups.length} groups`),
        });
      },
    );
  }

  /** An answer to the peer takes the next number. */
  function answer(life: Life, index: number): void {
    const peer = peers[index];
    const [out] = peer.pair;
    if (life.isOver || !life.shared.isHeld()) return;
    const number = ++out.sa.snLo;
    const send = (): void => {
      if (life.isOver) return;
      if (number <= peer.got) load.faults.push(`peer ${index}: ${number} was sent twice`);
      peer.got = number;
      if (peer.waitsSince >= 0) {
        load.answers++;
        if (clock.now() - peer.waitsSince > 1000) {
          load.slow.push(clock.now() - peer.waitsSince);
          load.slowAt = clock.now();
        }
      }
      peer.waitsSince = -1;
    };
    if (life.keeper.waits(out)) life.keeper.after(send, out);
    else send();
  }

  function receive(gateway: number, index: number, number: number, spi: number): void {
    const life = lives[gateway];
    const peer = peers[index];
    if (life.isOver || !life.shared.isHeld()) return;
    if (peer.gateway !== gateway) {
      life.cluster.unknown([espHint(spi)], () => receive(gateway, index, number, spi));
      return;
    }
    const [, into] = peer.pair;
    // Old, or another repetition: the window has it.
    if (number <= into.sa.snLo) return;
    into.sa.snLo = number;
    const take = (): void => {
      if (number <= peer.taken) load.faults.push(`peer ${index}: ${number} was taken twice`);
      peer.taken = number;
      at(clock.now() + SERVER, () => answer(life, index));
    };
    if (life.keeper.waits(into)) life.keeper.after(take, into);
    else take();
  }

  /** The balancer: a peer's gateway, or another that lives, the same one each time. */
  function routeOf(index: number): number {
    const { gateway } = peers[index];
    if (!lives[gateway].isOver) return gateway;
    const living = lives.flatMap(({ isOver }, place) => (isOver ? [] : [place]));
    return living[index % living.length];
  }

  const load: Load = {
    now: clock.now,
    count: store.count,
    stored: store.stored,
    run: clock.run,
    connect(gateway) {
      clock.touch();
      const life = lives[gateway];
      const index = peers.length;
      const ike = createIke(index);
      ike.state = STATE_HALF_OPEN;
      life.keeper.keys(ike, IKE_KEYS);
      const [child, pair] = install(life, ike, ++spis, 0, 0);
      peers.push({ gateway, ike, child, pair, sent: 0, taken: 0, got: 0, waitsSince: -1 });
      life.keeper.message(ike, () => {});
      ike.state = STATE_ESTABLISHED;
    },
    read(index) {
      clock.touch();
      const peer = peers[index];
      load.readings++;
      peer.waitsSince = clock.now();
      const once = (wait: number): void => {
        receive(routeOf(index), index, ++peer.sent, peer.child.spiIn);
        // Nothing is lost while its gateway lives.
        if (!lives[peer.gateway].isOver) return;
        const since = peer.waitsSince;
        at(clock.now() + wait, () => peer.waitsSince === since && once(2 * wait));
      };
      once(AGAIN);
    },
    rekeyChild(index) {
      clock.touch();
      const peer = peers[index];
      const life = lives[peer.gateway];
      const { ike, child: old } = peer;
      [peer.child, peer.pair] = install(life, ike, ++spis, 0, 0);
      [peer.sent, peer.taken, peer.got, peer.waitsSince] = [0, 0, 0, -1];
      ike.expectedId++;
      ike.response = new Uint8Array(REKEY_SIZE);
      life.keeper.message(ike, () => {
        // The peer has the new one, and deletes the old one.
        at(clock.now() + 20, () => {
          if (life.isOver) return;
          ike.children = ike.children.filter((one) => one !== old);
          life.keeper.removed(old);
          ike.expectedId++;
          ike.response = new Uint8Array(DELETE_SIZE);
          life.keeper.message(ike, () => {});
        });
      });
    },
    rekeyIke(index) {
      clock.touch();
      const peer = peers[index];
      const life = lives[peer.gateway];
      const old = peer.ike;
      const next = createIke(index);
      next.expectedId = 0;
      next.response = NONE;
      next.children = old.children;
      for (const { owner } of peer.pair) owner!.ike = next;
      old.children = [];
      old.successor = next;
      old.state = STATE_REPLACED;
      old.expectedId++;
      old.response = new Uint8Array(REKEY_SIZE);
      peer.ike = next;
      life.keeper.keys(next, IKE_KEYS);
      life.keeper.replaced(old, next);
      life.keeper.message(old, () => {
        at(clock.now() + 20, () => {
          if (life.isOver) return;
          old.state = STATE_ENDED;
          life.keeper.message(old, () => {});
        });
      });
    },
    kill(gateway) {
      lives[gateway].isOver = true;
    },
    readings: 0,
    answers: 0,
    faults: [],
    slow: [],
    slowAt: 0,
  };

  for (let gateway = 0; gateway < gateways; gateway++) start(gateway);
  // Those that want the same place try again.
  await load.run(3 * LEASE);
  if (lives.some(({ cluster }) => cluster === undefined)) throw new Error(`${gateways} gateways did not join`);
  return load;
}
