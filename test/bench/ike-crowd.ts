// Many devices connect to one gateway without a link layer: octets go from one IKE endpoint to the other.

import { fullExtensions } from '../../core/device/full-extensions.ts';
import { createArena } from '../../core/esp/arena.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createSa, type Sa } from '../../core/esp/sa.ts';
import { fragmentation } from '../../core/ike/codec/fragments.ts';
import { ID_KEY_ID } from '../../core/ike/codec/numbers.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { createIke, receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { resumption } from '../../core/ike/ext/resume.ts';
import { createTickets } from '../../core/ike/ext/ticket.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { address } from '../ike/pair.ts';

interface Datagram {
  path: Path;
  octets: Uint8Array;
}

export interface Side {
  ike: Ike;
  esp: Endpoint;
  /** ESP SAs to the peers, where they are made; those from them are in the endpoint. */
  outgoing: Sa[];
  sent: Datagram[];
  established: number;
}

/** Nanoseconds by the clock, and of processor time (collector included). */
export interface Spent {
  clock: number;
  processor: number;
}

export interface Crowd {
  devices: Side;
  gateway: Side;
  /** Ten minutes go by: the last answers are kept no more. */
  rest(): void;
  /** Handshakes of `count` more devices: what the gateway took for each. */
  handshakes(count: number): Spent;
}

export const provider = createFastProvider();
const REST = 600000;
const nowhere = createEndpoint(FULL_PARTS, provider);
const HALF_OPEN = 10000;

function outer(number: number): Uint8Array {
  const octets = address(0);
  octets[13] = number >>> 16;
  octets[14] = number >>> 8;
  octets[15] = number;
  return octets;
}

function createSide(responding: IkePolicy | null, isWithEsp: boolean): Side {
  const issuer = createTickets(provider, new Uint8Array(16), (now) => now);
  // Arrays that hold SAs of both sides would stay as long as either does.
  const parts = { ...FULL_PARTS, place: createArena() };
  let spi = 256;
  const ike = createIke({
    provider,
    asymmetric: createNodeAsymmetric(),
    upper: {
      proved: () => {},
      transmit: (path, _replyTo, buffer, offset, length) => {
        side.sent.push({ path, octets: buffer.slice(offset, offset + length) });
      },
      allocateSpi: () => ++spi,
      install: (_sa, _child, outgoing, incoming) => {
        if (isWithEsp) {
          const made = createSa(parts, provider, incoming);
          addInbound(side.esp, made);
          side.outgoing.push(createSa(parts, provider, outgoing));
        }
        return true;
      },
      retire: () => {},
      remove: () => {},
      established: () => void side.established++,
      replaced: () => {},
      ended: (_sa, outcome) => {
        throw new Error('ended: ' + outcome);
      },
      childFailed: () => {},
      refused: () => {},
      keys: () => {},
      address: () => null,
    },
    extensions: responding === null ? fullExtensions() : [...fullExtensions(), issuer.extension],
    numbers: privateNumbers(),
    responder:
      responding === null
        ? null
        : createResponder({
            fallback: responding,
            findPolicy: () => responding,
            halfOpenMax: HALF_OPEN,
            cookieThreshold: HALF_OPEN,
            halfOpenTime: 30000,
            tickets: issuer.tickets,
          }),
    intermediate: createRounds([createIntermediate(null)]),
    resumption,
    reassembly: fragmentation,
    maxMessage: 4096,
    keylog: false,
    linger: 1000,
  });
  const side: Side = { ike, esp: createEndpoint(parts, provider), outgoing: [], sent: [], established: 0 };
  return side;
}

/** Lets go of everything that a side has of its peers. */
export function release(side: Side): void {
  side.ike.sas = [];
  side.ike.bySpi = {};
  side.outgoing = [];
  side.esp = nowhere;
}

/** `devices` is how many there will be: what they are configured with is there from the start. */
export function createCrowd([own, theirs]: [IkePolicy, IkePolicy], devices: number, isWithEsp: boolean): Crowd {
  const anyone: IkePolicy = { ...theirs, remoteId: null };
  // Any inner address of its network: the devices' are 1, 2, 3, ...
  anyone.child = { ...theirs.child, remote: [{ ...theirs.child.remote[0], start: outer(0), end: outer(0xffffff) }] };
  const gatewayAddress = address(254);
  gatewayAddress[1] = 1;
  const plans = Array.from({ length: devices }, (_, index) => {
    const inner = { ...own.child.local[0], start: outer(index), end: outer(index) };
    const id = { type: ID_KEY_ID, data: Uint8Array.of(index >>> 16, index >>> 8, index) } as const;
    const policy: IkePolicy = { ...own, localId: id, child: { ...own.child, local: [inner] } };
    const local = outer(index);
    local[1] = 1;
    // A network of its own: a responder gives each one a fair share of half-open SAs.
    local.set(local.subarray(13), 5);
    const path: Path = {
      local,
      localPort: 500,
      remote: gatewayAddress,
      remotePort: 500,
      encapsulated: false,
      port: 0,
      link: new Uint8Array(0),
    };
    return { policy, path };
  });
  const side = createSide(null, isWithEsp);
  const gateway = createSide(anyone, isWithEsp);
  let next = 0;

  function hand(from: Side, to: Side): Spent {
    const messages = from.sent.map(({ path: { local, remote, port }, octets }) => {
      const isToGateway = to === gateway;
      // The host of the gateway makes a path from what it hears; a device has one.
      const path: Path = {
        local: isToGateway ? gatewayAddress : remote,
        localPort: 500,
        remote: isToGateway ? local.slice() : gatewayAddress,
        remotePort: 500,
        encapsulated: false,
        port,
        link: new Uint8Array(0),
      };
      return { path, octets };
    });
    from.sent.length = 0;
    const cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    for (const { path, octets } of messages) receiveIke(to.ike, path, octets, 0, octets.length, 0);
    const clock = Number(process.hrtime.bigint() - start);
    const { user, system } = process.cpuUsage(cpu);
    return { clock, processor: (user + system) * 1000 };
  }

  return {
    devices: side,
    gateway,
    rest: () => {
      for (const { ike } of [side, gateway]) {
        while (ikeTimeout(ike) >= 0 && ikeTimeout(ike) <= REST) pollIke(ike, REST);
      }
    },
    handshakes: (count) => {
      for (const { policy, path } of plans.slice(next, next + count)) connect(side.ike, policy, path, null, 0);
      next += count;
      const init = hand(side, gateway);
      hand(gateway, side);
      const auth = hand(side, gateway);
      hand(gateway, side);
      pollIke(side.ike, 0);
      pollIke(gateway.ike, 0);
      if (side.established !== next || gateway.established !== next) throw new Error('handshakes: not all established');
      return { clock: (init.clock + auth.clock) / count, processor: (init.processor + auth.processor) / count };
    },
  };
}
