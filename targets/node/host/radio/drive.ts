// Runs layers in real time: polls them when they are due. Timers have a resolution of a millisecond, so shorter waits use
// immediates.

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

/** Polls `node` whenever its nextTimeout comes, until stopped. */
export function drive(node: Pollable, now: () => number = () => performance.now()): Driver {
  let timer: NodeJS.Timeout | null = null;
  let immediate: NodeJS.Immediate | null = null;
  let stopped = false;

  function wake(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (stopped || immediate !== null) return;
    const next = node.nextTimeout();
    if (next < 0) return;
    const wait = next - now();
    if (wait > 1) timer = setTimeout(tick, Math.min(wait, 2 ** 30));
    else immediate = setImmediate(tick);
  }

  function tick(): void {
    immediate = null;
    timer = null;
    if (stopped) return;
    const time = now();
    const next = node.nextTimeout();
    if (next >= 0 && next <= time) node.poll(time);
    wake();
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
