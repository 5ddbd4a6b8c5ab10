// A gateway of three is killed: how long its sensors wait, and what the store has to do. Three servers of NATS with three replicas.
// DIETESP_BENCH_SENSORS=3000: so many sensors, all in this process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNatsServers, openStage, type TestSensor, until } from '../cluster/kit.ts';
import type { Figure } from './ike.ts';

const SENSORS = Number(process.env['DIETESP_BENCH_SENSORS'] ?? 300);
const GATEWAYS = [0, 1, 2];
/** Milliseconds until a sensor sends once more what had no answer. */
const AGAIN = 1000;

/** Milliseconds until each sensor has an answer. */
async function answered(sensors: TestSensor[]): Promise<number[]> {
  const begin = performance.now();
  const times = new Map<TestSensor, number>();
  const wanted = sensors.map((one) => ({ one, number: one.send() }));
  let last = begin;
  await until(
    'answers',
    () => {
      const now = performance.now();
      for (const { one, number } of wanted) {
        if (!times.has(one) && [...one.echoed].some((got) => got >= number)) times.set(one, now - begin);
      }
      if (now - last > AGAIN) {
        last = now;
        for (const { one } of wanted) if (!times.has(one)) one.send();
      }
      return times.size === sensors.length;
    },
    60000,
  );
  return [...times.values()].sort((a, b) => a - b);
}

export async function benchClusterKill(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-nats-'));
  const nats = await openNatsServers(folder, 3);
  const stage = await openStage(
    GATEWAYS.map(() => nats.urls),
    3,
  );
  try {
    for (const index of GATEWAYS) await stage.start(index);
    let dead = -1;
    stage.front.route = (address) => {
      const [, , high, low] = address.split('.').map(Number);
      const number = high * 256 + low;
      return number % 3 === dead ? (dead + 1 + (number % 2)) % 3 : number % 3;
    };
    const sensors: TestSensor[] = [];
    for (let i = 0; i < SENSORS; i += 25) {
      const some = await Promise.all(Array.from({ length: 25 }, () => stage.sensor()));
      await Promise.all(some.map(({ sensor }) => sensor.connect(false)));
      sensors.push(...some);
    }
    const usual = await answered(sensors);
    dead = 0;
    await stage.gateways[0].end('SIGKILL');
    const times = await answered(sensors);
    const moved = times.slice(-SENSORS / 3);
    const handshakes = sensors.reduce((sum, one) => sum + one.ups() - 1, 0);
    return [
      { value: SENSORS / 3, unit: 'sensors', name: `of ${SENSORS} had the gateway that is killed` },
      { value: usual[SENSORS / 2], unit: 'ms', name: 'to an answer before, all sensors at once, half of them' },
      { value: moved[0], unit: 'ms', name: 'from the kill to the first answer of a sensor that was taken over' },
      { value: moved[moved.length - 1], unit: 'ms', name: 'to the last' },
      { value: handshakes, unit: 'handshakes', name: 'since the kill' },
      { value: stage.front.twice.length, unit: 'packets', name: 'with a sequence number that was used before' },
    ];
  } finally {
    await stage.close();
    await nats.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
