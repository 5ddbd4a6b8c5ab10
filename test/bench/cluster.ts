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
/** Milliseconds in which each sensor sends one reading, one after the other, and when the gateway is killed. */
const PERIOD = 20_000;
const KILL_AT = 5_000;
/** A reading that waited longer was kept waiting by the death. */
const WAITED = 900;

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

/** One reading of each sensor within PERIOD, in turn: milliseconds that each waited for its answer. `midst` is called at KILL_AT. */
async function inTurn(sensors: readonly TestSensor[], midst: () => void): Promise<number[]> {
  const begin = performance.now();
  const open = new Map<TestSensor, { since: number; last: number; first: number }>();
  const waits: number[] = [];
  let next = 0;
  let isKilled = false;
  await until(
    'answers',
    () => {
      const now = performance.now();
      if (!isKilled && now - begin >= KILL_AT) {
        isKilled = true;
        midst();
      }
      for (const [one, reading] of open) {
        if ([...one.echoed].some((number) => number >= reading.first)) {
          waits.push(now - reading.since);
          open.delete(one);
        } else if (now - reading.last > AGAIN) {
          reading.last = now;
          one.send();
        }
      }
      for (; next < sensors.length && now - begin >= (next * PERIOD) / sensors.length; next++) {
        open.set(sensors[next], { since: now, last: now, first: sensors[next].send() });
      }
      return waits.length === sensors.length;
    },
    PERIOD + 60_000,
  );
  return waits.sort((a, b) => a - b);
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
    const waits = await inTurn(sensors, () => {
      dead = 0;
      void stage.gateways[0].end('SIGKILL');
    });
    const waited = waits.filter((time) => time > WAITED);
    await stage.start(0);
    dead = 1;
    await stage.gateways[1].end('SIGKILL');
    const times = await answered(sensors);
    const moved = times.slice(-SENSORS / 3);
    const handshakes = sensors.reduce((sum, one) => sum + one.ups() - 1, 0);
    return [
      {
        value: waits[waits.length - 1],
        unit: 'ms',
        name: `a reading's longest wait, a gateway killed while ${SENSORS} sensors send one in ${PERIOD / 1000} s`,
      },
      { value: waited.length, unit: 'readings', name: `waited for more than ${WAITED} ms` },
      { value: usual[SENSORS / 2], unit: 'ms', name: 'to an answer before, all sensors at once, half of them' },
      {
        value: moved[0],
        unit: 'ms',
        name: 'from the kill of another one, all sensors at once, to the first answer of one that was taken over',
      },
      { value: moved[moved.length - 1], unit: 'ms', name: 'to the last' },
      { value: handshakes, unit: 'handshakes', name: 'since the first kill' },
      { value: stage.front.twice.length, unit: 'packets', name: 'with a sequence number that was used before' },
    ];
  } finally {
    await stage.close();
    await nats.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
