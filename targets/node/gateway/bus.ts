// Shared by all parts of a gateway: its clock, its log, its events, its drop counters, and the call that wakes the timers.

import { EventEmitter } from 'node:events';
import { type Bounded, createBounded } from '../host/bounded.ts';
import { errorText } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { Reasons } from '../host/reasons.ts';
import type { Emit, GatewayEvents } from './events.ts';

export interface Bus {
  /** Milliseconds of the gateway's clock. */
  now(): number;
  /** `bounded.line`. */
  log: Log;
  /** For lines that others can cause. */
  bounded: Bounded;
  events: EventEmitter<GatewayEvents>;
  /** Tells the listeners. Counts errors that one throws, and passes none on. */
  emit: Emit;
  /** Counts a packet that the gateway itself dropped, and returns the reason. */
  drop(namespace: string, reason: string): string;
  /** What `drop` counted so far. */
  drops: Reasons;
  /** Runs work for a packet or a timer. Counts and logs an error that it throws; the result is then `otherwise`. */
  guard<Value>(otherwise: Value, run: () => Value): Value;
  /** What `guard` does with an error: for what runs too often for a function of its own each time. */
  failed(error: unknown): void;
  /** Functions that wake each radio's timer. The first timer also runs work that belongs to no radio. */
  wakers: (() => void)[];
  /** The next timeout of a radio (0: also of IKE and of the flows) may have changed. */
  wake(radio: number): void;
}

export function createBus(now: () => number, sink: Log): Bus {
  const events = new EventEmitter<GatewayEvents>();
  const drops: Reasons = {};
  const wakers: (() => void)[] = [];
  const bounded = createBounded(sink, now);
  const log = bounded.line;

  function drop(namespace: string, reason: string): string {
    drops[reason] = (drops[reason] ?? 0) + 1;
    bounded.log('debug', namespace, reason, () => `dropped: ${reason}`);
    return reason;
  }

  function failed(error: unknown): void {
    drop('gateway', 'internal');
    bounded.log('error', 'gateway', 'internal', () => {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
  }

  return {
    now,
    log,
    bounded,
    events,
    drop,
    drops,
    wakers,
    emit(name, ...values) {
      try {
        (events as EventEmitter).emit(name, ...values);
      } catch (error) {
        drop('gateway', 'listener');
        bounded.log('error', 'gateway', 'listener', () => `a listener of ${name}: ${errorText(error)}`);
      }
    },
    guard(otherwise, run) {
      try {
        return run();
      } catch (error) {
        failed(error);
        return otherwise;
      }
    },
    failed,
    wake: (radio) => wakers[radio]?.(),
  };
}
