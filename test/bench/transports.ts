// Handshakes with ML-KEM-768 beside X25519 over a path that loses one packet in twenty: IKE fragments over UDP against IKE over TCP.
//   npm run bench -- transports

import { type Lab, openLab } from '../hostile/lab.ts';
import { namespaceMissing } from '../support/namespaces.ts';
import type { Figure } from './ike.ts';

const ROUNDS = 60;
const LOSS = 0.05;
const DELAY = 20;

async function row(lab: Lab, transport: string): Promise<{ done: number; times: number[] }> {
  const times: number[] = [];
  let done = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const { up, ms } = await lab.connect(transport, 120000);
    if (up) done++;
    times.push(ms);
  }
  return { done, times: times.sort((a, b) => a - b) };
}

const mean = (list: number[]): number => list.reduce((sum, one) => sum + one, 0) / list.length;

export async function benchTransports(): Promise<Figure[]> {
  const missing = namespaceMissing();
  if (missing !== false) {
    process.stdout.write(`  skipped: ${missing}\n`);
    return [];
  }
  const figures: Figure[] = [];
  const lab = await openLab({ seed: 50440, ke: 'x25519-mlkem768' });
  try {
    lab.path.delay = DELAY;
    let base = 0;
    for (const loss of [0, LOSS]) {
      for (const transport of ['udp', 'separate', 'tcp']) {
        lab.path.loss = loss;
        const { done, times } = await row(lab, transport);
        const average = mean(times);
        if (transport === 'udp') base = average;
        const name = `${transport}, ${loss * 100} % loss`;
        figures.push(
          { name: `${name}: completed of ${ROUNDS}`, value: done, unit: 'handshakes' },
          { name: `${name}: mean`, value: average, unit: 'ms', beside: `${(average / base).toFixed(2)} of udp` },
          { name: `${name}: median`, value: times[Math.floor(times.length / 2)], unit: 'ms' },
          { name: `${name}: 95th percentile`, value: times[Math.floor(times.length * 0.95)], unit: 'ms' },
        );
      }
    }
  } finally {
    await lab.close();
  }
  return figures;
}
