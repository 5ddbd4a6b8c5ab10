// Octets of heap that packets cost on Node. Run by node.test.ts in a process of its own, with a young generation so
// large that nothing is collected while a case runs: what the heap grew by is what was allocated.
//   node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 --import tsx measure.ts
// Prints one JSON object: case -> Figure.

import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { Provider } from '../../core/crypto/provider.ts';
import { DROP_ICV, DROP_REPLAY } from '../../core/drop.ts';
import { FULL_PARTS } from '../../core/esp/fullparts.ts';
import { createFastProvider } from '../../targets/node/provider/fast.ts';
import { createPortableProvider } from '../../targets/node/provider/portable.ts';
import { createLinkPair } from './link.ts';
import { both, createPath, type Path, protect, take } from './packets.ts';

export interface Figure {
  packets: number;
  /** Octets allocated per packet. */
  each: number;
  /** Collections while the packets ran: 0, or `each` says nothing. */
  collections: number;
}

const figures: Record<string, Figure> = {};
let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

/** Some packets warm up, twice: compilers work in the background and finish between the tasks. */
async function measure(name: string, packets: number, work: (count: number) => void): Promise<void> {
  const warmUp = Math.min(packets, 50_000);
  work(warmUp);
  await setImmediate();
  work(warmUp);
  globalThis.gc!();
  await setImmediate();
  await setImmediate();
  collections = 0;
  const before = getHeapStatistics().used_heap_size;
  work(packets);
  const each = (getHeapStatistics().used_heap_size - before) / packets;
  await setImmediate();
  figures[name] = { packets, each, collections };
}

/** Calls `step` so often, at whole milliseconds; each must end with `result`, or with 1 or more where that is 1. */
function repeat(path: Path, result: number, step: (path: Path, now: number) => void): (count: number) => void {
  let now = 1000;
  return (count) => {
    for (let i = 0; i < count; i++) {
      now++;
      step(path, now);
      if (result > 0 ? path.result < 1 : path.result !== result) throw new Error('result ' + path.result);
    }
  };
}

const providers: [string, Provider][] = [
  ['portable', createPortableProvider()],
  ['fast', createFastProvider()],
];
for (const [name, provider] of providers) {
  for (const tunnel of [true, false]) {
    const kind = name + ', ' + (tunnel ? 'tunnel' : 'transport');
    const path = createPath(FULL_PARTS, provider, tunnel);
    await measure(kind + ': both ways', tunnel ? 1_000_000 : 200_000, repeat(path, 1, both));
    const replay = repeat(path, DROP_REPLAY, (to, now) => take(to, 0, now));
    await measure(kind + ': replayed', 200_000, replay);
    protect(path, 0);
    const damage = repeat(path, DROP_ICV, (to, now) => take(to, 1, now));
    await measure(kind + ': wrong ICV', 200_000, damage);
  }
}
for (const [name, octets, packets] of [
  ['one frame', 78, 10_000],
  ['fragments', 500, 2000],
] as const) {
  const pair = createLinkPair(octets, 2_000_000);
  await measure('link, ' + name, packets, pair.run);
}
process.stdout.write(JSON.stringify(figures) + '\n');
