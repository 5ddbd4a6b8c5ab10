// Lists of peers and SAs for operators, a page at a time: a gateway with 100,000 peers must not stop for one who looks. A page costs what
// is on it; one of a search, what it looks through, which has a limit. All are copies, without keys.

import { isEesp } from '../../../core/eesp/sa.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { carriersOf } from '../host/carrier.ts';
import { identityKey, identityText } from '../host/config/ike-names.ts';
import { spiText } from '../host/sa-view.ts';
import type { Association, Associations } from './associations.ts';
import type { ListQuery, Page, PeerCounts, PeerView, SaView } from './list-views.ts';
import type { Listed, Roster } from './roster.ts';
import type { Pair } from './state/keeper.ts';
import { isStream } from './streams.ts';
import { saMetrics } from './views.ts';

/** What packets change of an SA. */
export interface SaCounts {
  packets: number;
  octets: number;
  drops: number;
}

export interface Lists {
  /** The IKE SA of a peer that is established, or of any peer. */
  established(peer?: string): IkeSa | undefined;
  /** All IKE SAs of a peer, those that end among them. */
  ikeSasOf(peer: string): IkeSa[];
  peers(query?: ListQuery): Page<PeerView>;
  saPage(query?: ListQuery): Page<SaView>;
  /** Seconds since the first packet of the SA for which that is longest; 0: none had one. */
  oldestSa(): number;
  /** Calls `look` with each SA, the oldest first: its number, and counters in an object that is always the same. */
  eachSa(look: (serial: number, counts: SaCounts, isIn: boolean, peer: string, name: string) => void): void;
}

export interface ListParts {
  sas: Associations;
  roster: Roster;
  ikeSas(): IkeSa[];
  /** The SAs of a Child SA. */
  pairOf(child: ChildSa): Pair | undefined;
  /** When a peer came up, by its identity's key; -1: not known. */
  upSince(id: string): number;
  /** The radio that reaches an outer address, and what it measured; undefined: none does. */
  onRadio(address: Uint8Array): Pick<PeerView, 'radio' | 'signal'> | undefined;
  now(): number;
}

/** Entries of a page, where nothing is said, and at most. */
const LIMIT = 100;
const LIMIT_MAX = 1000;
/** Entries that a page of a search looks through. */
const LOOK_MAX = 2000;

function limitOf({ limit = LIMIT }: ListQuery): number {
  return Math.min(LIMIT_MAX, Math.max(1, Math.floor(limit)));
}

/** A list of which pages are made. */
interface Source<Item, View> {
  /** The entries behind a cursor, in order; undefined: all. */
  entries(after: string | undefined): Iterable<Item>;
  size: number;
  keyOf(item: Item): string;
  /** What the search is for; null: nothing is searched for. */
  fits: ((item: Item) => boolean) | null;
  view(item: Item): View;
}

function pageOf<Item, View>(query: ListQuery, { entries, size, keyOf, fits, view }: Source<Item, View>): Page<View> {
  const most = limitOf(query);
  const items: View[] = [];
  let next: string | null = null;
  let last = '';
  let looked = 0;
  for (const item of entries(query.cursor)) {
    if (looked === LOOK_MAX) {
      next = last;
      break;
    }
    looked++;
    if (fits === null || fits(item)) {
      if (items.length === most) {
        next = last;
        break;
      }
      items.push(view(item));
    }
    last = keyOf(item);
  }
  if (fits === null || size > LOOK_MAX) return { items, next, total: fits === null ? size : null };
  let total = 0;
  for (const item of entries(undefined)) if (fits(item)) total++;
  return { items, next, total };
}

const dropsOf = (sa: Sa): number =>
  sa.dropIcv + sa.dropReplay + sa.dropSelector + sa.dropMalformed + sa.dropRefused + sa.dropLifetime;

const seconds = (ms: number): number => Math.max(0, Math.round(ms) / 1000);

export function createLists({ sas, roster, ikeSas, pairOf, upSince, onRadio, now }: ListParts): Lists {
  const names = new WeakMap<IkeSa, string>();

  function identity(sa: IkeSa): string {
    let name = names.get(sa);
    if (name === undefined) {
      name = identityText(sa.peerIdType, sa.peerId);
      names.set(sa, name);
    }
    return name;
  }

  const peerOf = ({ owner }: Association): string => (owner === null ? '' : identity(owner.ike));

  function fits(name: string, own: readonly IkeSa[], search: string): boolean {
    return (
      name.toLowerCase().includes(search) ||
      own.some(
        (sa) =>
          sa.policy.name.toLowerCase().includes(search) ||
          addressText(sa.path.remote).includes(search) ||
          (sa.address.length > 0 && addressText(sa.address).includes(search)),
      )
    );
  }

  /** The SAs of a peer, the oldest first. */
  function pairsOf(own: readonly IkeSa[]): Association[] {
    const all = own.flatMap(({ children }) => children.flatMap((child) => pairOf(child) ?? []));
    return all.sort((a, b) => a.serial - b.serial);
  }

  function countsOf(own: readonly IkeSa[]): PeerCounts {
    const sums: PeerCounts = { packetsIn: 0, packetsOut: 0, octetsIn: 0, octetsOut: 0, drops: 0 };
    for (const { sa, direction } of pairsOf(own)) {
      sums.drops += dropsOf(sa);
      if (direction === 'in') {
        sums.packetsIn += sa.packets;
        sums.octetsIn += sa.bytes;
      } else {
        sums.packetsOut += sa.packets;
        sums.octetsOut += sa.bytes;
      }
    }
    return sums;
  }

  function peerView({ name: peer, sas: own }: Listed): PeerView {
    const sa = own.at(-1)!;
    const time = now();
    const since = upSince(identityKey(sa.peerIdType, sa.peerId));
    return {
      peer,
      connection: sa.policy.name,
      state: own.some(({ state }) => state === STATE_ESTABLISHED) ? 'established' : 'ending',
      remote: addressText(sa.path.remote),
      remotePort: sa.path.remotePort,
      ...carriersOf(sa, isStream),
      ...(onRadio(sa.path.remote) ?? { radio: '', signal: null }),
      address: sa.address.length === 0 ? '' : addressText(sa.address),
      up: since < 0 ? 0 : seconds(time - since),
      heard: seconds(time - Math.max(...own.map(({ heardAt }) => heardAt))),
      ikeSas: own.map(({ spis }) => Buffer.from(spis).toString('hex')),
      children: own.reduce((sum, { children }) => sum + children.filter(({ retired }) => retired === 0).length, 0),
      ...countsOf(own),
    };
  }

  function saView(one: Association): SaView {
    const { sa, serial, name, direction } = one;
    return {
      ...saMetrics(name, direction, sa),
      id: serial,
      peer: peerOf(one),
      spi: spiText(sa.spi),
      protocol: isEesp(sa) ? 'EESP' : 'ESP',
      suite: sa.form.suite.name,
      mode: sa.form.shape.tunnel ? 'tunnel' : 'transport',
      compressed: sa.form.shape.compressed,
      age: sa.since < 0 ? null : seconds(now() - sa.since),
    };
  }

  return {
    established: (peer) =>
      (peer === undefined ? ikeSas() : (roster.get(peer)?.sas ?? [])).find(({ state }) => state === STATE_ESTABLISHED),
    ikeSasOf: (peer) => [...(roster.get(peer)?.sas ?? [])],
    peers(query = {}) {
      const search = (query.search ?? '').toLowerCase();
      const one = query.peer === undefined ? undefined : roster.get(query.peer);
      return pageOf<Listed, PeerView>(query, {
        entries: (after) => {
          if (query.peer === undefined) return roster.after(after);
          return one === undefined || (after !== undefined && one.name <= after) ? [] : [one];
        },
        size: query.peer === undefined ? roster.size() : one === undefined ? 0 : 1,
        keyOf: ({ name }) => name,
        fits: search === '' ? null : ({ name, sas: own }) => fits(name, own, search),
        view: peerView,
      });
    },
    saPage(query = {}) {
      const search = (query.search ?? '').toLowerCase();
      const own = query.peer === undefined ? undefined : pairsOf(roster.get(query.peer)?.sas ?? []);
      return pageOf<Association, SaView>(query, {
        entries: (after) => {
          const serial = after === undefined ? undefined : Number(after);
          return own === undefined
            ? sas.after(serial)
            : own.filter((one) => serial === undefined || one.serial > serial);
        },
        size: own?.length ?? sas.count(),
        keyOf: ({ serial }) => String(serial),
        fits:
          search === ''
            ? null
            : (one) =>
                [one.name, peerOf(one)].some((text) => text.toLowerCase().includes(search)) ||
                spiText(one.sa.spi).includes(search),
        view: saView,
      });
    },
    oldestSa() {
      const time = now();
      let oldest = time;
      for (const { sa } of sas.all()) if (sa.since >= 0 && sa.since < oldest) oldest = sa.since;
      return seconds(time - oldest);
    },
    eachSa(look) {
      const counts: SaCounts = { packets: 0, octets: 0, drops: 0 };
      for (const one of sas.all()) {
        counts.packets = one.sa.packets;
        counts.octets = one.sa.bytes;
        counts.drops = dropsOf(one.sa);
        look(one.serial, counts, one.direction === 'in', peerOf(one), one.name);
      }
    },
  };
}
