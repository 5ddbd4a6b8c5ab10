// /metrics for Prometheus: the gateway's counters by its conventions (base units, `_total`), read when somebody asks. The number of
// series does not grow with the number of peers, unless the configuration says so, and then up to a limit.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Running } from '../commands/running.ts';
import type { MetricsText } from '../http/routes.ts';
import type { HttpCounters } from '../http/server.ts';
import { FAMILIES } from './families.ts';
import type { Family, Sample, Sources } from './family.ts';

/** Longer values of labels are cut: peers choose their identities. */
const LABEL_MAX = 128;

function shortened(labels: Sample['labels']): Record<string, string> {
  const short: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels)) {
    // Line ends and other control characters have no place in a label, though the format could carry them.
    short[name] = value.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').slice(0, LABEL_MAX);
  }
  return short;
}

function register(registry: Registry, family: Family, sources: () => Sources): void {
  const { name, help, labels = [], isCounter, read } = family;
  const config = { name, help, labelNames: [...labels], registers: [registry] };
  if (isCounter) {
    new Counter({
      ...config,
      collect() {
        this.reset();
        for (const { labels: own, value } of read(sources())) this.inc(shortened(own), value);
      },
    });
  } else {
    new Gauge({
      ...config,
      collect() {
        this.reset();
        for (const { labels: own, value } of read(sources())) this.set(shortened(own), value);
      },
    });
  }
}

/** `peers`: peers with series of their own, at most. */
export function createMetrics(running: Running, http: () => HttpCounters, peers: number): MetricsText {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  let sources: Sources;
  for (const family of FAMILIES) register(registry, family, () => sources);
  return {
    type: registry.contentType,
    text() {
      const { gateway } = running;
      sources = {
        counters: gateway.counters(),
        http: http(),
        peers: peers === 0 ? null : gateway.peers({ limit: peers }),
        version: running.about.version,
      };
      return registry.metrics();
    },
  };
}
