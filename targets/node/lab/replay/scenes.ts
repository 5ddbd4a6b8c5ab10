// What a sender's packets go through, in virtual time and from a seed: cores that hand them on in batches and stall, a link that
// prefers a class, paths of different length, several senders under one SA. Packets are real ones, and so are the windows.
// An attacker records every packet: it repeats one after each that arrives, and in the end all of them.

import { DROP_REPLAY, DROP_SEQUENCE } from '../../../../core/base/drop.ts';
import { dropName } from '../../../../core/base/drop-name.ts';
import { createRandom, type Random } from '../../host/radio/random.ts';
import { type Answer, CLASS_DSCP, countersOf } from './answers.ts';
import { createReceiver, createSender, watchedProvider } from './ends.ts';
import type { AgreedPair } from './negotiate.ts';
import { innerPacket } from './packets.ts';

/** Packets that a core protects in a millisecond, and hands on together. */
const RATE = 100;
const BATCH = 32;
/** One of so many batches waits, because its core does something else; milliseconds at most. */
const STALL_ONE_OF = 50;
const STALL_MAX = 2;
/** Milliseconds of the paths: the next one is as much longer. */
const PATH_STEP = 10;
/** Packets a millisecond of the link, of its first class, and of a burst of another at the beginning of each period. */
const LINK = 8;
const FIRST = 6;
const BURST = 400;
const PERIOD = 500;
const PAYLOAD = 20;

/** One packet: when it is protected, when it arrives, and what it belongs to. */
interface Packet {
  sent: number;
  arrives: number;
  core: number;
  kind: number;
  path: number;
  sender: number;
}

/** What packets come from and go through. */
export interface Scene {
  name: string;
  cores: number;
  classes: number;
  paths: number;
  senders: number;
}

/** What became of the packets of a scene. */
export interface SceneResult {
  /** Packets sent, and dropped by the replay check although nobody had repeated them. */
  sent: number;
  lost: number;
  /** Packets that an attacker sent again, and those that were taken. */
  replayed: number;
  accepted: number;
  /** Packets with a nonce that their key had before. */
  repeatedNonces: number;
  /** Work of all receiving cores in terms of the busiest one: how much faster they are than one core. */
  speedup: number;
}

export const sceneOf = (name: string, change: Partial<Scene>): Scene => ({
  name,
  cores: 1,
  classes: 1,
  paths: 1,
  senders: 1,
  ...change,
});

/** Counters that keep everything of a scene apart. */
export function wantedOf({ cores, classes, paths, senders }: Scene): number {
  return cores * classes * paths * senders;
}

function coresOf(scene: Scene, random: Random, each: number): Packet[] {
  const list: Packet[] = [];
  for (let core = 0; core < scene.cores; core++) {
    let free = 0;
    for (let first = 0; first < each; first += BATCH) {
      const size = Math.min(BATCH, each - first);
      // Cores are not in step.
      const start = first / RATE + random.next() / RATE;
      const stall = random.below(STALL_ONE_OF) === 0 ? random.next() * STALL_MAX : 0;
      free = Math.max(free, start + size / RATE + stall);
      for (let i = 0; i < size; i++) {
        const kind = random.below(scene.classes);
        const path = random.below(scene.paths);
        list.push({ sent: start + i / RATE, arrives: free, core, kind, path, sender: 0 });
      }
    }
  }
  return list;
}

/** The link that prefers a class: the first one always has packets, the others burst. */
function queued(scene: Scene, time: number): Packet[] {
  const list: Packet[] = [];
  const queues: Packet[][] = Array.from({ length: scene.classes }, () => []);
  for (let ms = 0; ms < time || queues.some(({ length }) => length > 0); ms++) {
    const put = (kind: number, at: number): void => {
      const packet = { sent: ms + at, arrives: 0, core: 0, kind, path: 0, sender: 0 };
      queues[kind].push(packet);
      list.push(packet);
    };
    for (let n = 0; ms < time && n < FIRST; n++) put(0, n / 1000);
    for (let kind = 1; ms < time && ms % PERIOD === 0 && kind < scene.classes; kind++) {
      for (let n = 0; n < BURST; n++) put(kind, (n + FIRST) / 1000 + kind / 10);
    }
    for (let n = 0; n < LINK; n++) {
      const next = queues.find(({ length }) => length > 0)?.shift();
      if (next !== undefined) next.arrives = ms + 1 + n / LINK;
    }
  }
  return list;
}

function sendersOf(scene: Scene, random: Random, each: number): Packet[] {
  const list: Packet[] = [];
  for (let sender = 0; sender < scene.senders; sender++) {
    // They join one after the other, and each has a rate of its own.
    const rate = RATE * (0.5 + random.next());
    for (let i = 0; i < each; i++) {
      const sent = sender * (each / RATE / 4) + i / rate;
      list.push({ sent, arrives: sent + 1, core: 0, kind: 0, path: 0, sender });
    }
  }
  return list;
}

/** Longer paths, and a queue for each class where cores send in several. */
function delayed(list: Packet[], scene: Scene, random: Random): void {
  const last = new Map<string, number>();
  for (const packet of [...list].sort((a, b) => a.arrives - b.arrives)) {
    const { core, kind, path } = packet;
    const queue = scene.cores > 1 && scene.classes > 1 ? kind * random.next() * 4 : 0;
    const at = packet.arrives + path * PATH_STEP + queue;
    // What goes the same way in the same class from the same core stays in order.
    const way = `${core} ${kind} ${path} ${packet.sender}`;
    packet.arrives = Math.max(at, last.get(way) ?? 0);
    last.set(way, packet.arrives);
  }
}

function packetsOf(scene: Scene, random: Random, each: number): Packet[] {
  const isQueued = scene.classes > 1 && scene.cores === 1;
  const list = isQueued
    ? queued(scene, each)
    : scene.senders > 1
      ? sendersOf(scene, random, each)
      : coresOf(scene, random, each);
  delayed(list, scene, random);
  return list.sort((a, b) => a.sent - b.sent);
}

/** Where the sender puts a packet, of `counters`. */
function laneOf({ core, kind, path, sender }: Packet, scene: Scene, counters: number): number {
  return (((core * scene.classes + kind) * scene.paths + path) * scene.senders + sender) % counters;
}

/** The counter that a packet is under, of those that an answer has: it decides which core can take it. */
function counterOf(answer: Answer, packet: Packet, lane: number, counters: number): number {
  return answer.by === 'class' ? packet.kind % counters : lane;
}

/**
 * Sends the packets of a scene under what was agreed for an answer. `each`: packets of each core or sender, or milliseconds of the link
 * with classes. The same seed gives the same result.
 */
export function runScene(
  answer: Answer,
  pairs: readonly AgreedPair[],
  scene: Scene,
  each: number,
  seed: number,
): SceneResult {
  const random = createRandom(seed);
  const counters = countersOf(answer, wantedOf(scene));
  const watched = watchedProvider();
  const senders = Array.from({ length: scene.senders }, () => createSender(answer, pairs, watched.provider));
  const receiver = createReceiver(pairs, watched.provider);
  const work = new Array<number>(scene.cores).fill(0);
  let turn = 0;
  const packets = packetsOf(scene, random, each).map((packet) => {
    const lane = laneOf(packet, scene, counters);
    const inner = innerPacket(CLASS_DSCP[packet.kind], 10000 + packet.core, PAYLOAD);
    const wire = senders[packet.sender].protect(inner, lane);
    return { ...packet, wire, counter: counterOf(answer, packet, lane, counters) };
  });
  packets.sort((a, b) => a.arrives - b.arrives);
  const result = { sent: packets.length, lost: 0, replayed: 0, accepted: 0 };
  const replay = (wire: Uint8Array): void => {
    result.replayed++;
    if (receiver.open(wire) >= 0) result.accepted++;
  };
  packets.forEach(({ wire, counter }, index) => {
    const code = receiver.open(wire);
    // Left of the window a number of 32 bits would belong to the next 2^32, which there is not.
    if (code === DROP_REPLAY || code === DROP_SEQUENCE) result.lost++;
    else if (code < 0) throw new Error(`anti-replay bench: ${answer.name}: dropped: ${dropName(code)}`);
    // Without a window any core can take any packet; with one, that core which has the window.
    work[answer.window === 0 ? turn++ % scene.cores : counter % scene.cores]++;
    replay(packets[random.below(index + 1)].wire);
  });
  for (const { wire } of packets) replay(wire);
  return { ...result, repeatedNonces: watched.repeated(), speedup: packets.length / Math.max(...work) };
}
