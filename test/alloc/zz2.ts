import { getHeapStatistics } from 'node:v8';
import { createLinkPair } from './link.ts';

const n = Number(process.argv[2]);
const pair = createLinkPair(n, 3_000_000);
for (let i = 0; i < 12; i++) {
  globalThis.gc!();
  const b = getHeapStatistics().used_heap_size;
  pair.run(n > 100 ? 500 : 4000);
  if (i > 10) console.log((getHeapStatistics().used_heap_size - b) / (n > 100 ? 500 : 4000));
}
