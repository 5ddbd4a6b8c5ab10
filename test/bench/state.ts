// The state store of a gateway: its cost, and the time that a crash takes. Real processes on the loopback.
//   npm run bench -- state

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStage, type Stage } from '../state/crash-kit.ts';
import type { Figure } from './ike.ts';
import { scene } from './ike-scale.ts';

const HANDSHAKES = 1000;
const PACKETS = 10000;
/** Packets on their way. */
const WINDOW = 64;
const CRASHES = 10;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const median = (list: number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

async function handshakes(state: string): Promise<number> {
  const { gateway, peers } = await scene(0, 2, 6, state);
  await peers.connect(100);
  const time = await peers.connect(HANDSHAKES);
  peers.close();
  await gateway.leave();
  return (1000 * HANDSHAKES) / time;
}

/** Echoes of a server through the gateway, a second. */
async function packets(stage: Stage): Promise<number> {
  const start = performance.now();
  let sent = 0;
  const before = stage.echoed.size;
  let lost = 0;
  let idle = 0;
  while (sent < PACKETS || stage.echoed.size - before + lost < sent) {
    const done = stage.echoed.size - before + lost;
    for (let i = sent - done; i < WINDOW && sent < PACKETS; i++, sent++) stage.send();
    await new Promise((resolve) => setImmediate(resolve));
    idle = stage.echoed.size - before + lost === done ? idle + 1 : 0;
    if (idle > 20000) lost = sent - (stage.echoed.size - before);
  }
  return (1000 * PACKETS) / (performance.now() - start);
}

/** Milliseconds from the start of a killed gateway until a reading is acknowledged, and until it serves. */
async function crash(stage: Stage): Promise<{ reading: number; up: number }> {
  await stage.kill();
  await pause(1000);
  const start = performance.now();
  let up = 0;
  const starting = stage.start().then(() => {
    up = performance.now() - start;
  });
  for (;;) {
    const { outcome } = await stage.sensor.read('{}');
    if (outcome === 'acknowledged') break;
    await pause(50);
  }
  await starting;
  return { reading: performance.now() - start, up };
}

export async function benchState(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-bench-'));
  let files = 0;
  // Two stages at once have a file each.
  const write = (name: string, text: string): string => {
    const file = join(folder, `${++files}-${name}`);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const figures: Figure[] = [];
  try {
    const rates: [number, number][] = [];
    for (let i = 0; i < 3; i++) rates.push([await handshakes(''), await handshakes(join(folder, `handshakes-${i}`))]);
    figures.push({
      name: 'handshakes with the store : without',
      value: median(rates.map(([without, kept]) => kept / without)),
      unit: 'x',
      beside: `goal 0.7; ${rates.map(([without, kept]) => `${kept.toFixed(0)} and ${without.toFixed(0)}`).join(', ')} a second`,
    });
    const [off, on] = [await openStage(write, 'off'), await openStage(write, join(folder, 'packets'))];
    for (const stage of [off, on]) {
      await stage.start();
      await stage.sensor.connect(false);
      await packets(stage);
    }
    const pairs: [number, number][] = [];
    for (let i = 0; i < 3; i++) pairs.push([await packets(off), await packets(on)]);
    await off.close();
    await on.close();
    figures.push({
      name: 'packets with the store : without',
      value: median(pairs.map(([without, kept]) => kept / without)),
      unit: 'x',
      beside: `goal 0.9; ${pairs.map(([without, kept]) => `${kept.toFixed(0)} and ${without.toFixed(0)}`).join(', ')} a second`,
    });
    for (const state of [join(folder, 'crash'), 'off']) {
      const stage = await openStage(write, state, true);
      await stage.start();
      await stage.sensor.connect(false);
      const times: { reading: number; up: number }[] = [];
      for (let i = 0; i < (state === 'off' ? 2 : CRASHES); i++) {
        await stage.sensor.read('{}');
        times.push(await crash(stage));
      }
      await stage.close();
      const after = times.map(({ reading, up }) => reading - up);
      figures.push({
        name: `kill -9, ${state === 'off' ? 'no store' : 'store'}: from serving again to the next reading, longest`,
        value: Math.max(...after) / 1000,
        unit: 's',
        beside: `goal ${state === 'off' ? 30 : 2}; median ${(median(after) / 1000).toFixed(2)}; the start itself ${(median(times.map(({ up }) => up)) / 1000).toFixed(2)}`,
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return figures;
}
