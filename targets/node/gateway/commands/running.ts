// A gateway as a running program: what commands, the status socket and HTTP act on.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { LogHub } from '../../host/log-hub.ts';
import type { Gateway } from '../events.ts';
import type { Reloaded } from '../reloaded.ts';
import { createNotices, type Notices } from './notices.ts';
import { createRates, type RateTeller } from './rates.ts';

/** What a program says of itself. */
export interface About {
  /** Version of the package. */
  version: string;
  /** The configuration file; '': none. */
  file: string;
}

export interface Running {
  gateway: Gateway;
  about: About;
  /** When it started, milliseconds since 1970. */
  started: number;
  logs: LogHub;
  notices: Notices;
  rates: RateTeller;
  /** Reads the file again and applies it; rejects with all that is wrong with it. */
  reload(): Promise<Reloaded>;
  /** By how much timers were late since the last call, in milliseconds; null where nobody measures. */
  lateness(): { mean: number; max: number } | null;
  /** Measures it from now on. */
  measure(): void;
  /** The program is ending: it takes no new peers. */
  isEnding: boolean;
  /** Stops measuring. */
  close(): void;
}

/** Milliseconds between looks at how late timers are. */
const RESOLUTION = 20;

function noFile(): Promise<never> {
  return Promise.reject(new Error('there is no file to read again'));
}

export function createRunning(
  gateway: Gateway,
  logs: LogHub,
  about: About,
  reload = noFile as Running['reload'],
): Running {
  let histogram: IntervalHistogram | null = null;
  const ms = (nanoseconds: number): number => {
    // Of the interval itself it says nothing.
    return Number.isFinite(nanoseconds) ? Math.max(0, Math.round(nanoseconds / 1e4) / 100 - RESOLUTION) : 0;
  };
  return {
    gateway,
    about,
    started: Date.now(),
    logs,
    notices: createNotices(gateway),
    rates: createRates(gateway),
    reload,
    lateness() {
      if (histogram === null) return null;
      const late = histogram.count === 0 ? { mean: 0, max: 0 } : { mean: ms(histogram.mean), max: ms(histogram.max) };
      histogram.reset();
      return late;
    },
    measure() {
      if (histogram !== null) return;
      histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
      histogram.enable();
    },
    isEnding: false,
    close() {
      histogram?.disable();
    },
  };
}
