// Runs layers in real time: polls them when they are due. Node's timers have a resolution of a millisecond. What waits for
// the air would miss its time by that, so with `fine` the rest of a wait is spent in immediates, which takes a processor.
// What has no air time never spins.

import type { Pollable } from './radio.ts';

/** Runs a `Pollable` on Node's timers. */
export interface Driver {
  /** To be called after anything that may have changed nextTimeout: a frame received, a packet to send. */
  wake(): void;
  /** Ends the timers. Nothing is polled any more. */
  stop(): void;
  /** Milliseconds, monotonic. */
  now(): number;
}

/** The longest that Node's timers take. */
const WAIT_MAX = 2 ** 30;

/** Polls `node` whenever its nextTimeout comes, until stopped; `fine`: also for waits of less than a millisecond. */
export function drive(node: Pollable, now: () => number = () => performance.now(), fine = false): Driver {
  let timer: NodeJS.Timeout | null = null;
  // When the timer ends.
  let until = 0;
  let immediate: NodeJS.Immediate | null = null;
  let stopped = false;

  /** Many frames may come before the next turn of the event loop: one look is enough for all. */
  function wake(): void {
    // What is due may change after this call, in the same turn: so the look is always taken.
    if (!stopped && immediate === null) immediate = setImmediate(tick);
  }

  function tick(): void {
    immediate = null;
    if (stopped) return;
    let time = now();
    let next = node.nextTimeout();
    if (next >= 0 && next <= time) {
      node.poll(time);
      // It may have stopped this.
      if (stopped) return;
      time = now();
      next = node.nextTimeout();
    }
    if (next < 0) return;
    const wait = next - time;
    if (wait <= 0 || (fine && wait <= 1)) immediate = setImmediate(tick);
    else if (timer === null || next < until) {
      if (timer !== null) clearTimeout(timer);
      until = next;
      // Node cuts fractions off: without `fine` a wait is rounded up, lest the rest be waited for once more.
      timer = setTimeout(expired, Math.min(fine ? wait - 0.5 : Math.ceil(wait), WAIT_MAX));
    }
  }

  function expired(): void {
    timer = null;
    if (immediate === null) tick();
  }

  return {
    wake,
    stop: () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      if (immediate !== null) clearImmediate(immediate);
    },
    now,
  };
}
