// Octets of heap that packets cost on Node. heap.test.ts runs it in a process of its own. The young generation is so large
// that nothing is collected during a case: the heap's growth is the memory allocated.
//   node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 --import tsx measure.ts
// Prints one line of JSON per case: name, packets in a round, octets allocated per packet.

import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { DROP_ICV, DROP_REPLAY } from '../../core/base/drop.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import { createLinkPair } from './link.ts';
import { both, createPath, type OneWay, protect, take } from './packets.ts';

const kept: object[] = [];
let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

/** Rounds at most; until everything is compiled, numbers are objects. */
const ROUNDS = 20;

/** The first round of `packets` packets that costs less than an octet each, or else the cheapest. */
async function measure(name: string, packets: number, work: (count: number) => void): Promise<void> {
  let least = Number.MAX_VALUE;
  for (let round = 0; round < ROUNDS && least >= 1; round++) {
    globalThis.gc!();
    // Compilers work in the background and finish between the tasks; collections are told of there, too.
    await setImmediate();
    await setImmediate();
    collections = 0;
    const before = getHeapStatistics().used_heap_size;
    work(packets);
    const each = (getHeapStatistics().used_heap_size - before) / packets;
    await setImmediate();
    await setImmediate();
    if (collections === 0 && each >= 0) least = Math.min(least, each);
  }
  process.stdout.write(JSON.stringify({ name, packets, each: least }) + '\n');
}

/** Calls `step` so often, at whole milliseconds; each must end with `result`, or with 1 or more where that is 1. */
function repeat(path: OneWay, result: number, step: (path: OneWay, now: number) => void): (count: number) => void {
  let now = 1000;
  return (count) => {
    for (let i = 0; i < count; i++) {
      now++;
      step(path, now);
      if (result > 0 ? path.result < 1 : path.result !== result) throw new Error('result ' + path.result);
    }
  };
}

await measure('an object each', 100_000, (count) => {
  for (let i = 0; i < count; i++) kept[0] = { i };
});
for (const [name, provider] of [
  ['portable', createPortableProvider()],
  ['fast', createFastProvider()],
] as [string, Provider][]) {
  for (const tunnel of [true, false]) {
    const kind = name + ', ' + (tunnel ? 'tunnel' : 'transport');
    const path = createPath(FULL_PARTS, provider, tunnel);
    const replay = (to: OneWay, now: number): void => take(to, 0, now);
    const damage = (to: OneWay, now: number): void => take(to, 1, now);
    await measure(kind + ': both ways', 100_000, repeat(path, 1, both));
    await measure(kind + ': replayed', 100_000, repeat(path, DROP_REPLAY, replay));
    protect(path, 0);
    await measure(kind + ': wrong ICV', 100_000, repeat(path, DROP_ICV, damage));
  }
}
for (const [name, octets, packets] of [
  ['one frame', 78, 4000],
  ['fragments', 500, 700],
] as const) {
  const pair = createLinkPair(octets, 3_000_000);
  await measure('link, ' + name, packets, pair.run);
}
