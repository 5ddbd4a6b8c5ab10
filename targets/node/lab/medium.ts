// A radio medium in virtual time. Frames take their air time (32 us per octet, 6 octets of PHY header); time jumps from event
// to event. Events are ordered by time, then by creation. All random numbers come from one seeded generator: the same seed
// and the same calls give the same run, octet for octet.
//
// At a receiver two frames that overlap destroy each other, whether or not their senders hear one another (hidden
// nodes); a node that sends hears nothing. `clear()` tells what the node hears at that moment. Destroyed and corrupted frames
// are delivered with flipped bits, for the FCS to find.

import { airTime } from '../../../core/link/mac.ts';
import type { Pollable, Radio } from '../host/radio/radio.ts';
import { createRandom, type Random } from '../host/radio/random.ts';

/** What can go wrong on a link. Chances are 0..1, times milliseconds. */
export interface LinkModel {
  /** Chance that the receiver misses a frame. */
  loss: number;
  /** Time from the end of a frame on air to its delivery. */
  delay: number;
  /** Chance of a second delivery, at a random time within `spread` after the first. */
  duplicate: number;
  /** Chance that a frame is held back for a random time within `spread`, so that later ones overtake it. */
  reorder: number;
  /** Chance that 1..3 bits are flipped. */
  corrupt: number;
  /** Milliseconds, for `duplicate` and `reorder`. */
  spread: number;
}

/** Options of a medium; those of `LinkModel` hold for every link. */
export interface MediumConfig extends Partial<LinkModel> {
  /** 32 bits from which all chances follow. */
  seed: number;
  /** Overrides for the link from one node to another. */
  link?: (from: number, to: number) => Partial<LinkModel> | undefined;
  /** False where `to` does not hear `from`. Default: everybody hears everybody. */
  reaches?: (from: number, to: number) => boolean;
  /** Sees every frame as it goes on air. */
  tap?: (now: number, frame: Uint8Array, from: number) => void;
}

/** Counts of receptions, except `sent`. */
export interface MediumCounters {
  /** Frames that went on air. */
  sent: number;
  /** Frames given to a radio. */
  delivered: number;
  /** Receptions lost by chance. */
  lost: number;
  /** Receptions that overlapped another; they are delivered with flipped bits. */
  collided: number;
  /** Receptions with flipped bits. */
  corrupted: number;
  /** Second deliveries. */
  duplicated: number;
  /** Deliveries held back. */
  reordered: number;
  /** Receptions missed because the node was sending. */
  deaf: number;
}

interface Reception {
  frame: Uint8Array;
  end: number;
  collided: boolean;
  deaf: boolean;
}

interface Station {
  radio: Radio;
  node: Pollable | null;
  /** End of the own transmission. */
  until: number;
  receptions: Reception[];
}

interface Event {
  time: number;
  order: number;
  run: () => void;
}

/** Times that `poll` may be called at one moment before the run is ended as one that makes no progress. */
const STUCK = 10000;
const IDEAL: LinkModel = { loss: 0, delay: 0, duplicate: 0, reorder: 0, corrupt: 0, spread: 20 };

/** Air in memory, in virtual time: CSMA, air time at 250 kbit/s, collisions, loss. The same seed gives the same run. */
export class Medium {
  /** Milliseconds since the start. */
  now = 0;
  /** Frames by what became of them. */
  readonly counters: MediumCounters = {
    sent: 0,
    delivered: 0,
    lost: 0,
    collided: 0,
    corrupted: 0,
    duplicated: 0,
    reordered: 0,
    deaf: 0,
  };
  /** The medium's chances; a test that draws from it changes the run. */
  readonly random: Random;
  private readonly config: MediumConfig;
  private readonly stations: Station[] = [];
  private readonly heap: Event[] = [];
  private order = 0;

  /** Makes an empty medium at time 0. */
  constructor(config: MediumConfig) {
    this.config = config;
    this.random = createRandom(config.seed);
  }

  /** A radio of a new node. Its number is the count of radios made before. */
  radio(): Radio {
    const index = this.stations.length;
    const radio: Radio = {
      onFrame: null,
      clear: () => this.isClear(index),
      transmit: (buffer, offset, length) => this.transmit(index, buffer.slice(offset, offset + length)),
      close: () => {
        radio.onFrame = null;
      },
    };
    this.stations.push({ radio, node: null, until: -1, receptions: [] });
    return radio;
  }

  /** Has `node` polled whenever its nextTimeout comes; it belongs to the radio. */
  attach(radio: Radio, node: Pollable): void {
    const station = this.stations.find((s) => s.radio === radio);
    if (station === undefined) throw new Error('medium.attach: not a radio of this medium');
    station.node = node;
  }

  /** Runs `action` at a time, not before now. */
  at(time: number, action: () => void): void {
    const event = { time: Math.max(time, this.now), order: this.order++, run: action };
    let i = this.heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if (!before(event, this.heap[parent])) break;
      this.heap[i] = this.heap[parent];
      i = parent;
    }
    this.heap[i] = event;
  }

  /** Runs until nothing is due before or at `end`; then `now` is `end`. Returns false when all is at rest earlier. */
  run(end: number): boolean {
    let stuck = 0;
    for (;;) {
      let time = this.heap.length > 0 ? this.heap[0].time : -1;
      let due: Station | null = null;
      for (const station of this.stations) {
        const next = station.node === null ? -1 : station.node.nextTimeout();
        if (next >= 0 && (time < 0 || next < time)) {
          time = next;
          due = station;
        }
      }
      if (time < 0 || time > end) {
        this.now = Math.max(this.now, end);
        return time >= 0;
      }
      stuck = time > this.now ? 0 : stuck + 1;
      if (stuck > STUCK) throw new Error(`medium: no progress at ${this.now} ms`);
      this.now = Math.max(this.now, time);
      if (due !== null) due.node!.poll(this.now);
      else this.pop().run();
    }
  }

  /** Runs until nothing is due any more, at most until `end`. `now` stays at the last event. */
  settle(end: number): void {
    for (;;) {
      const next = this.next();
      if (next < 0 || next > end) return;
      this.run(Math.max(next, this.now));
    }
  }

  /** The time of the next event, or -1. */
  next(): number {
    let time = this.heap.length > 0 ? this.heap[0].time : -1;
    for (const { node } of this.stations) {
      const next = node === null ? -1 : node.nextTimeout();
      if (next >= 0 && (time < 0 || next < time)) time = next;
    }
    return time;
  }

  private pop(): Event {
    const heap = this.heap;
    const top = heap[0];
    const last = heap.pop()!;
    if (heap.length > 0) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], last)) break;
        heap[i] = heap[child];
        i = child;
      }
      heap[i] = last;
    }
    return top;
  }

  private isClear(index: number): boolean {
    const station = this.stations[index];
    return station.until <= this.now && !station.receptions.some((reception) => reception.end > this.now);
  }

  private transmit(from: number, frame: Uint8Array): void {
    const end = this.now + airTime(frame.length);
    const sender = this.stations[from];
    this.counters.sent++;
    this.config.tap?.(this.now, frame, from);
    sender.until = Math.max(sender.until, end);
    for (const reception of sender.receptions) if (reception.end > this.now) reception.deaf = true;
    this.stations.forEach((station, to) => {
      if (to === from || this.config.reaches?.(from, to) === false) return;
      const model: LinkModel = { ...IDEAL, ...this.config, ...this.config.link?.(from, to) };
      const reception: Reception = { frame: frame.slice(), end, collided: false, deaf: station.until > this.now };
      for (const other of station.receptions) {
        if (other.end > this.now) other.collided = reception.collided = true;
      }
      station.receptions.push(reception);
      this.at(end, () => this.finish(station, reception, model));
    });
  }

  private finish(station: Station, reception: Reception, model: LinkModel): void {
    const random = this.random;
    station.receptions.splice(station.receptions.indexOf(reception), 1);
    if (reception.deaf) {
      this.counters.deaf++;
      return;
    }
    if (random.next() < model.loss) {
      this.counters.lost++;
      return;
    }
    if (reception.collided) {
      this.counters.collided++;
      this.flip(reception.frame);
    } else if (random.next() < model.corrupt) {
      this.counters.corrupted++;
      this.flip(reception.frame);
    }
    let delay = model.delay;
    if (random.next() < model.reorder) {
      this.counters.reordered++;
      delay += random.next() * model.spread;
    }
    this.deliver(station, reception.frame, delay);
    if (random.next() < model.duplicate) {
      this.counters.duplicated++;
      this.deliver(station, reception.frame.slice(), delay + random.next() * model.spread);
    }
  }

  private deliver(station: Station, frame: Uint8Array, delay: number): void {
    const hand = () => {
      this.counters.delivered++;
      station.radio.onFrame?.(frame, 0, frame.length);
    };
    if (delay > 0) this.at(this.now + delay, hand);
    else hand();
  }

  /** Flips 1..3 bits: always found by the FCS, whose distance is 4. */
  private flip(frame: Uint8Array): void {
    const first = this.random.below(8 * frame.length);
    const others = this.random.below(3);
    frame[first >>> 3] ^= 1 << (first & 7);
    for (let i = 1; i <= others; i++) {
      const bit = (first + i * (1 + this.random.below(5))) % (8 * frame.length);
      if (bit !== first) frame[bit >>> 3] ^= 1 << (bit & 7);
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/** A medium with no nodes yet. */
export function createMedium(config: MediumConfig): Medium {
  return new Medium(config);
}
