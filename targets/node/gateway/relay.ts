// Packets of SAs that another gateway of the cluster has go there. Who has them is not known beforehand: the packet goes to all
// others, the one that takes it says so, and from then on it gets the next ones. A packet waits until somebody has said so, for a
// while: it goes again when nothing comes back, and where its gateway is found to be gone, this one takes the SA over.
//
//   ASK id packet      to all others: who has its SA takes it
//   FORWARD id packet  to the one that has it
//   TAKEN id fits      the answer of that one; `fits`: octets that the inner packet might have had, or 0
//   NOT id             its SA is not here any more
//   SEND packet        of the one that has the SA, to the one by which its peer is reached
//   CLAIM flags key    `claims.ts`

import type { ClusterState } from '../host/state/shared.ts';
import { type Claims, createClaims } from './claims.ts';

const ASK = 1;
const FORWARD = 2;
const TAKEN = 3;
const NOT = 4;
const SEND = 5;
const CLAIM = 6;
/** Octets of kind and number. */
const HEAD = 5;

/** Questions, and packets that are forwarded, a second; twice as many after a pause. */
const ASKS = 200;
const FORWARDS = 10000;
/** Gateways of hints that are remembered, and packets whose answer is. */
const OWNERS_MAX = 16384;
const DONE_MAX = 4096;
/** Milliseconds until a packet goes again, twice as long each time; until nobody has a hint; until that is asked again. */
const AGAIN = 250;
const ANSWER = 500;
const SILENCE = 2000;
const TICK = 100;

/** Milliseconds that a packet waits for a gateway that may be gone. */
export const patienceOf = (lease: number): number => lease * 1.5 + 1000;

export interface RelayParts {
  /** Runs work for a message; no error leaves it. */
  guard(run: () => void): void;
  /**
   * Lets a packet that no SA here is for wait for a gateway that is gone (`Cluster.unknown`). True: its SA is being taken over;
   * false: too many wait; else a function that ends the waiting.
   */
  hold(hints: string[], again: () => void): boolean | (() => void);
  /** Takes a packet that came at another gateway. `fits` as above, or null: its SA is not here. */
  take(octets: Uint8Array, from: string): number | null;
  /** Sends a packet of another gateway to its peer. */
  transmit(octets: Uint8Array): void;
}

/** What `status` shows. */
export interface RelayView {
  /** Packets given to other gateways, and taken from them. */
  forwardedOut: number;
  forwardedIn: number;
  /** Packets to peers that left by other gateways, and those of others that left here. */
  sentOut: number;
  sentIn: number;
  /** Questions who has the SA of a packet, and first messages of peers on a radio that gateways divided among them. */
  asked: number;
  claimed: number;
  /** Packets that waited in vain: no gateway had their SA. */
  untaken: number;
  /** Not asked or forwarded: too many in a second. */
  limited: number;
  /** Messages that no gateway of this cluster had sealed, or that came again. */
  refused: number;
  /** Packets that were heard here and at another gateway, and were taken once. */
  heardTwice: number;
}

export interface Relay {
  /**
   * A packet came that no SA here is for. `octets` go to the gateway that has it; `again` is called when its SA may be here.
   * `told`: the inner packet was too long there. True: it is on its way, or its SA is being taken over.
   */
  unknown(hint: string, octets: Uint8Array, again: () => void, told?: (fits: number) => void): boolean;
  /** The first message of a peer on a radio, which others may hear: `run` where this gateway is the one to answer. */
  claim: Claims['claim'];
  /** Has the gateway of this session send a packet to its peer. False: it cannot. */
  send(session: string, octets: Uint8Array): boolean;
  isLive(session: string): boolean;
  counters: RelayView;
  close(): void;
}

interface Held {
  id: number;
  hint: string;
  octets: Uint8Array;
  told: ((fits: number) => void) | undefined;
  forget: () => void;
  nextAt: number;
  wait: number;
  until: number;
}

/** At most `rate` a second. */
function createLimit(rate: number, now: () => number): () => boolean {
  let left = 2 * rate;
  let at = now();
  return () => {
    const time = now();
    left = Math.min(2 * rate, left + ((time - at) * rate) / 1000);
    at = time;
    if (left < 1) return false;
    left--;
    return true;
  };
}

function bounded<Key, Value>(map: Map<Key, Value>, max: number, key: Key, value: Value): void {
  map.delete(key);
  if (map.size >= max) map.delete(map.keys().next().value!);
  map.set(key, value);
}

export function createRelay(shared: ClusterState, parts: RelayParts): Relay {
  const { letters, now } = shared;
  const counters: RelayView = {
    ...{ forwardedOut: 0, forwardedIn: 0, sentOut: 0, sentIn: 0, asked: 0, claimed: 0, limited: 0, refused: 0 },
    ...{ untaken: 0, heardTwice: 0 },
  };
  const patience = patienceOf(shared.lease);
  const mayAsk = createLimit(ASKS, now);
  const mayForward = createLimit(FORWARDS, now);
  const held = new Map<number, Held>();
  /** Sessions by hint. */
  const owners = new Map<string, string>();
  /** When a hint was asked for, and until when nobody has it. */
  const asking = new Map<string, number>();
  const nobodys = new Map<string, number>();
  /** Answers to packets that were taken, by session and number. */
  const done = new Map<string, number>();
  let numbers = 0;
  let isClosed = false;
  let isTicking = false;

  const isLive = (session: string): boolean => shared.sessions().includes(session);

  function letter(kind: number, id: number, octets: Uint8Array = new Uint8Array(0)): Uint8Array {
    const head = Buffer.alloc(HEAD);
    head[0] = kind;
    head.writeUInt32BE(id, 1);
    return Buffer.concat([head, octets]);
  }

  function ownerOf(hint: string): string {
    const owner = owners.get(hint) ?? '';
    if (owner === '' || isLive(owner)) return owner;
    owners.delete(hint);
    return '';
  }

  function isNobodys(hint: string): boolean {
    const until = nobodys.get(hint) ?? 0;
    if (until === 0 || until > now()) return until !== 0;
    nobodys.delete(hint);
    return false;
  }

  /** Sends it to its gateway, or asks for that; false: neither. */
  function pass(id: number, hint: string, octets: Uint8Array): boolean {
    const owner = ownerOf(hint);
    if (owner !== '') {
      if (!mayForward()) {
        counters.limited++;
        return false;
      }
      if (!letters.send(owner, letter(FORWARD, id, octets))) return false;
      counters.forwardedOut++;
      return true;
    }
    // Those that come until there is an answer wait for it.
    if (asking.has(hint)) return true;
    const others = shared.sessions();
    if (others.length === 0) return false;
    if (!mayAsk()) {
      counters.limited++;
      return false;
    }
    asking.set(hint, now());
    counters.asked++;
    const asked = letter(ASK, id, octets);
    for (const other of others) letters.send(other, asked);
    return true;
  }

  function end(one: Held): void {
    if (held.delete(one.id)) one.forget();
  }

  function tick(): void {
    isTicking = false;
    if (isClosed) return;
    const time = now();
    for (const [hint, at] of asking) {
      if (time - at < ANSWER) break;
      asking.delete(hint);
      bounded(nobodys, OWNERS_MAX, hint, time + SILENCE);
    }
    for (const one of held.values()) {
      if (one.until < time) {
        counters.untaken++;
        end(one);
        continue;
      }
      if (one.nextAt > time || isNobodys(one.hint)) continue;
      one.nextAt = time + one.wait;
      one.wait *= 2;
      if (shared.isHeld()) pass(one.id, one.hint, one.octets);
    }
    wake();
  }

  function wake(): void {
    if (isTicking || held.size + asking.size === 0) return;
    isTicking = true;
    shared.after(TICK, tick);
  }

  /** `from` has what `hint` is for: the others that wait for it go there. */
  function learn(hint: string, from: string): void {
    const isNew = ownerOf(hint) !== from;
    bounded(owners, OWNERS_MAX, hint, from);
    nobodys.delete(hint);
    if (!isNew) return;
    asking.delete(hint);
    for (const one of held.values()) if (one.hint === hint) pass(one.id, hint, one.octets);
  }

  function answered(kind: number, id: number, from: string, fits: number): void {
    const one = held.get(id);
    if (one === undefined) return;
    if (kind === NOT) {
      if (owners.get(one.hint) === from) owners.delete(one.hint);
      if (!isNobodys(one.hint)) pass(id, one.hint, one.octets);
      return;
    }
    end(one);
    learn(one.hint, from);
    if (fits > 0) one.told?.(fits);
  }

  function take(kind: number, id: number, from: string, octets: Uint8Array): void {
    if (!shared.isHeld()) return;
    const key = `${from} ${id}`;
    let fits = done.get(key);
    if (fits === undefined) {
      const taken = parts.take(octets, from);
      if (taken === null) {
        if (kind === FORWARD) letters.send(from, letter(NOT, id));
        return;
      }
      counters.forwardedIn++;
      fits = taken;
      bounded(done, DONE_MAX, key, fits);
    }
    letters.send(from, letter(TAKEN, id, Uint8Array.of(fits >>> 8, fits & 255)));
  }

  const claims = createClaims(shared, {
    isLive,
    send(flags, key) {
      const octets = letter(CLAIM, flags, Buffer.from(key, 'latin1'));
      for (const other of shared.sessions()) letters.send(other, octets);
    },
    may: mayAsk,
    forward(octets, winner) {
      if (!mayForward()) return;
      // The answer is not waited for: who sent the message repeats it.
      if (letters.send(winner, letter(FORWARD, nextId(), octets))) counters.forwardedOut++;
    },
    count: () => void counters.claimed++,
  });

  function nextId(): number {
    numbers = (numbers + 1) >>> 0;
    return numbers;
  }

  function opened(from: string, octets: Uint8Array): void {
    if (isClosed || octets.length < HEAD) return;
    const rest = octets.subarray(HEAD);
    const id = new DataView(octets.buffer, octets.byteOffset).getUint32(1);
    const kind = octets[0];
    if (kind === ASK || kind === FORWARD) take(kind, id, from, rest);
    else if (kind === TAKEN && rest.length === 2) answered(kind, id, from, (rest[0] << 8) | rest[1]);
    else if (kind === NOT) answered(kind, id, from, 0);
    else if (kind === SEND) {
      counters.sentIn++;
      parts.transmit(rest);
    } else if (kind === CLAIM) claims.heard(from, id, Buffer.from(rest).toString('latin1'));
  }
  letters.take = (from, octets) => parts.guard(() => opened(from, octets));

  return {
    counters,
    isLive,
    claim: claims.claim,
    send(session, octets) {
      if (!isLive(session) || !letters.send(session, letter(SEND, 0, octets))) return false;
      counters.sentOut++;
      return true;
    },
    unknown(hint, octets, again, told) {
      if (isClosed || !shared.isHeld()) return false;
      const times = { nextAt: now() + AGAIN, wait: 2 * AGAIN, until: now() + patience };
      const one: Held = { id: nextId(), hint, octets, told, forget() {}, ...times };
      const fate = parts.hold([hint], () => {
        end(one);
        again();
      });
      if (fate === true) return true;
      const isKept = fate !== false;
      if (isKept) {
        one.forget = fate;
        held.set(one.id, one);
        wake();
      } else if (ownerOf(hint) === '') return false;
      return isNobodys(hint) ? false : pass(one.id, hint, octets);
    },
    close() {
      isClosed = true;
      held.clear();
      asking.clear();
      claims.close();
      letters.take = () => {};
    },
  };
}
