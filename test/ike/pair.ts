// Two IKE endpoints and the datagrams between them, in virtual time, for tests.

import { fullExtensions } from '../../core/device/full-extensions.ts';
import { sensorPolicy } from '../../core/device/policy.ts';
import { MODE_TUNNEL } from '../../core/dietesp/attributes.ts';
import type { SaConfig } from '../../core/esp/sa.ts';
import { aesCcm8, aesCcm8Iiv } from '../../core/esp/suites.ts';
import { defaultCompression } from '../../core/ike/child/compression.ts';
import { hcp } from '../../core/ike/child/hcp.ts';
import { fragmentation } from '../../core/ike/codec/fragments.ts';
import { ID_FQDN } from '../../core/ike/codec/numbers.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { followNat } from '../../core/ike/exchange/addresses.ts';
import { createIke, type IkeConfig, receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { missingChildren } from '../../core/ike/exchange/missing.ts';
import { createChild } from '../../core/ike/exchange/requests.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { resumption } from '../../core/ike/ext/resume.ts';
import { createTickets } from '../../core/ike/ext/ticket.ts';
import type { ResponderConfig } from '../../core/ike/setup/half-open.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import type { ChildSa } from '../../core/ike/state/child.ts';
import type { Ike, IkeUpper } from '../../core/ike/state/ike.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { ChildPolicy, IkePolicy } from '../../core/ike/state/policy.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';

export const address = (last: number): Uint8Array => {
  const octets = new Uint8Array(16);
  octets[0] = 0xfd;
  octets[15] = last;
  return octets;
};

const every = () => ({ protocol: 0, startPort: 0, endPort: 65535, start: address(0), end: address(255) });

export function childPolicy(local: number, remote: number): ChildPolicy {
  return {
    name: 'child',
    esp: [{ protocol: 3, ciphers: [29, 14], keyBits: [128, 128], prf: [], integ: [], ke: [], sn: [0] }],
    suites: [aesCcm8Iiv, aesCcm8],
    mode: MODE_TUNNEL,
    local: [{ ...every(), start: address(local), end: address(local) }],
    remote: [{ ...every(), start: address(remote), end: address(remote) }],
    narrow: true,
    notify: hcp,
    compression: defaultCompression(),
    dscp: null,
    df: null,
    replayWindow: 32,
    rekeyTime: 0,
    rekeyPackets: 0,
  };
}

export function policy(own: string, peer: string, local: number, remote: number): IkePolicy {
  const id = (text: string) => ({ type: ID_FQDN, data: Uint8Array.from(Buffer.from(text)) }) as const;
  const made = sensorPolicy(
    new Uint8Array(0),
    Uint8Array.from(Buffer.from('a key that both sides have')),
    address(local),
    address(remote),
  );
  made.name = peer;
  made.localId = id(own);
  made.remoteId = id(peer);
  made.child = childPolicy(local, remote);
  made.ticketLifetime = 0;
  return made;
}

export interface Pair {
  outgoing: SaConfig;
  incoming: SaConfig;
  first: boolean;
  retired: boolean;
}

/** An endpoint with what its host was told. */
export interface Node {
  name: string;
  ike: Ike;
  pairs: Map<ChildSa, Pair>;
  events: string[];
  established: IkeSa[];
  outcomes: number[];
}

export interface Datagram {
  from: Node;
  path: Path;
  octets: Uint8Array;
}

export interface World {
  now: number;
  queue: Datagram[];
  log: { from: string; octets: Uint8Array }[];
  device: Node;
  gateway: Node;
  /** Hands over what is on its way until nothing is. */
  settle(): void;
  /** Goes to the next time-out, at most to `until`. */
  run(until: number): void;
}

function copyConfig(config: SaConfig): SaConfig {
  return {
    ...config,
    key: Uint8Array.from(config.key),
    salt: Uint8Array.from(config.salt),
    authKey: Uint8Array.from(config.authKey),
  };
}

export function createNode(
  name: string,
  send: (node: Node, path: Path, octets: Uint8Array) => void,
  config: Partial<IkeConfig>,
): Node {
  let spi = 0x1000;
  const events: string[] = [];
  const pairs = new Map<ChildSa, Pair>();
  const upper: IkeUpper = {
    proved: () => {},
    transmit: (path, _replyTo, buffer, offset, length) => send(node, path, buffer.slice(offset, offset + length)),
    allocateSpi: () => ++spi,
    install: (_sa, child, outgoing, incoming, first) => {
      pairs.set(child, { outgoing: copyConfig(outgoing), incoming: copyConfig(incoming), first, retired: false });
      events.push('install');
      return true;
    },
    retire: (_sa, child) => {
      const pair = pairs.get(child);
      if (pair !== undefined) pair.retired = true;
      events.push('retire');
    },
    remove: (_sa, child) => {
      pairs.delete(child);
      events.push('remove');
    },
    established: (sa, _resumed, time) => {
      node.established.push(sa);
      for (const one of sa.initiator ? missingChildren(sa) : []) {
        if (one !== sa.policy.child) createChild(node.ike, sa, one, time);
      }
      events.push('established');
    },
    replaced: (_old, sa) => {
      node.established.push(sa);
      events.push('replaced');
    },
    ended: (_sa, outcome) => {
      node.outcomes.push(outcome);
      events.push('ended ' + outcome);
    },
    childFailed: (_sa, outcome) => void events.push('childFailed ' + outcome),
    refused: (_sa, reason) => void events.push('refused ' + reason),
    keys: () => {},
    address: () => address(77),
  };
  const node: Node = {
    name,
    events,
    pairs,
    established: [],
    outcomes: [],
    ike: createIke({
      provider: createNodeProvider(),
      asymmetric: createNodeAsymmetric(),
      upper,
      extensions: fullExtensions(),
      numbers: privateNumbers(),
      responder: null,
      intermediate: createRounds([createIntermediate(null)]),
      resumption,
      reassembly: fragmentation,
      maxMessage: 4096,
      keylog: false,
      linger: 1000,
      follow: followNat,
      ...config,
    }),
  };
  return node;
}

/** A device and a gateway, joined by a lossless link unless `filter` drops (returns no datagrams) or changes. */
export function createWorld(
  gatewayPolicy: IkePolicy,
  filter: (datagram: Datagram) => Datagram[] = (datagram) => [datagram],
  responder: Partial<ResponderConfig> = {},
  deviceConfig: Partial<IkeConfig> = {},
): World {
  const provider = createNodeProvider();
  const issuer = createTickets(provider, new Uint8Array(16).fill(7), (now) => now);
  const send = (from: Node, path: Path, octets: Uint8Array): void => {
    world.log.push({ from: from.name, octets });
    world.queue.push(...filter({ from, path, octets }));
  };
  const gateway = createNode('gateway', send, {
    extensions: [...fullExtensions(), issuer.extension],
    intermediate: createRounds([
      createIntermediate((id) => {
        const ppk = gatewayPolicy.ppk;
        return ppk !== null && Buffer.compare(ppk.id, id) === 0 ? ppk.key : null;
      }),
    ]),
    responder: createResponder({
      fallback: gatewayPolicy,
      findPolicy: () => gatewayPolicy,
      halfOpenMax: 100,
      cookieThreshold: 100,
      halfOpenTime: 30000,
      tickets: issuer.tickets,
      ...responder,
    }),
  });
  const device = createNode('device', send, deviceConfig);
  const world: World = {
    now: 0,
    queue: [],
    log: [],
    device,
    gateway,
    settle() {
      for (let steps = 0; steps < 1000; steps++) {
        pollIke(device.ike, world.now);
        pollIke(gateway.ike, world.now);
        const next = world.queue.shift();
        if (next === undefined) return;
        const to = next.from === device ? gateway : device;
        const path: Path = {
          local: next.path.remote,
          localPort: next.path.remotePort,
          remote: next.path.local,
          remotePort: next.path.localPort,
          encapsulated: next.path.encapsulated,
          port: 0,
          link: new Uint8Array(0),
        };
        receiveIke(to.ike, path, next.octets.slice(), 0, next.octets.length, world.now);
      }
      throw new Error('no end of messages');
    },
    run(until) {
      world.settle();
      for (let steps = 0; steps < 10000; steps++) {
        const due = [ikeTimeout(device.ike), ikeTimeout(gateway.ike)].filter((time) => time >= 0);
        const next = Math.min(...due, until);
        world.now = Math.max(world.now, next);
        world.settle();
        if (world.now >= until) return;
      }
      throw new Error('no end of time-outs');
    },
  };
  return world;
}

export function path(): Path {
  return {
    local: address(1),
    localPort: 500,
    remote: address(2),
    remotePort: 500,
    encapsulated: false,
    port: 0,
    link: new Uint8Array(0),
  };
}
