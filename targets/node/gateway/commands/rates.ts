// Rates of all packets of a gateway, each second, for those who follow them. Nobody does: nothing runs.

import type { Gateway } from '../events.ts';
import type { GatewayCounters } from '../views.ts';

const INTERVAL = 1000;

export type Rates = Record<string, number>;

export interface RateTeller {
  /** Calls `take` each second with the rates of the second before. Returns what ends that. */
  follow(take: (rates: Rates) => void): () => void;
}

/** Packets that were dropped, whoever did it. */
function dropsIn({ esp, drops, radios }: GatewayCounters): number {
  const all = [esp.drops, drops, ...radios.flatMap(({ macDrops, lowpanDrops }) => [macDrops, lowpanDrops])];
  return all.flatMap((reasons) => Object.values(reasons)).reduce((sum, some) => sum + some, 0);
}

function totals(gateway: Pick<Gateway, 'counters'>): Rates {
  const counters = gateway.counters();
  const { sent, received, octetsSent, octetsReceived } = counters.esp;
  return {
    packetsSent: sent,
    packetsReceived: received,
    octetsSent: octetsSent.esp,
    octetsReceived: octetsReceived.esp,
    innerSent: octetsSent.inner,
    innerReceived: octetsReceived.inner,
    uncompressedSent: octetsSent.uncompressed,
    uncompressedReceived: octetsReceived.uncompressed,
    drops: dropsIn(counters),
  };
}

export function createRates(gateway: Pick<Gateway, 'counters'>): RateTeller {
  const followers = new Set<(rates: Rates) => void>();
  let timer: NodeJS.Timeout | null = null;

  function start(): void {
    let before = totals(gateway);
    let time = performance.now();
    timer = setInterval(() => {
      const now = performance.now();
      const seconds = (now - time) / 1000;
      const after = totals(gateway);
      const rates: Rates = {};
      for (const name of Object.keys(after)) {
        rates[name] = Math.round(((after[name] - before[name]) / seconds) * 10) / 10;
      }
      rates.peers = gateway.counters().ike?.up ?? 0;
      before = after;
      time = now;
      for (const take of followers) take(rates);
    }, INTERVAL);
    timer.unref();
  }

  return {
    follow(take) {
      followers.add(take);
      if (timer === null) start();
      return () => {
        followers.delete(take);
        if (followers.size > 0 || timer === null) return;
        clearInterval(timer);
        timer = null;
      };
    },
  };
}
