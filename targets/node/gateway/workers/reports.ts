// What a worker tells of its SAs: at the end of a burst, and so often at most; sooner where one needs more numbers. Of an SA that
// has fallen silent it gives back the numbers that it will not use, so that a restart costs its peer none.

import type { Endpoint } from '../../../../core/esp/endpoint.ts';
import { silenceFor } from '../../host/state/reserve.ts';
import type { TrafficMetrics } from '../traffic.ts';
import type { UdpCounters } from '../udp.ts';
import { type Held, lastNumber } from './held.ts';
import { type FromWorker, IN_DROPS, OUT_DROPS, ROW, SUM } from './messages.ts';

/** Milliseconds between reports; and until an SA whose packets wait is told of again. */
const EVERY = 10;
const AGAIN = 50;
/** Milliseconds between looks at silent SAs. */
const LOOK = 100;
/** The longest that the thread waits, in milliseconds. */
const PATIENCE = 1000;

type Count = 'written' | 'read' | 'handed' | 'dropTun' | 'dropStore' | 'dropBusy';

export interface Reports {
  /** A packet of this SA was protected, or came. */
  touch(held: Held): void;
  /** Something else is to be told at the end of this burst, or a little later. */
  ask(): void;
  count(what: Count, more?: number): void;
  /** It has another grant. */
  granted(held: Held): void;
  forget(held: Held): void;
  /** Does what is due, and tells the milliseconds until the next thing is. */
  due(): number;
  /** Tells everything. */
  now(): void;
}

export interface ReportsConfig {
  post(message: FromWorker, move?: ArrayBuffer[]): void;
  endpoint: Endpoint;
  traffic: { sent: TrafficMetrics; received: TrafficMetrics };
  now(): number;
  /** See `Readiness`. */
  atEnd(flush: () => void): void;
  /** Counters of its sockets since the last call. */
  sockets(): [number, UdpCounters][];
}

export function createReports(config: ReportsConfig): Reports {
  const { endpoint, traffic } = config;
  let sums = new Float64Array(SUM.size);
  let dirty: Held[] = [];
  /** With numbers that they have not used. */
  const wide = new Set<Held>();
  const pressed = new Set<Held>();
  let isAsked = false;
  let reportAt = -1;
  let lookAt = -1;
  let last = Number.NEGATIVE_INFINITY;
  const before = { sent: 0, received: 0, drops: new Float64Array(endpoint.drops.length) };
  const told = { sent: [0, 0, 0], received: [0, 0, 0] };

  function rowOf({ id, out: { sa: out }, in: { sa: into } }: Held, rows: Float64Array, at: number): void {
    rows.set([id, out.packets, out.bytes, lastNumber(out), into.packets, into.bytes, lastNumber(into)], at);
    OUT_DROPS.forEach((name, index) => {
      rows[at + ROW.outDrops + index] = out[name];
    });
    IN_DROPS.forEach((name, index) => {
      rows[at + ROW.inDrops + index] = into[name];
    });
  }

  function octets(kind: 'sent' | 'received', at: number): void {
    const { inner, esp, uncompressed } = traffic[kind];
    [inner, esp, uncompressed].forEach((value, index) => {
      sums[at + index] = value - told[kind][index];
      told[kind][index] = value;
    });
  }

  function report(): void {
    reportAt = -1;
    last = config.now();
    sums[SUM.sent] = endpoint.sent - before.sent;
    sums[SUM.received] = endpoint.received - before.received;
    octets('sent', SUM.octetsSent);
    octets('received', SUM.octetsReceived);
    endpoint.drops.forEach((value, index) => {
      sums[SUM.drops + index] = value - before.drops[index];
    });
    before.sent = endpoint.sent;
    before.received = endpoint.received;
    before.drops.set(endpoint.drops);
    const rows = new Float64Array(dirty.length * ROW.size);
    dirty.forEach((held, index) => {
      held.isDirty = false;
      rowOf(held, rows, index * ROW.size);
    });
    const waiting = dirty.filter((held) => held.waiting.length > 0);
    dirty = [];
    const sockets = config.sockets();
    if (rows.length > 0 || sockets.length > 0 || sums.some((value) => value !== 0)) {
      config.post({ op: 'report', sums, rows, sockets }, [sums.buffer, rows.buffer]);
      sums = new Float64Array(SUM.size);
    }
    // The answer may have been that there is nothing yet.
    for (const held of waiting) mark(held);
    if (waiting.length > 0) reportAt = last + AGAIN;
  }

  function mark(held: Held): void {
    if (held.isDirty) return;
    held.isDirty = true;
    dirty.push(held);
  }

  function burst(): void {
    isAsked = false;
    if (pressed.size > 0) {
      pressed.clear();
      report();
    } else if (config.now() - last >= EVERY) report();
    else if (reportAt < 0 || reportAt > last + EVERY) reportAt = last + EVERY;
  }

  /** Gives back what silent SAs will not use. */
  function look(): void {
    lookAt = -1;
    for (const held of wide) {
      const { grant, out, in: into, waiting } = held;
      const used = { out: lastNumber(out.sa), in: lastNumber(into.sa) };
      const ahead = Math.max(grant.out - used.out, grant.in - used.in);
      if (config.now() - held.usedAt < silenceFor(ahead) || waiting.length > 0) continue;
      wide.delete(held);
      if (ahead <= 1) continue;
      held.grant = { out: Math.min(grant.out, used.out + 1), in: Math.min(grant.in, used.in + 1), turn: grant.turn };
      reports.granted(held);
      wide.delete(held);
      config.post({ op: 'narrowed', id: held.id, grant: held.grant });
    }
    if (wide.size > 0) lookAt = config.now() + LOOK;
  }

  const reports: Reports = {
    touch(held) {
      held.usedAt = config.now();
      mark(held);
      const { grant, out, in: into } = held;
      if (lastNumber(out.sa) >= held.askAt.out || lastNumber(into.sa) >= held.askAt.in) pressed.add(held);
      if (lastNumber(out.sa) >= held.askAt.out) held.askAt.out = Math.max(grant.out, lastNumber(out.sa)) + 1;
      if (lastNumber(into.sa) >= held.askAt.in) held.askAt.in = Math.max(grant.in, lastNumber(into.sa)) + 1;
      reports.ask();
    },
    ask() {
      if (isAsked) return;
      isAsked = true;
      config.atEnd(burst);
    },
    count(what, more = 1) {
      sums[SUM[what]] += more;
      reports.ask();
    },
    granted(held) {
      const { grant, out, in: into } = held;
      const half = (limit: number, used: number): number => used + Math.max(1, Math.ceil((limit - used) / 2));
      held.askAt.out = half(grant.out, lastNumber(out.sa));
      held.askAt.in = half(grant.in, lastNumber(into.sa));
      wide.add(held);
      if (lookAt < 0) lookAt = config.now() + LOOK;
    },
    forget(held) {
      wide.delete(held);
      pressed.delete(held);
      dirty = dirty.filter((one) => one !== held);
    },
    due() {
      const time = config.now();
      if (reportAt >= 0 && time >= reportAt) report();
      if (lookAt >= 0 && time >= lookAt) look();
      const next = [reportAt, lookAt].filter((at) => at >= 0);
      return Math.max(0, Math.min(PATIENCE, Math.ceil(Math.min(...next, time + PATIENCE) - time)));
    },
    now: report,
  };
  return reports;
}
