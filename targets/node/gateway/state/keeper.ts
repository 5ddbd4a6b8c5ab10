// Keeps the gateway's SAs in its store: what is written when, and what waits until it is durable.
//
//   ike/SPI   the lasting part of an IKE SA, written when it is set up
//   now/SPI   its Message IDs, last answer, request, path and Child SAs: before a message that they describe leaves
//   sa/ID     a Child SA, written when it is set up
//   num/ID    its sequence numbers, reserved ahead
//   key/NAME  secrets of the gateway itself, such as the key of tickets

import { randomBytes } from 'node:crypto';
import type { Sa, SaConfig } from '../../../../core/esp/sa.ts';
import { recordChild, recordIke, recordProgress } from '../../../../core/ike/child/restore.ts';
import { IKE_FLAGS, IKE_SPI_I, IKE_SPI_R } from '../../../../core/ike/codec/message.ts';
import { FLAG_INITIATOR } from '../../../../core/ike/codec/numbers.ts';
import { spiKey } from '../../../../core/ike/exchange/registry.ts';
import { CHILD_LIVE, type ChildSa } from '../../../../core/ike/state/child.ts';
import type { Ike } from '../../../../core/ike/state/ike.ts';
import type { Path } from '../../../../core/ike/state/path.ts';
import {
  type IkeSa,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_HALF_OPEN,
  STATE_REPLACED,
} from '../../../../core/ike/state/sa.ts';
import type { Journal } from '../../host/state/journal.ts';
import { encodePlain } from '../../host/state/plain.ts';
import {
  aheadOf,
  askNext,
  createReserve,
  type Kept,
  lastOf,
  numberOf,
  type Reserve,
} from '../../host/state/reserve.ts';
import type { SharedState } from '../../host/state/shared.ts';
import type { Association } from '../associations.ts';
import { LOST } from './configured.ts';
import { createNumbers, type Numbers } from './numbers.ts';
import { createOwnGroups } from './own-groups.ts';

/** The SAs of a Child SA: outbound, inbound. */
export type Pair = [Association, Association];

/** A Child SA: its numbers, and its keys for a store that begins anew. */
interface KeptChild extends Kept {
  id: string;
  keysOut: Uint8Array;
  keysIn: Uint8Array;
}

interface KeptIke {
  spi: string;
  keys: Uint8Array;
  /** Of what the configuration said about its peer. */
  digest: string;
  /** The IKE SA that it replaced, while the peer may still ask for the last answer under that. */
  former: IkeSa | null;
}

export interface KeeperConfig {
  journal: Journal;
  /** What the last process left. */
  records: ReadonlyMap<string, Uint8Array>;
  /** Milliseconds of IKE's clock. */
  now(): number;
  /** Names the radio or socket of a path, so that it is found again. */
  placeOf(path: Path): string;
  /** The store is that of several gateways; null: of this one alone. */
  shared: SharedState | null;
}

export interface Keeper extends Omit<Numbers, 'put' | 'putAnew' | 'ready'> {
  /** A digest of what the configuration says about the peer of an IKE SA; set before the first is set up. */
  digestOf: (sa: IkeSa) => string;
  /** Keys of an IKE SA that is being set up, valid during the call. */
  keys(sa: IkeSa, octets: Uint8Array): void;
  /** A Child SA was installed; the keys in its configurations are valid during the call. */
  installed(child: ChildSa, outgoing: SaConfig, incoming: SaConfig, pair: Pair): void;
  /** It was removed. */
  removed(child: ChildSa): void;
  /** An IKE SA is up, or was restored. */
  established(sa: IkeSa): void;
  /** `sa` has taken over from `old`. */
  replaced(old: IkeSa, sa: IkeSa): void;
  ended(sa: IkeSa): void;
  /** The peer of a Child SA is elsewhere now. */
  moved(sa: IkeSa, child: ChildSa): void;
  /** A message of this IKE SA is about to leave: sends it when its progress is durable. */
  message(sa: IkeSa | undefined, send: () => void): void;
  /** A configured SA: its numbers are kept under this key. */
  configured(association: Association, key: string): void;
  /**
   * True for a configured SA while the store is given up: its packets are dropped. After a crash nobody would know the numbers
   * that it used, and its keys would come again with the file.
   */
  refuses(association: Association): boolean;
  /** The numbers of the configured SA with this key are lost: it stays out until it has other keys. */
  lost(key: string): void;
  /** Runs `effect`, of the packet of this SA that the last `waits` was about, when its number is durable. False: dropped. */
  after(effect: () => void, association: Association): boolean;
  /** IKE SAs of these groups, which are another gateway's now: nothing more is written or sent about them. */
  lose(groups: string[]): IkeSa[];
  /** A secret of the gateway: the stored one of `size` octets, or what `make` gives, stored from now on. */
  secret(name: string, size: number, make: () => Uint8Array): Uint8Array;
  /** Puts every record again. */
  everything(): void;
}

/** The IKE SA of a message that `ike` sends. */
export function saOfMessage(ike: Ike, message: Uint8Array): IkeSa | undefined {
  const isInitiator = (message[IKE_FLAGS] & FLAG_INITIATOR) !== 0;
  return ike.bySpi[spiKey(message, isInitiator ? IKE_SPI_I : IKE_SPI_R)];
}

function keysOf({ key, salt, authKey }: SaConfig): Uint8Array {
  return new Uint8Array(Buffer.concat([key, salt, authKey]));
}

/** `isShared`: what another gateway takes over must not cost a slow peer a number. */
function reserveOf(sa: Sa, isOut: boolean, now: number, isShared: boolean): Reserve {
  // An SA with subspaces does not come back: nothing is known of their counters. Its record says that a number was used, and so
  // createSa refuses it, and the peer is told by a Delete.
  if (sa.subspaces !== undefined) return createReserve(1, 1, 1, now);
  // A peer that is sent few bits of a number cannot follow a long jump.
  const limit = lastOf(sa.form.counter.esn);
  const least = isShared && !isOut ? 0 : 1;
  return createReserve(numberOf(sa.snHi, sa.snLo), aheadOf(isOut ? sa.form.snLsb : 32), limit, now, least);
}

export function createKeeper(config: KeeperConfig): Keeper {
  const { journal, now, shared } = config;
  const isShared = shared !== null;
  const groups = createOwnGroups(shared);
  const children = new Map<ChildSa, KeptChild>();
  const ikes = new Map<IkeSa, KeptIke>();
  /** Keys of IKE SAs that are being set up. */
  const fresh = new WeakMap<IkeSa, Uint8Array>();
  const secrets = new Map<string, Uint8Array>();
  const configured = new Map<string, Kept>();
  /** Keys of configured SAs whose numbers are not known. */
  const lost = new Set<string>();

  function placed(path: Path | null): object | null {
    return path === null ? null : { ...path, port: config.placeOf(path) };
  }

  function putIke(sa: IkeSa, { spi, keys, digest }: KeptIke): void {
    journal.put(`ike/${spi}`, () => (ikes.has(sa) ? encodePlain({ ...recordIke(sa, keys), digest }) : null));
  }

  function putProgress(sa: IkeSa): void {
    const kept = ikes.get(sa);
    if (kept === undefined) return;
    journal.put(`now/${kept.spi}`, () => {
      if (!ikes.has(sa) || (sa.state !== STATE_ESTABLISHED && sa.state !== STATE_REPLACED)) return null;
      const progress = recordProgress(sa, now());
      const ids = sa.children.flatMap((child) => {
        const one = children.get(child);
        return one === undefined ? [] : [{ id: one.id, stage: child.retired }];
      });
      const [path, espPath] = [placed(progress.path), placed(progress.espPath)];
      const next = sa.successor === null ? undefined : ikes.get(sa.successor);
      return encodePlain({ ...progress, path, espPath, children: ids, next: next?.spi ?? '', at: Date.now() });
    });
  }

  function putChild(child: ChildSa, one: KeptChild): void {
    journal.put(`sa/${one.id}`, () => {
      const { gone, keysOut, keysIn } = one;
      if (gone) return null;
      const record = recordChild(child, keysOut, keysIn, now());
      return encodePlain({ ...record, path: placed(record.path), at: Date.now() });
    });
  }

  const numbers = createNumbers(journal, now, isShared);

  function drop(key: string): void {
    journal.put(key, () => null);
  }

  const keeper: Keeper = {
    digestOf: () => '',
    keys(sa, octets) {
      fresh.set(sa, octets.slice());
    },
    installed(child, outgoing, incoming, [out, into]) {
      const id = randomBytes(8).toString('hex');
      const time = now();
      const one: KeptChild = {
        id,
        key: `num/${id}`,
        out: reserveOf(out.sa, true, time, isShared),
        in: reserveOf(into.sa, false, time, isShared),
        gone: false,
        granted: null,
        keysOut: keysOf(outgoing),
        keysIn: keysOf(incoming),
      };
      children.set(child, one);
      out.kept = one;
      into.kept = one;
      groups.child(id, child, out);
      putChild(child, one);
      for (const reserve of [one.out, one.in]) if (reserve !== null && reserve.least > 0) askNext(reserve);
      numbers.put(one);
    },
    removed(child) {
      const one = children.get(child);
      if (one === undefined) return;
      children.delete(child);
      one.gone = true;
      one.keysOut.fill(0);
      one.keysIn.fill(0);
      drop(`sa/${one.id}`);
      drop(one.key);
    },
    established(sa) {
      const at = sa.initiator ? 0 : 8;
      const spi = Buffer.from(sa.spis.subarray(at, at + 8)).toString('hex');
      const keys = fresh.get(sa);
      if (ikes.has(sa) || keys === undefined) return;
      const kept = { spi, keys, digest: keeper.digestOf(sa), former: null };
      ikes.set(sa, kept);
      groups.ike(spi, sa);
      putIke(sa, kept);
      putProgress(sa);
    },
    replaced(old, sa) {
      groups.inherit(old, sa);
      keeper.established(sa);
      const [before, kept] = [ikes.get(old), ikes.get(sa)];
      if (before?.former) keeper.ended(before.former);
      // The peer has to have the new one, if it answered this side's request.
      if (sa.initiator || before === undefined || kept === undefined) {
        keeper.ended(old);
        return;
      }
      before.former = null;
      kept.former = old;
      putProgress(old);
    },
    ended(sa) {
      groups.ended(sa);
      const kept = ikes.get(sa);
      if (kept === undefined) return;
      if (kept.former !== null) keeper.ended(kept.former);
      ikes.delete(sa);
      kept.keys.fill(0);
      drop(`ike/${kept.spi}`);
      drop(`now/${kept.spi}`);
    },
    moved(sa, child) {
      putProgress(sa);
      const one = children.get(child);
      if (child.path !== null && one !== undefined) putChild(child, one);
    },
    message(sa, send) {
      // Of an IKE SA that nobody has proved yet nothing is kept, unless its Child SA was just made.
      const isKept = sa !== undefined && (ikes.has(sa) || sa.children.some((child) => children.has(child)));
      if (!isKept) {
        // The Delete of what a rekey replaced makes the peer forget it.
        if (sa !== undefined && sa.successor !== null && ikes.has(sa.successor)) {
          journal.after(() => {
            if (groups.mayAct(sa)) send();
          });
        } else send();
        return;
      }
      if (sa.state === STATE_HALF_OPEN) keeper.established(sa);
      else putProgress(sa);
      journal.after(() => {
        if (!groups.mayAct(sa)) return;
        send();
        // The peer has deleted what its rekey replaced.
        if (sa.successor !== null && sa.state === STATE_ENDED) keeper.ended(sa);
      });
    },
    configured(association, key) {
      const { sa, direction } = association;
      const reserve = reserveOf(sa, direction === 'out', now(), false);
      askNext(reserve);
      const isOut = direction === 'out';
      const kept: Kept = { key, out: isOut ? reserve : null, in: isOut ? null : reserve, gone: false, granted: null };
      const before = configured.get(key);
      if (before !== undefined) before.gone = true;
      association.kept = kept;
      configured.set(key, kept);
      numbers.put(kept);
    },
    waits: numbers.waits,
    used: numbers.used,
    limitOf: numbers.limitOf,
    narrowed: numbers.narrowed,
    refuses: ({ kept, owner }) => kept !== null && owner === null && !journal.isKept(),
    lost(key) {
      lost.add(key);
      journal.put(key, () => LOST);
    },
    after(effect, { kept }) {
      const isReady = numbers.ready();
      return journal.after(() => {
        if (!isShared || (shared.isHeld() && !kept?.gone)) effect();
      }, isReady);
    },
    lose: (list) => groups.lose(list),
    secret(name, size, make) {
      const stored = config.records.get(`key/${name}`);
      const value = stored?.length === size ? stored : make();
      secrets.set(name, value);
      if (value !== stored) journal.put(`key/${name}`, () => value);
      return value;
    },
    close: numbers.close,
    everything() {
      for (const [name, value] of secrets) journal.put(`key/${name}`, () => value);
      for (const key of lost) journal.put(key, () => LOST);
      for (const kept of configured.values()) numbers.putAnew(kept);
      for (const [child, one] of children) {
        if (child.retired !== CHILD_LIVE) continue;
        putChild(child, one);
        numbers.putAnew(one);
      }
      for (const [sa, kept] of ikes) {
        putIke(sa, kept);
        putProgress(sa);
      }
    },
  };
  return keeper;
}
