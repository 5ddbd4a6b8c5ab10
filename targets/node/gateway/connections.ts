// The configured connections, found by identity and by the addresses that they give to peers: a file may name very many.

import { createHash } from 'node:crypto';
import { narrowSelectors, type Selector } from '../../../core/ike/codec/selectors.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { type IkePolicy, NAT_FORCE, NAT_OFF, type Nat } from '../../../core/ike/state/policy.ts';
import { type Connection, policyFor } from '../host/config/ike-policy.ts';
import { octetsKey } from '../host/datagram.ts';
import { hardText } from './comparison.ts';
import { createSpans, type Span, spanOf } from './spans.ts';
import { idKey } from './up.ts';

export interface Connections {
  /** The first connection that takes this identity. */
  find(type: number, data: Uint8Array): Connection | undefined;
  /** All of the configuration. */
  readonly list: readonly Connection[];
  /** Takes others. The result finds those from before. */
  follow(list: readonly Connection[]): Connections['find'];
  /**
   * Looks at what other connections than `name` give their peers of `selector`, in whole or in part, until `look` says true,
   * and tells whether it did. Whoever may have every address is left out.
   */
  someGiven(name: string, selector: Selector, look: (given: Selector) => boolean): boolean;
  /**
   * The policy of a connection for a peer on this path; peers share what does not depend on their addresses. `hasAddress`: the
   * peer got an inner address, which stands for the selectors of the policy.
   */
  policyOn(connection: Connection, path: Path, hasAddress: boolean): IkePolicy;
  /** What answers IKE_SA_INIT on such a path, before the peer is known: whatever any of the connections accepts. */
  fallbackOf(path: Pick<Path, 'port'>): IkePolicy;
  /** The post-quantum key with this PPK_ID, or null. */
  findPpk(id: Uint8Array): Uint8Array | null;
  /** A digest of what was negotiated with this identity, or proved, for a store; '': it is no peer. */
  digestOf(type: number, data: Uint8Array): string;
  /** The connection of a stored IKE SA with this digest, if it is still there and needs no new negotiation. */
  sameAs(type: number, data: Uint8Array, digest: string): Connection | undefined;
}

const NOWHERE = new Uint8Array(0);

interface Given {
  name: string;
  selector: Selector;
}

export function isEvery({ start, end }: Selector): boolean {
  return start.every((octet) => octet === 0) && end.every((octet) => octet === 255);
}

function fallbackFor(connections: readonly Connection[], nat: Nat): IkePolicy {
  const policies = connections.map(({ policy }) => policy);
  const ike = new Map(policies.flatMap((policy) => policy.ike).map((one) => [JSON.stringify(one), one]));
  const ppk = policies.map((policy) => policy.ppk).find((one) => one !== null);
  return {
    ...policies[0],
    name: 'unknown',
    ike: [...ike.values()],
    ciphers: [...new Set(policies.flatMap((policy) => policy.ciphers))],
    ppk: ppk === undefined || ppk === null ? null : { ...ppk, mandatory: false },
    transcript: policies.some((policy) => policy.transcript),
    fragmentSize: Math.max(...policies.map((policy) => policy.fragmentSize)),
    nonceSize: Math.max(...policies.map((policy) => policy.nonceSize)),
    announce: [...new Set(policies.flatMap((policy) => policy.announce))],
    nat,
  };
}

interface Index {
  list: readonly Connection[];
  ppks: Map<string, Uint8Array>;
  find: Connections['find'];
  someGiven: Connections['someGiven'];
}

function indexOf(list: readonly Connection[]): Index {
  const byId = new Map<string, number>();
  const ppks = new Map<string, Uint8Array>();
  let anyone = list.length;
  const given: Span<Given>[] = [];
  list.forEach(({ name, policy, remote }, index) => {
    const id = policy.remoteId;
    const { ppk } = policy;
    if (ppk !== null && !ppks.has(octetsKey(ppk.id))) ppks.set(octetsKey(ppk.id), ppk.key);
    if (id === null) anyone = Math.min(anyone, index);
    else if (!byId.has(idKey(id.type, id.data))) byId.set(idKey(id.type, id.data), index);
    for (const selector of remote) {
      if (selector.isDynamic || isEvery(selector)) continue;
      given.push(spanOf(selector.start, selector.end, { name, selector }));
    }
  });
  const spans = createSpans(given);

  return {
    list,
    ppks,
    find: (type, data) => list[Math.min(byId.get(idKey(type, data)) ?? anyone, anyone)],
    someGiven(name, selector, look) {
      const isIt = (one: Given): boolean =>
        one.name !== name && narrowSelectors([one.selector], [selector]).length > 0 && look(one.selector);
      return spans.some(selector.start, selector.end, isIt);
    },
  };
}

/** `radios`: paths with a port from here on are sockets, whose peers may be behind a NAT. */
export function createConnections(first: readonly Connection[], radios: number): Connections {
  const natOf = ({ port }: Pick<Path, 'port'>): Nat => (port >= radios ? NAT_FORCE : NAT_OFF);
  const digests = new WeakMap<Connection, string>();
  // By connection, then by kind of path and own address.
  const shared = new WeakMap<Connection, Map<string, IkePolicy>>();

  function digestOf(connection: Connection): string {
    const known = digests.get(connection);
    if (known !== undefined) return known;
    const digest = createHash('sha256').update(hardText(connection)).digest('base64').slice(0, 24);
    digests.set(connection, digest);
    return digest;
  }

  let index = indexOf(first);

  return {
    policyOn(connection, path, hasAddress) {
      const nat = natOf(path);
      const isUdp = nat === NAT_FORCE;
      const known = shared.get(connection) ?? new Map<string, IkePolicy>();
      shared.set(connection, known);
      const key = `${nat} ${octetsKey(path.local)}`;
      const base = known.get(key) ?? { ...policyFor(connection, path.local, NOWHERE, isUdp), nat };
      known.set(key, base);
      if (hasAddress || !connection.remote.some(({ isDynamic }) => isDynamic)) return base;
      const { remote } = policyFor(connection, NOWHERE, path.remote, isUdp).child;
      return { ...base, child: { ...base.child, remote } };
    },
    fallbackOf: (path) => fallbackFor(index.list, natOf(path)),
    findPpk: (id) => index.ppks.get(octetsKey(id)) ?? null,
    digestOf(type, data) {
      const connection = index.find(type, data);
      return connection === undefined ? '' : digestOf(connection);
    },
    sameAs(type, data, digest) {
      const connection = index.find(type, data);
      return connection !== undefined && digestOf(connection) === digest ? connection : undefined;
    },
    get list() {
      return index.list;
    },
    follow(list) {
      const { find } = index;
      index = indexOf(list);
      return find;
    },
    find: (type, data) => index.find(type, data),
    someGiven: (name, selector, look) => index.someGiven(name, selector, look),
  };
}
