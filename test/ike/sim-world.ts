// A device and a gateway with a bad network between them, in virtual time: loss, reordering, duplicates, flipped bits,
// truncation, and an attacker who replays, mutates and invents messages. All random numbers, except those of the key
// exchanges, come from one seed.

import { generateKeyPairSync } from 'node:crypto';
import type { Provider } from '../../core/crypto/provider.ts';
import {
  addNotify,
  beginMessage,
  beginPayload,
  createWriter,
  endMessage,
  endPayload,
  write8,
  write32,
} from '../../core/ike/codec/message.ts';
import { PAYLOAD_DELETE, PAYLOAD_SK } from '../../core/ike/codec/numbers.ts';
import { type IkeConfig, receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import type { Path } from '../../core/ike/state/path.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import type { Random } from '../../targets/node/host/radio/random.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createNode, type Node, path as usualPath } from './pair.ts';

/** Probabilities per datagram; nothing goes wrong from `until` (ms) on. */
export interface Faults {
  loss: number;
  reorder: number;
  duplicate: number;
  corrupt: number;
  truncate: number;
  attack: number;
  until: number;
  /** Milliseconds one way; reordered datagrams take up to ten times as long. */
  latency: number;
}

/** A device that is no endpoint of the core. */
export interface Party {
  receive(octets: Uint8Array, now: number): void;
  poll(now: number): void;
  /** When to poll, or -1. */
  next(): number;
}

/** Makes one: it draws from `provider`, and sends to the gateway over the usual path. */
export type MakeParty = (provider: Provider, transmit: (octets: Uint8Array) => void) => Party;

interface Delivery {
  at: number;
  arrive: () => void;
}

export interface Net {
  now: number;
  faults: Faults;
  random: Random;
  device: Node;
  gateway: Node;
  /** Datagrams on their way, the next first. */
  queue: Delivery[];
  /** Something else on the same link: lost, late or there twice with the same probabilities. */
  carry(arrive: () => void): void;
  /** Runs until `until`, or until nothing is due any more. */
  run(until: number): void;
  /** Calls back at `at`. */
  at(at: number, what: () => void): void;
  /** Sent so far. */
  sent: number;
}

// One for all: keeping private keys parsed saves most of the time of a signature.
const asymmetric = createNodeAsymmetric();
const provider = createFastProvider();

export interface KeyPair {
  privateKey: Uint8Array;
  publicKey: Uint8Array;
}

export function ed25519(): KeyPair {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  const octets = (text: string) => Uint8Array.from(Buffer.from(text, 'base64url'));
  return { privateKey: octets(d!), publicKey: octets(x!) };
}

const NONE = new Uint8Array(0);
const writer = createWriter(new Uint8Array(2000));

function notifyMessage(spis: Uint8Array, exchange: number, flags: number, type: number, data: Uint8Array): Uint8Array {
  beginMessage(writer, 0, spis, exchange, flags, 0);
  addNotify(writer, 0, type, NONE, data);
  return writer.buffer.slice(0, endMessage(writer));
}

/** What somebody without keys can say who saw `seen`, and to whom (true: to its sender). */
function invent(random: Random, seen: Uint8Array): [Uint8Array, boolean] {
  const spis = seen.slice(0, 16);
  const isInit = seen[18] === 34 || seen[18] === 38;
  const fromInitiator = (seen[19] & 8) !== 0;
  const octets = (size: number) => {
    const out = new Uint8Array(size);
    random.fill(out, 0, size);
    return out;
  };
  const toInitiator = fromInitiator;
  switch (random.below(8)) {
    case 0:
      return [notifyMessage(spis, seen[18], 0x20, 14, NONE), toInitiator];
    case 1:
      return [notifyMessage(spis, seen[18], 0x20, 16390, octets(1 + random.below(70))), toInitiator];
    case 2:
      return [notifyMessage(spis, 34, 0x20, 17, Uint8Array.of(0, [19, 31, 14, 99][random.below(4)])), toInitiator];
    case 3:
      return [notifyMessage(spis, 34, 0x20, [5, 7, 24, 16413, 16412][random.below(5)], NONE), toInitiator];
    case 4: {
      // A Delete in clear.
      beginMessage(writer, 0, spis, 37, random.below(2) * 8 + random.below(2) * 32, random.below(4));
      const at = beginPayload(writer, PAYLOAD_DELETE);
      write8(writer, 1);
      write8(writer, 0);
      write8(writer, 0);
      write8(writer, 0);
      endPayload(writer, at);
      return [writer.buffer.slice(0, endMessage(writer)), random.below(2) === 0];
    }
    case 5: {
      // Something with an SK payload.
      const exchange = 34 + random.below(6);
      beginMessage(writer, 0, spis, exchange, random.below(64), random.below(4));
      const at = beginPayload(writer, PAYLOAD_SK);
      for (let i = random.below(20); i >= 0; i--) write32(writer, random.below(65536));
      endPayload(writer, at);
      return [writer.buffer.slice(0, endMessage(writer)), random.below(2) === 0];
    }
    case 6: {
      // The same request with another SPI, or another nonce or key.
      const other = seen.slice();
      const at = isInit && random.below(2) === 0 ? 28 + random.below(other.length - 28) : random.below(8);
      other[at] ^= 1 + random.below(255);
      return [other, false];
    }
    default: {
      // Of another length, with a right Length field.
      const size = 28 + random.below(seen.length);
      const other = new Uint8Array(size);
      other.set(seen.subarray(0, Math.min(size, seen.length)));
      new DataView(other.buffer).setUint32(24, size);
      return [other, random.below(2) === 0];
    }
  }
}

/** `device` and `gateway` are what differs from the usual endpoint (pair.ts); `makeParty` makes another device in its place. */
export function createNet(
  seed: number,
  faults: Faults,
  device: Partial<IkeConfig>,
  gateway: Partial<IkeConfig>,
  makeParty: MakeParty | null = null,
): Net {
  const random = createRandom(seed * 2654435761);
  const seeded = { ...provider, random: random.fill };
  const timers: { at: number; what: () => void }[] = [];
  const history: { to: Node; path: Path; octets: Uint8Array }[] = [];

  function enqueue(arrive: () => void, faulty: boolean): void {
    const wait = faulty && random.next() < faults.reorder ? 1 + random.below(10 * faults.latency) : 0;
    const delivery = { at: net.now + faults.latency + wait, arrive };
    let i = net.queue.length;
    while (i > 0 && net.queue[i - 1].at > delivery.at) i--;
    net.queue.splice(i, 0, delivery);
  }

  function schedule(to: Node, path: Path, octets: Uint8Array, faulty: boolean): void {
    enqueue(() => {
      if (party !== null && to === net.device) party.receive(octets.slice(), net.now);
      else receiveIke(to.ike, path, octets.slice(), 0, octets.length, net.now);
    }, faulty);
  }

  function damage(octets: Uint8Array): Uint8Array {
    const out = octets.slice();
    if (random.next() < faults.corrupt) {
      for (let i = random.below(3); i >= 0; i--) out[random.below(out.length)] ^= 1 << random.below(8);
    }
    return random.next() < faults.truncate ? out.slice(0, random.below(out.length)) : out;
  }

  function attack(from: Node, to: Node, path: Path, octets: Uint8Array): void {
    if (random.below(2) === 0) {
      const old = history[random.below(history.length)];
      schedule(old.to, old.path, random.below(3) === 0 ? damage(old.octets) : old.octets, true);
      return;
    }
    const [message, back] = invent(random, octets);
    schedule(back ? from : to, back ? turned(path) : path, message, true);
  }

  /** The path as its other end sees it. */
  function turned(path: Path): Path {
    return {
      local: path.remote,
      localPort: path.remotePort,
      remote: path.local,
      remotePort: path.localPort,
      encapsulated: path.encapsulated,
      port: 0,
      link: new Uint8Array(0),
    };
  }

  function send(from: Node, path: Path, octets: Uint8Array): void {
    net.sent++;
    const to = from === net.device ? net.gateway : net.device;
    const there = turned(path);
    const faulty = net.now < faults.until;
    if (!faulty) {
      schedule(to, there, octets, false);
      return;
    }
    history.push({ to, path: there, octets });
    if (random.next() < faults.attack) attack(from, to, there, octets);
    if (random.next() >= faults.loss) schedule(to, there, damage(octets), true);
    if (random.next() < faults.duplicate) schedule(to, there, damage(octets), true);
  }

  const net: Net = {
    now: 0,
    faults,
    random,
    device: createNode('device', send, { provider: seeded, asymmetric, ...device }),
    gateway: createNode('gateway', send, { provider: seeded, asymmetric, ...gateway }),
    queue: [],
    sent: 0,
    carry(arrive) {
      const faulty = net.now < faults.until;
      if (!faulty || random.next() >= faults.loss) enqueue(arrive, faulty);
      if (faulty && random.next() < faults.duplicate) enqueue(arrive, true);
    },
    at(at, what) {
      timers.push({ at, what });
      timers.sort((a, b) => a.at - b.at);
    },
    run(until) {
      for (let steps = 0; steps < 50000; steps++) {
        let next = until;
        if (net.queue.length > 0) next = Math.min(next, net.queue[0].at);
        if (timers.length > 0) next = Math.min(next, timers[0].at);
        for (const one of [net.device, net.gateway]) {
          const due = ikeTimeout(one.ike);
          if (due >= 0) next = Math.min(next, due);
        }
        if (party !== null && party.next() >= 0) next = Math.min(next, party.next());
        net.now = Math.max(net.now, next);
        while (timers.length > 0 && timers[0].at <= net.now) timers.shift()!.what();
        while (net.queue.length > 0 && net.queue[0].at <= net.now) net.queue.shift()!.arrive();
        pollIke(net.device.ike, net.now);
        party?.poll(net.now);
        pollIke(net.gateway.ike, net.now);
        if (net.now >= until) return;
      }
      const show = (node: Node) =>
        ikeTimeout(node.ike) +
        ' ' +
        JSON.stringify(
          node.ike.sas.map((sa) => [
            sa.state,
            sa.deadline,
            sa.endAt,
            sa.rekeyAt,
            sa.heardAt,
            sa.task?.kind,
            sa.tasks.map((t) => [t.kind, t.after]),
            sa.children.map((c) => [c.retired, c.rekeyAt, c.removeAt]),
          ]),
        );
      throw new Error(
        `no end of messages and time-outs at ${net.now}: ${show(net.device)} ${show(net.gateway)} ${net.queue.length}`,
      );
    },
  };
  const party = makeParty === null ? null : makeParty(seeded, (octets) => send(net.device, usualPath(), octets));
  return net;
}
