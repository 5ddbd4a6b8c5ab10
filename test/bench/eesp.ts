// Sub SAs of EESP: two threads, each with one, against one thread. Compare ratios within one run.

import { createThreads } from '../eesp/threads.ts';
import type { Figure } from './ike.ts';

const PAYLOAD = 1200;
const PACKETS = 4000;
const RUNS = 9;

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function benchSuite(suite: string): Promise<Figure[]> {
  const options = { payload: PAYLOAD, suite, isWatched: false };
  const sides = [await createThreads([1], options), await createThreads([1, 2], options)];
  const rates: Record<'send' | 'receive', number[][]> = { send: [[], []], receive: [[], []] };
  let lost = 0;
  for (let run = -1; run < RUNS; run++) {
    for (const [i, threads] of sides.entries()) {
      // As many packets for two as for one.
      const count = PACKETS / (i + 1);
      for (const what of ['send', 'receive'] as const) {
        if (what === 'receive') await threads.run({ what: 'prepare', count });
        const begun = performance.now();
        const { good } = await threads.run({ what, count });
        lost += PACKETS - good;
        // The first run is for the compiler.
        if (run >= 0) rates[what][i].push(PACKETS / ((performance.now() - begun) / 1000));
      }
    }
  }
  await Promise.all(sides.map((one) => one.close()));
  const ratio = (what: 'send' | 'receive'): string =>
    `${median(rates[what][1].map((rate, run) => rate / rates[what][0][run])).toFixed(2)} times`;
  return [
    ...(['send', 'receive'] as const).flatMap((what) => [
      { value: Math.round(median(rates[what][0])), unit: 'packets/s', name: `${suite}: 1 thread, ${what}` },
      {
        value: Math.round(median(rates[what][1])),
        unit: 'packets/s',
        name: `${suite}: 2 threads, a Sub SA each, ${what}`,
        beside: ratio(what),
      },
    ]),
    { value: lost, unit: 'packets', name: `${suite}: good packets that were dropped` },
  ];
}

export async function benchEesp(): Promise<Figure[]> {
  return [...(await benchSuite('AES_GCM_16_IIV')), ...(await benchSuite('CHACHA20_POLY1305_IIV'))];
}
