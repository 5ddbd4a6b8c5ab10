// Worker threads of the gateway (`workers` in its file): the same packets through one worker and through two, in turns in one run. What
// counts is the processor time of the thread that has most to do: with a processor for each thread it is what bounds the rate.
// Packets per second by the clock stand beside it: the generator and the peers share this machine's processors with the gateway.
//   npm run bench -- workers

import { readdirSync, readFileSync } from 'node:fs';
import { errorText } from '../../targets/node/host/errors.ts';
import { strongswanMissing } from '../interop/strongswan/namespaces.ts';
import { type Candidate, compiled, GCM, startGateway, toolsMissing } from './gateway/candidates.ts';
import { check, median, type Passed, prepare, send, type Traffic, type Way } from './gateway/traffic.ts';
import type { Figure } from './ike.ts';

const ROUNDS = Number(process.env['DIETESP_BENCH_ROUNDS'] ?? 5);
/** Peers, and packets of each in a round, by octets of the inner packet. */
const PEERS = 4;
const COUNTS: Record<number, number> = { 64: 10000, 1400: 5000 };
const WINDOW = 64;
const WARM = 3;
/** Packets from each peer before those to it: the interface learns from them which thread has the flow. */
const HINTS = 200;
const KINDS: readonly (readonly [Way, number])[] = [
  ['in', 64],
  ['in', 1400],
  ['out', 64],
  ['out', 1400],
];

interface Round {
  /** Microseconds of processor time per packet: of the busiest thread, of the main thread, of all. */
  busiest: number;
  main: number;
  all: number;
  /** Packets a second that came, by the clock. */
  speed: number;
  lost: number;
}

/** Nanoseconds of processor time of each thread. */
function threadTimes(pid: number): Map<number, number> {
  const times = new Map<number, number>();
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      times.set(Number(task), Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]));
    } catch {
      // It has ended meanwhile.
    }
  }
  return times;
}

async function round(one: Candidate, wire: string, way: Way, size: number, count: number): Promise<Round> {
  const { site, peers, pid } = one;
  const plain = { size, rate: 0, window: WINDOW, run: 1 };
  const pass = async (to: Way, traffic: Traffic): Promise<Passed[]> => {
    for (const peer of peers) await prepare(site, to, peer, traffic);
    return Promise.all(peers.map((peer) => send(wire, site, to, peer, traffic)));
  };
  if (way === 'out') await pass('in', { ...plain, size: 64, count: HINTS });
  for (const peer of peers) await prepare(site, way, peer, { ...plain, count });
  const before = threadTimes(pid);
  const passed = await Promise.all(peers.map((peer) => send(wire, site, way, peer, { ...plain, count })));
  const used = [...threadTimes(pid)].map(([task, time]) => ({ task, time: time - (before.get(task) ?? 0) }));
  if (way === 'out') for (const [n, peer] of peers.entries()) await check(site, peer, size, passed[n]);
  const came = passed.reduce((sum, { came: part }) => sum + part, 0);
  const sent = passed.reduce((sum, { sent: part }) => sum + part, 0);
  const each = (time: number): number => time / came / 1000;
  return {
    busiest: each(Math.max(...used.map(({ time }) => time))),
    main: each(used.find(({ task }) => task === pid)!.time),
    all: each(used.reduce((sum, { time }) => sum + time, 0)),
    speed: came / Math.max(...passed.map(({ seconds }) => seconds)),
    lost: (sent - came) / sent,
  };
}

function textOf(rounds: Round[]): string {
  const of = (pick: (one: Round) => number): number => median(rounds.map(pick));
  const busiest = rounds.map((one) => one.busiest);
  const range = `${Math.min(...busiest).toFixed(1)} - ${Math.max(...busiest).toFixed(1)}`;
  const rest = `main thread ${of((one) => one.main).toFixed(1)}, all ${of((one) => one.all).toFixed(1)}`;
  const clock = `${(of((one) => one.speed) / 1000).toFixed(0)} k packets/s by the clock`;
  return `${range} us; ${rest}; ${clock}, ${(100 * of((one) => one.lost)).toFixed(1)} % lost`;
}

/** The figures; where this machine lacks something, one that says what. */
export async function benchWorkers(): Promise<Figure[]> {
  const missing = toolsMissing() || strongswanMissing();
  if (missing !== false) return [{ name: `skipped: ${missing}`, value: 0, unit: '' }];
  const figures: Figure[] = [];
  const add = (name: string, value: number, unit: string, beside: string): void => {
    figures.push({ name, value: Number(value.toPrecision(3)), unit, beside });
  };
  const candidates: Candidate[] = [];
  const counts = [0, 1, 2];
  try {
    for (const workers of counts) candidates.push(await startGateway(GCM, { workers }, PEERS));
    const wire = compiled(candidates[0].site.folder, 'wire');
    for (const one of candidates) {
      for (let n = 0; n < WARM; n++) for (const [way, size] of KINDS) await round(one, wire, way, size, COUNTS[size]);
    }
    for (const [way, size] of KINDS) {
      const all = candidates.map((): Round[] => []);
      for (let n = 0; n < ROUNDS; n++) {
        for (const [at, one] of candidates.entries()) {
          // One that has slept meanwhile pages its memory in first.
          await round(one, wire, way, size, COUNTS[size] / 5);
          all[at].push(await round(one, wire, way, size, COUNTS[size]));
        }
      }
      const what = `${way}, ${size} octets, ${GCM.name}, ${PEERS} peers: `;
      for (const [at, workers] of counts.entries()) {
        const text = workers === 1 ? '1 worker' : workers === 0 ? 'no worker' : `${workers} workers`;
        add(`${what}${text}, busiest thread`, median(all[at].map((one) => one.busiest)), 'us of CPU', textOf(all[at]));
      }
      const ratios = (pick: (one: Round) => number): number[] => all[1].map((one, n) => pick(one) / pick(all[2][n]));
      const range = (list: number[]): string => `${Math.min(...list).toFixed(2)} - ${Math.max(...list).toFixed(2)}`;
      const bound = ratios((one) => one.busiest);
      add(`${what}packets per CPU second of the busiest thread, 2 workers : 1`, median(bound), 'x', range(bound));
      const clock = ratios((one) => 1 / one.speed);
      add(`${what}by the clock, 2 workers : 1`, median(clock), 'x', range(clock));
    }
  } catch (error) {
    throw new Error(`workers: ${errorText(error)}`);
  } finally {
    for (const one of candidates) await one.close();
  }
  return figures;
}
