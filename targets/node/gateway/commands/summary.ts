// The gateway in numbers, for a look or a page: its cost does not grow with the number of peers.

import type { LogChoice } from '../../host/log-hub.ts';
import type { Running } from './running.ts';

/** `info`, `debug:ike,esp`: as `--log` says it. */
export function choiceText({ level, namespaces }: LogChoice): string {
  return namespaces === undefined ? level : `${level}:${namespaces.join(',')}`;
}

export function summary(running: Running): object {
  const { gateway, about, started, logs } = running;
  const { draining, sas, neighbours, ike, esp, radios, state, workers, cluster, capture, drops, suppressedLines } =
    gateway.counters();
  return {
    ...about,
    pid: process.pid,
    started: new Date(started).toISOString(),
    uptime: Math.round(process.uptime() * 1000) / 1000,
    draining,
    log: choiceText(logs.choice()),
    memory: process.memoryUsage.rss(),
    eventLoop: running.lateness(),
    sas,
    neighbours,
    ike,
    esp,
    radios,
    state,
    workers,
    cluster,
    capture,
    drops,
    suppressedLines,
  };
}
