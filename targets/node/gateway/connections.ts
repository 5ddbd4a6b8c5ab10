// The configured connections, found by identity and by the addresses that they give to peers: a file may name very many.

import { createHash } from 'node:crypto';
import { narrowSelectors, type Selector } from '../../../core/ike/codec/selectors.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { type IkePolicy, NAT_AUTO, NAT_FORCE, NAT_OFF, type Nat } from '../../../core/ike/state/policy.ts';
import { isEvery } from '../host/addresses.ts';
import { anyOf, type NodeSignatures } from '../host/certificates/signatures.ts';
import { renamed } from '../host/config/child-policy.ts';
import { acceptingEesp } from '../host/config/eesp.ts';
import { identityKey } from '../host/config/ike-names.ts';
import { type Connection, policyFor, remotesOf } from '../host/config/ike-policy.ts';
import { addressesOf, connectionOf, type NamedPeer } from '../host/config/named-peers.ts';
import { octetsKey } from '../host/datagram.ts';
import { streamedPolicy } from '../host/stream-policy.ts';
import { hardText } from './comparison.ts';
import type { EspCarrier, GatewayIkeConfig } from './config.ts';
import { createSpans, type Span, spanOf } from './spans.ts';
import { isStream } from './streams.ts';

export interface Connections {
  /** The first connection that takes this identity. */
  find(type: number, data: Uint8Array): Connection | undefined;
  /** All of the configuration, and the profiles of named peers: whatever may be proposed. */
  readonly list: readonly Connection[];
  /** Takes others. The result finds those from before. */
  follow(next: Configured): Connections['find'];
  /** The inner address of `size` octets that the file gives to this peer alone, or null. */
  addressOf(type: number, data: Uint8Array, size: number): Uint8Array | null;
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

/** Where connections come from. */
export type Configured = Pick<GatewayIkeConfig, 'connections' | 'named'>;

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
    signatures: anyOf(policies.map(({ signatures }) => signatures as NodeSignatures | undefined)),
    nat,
  };
}

/** The policy of a named peer on a path: that of its profile there, with what is its own. */
function ownPolicy(common: IkePolicy, { policy, more }: Connection): IkePolicy {
  const { name, remoteId, remoteAuth, psk, publicKey, announce } = policy;
  const child = { ...common.child, name, remote: policy.child.remote };
  const own = { ...common, name, remoteId, remoteAuth, psk, publicKey, announce, child };
  if (common.children === undefined) return own;
  return { ...own, children: renamed(common.children, more, common.child.name, name, child.remote) };
}

interface Index {
  list: readonly Connection[];
  ppks: Map<string, Uint8Array>;
  find: Connections['find'];
  someGiven: Connections['someGiven'];
}

/** What the file gives to one peer: of a record it is read when it is looked for. */
function selectorsOf(given: Connection | NamedPeer): Selector[] {
  return 'policy' in given
    ? remotesOf(given).filter((one) => !one.isDynamic && !isEvery(one.start, one.end))
    : addressesOf(given);
}

function indexOf({ connections: own, named }: Configured): Index {
  const list = [...own, ...(named?.profiles ?? [])];
  const byId = new Map<string, number>();
  const ppks = new Map<string, Uint8Array>();
  let anyone = own.length;
  const given: Span<Connection | NamedPeer>[] = [];
  for (const { policy } of list) {
    const { ppk } = policy;
    if (ppk !== null && !ppks.has(octetsKey(ppk.id))) ppks.set(octetsKey(ppk.id), ppk.key);
  }
  own.forEach((connection, index) => {
    const id = connection.policy.remoteId;
    if (id === null) anyone = Math.min(anyone, index);
    else if (!byId.has(identityKey(id.type, id.data))) byId.set(identityKey(id.type, id.data), index);
    for (const { start, end } of selectorsOf(connection)) given.push(spanOf(start, end, connection));
  });
  const spans = createSpans(given.concat(named?.ranges ?? []));

  return {
    list,
    ppks,
    find(type, data) {
      const place = byId.get(identityKey(type, data)) ?? anyone;
      if (place < anyone) return own[place];
      const peer = named?.get(type, data);
      return peer === undefined ? own[anyone] : connectionOf(peer);
    },
    someGiven(name, selector, look) {
      const isIt = (one: Selector): boolean => narrowSelectors([one], [selector]).length > 0 && look(one);
      return spans.some(selector.start, selector.end, (one) => one.name !== name && selectorsOf(one).some(isIt));
    },
  };
}

const NATS: Record<EspCarrier, Nat> = { udp: NAT_FORCE, auto: NAT_AUTO, raw: NAT_OFF };

/**
 * `radios`: paths with a port from here on are sockets, whose peers may be behind a NAT; `esp`: what carries their ESP.
 */
export function createConnections(first: Configured, radios: number, esp: EspCarrier = 'udp'): Connections {
  const natOf = ({ port }: Pick<Path, 'port'>): Nat => (port >= radios ? NATS[esp] : NAT_OFF);
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

  function policyOn(connection: Connection, path: Path, hasAddress: boolean): IkePolicy {
    const nat = natOf(path);
    const isUdp = path.port >= radios;
    // Named peers share what is of their profile.
    const whole = connection.profile ?? connection;
    const known = shared.get(whole) ?? new Map<string, IkePolicy>();
    shared.set(whole, known);
    const overTcp = isStream(path);
    const key = `${nat} ${overTcp} ${octetsKey(path.local)}`;
    const fresh = (): IkePolicy => ({ ...policyFor(whole, path.local, NOWHERE, isUdp), nat });
    const common = known.get(key) ?? (overTcp ? streamedPolicy(fresh()) : fresh());
    known.set(key, common);
    const base = connection.profile === undefined ? common : ownPolicy(common, connection);
    if (hasAddress || !remotesOf(connection).some(({ isDynamic }) => isDynamic)) return base;
    const here = policyFor(connection, NOWHERE, path.remote, isUdp);
    const children = base.children?.map((one, index) => ({ ...one, remote: here.children![index].remote }));
    const child = { ...base.child, remote: here.child.remote };
    return { ...base, child, ...(children === undefined ? {} : { children }) };
  }

  /** Policies with EESP, by the same without it. */
  const withEesp = new WeakMap<IkePolicy, IkePolicy>();

  return {
    policyOn(connection, path, hasAddress) {
      const plain = policyOn(connection, path, hasAddress);
      // EESP goes over UDP only: elsewhere a peer that has to have it gets nothing.
      const isHere = natOf(path) === NAT_FORCE && !isStream(path);
      if (connection.eesp === null || (!isHere && !connection.eesp.required)) return plain;
      const known = withEesp.get(plain) ?? acceptingEesp(plain, connection.eesp);
      withEesp.set(plain, known);
      return known;
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
    addressOf(type, data, size) {
      const given = index.find(type, data)?.remote ?? [];
      const single = given.find(({ isDynamic, start, end }) => {
        return !isDynamic && start.length === size && Buffer.compare(start, end) === 0;
      });
      return single?.start ?? null;
    },
    follow(next) {
      const { find } = index;
      index = indexOf(next);
      return find;
    },
    find: (type, data) => index.find(type, data),
    someGiven: (name, selector, look) => index.someGiven(name, selector, look),
  };
}
