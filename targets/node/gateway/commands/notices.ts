// A gateway's events as lines, for whoever follows them: `--control`, the status socket, HTTP.

import type { Gateway } from '../events.ts';

/** Events a second of attempts of which no identity was proved. */
const STRANGERS = 10;

/** An event as a line: docs/control.md has them all. */
export type Notice = { event: string } & Record<string, string | number>;

export interface Notices {
  /** Calls `take` with each. Returns what ends that. */
  follow(take: (notice: Notice) => void): () => void;
}

export function createNotices(gateway: Pick<Gateway, 'on'>): Notices {
  const followers = new Set<(notice: Notice) => void>();
  const strangers = { until: 0, events: 0, more: 0 };

  function tell(notice: Notice): void {
    for (const take of followers) take(notice);
  }

  gateway.on('up', (peer, name) => tell({ event: 'up', peer, name }));
  gateway.on('down', (peer, reason) => {
    const now = performance.now();
    if (peer !== '') {
      tell({ event: 'down', peer, reason });
      return;
    }
    if (now >= strangers.until) Object.assign(strangers, { until: now + 1000, events: 0 });
    if (strangers.events++ >= STRANGERS) {
      strangers.more++;
      return;
    }
    tell({ event: 'down', peer, reason, ...(strangers.more === 0 ? {} : { suppressed: strangers.more }) });
    strangers.more = 0;
  });
  gateway.on('childFailed', (peer, reason) => tell({ event: 'child-failed', peer, reason }));
  gateway.on('childMissing', (peer, child, wait) => tell({ event: 'child-missing', peer, child, wait }));
  gateway.on('lost', (address) => tell({ event: 'lost', address }));
  gateway.on('back', (address) => tell({ event: 'back', address }));
  return {
    follow(take) {
      followers.add(take);
      return () => void followers.delete(take);
    },
  };
}
