// Lists of a gateway with many peers, without the gateway: IKE SAs and associations as lists read them, which count how often that is.

import { ID_FQDN } from '../../core/ike/codec/numbers.ts';
import type { ChildSa } from '../../core/ike/state/child.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import type { Association, Associations } from '../../targets/node/gateway/associations.ts';
import { createLists, type Lists } from '../../targets/node/gateway/lists.ts';
import { createRoster, type Roster } from '../../targets/node/gateway/roster.ts';
import type { Pair } from '../../targets/node/gateway/state/keeper.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createSorted } from '../../targets/node/host/sorted.ts';

const NO_COUNTS = {
  dropIcv: 0,
  dropReplay: 0,
  dropSelector: 0,
  dropMalformed: 0,
  dropRefused: 0,
  dropLifetime: 0,
  snHi: 0,
  snLo: 0,
  normalised: 0,
  search: null,
};
const FORM = { suite: { name: 'a suite' }, shape: { tunnel: true, compressed: true } };

export interface ManyPeers {
  lists: Lists;
  roster: Roster;
  ikeSas: IkeSa[];
  /** Peers and SAs that were looked at. */
  looks: { peers: number; sas: number };
}

export const peerName = (n: number): string => `sensor${String(n).padStart(6, '0')}.example`;

/** `count` peers, which came up in an order that is not that of their names, each with one Child SA. */
export function manyPeers(count: number): ManyPeers {
  const looks = { peers: 0, sas: 0 };
  const ikeSas: IkeSa[] = [];
  const roster = createRoster();
  const pairs = new Map<ChildSa, Pair>();
  const sas = createSorted<number, Association>(({ serial }) => serial);
  const policy = { name: 'sensors' };
  let serial = 0;
  for (let i = 0; i < count; i++) {
    const n = (i * 7919) % count;
    const child = { retired: 0 } as ChildSa;
    const children = [child];
    const ike = {
      peerIdType: ID_FQDN,
      peerId: Buffer.from(peerName(n)),
      state: STATE_ESTABLISHED,
      setup: null,
      espPath: null,
      path: { remote: addressOctets('192.0.2.1')!, remotePort: 500 },
      address: addressOctets(`2001:db8::${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}`)!,
      policy,
      heardAt: 0,
      spis: new Uint8Array(16),
      get children() {
        looks.peers++;
        return children;
      },
    } as unknown as IkeSa;
    const associationOf = (direction: 'in' | 'out', packets: number): Association => {
      const sa = { ...NO_COUNTS, spi: i, packets, bytes: 10 * packets, since: -1, form: FORM };
      const one = { serial: ++serial, name: 'sensors', direction, owner: { ike, child } };
      return Object.defineProperty(one, 'sa', {
        get() {
          looks.sas++;
          return sa;
        },
      }) as unknown as Association;
    };
    const pair: Pair = [associationOf('out', 2), associationOf('in', n)];
    for (const one of pair) sas.add(one);
    pairs.set(child, pair);
    roster.add(ike);
    ikeSas.push(ike);
  }
  const lists = createLists({
    sas: { ...({} as Associations), after: sas.after, count: sas.size, all: () => sas.after(undefined) },
    roster,
    ikeSas: () => ikeSas,
    pairOf: (child) => pairs.get(child),
    upSince: () => 0,
    onRadio: () => undefined,
    now: () => 1000,
  });
  looks.peers = looks.sas = 0;
  return { lists, roster, ikeSas, looks };
}
