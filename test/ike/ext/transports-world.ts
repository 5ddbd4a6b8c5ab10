// Two endpoints with separate transports, in virtual time: datagrams that may be lost, doubled, late and forged, and streams that
// lose nothing until they are cut.

import { fullExtensions } from '../../../core/device/full-extensions.ts';
import { fragmentation } from '../../../core/ike/codec/fragments.ts';
import { privateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { receiveIke } from '../../../core/ike/exchange/endpoint.ts';
import { ikeTimeout } from '../../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../../core/ike/exchange/timers.ts';
import { resumption } from '../../../core/ike/ext/resume.ts';
import {
  believe,
  createSeparateTransports,
  resendOver,
  type SeparateTransports,
  type TransportHost,
} from '../../../core/ike/ext/separate-transports.ts';
import { createTickets } from '../../../core/ike/ext/ticket.ts';
import { connect } from '../../../core/ike/setup/initiator.ts';
import { createResponder } from '../../../core/ike/setup/responder.ts';
import { createRounds } from '../../../core/ike/setup/rounds.ts';
import type { Extension } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { type IkePolicy, NAT_AUTO } from '../../../core/ike/state/policy.ts';
import type { IkeSa, Session } from '../../../core/ike/state/sa.ts';
import { createNodeProvider } from '../../../targets/node/host/provider/node-crypto.ts';
import { createRandom } from '../../../targets/node/host/radio/random.ts';
import { streamedPolicy } from '../../../targets/node/host/stream-policy.ts';
import { address, createNode, type Node, policy } from '../pair.ts';

const STREAM = 1;
export const isStream = ({ port }: Path): boolean => port === STREAM;

export interface Message {
  from: string;
  stream: boolean;
  octets: Uint8Array;
}

export interface Options {
  seed?: number;
  /** Of datagrams. */
  loss?: number;
  twice?: number;
  /** Chance that a forged answer goes ahead of a datagram to the device. */
  forged?: number;
  /** How the device begins: over UDP, over a stream; with the notify. */
  over: 'udp' | 'stream';
  offer?: boolean;
  /** The gateway has the extension, and takes streams. */
  gatewayHas?: boolean;
  accepts?: boolean;
  device?: Partial<IkePolicy>;
  gateway?: Partial<IkePolicy>;
  more?: Extension[];
  cookieThreshold?: number;
}

export interface World {
  device: Node;
  gateway: Node;
  now: number;
  log: Message[];
  /** The next stream that the device opens. */
  streams: number;
  /** Changes how the device begins from now on. */
  begins: { over: 'udp' | 'stream'; offer: boolean };
  connect(session?: Session | null): IkeSa;
  run(time: number): void;
  /** Cuts the stream that `sa` of the device is on, with all that is in it; it goes on in another one. */
  cut(sa: IkeSa): void;
  /** Its host has another plan for `sa`. */
  forgetBegin(sa: IkeSa): void;
  /** The gateway's SA of the same SPIs. */
  twin(sa: IkeSa): IkeSa | undefined;
}

function at(local: number, localPort: number, remote: number, remotePort: number, port: number): Path {
  const link = new Uint8Array(0);
  return { local: address(local), localPort, remote: address(remote), remotePort, encapsulated: true, port, link };
}

export function createWorld(options: Options): World {
  const { next, below } = createRandom(options.seed ?? 1);
  const queue: { due: number; to: Node; path: Path; octets: Uint8Array }[] = [];
  const own: IkePolicy = { ...policy('device', 'gateway', 1, 2), nat: NAT_AUTO, dpdTime: 0, ...options.device };
  const theirs: IkePolicy = { ...policy('gateway', 'device', 2, 1), nat: NAT_AUTO, dpdTime: 0, ...options.gateway };
  const udp = at(1, 4500, 2, 4500, 0);
  const begun = new WeakMap<IkeSa, ReturnType<TransportHost['begins']>>();
  let open = 0;
  const alive = new Set<number>();
  const dial = (): Path => {
    const localPort = 50000 + open++;
    alive.add(localPort);
    return at(1, localPort, 2, 4500, STREAM);
  };

  const host: TransportHost = {
    isStream,
    streamed: streamedPolicy,
    begins(sa) {
      const known = begun.get(sa) ?? {
        path: world.begins.over === 'stream' ? dial() : udp,
        policy: own,
        offer: world.begins.offer,
      };
      begun.set(sa, known);
      return known;
    },
    open: dial,
    accepts: () => options.accepts ?? true,
    espPath: () => udp,
  };
  const answering: TransportHost = { ...host, begins: () => null, espPath: () => at(2, 4500, 1, 4500, 0) };
  const parts = createSeparateTransports(host);
  const answers = createSeparateTransports(answering);
  const around = (one: SeparateTransports, list: Extension[]): Extension[] => [one.begin, ...list, one.notify];

  function send(from: Node, path: Path, octets: Uint8Array): void {
    world.log.push({ from: from.name, stream: isStream(path), octets });
    const to = from === device ? gateway : device;
    const there: Path = {
      ...path,
      local: path.remote,
      localPort: path.remotePort,
      remote: path.local,
      remotePort: path.localPort,
    };
    if (isStream(path)) {
      const port = from === device ? path.localPort : path.remotePort;
      if (alive.has(port)) queue.push({ due: world.now + 5, to, path: there, octets });
      return;
    }
    for (let copies = next() < (options.twice ?? 0) ? 2 : 1; copies > 0; copies--) {
      if (next() < (options.forged ?? 0) && to === device)
        queue.push({ due: world.now + 1, to, path: there, octets: forge(octets) });
      if (next() >= (options.loss ?? 0)) queue.push({ due: world.now + 5 + below(40), to, path: there, octets });
    }
  }

  /** An answer by somebody who saw the request: with another KE, with an error, or damaged. */
  function forge(octets: Uint8Array): Uint8Array {
    const out = octets.slice();
    if (below(3) === 0) {
      // Only a notify: NO_PROPOSAL_CHOSEN.
      const error = Uint8Array.from([...out.slice(0, 28), 0, 0, 0, 8, 0, 0, 0, 14]);
      error[16] = 41;
      error[27] = error.length;
      error.fill(0, 24, 27);
      return error;
    }
    // Damage behind the header: in KE, nonce, notifies.
    for (let i = 0; i < 3; i++) out[28 + below(out.length - 28)] ^= 1 << below(8);
    return out;
  }

  const issuer = createTickets(createNodeProvider(), new Uint8Array(16).fill(7), (now) => now);
  const gatewayList = [...fullExtensions(), issuer.extension, ...(options.more ?? [])];
  const gateway = createNode('gateway', send, {
    extensions: options.gatewayHas === false ? gatewayList : around(answers, gatewayList),
    intermediate: createRounds([]),
    numbers: privateNumbers(),
    responder: createResponder({
      fallback: theirs,
      findPolicy: (_type, _data, path) => (isStream(path) ? streamedPolicy(theirs) : theirs),
      halfOpenMax: 100,
      cookieThreshold: options.cookieThreshold ?? 100,
      halfOpenTime: 30000,
      tickets: issuer.tickets,
      isThere: isStream,
    }),
  });
  const device = createNode('device', send, {
    extensions: around(parts, [...fullExtensions(), ...(options.more ?? [])]),
    intermediate: parts.rounds(createRounds([])),
    resumption: parts.resumption(resumption),
    reassembly: fragmentation,
  });
  device.ike.upper.allocateSpi = (() => {
    let spi = 0x30000;
    return () => ++spi;
  })();

  const world: World = {
    device,
    gateway,
    now: 0,
    log: [],
    get streams() {
      return open;
    },
    begins: { over: options.over, offer: options.offer ?? true },
    connect: (session = null) => connect(device.ike, own, udp, session, world.now),
    run(time) {
      const until = world.now + time;
      for (let steps = 0; steps < 20000; steps++) {
        for (const { ike } of [device, gateway]) pollIke(ike, world.now);
        queue.sort((a, b) => a.due - b.due);
        const first = queue[0];
        if (first !== undefined && first.due <= world.now) {
          queue.shift();
          const on = isStream(first.path) ? device.ike.sas.filter((sa) => isStream(sa.path)) : [];
          receiveIke(first.to.ike, first.path, first.octets.slice(), 0, first.octets.length, world.now);
          if (first.to === device) for (const sa of on) believe(device.ike, sa, world.now);
          continue;
        }
        const due = [ikeTimeout(device.ike), ikeTimeout(gateway.ike), first?.due ?? -1].filter((one) => one >= 0);
        const then = Math.min(...due, until);
        if (then >= until && world.now >= until) return;
        world.now = Math.max(world.now + 1, then);
        if (world.now > until) {
          world.now = until;
          return;
        }
      }
      throw new Error('no end of work');
    },
    cut(sa) {
      const from = sa.path;
      alive.delete(from.localPort);
      for (let i = queue.length - 1; i >= 0; i--) {
        const { path } = queue[i];
        if (isStream(path) && (path.localPort === from.localPort || path.remotePort === from.localPort))
          queue.splice(i, 1);
      }
      const to = dial();
      for (const one of device.ike.sas) if (one.path === from) resendOver(device.ike, one, to, world.now);
    },
    forgetBegin: (sa) => void begun.delete(sa),
    twin: (sa) => gateway.ike.sas.find((one) => Buffer.compare(one.spis, sa.spis) === 0),
  };
  return world;
}
