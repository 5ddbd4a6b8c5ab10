// Lists of peers and SAs: what one page costs among 10,000 and among 100,000 peers, by processor time of the caller.
//   npm run bench -- lists

import { manyPeers, peerName } from '../gateway/many-peers.ts';
import type { Figure } from './ike.ts';

const COUNTS = [10000, 100000];
const REPEATS = 20;

/** Milliseconds of one run, the mean of some. */
function time(run: () => unknown): number {
  run();
  const start = performance.now();
  for (let i = 0; i < REPEATS; i++) run();
  return (performance.now() - start) / REPEATS;
}

export function benchLists(): Figure[] {
  return COUNTS.flatMap((count) => {
    const { lists } = manyPeers(count);
    const middle = `fqdn:${peerName(count / 2)}`;
    const figures: [string, () => unknown][] = [
      ['100 peers from the middle', () => lists.peers({ cursor: middle })],
      ['1,000 peers, the first', () => lists.peers({ limit: 1000 })],
      ['100 SAs from the middle', () => lists.saPage({ cursor: String(count) })],
      ['one peer by its identity', () => lists.peers({ peer: middle })],
      ['a page of a search that finds nothing', () => lists.peers({ search: 'nothing' })],
    ];
    return figures.map(([name, run]) => ({ name: `${count} peers: ${name}`, value: time(run), unit: 'ms' }));
  });
}
