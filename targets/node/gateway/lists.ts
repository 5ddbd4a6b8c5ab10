// Lists of peers and SAs for operators, a page at a time: a gateway with 100,000 peers must not stop for one who looks.
// What a page does not show costs a comparison. All are copies, without keys.

import { isEesp } from '../../../core/eesp/sa.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { carriersOf } from '../host/carrier.ts';
import { identityKey, identityText } from '../host/config/ike-names.ts';
import { spiText } from '../host/sa-view.ts';
import type { Association, Associations } from './associations.ts';
import type { ListQuery, Page, PeerCounts, PeerView, SaView } from './list-views.ts';
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
  ikeSas(): IkeSa[];
  /** When a peer came up, by its identity's key; -1: not known. */
  upSince(id: string): number;
  /** The radio that reaches an outer address, and what it measured; undefined: none does. */
  onRadio(address: Uint8Array): Pick<PeerView, 'radio' | 'signal'> | undefined;
  now(): number;
}

/** Entries of a page, where nothing is said, and at most. */
const LIMIT = 100;
const LIMIT_MAX = 1000;

function limitOf({ limit = LIMIT }: ListQuery): number {
  return Math.min(LIMIT_MAX, Math.max(1, Math.floor(limit)));
}

/** Keeps the `most` least texts, in order: a text that is beyond them costs one comparison. */
function keepLeast(kept: string[], text: string, most: number): void {
  if (kept.length === most && text >= kept[most - 1]) return;
  let [low, high] = [0, kept.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (kept[middle] < text) low = middle + 1;
    else high = middle;
  }
  kept.splice(low, 0, text);
  if (kept.length > most) kept.pop();
}

const dropsOf = (sa: Sa): number =>
  sa.dropIcv + sa.dropReplay + sa.dropSelector + sa.dropMalformed + sa.dropRefused + sa.dropLifetime;

const seconds = (ms: number): number => Math.max(0, Math.round(ms) / 1000);

export function createLists({ sas, ikeSas, upSince, onRadio, now }: ListParts): Lists {
  const names = new WeakMap<IkeSa, string>();

  function identity(sa: IkeSa): string {
    let name = names.get(sa);
    if (name === undefined) {
      name = identityText(sa.peerIdType, sa.peerId);
      names.set(sa, name);
    }
    return name;
  }

  /** A peer's identity is proved when the set-up is over. */
  const isProved = (sa: IkeSa): boolean => sa.setup === null && sa.peerId.length > 0;
  const peerOf = ({ owner }: Association): string => (owner === null ? '' : identity(owner.ike));

  function fits(sa: IkeSa, search: string): boolean {
    return (
      search === '' ||
      identity(sa).toLowerCase().includes(search) ||
      sa.policy.name.toLowerCase().includes(search) ||
      addressText(sa.path.remote).includes(search) ||
      (sa.address.length > 0 && addressText(sa.address).includes(search))
    );
  }

  function peerView(peer: string, own: IkeSa[], counts: PeerCounts): PeerView {
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
      ...counts,
    };
  }

  return {
    established: (peer) =>
      ikeSas().find((sa) => sa.state === STATE_ESTABLISHED && (peer === undefined || identity(sa) === peer)),
    ikeSasOf: (peer) => ikeSas().filter((sa) => isProved(sa) && identity(sa) === peer),
    peers(query = {}) {
      const search = (query.search ?? '').toLowerCase();
      const most = limitOf(query);
      const found = new Map<string, IkeSa[]>();
      for (const sa of ikeSas()) {
        if (!isProved(sa)) continue;
        const name = identity(sa);
        if ((query.peer !== undefined && name !== query.peer) || !fits(sa, search)) continue;
        const own = found.get(name);
        if (own === undefined) found.set(name, [sa]);
        else own.push(sa);
      }
      const kept: string[] = [];
      const { cursor } = query;
      for (const name of found.keys()) if (cursor === undefined || name > cursor) keepLeast(kept, name, most + 1);
      const shown = kept.slice(0, most);
      const counts = new Map<string, PeerCounts>();
      for (const name of shown) {
        counts.set(name, { packetsIn: 0, packetsOut: 0, octetsIn: 0, octetsOut: 0, drops: 0 });
      }
      for (const one of sas.all()) {
        const sums = one.owner === null ? undefined : counts.get(identity(one.owner.ike));
        if (sums === undefined) continue;
        const { sa } = one;
        sums.drops += dropsOf(sa);
        if (one.direction === 'in') {
          sums.packetsIn += sa.packets;
          sums.octetsIn += sa.bytes;
        } else {
          sums.packetsOut += sa.packets;
          sums.octetsOut += sa.bytes;
        }
      }
      return {
        items: shown.map((name) => peerView(name, found.get(name)!, counts.get(name)!)),
        next: kept.length > most ? shown[most - 1] : null,
        total: found.size,
      };
    },
    saPage(query = {}) {
      const search = (query.search ?? '').toLowerCase();
      const most = limitOf(query);
      const after = query.cursor === undefined ? 0 : Number(query.cursor);
      const items: SaView[] = [];
      const time = now();
      let total = 0;
      let next: string | null = null;
      for (const one of sas.all()) {
        const { sa, serial, name, direction } = one;
        const peer = peerOf(one);
        if (query.peer !== undefined && peer !== query.peer) continue;
        const spi = spiText(sa.spi);
        const isFit = search === '' || [name, peer].some((text) => text.toLowerCase().includes(search));
        if (!isFit && !spi.includes(search)) continue;
        total++;
        if (serial <= after) continue;
        if (items.length === most) {
          next ??= String(items[most - 1].id);
          continue;
        }
        items.push({
          ...saMetrics(name, direction, sa),
          id: serial,
          peer,
          spi,
          protocol: isEesp(sa) ? 'EESP' : 'ESP',
          suite: sa.form.suite.name,
          mode: sa.form.shape.tunnel ? 'tunnel' : 'transport',
          compressed: sa.form.shape.compressed,
          age: sa.since < 0 ? null : seconds(time - sa.since),
        });
      }
      return { items, next, total };
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
