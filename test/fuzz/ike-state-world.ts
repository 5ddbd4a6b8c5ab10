// Two IKE endpoints for fuzzing their state machines: a key exchange that costs nothing, limits that must hold, and a peer
// that has keys and sends anything.

import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import { fullExtensions } from '../../core/device/full-extensions.ts';
import { MAX_FRAGMENTS } from '../../core/ike/codec/fragments.ts';
import { beginMessage, createWriter } from '../../core/ike/codec/message.ts';
import { CP_INTERNAL_IP6_ADDRESS } from '../../core/ike/codec/numbers.ts';
import { sealMessage } from '../../core/ike/crypto/sk.ts';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { createTickets } from '../../core/ike/ext/ticket.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { IkeSa, Session } from '../../core/ike/state/sa.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { address, createNode, type Node, path, policy } from '../ike/pair.ts';

export function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const HALF_OPEN = 4;
/** Requests of one side that wait, at most: what hosts ask for, and a few that follow from answers. */
const TASKS = 40;
export const NONE = new Uint8Array(0);
export const provider = createFastProvider();

/** A key exchange without mathematics, fast and repeatable: the secret is the exclusive or of both public values. */
export function playKe(fill: (octets: Uint8Array, at: number, size: number) => void): Asymmetric {
  return {
    hasKe: (method) => method === 31 || method === 19,
    keStart: (method, out, at) => {
      const size = method === 19 ? 64 : 32;
      fill(out, at, size);
      return { method, own: out.slice(at, at + size) } as { method: number };
    },
    keFinish: (half, peer, offset, length, out, at) => {
      const own = (half as unknown as { own: Uint8Array }).own;
      if (half.method === 0 || length !== own.length) return false;
      half.method = 0;
      for (let i = 0; i < 32; i++) out[at + i] = own[i] ^ peer[offset + i];
      return true;
    },
    keWipe: (half) => {
      half.method = 0;
    },
    hasEd25519: () => false,
    sign: () => {},
    verify: () => false,
  };
}

export interface Letter {
  to: Node;
  path: Path;
  octets: Uint8Array;
}

export interface Play {
  now: number;
  device: Node;
  gateway: Node;
  letters: Letter[];
  history: Letter[];
  /** Changes of what the next message says, before it is sealed: position and octet; -1: none. */
  position: number;
  change: number;
}

export const writer = createWriter(new Uint8Array(3000));
export const inside = createWriter(new Uint8Array(2500));

export function limits(node: Node): void {
  const { ike } = node;
  let half = 0;
  let children = 0;
  for (const sa of ike.sas) {
    if (!sa.initiator && sa.setup !== null) half++;
    children += sa.children.length;
    ensure(sa.tasks.length <= TASKS, `${sa.tasks.length} requests wait`);
    ensure(sa.children.length <= 8, `${sa.children.length} Child SAs`);
    const f = sa.fragments;
    ensure(f === null || (f.total <= MAX_FRAGMENTS && f.used <= f.buffer.length), 'fragments');
    ensure(sa.response.length + sa.request.length <= 4 * 4096, 'long messages are kept');
  }
  ensure(half <= HALF_OPEN, `${half} half-open SAs`);
  ensure(ike.sas.length <= 24, `${ike.sas.length} IKE SAs`);
  ensure(Object.keys(ike.bySpi).length === ike.sas.length, 'SPIs and SAs differ');
  ensure(node.pairs.size === children, `${node.pairs.size} pairs at the host for ${children} Child SAs`);
}

/** The newest SA of a side with keys. */
export function keyed(node: Node, index: number): IkeSa | null {
  const list = node.ike.sas.filter((sa) => sa.skOut !== null);
  return list.length > 0 ? list[index % list.length] : null;
}

export function create(mode: number, seed: number): { play: Play; begin: (session: Session | null) => IkeSa } {
  const random = createRandom(seed);
  const own = policy('device', 'gateway', 1, 2);
  const known = policy('gateway', 'device', 2, 1);
  for (const one of [own, known]) {
    one.retransmitTime = 1000;
    one.retransmitTries = 4;
    one.dpdTime = 20000;
    one.ticketLifetime = (mode & 1) !== 0 ? 3600 : 0;
    one.fragmentSize = (mode & 2) !== 0 ? 150 : 0;
    one.optimizedRekey = (mode & 4) === 0;
    one.maxChildren = 2;
    if ((mode & 8) !== 0) {
      const intermediate = (mode & 16) !== 0;
      one.ppk = { id: Uint8Array.of(2, 1), key: new Uint8Array(32), mandatory: (mode & 32) !== 0, intermediate };
    }
    if ((mode & 64) !== 0) one.child.esp = [{ ...one.child.esp[0], ke: [31, 0] }];
  }
  if ((mode & 128) !== 0) {
    own.requestAddress = CP_INTERNAL_IP6_ADDRESS;
    own.child.local = [{ ...own.child.local[0], end: address(255) }];
    own.ike = [{ ...own.ike[0], ke: [19, 31] }];
  }
  const send = (from: Node, there: Path, octets: Uint8Array): void => {
    const letter = {
      to: from === play.device ? play.gateway : play.device,
      path: { ...there, local: there.remote, remote: there.local },
      octets,
    };
    if (play.letters.length < 64) play.letters.push(letter);
    if (play.history.length < 64) play.history.push(letter);
  };
  const seeded = {
    ...provider,
    random: random.fill,
    seal: (...all: Parameters<typeof provider.seal>) => {
      const [, , octets, at, length] = all;
      if (play.position >= 0) octets[at + (play.position % length)] ^= play.change;
      play.position = -1;
      provider.seal(...all);
    },
  };
  const shared = { provider: seeded, asymmetric: playKe(random.fill) };
  const issuer = createTickets(provider, new Uint8Array(16).fill(7), (now) => now);
  const play: Play = {
    now: 0,
    device: createNode('device', send, shared),
    gateway: createNode('gateway', send, {
      ...shared,
      extensions: [...fullExtensions(), issuer.extension],
      intermediate: createRounds([
        createIntermediate((id) => (id.length === 2 && id[0] === 2 ? new Uint8Array(32) : null)),
      ]),
      responder: createResponder({
        fallback: known,
        findPolicy: (_type, data) => (data.length === 6 ? known : null),
        halfOpenMax: HALF_OPEN,
        cookieThreshold: 2,
        halfOpenTime: 10000,
        tickets: issuer.tickets,
      }),
    }),
    letters: [],
    history: [],
    position: -1,
    change: 0,
  };
  return { play, begin: (session) => connect(play.device.ike, own, path(), session, play.now) };
}

export function poll(play: Play): void {
  pollIke(play.device.ike, play.now);
  pollIke(play.gateway.ike, play.now);
}

export function hand(play: Play, letter: Letter): void {
  receiveIke(letter.to.ike, letter.path, letter.octets.slice(), 0, letter.octets.length, play.now);
  poll(play);
}

/** Something that `from` says under its keys. */
export function say(
  play: Play,
  from: Node,
  at: number,
  exchange: number,
  isResponse: boolean,
  id: number,
  first: number,
): void {
  const sa = keyed(from, at);
  if (sa === null || sa.skOut === null) return;
  const flags = (sa.initiator ? 8 : 0) | (isResponse ? 0x20 : 0);
  beginMessage(writer, 0, sa.spis, exchange, flags, id);
  const size = inside.at - inside.start;
  const length = sealMessage(provider, sa.skOut, writer.buffer, 0, inside.buffer, {
    first: first,
    at: 0,
    size: size,
    number: 0,
    total: 0,
  });
  if (length < 0) return;
  const to = from === play.device ? play.gateway : play.device;
  hand(play, {
    to,
    path: { ...sa.path, local: sa.path.remote, remote: sa.path.local },
    octets: writer.buffer.slice(0, length),
  });
}
