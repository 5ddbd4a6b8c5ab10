// Time for the parts of a cluster: that of Node, or of a simulation.

export interface Timers {
  /** Milliseconds, monotonic. It goes on while the process is stopped. */
  now(): number;
  /** Runs `work` once, `time` ms from now; the result cancels it. */
  after(time: number, work: () => void): () => void;
}

export const realTimers: Timers = {
  now: () => performance.now(),
  after(time, work) {
    const timer = setTimeout(work, time);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
