// The gateway's data path beside strongSwan's ESP in user space (kernel-libipsec) and a bare C loop: the same packets, from the
// same generator (gateway/wire.c), through a process between a UDP socket and a TUN interface. In turns in one run, so that
// other load meets all alike. Packets per second of processor time count; the machine's speed and its other load do not.
//   npm run bench -- gateway                 all of it
//   DIETESP_BENCH_ONLY=gateway,charon ...    only these programs
//   DIETESP_BENCH_PROFILE=folder ...         with V8's profile of the gateway

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { errorText } from '../../targets/node/host/errors.ts';
import { strongswanMissing } from '../interop/strongswan/namespaces.ts';
import {
  type BenchSuite,
  type Candidate,
  CCM,
  compiled,
  DIET,
  GCM,
  startGateway,
  startLoop,
  startSwan,
  toolsMissing,
} from './gateway/candidates.ts';
import { check, median, prepare, send, type Traffic, type Way } from './gateway/traffic.ts';
import type { Figure } from './ike.ts';

const ROUNDS = Number(process.env['DIETESP_BENCH_ROUNDS'] ?? 5);
/** Packets of a round, by octets of the inner packet. */
const COUNTS: Record<number, number> = { 64: 30000, 1400: 15000 };
const WINDOW = 128;
/** Datagrams that the sender gives to its system as one, in the rows of one flow with offload, and packets on their way. */
const RUN = 32;
const RUN_WINDOW = 512;
/** Rounds of each kind before any is measured: V8 compiles what runs often, and a gateway runs for long. */
const WARM = 4;
/** Packets a second of the rounds at a fixed rate, and how many. */
const RATE = 20000;
const RATE_COUNT = 40000;

const KINDS: readonly (readonly [Way, number])[] = [
  ['in', 64],
  ['in', 1400],
  ['out', 64],
  ['out', 1400],
];

interface Round {
  /** Microseconds of processor time per packet that came. */
  each: number;
  /** Packets a second that came. */
  speed: number;
  lost: number;
  /** Packets of its SA that came behind a later one. */
  overtaken: number;
  /** Part of a core that the process used. */
  core: number;
}

/** Nanoseconds of processor time of a process so far, all threads. */
function processorTime(pid: number): number {
  let total = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
  }
  return total;
}

async function round(
  one: Candidate,
  wire: string,
  way: Way,
  size: number,
  count: number,
  rate: number,
  run = 1,
): Promise<Round> {
  const { site } = one;
  const [ends] = one.peers;
  const traffic: Traffic = { count, size, rate, window: run > 1 ? RUN_WINDOW : WINDOW, run };
  try {
    await prepare(site, way, ends, traffic);
    const before = processorTime(one.pid);
    const begun = performance.now();
    let passed = await send(wire, site, way, ends, traffic);
    const wall = performance.now() - begun;
    const used = processorTime(one.pid) - before;
    if (way === 'out') passed = await check(site, ends, size, passed);
    const { sent, came, seconds, overtaken } = passed;
    return {
      // Few bits of a number do not tell their order.
      overtaken: one.suite === DIET ? 0 : overtaken,
      each: used / came / 1000,
      speed: came / seconds,
      lost: (sent - came) / sent,
      core: used / 1e6 / wall,
    };
  } catch (error) {
    throw new Error(`${one.kind}, ${one.suite.name}, ${way}, ${size} octets: ${errorText(error)}`);
  }
}

/** `12.3 us (11.9 - 14.0), 45 k/s, 0.1 % lost`. */
function textOf(rounds: Round[]): string {
  const each = rounds.map((one) => one.each);
  const range = `${Math.min(...each).toFixed(1)} - ${Math.max(...each).toFixed(1)}`;
  const speed = median(rounds.map((one) => one.speed)) / 1000;
  const lost = 100 * median(rounds.map((one) => one.lost));
  const overtaken = rounds.reduce((sum, one) => sum + one.overtaken, 0);
  const order = overtaken === 0 ? '' : `, ${overtaken} overtaken`;
  return `${range} us, ${speed.toFixed(0)} k packets/s, ${lost.toFixed(1)} % lost${order}`;
}

const STARTS: Record<Candidate['kind'], (suite: BenchSuite) => Promise<Candidate>> = {
  gateway: startGateway,
  charon: startSwan,
  loop: startLoop,
};

/** The figures; where this machine lacks something, one that says what. */
export async function benchGateway(): Promise<Figure[]> {
  const missing = toolsMissing() || strongswanMissing();
  if (missing !== false) return [{ name: `skipped: ${missing}`, value: 0, unit: '' }];
  const only = (process.env['DIETESP_BENCH_ONLY'] ?? 'gateway,charon,loop').split(',');
  const hasLoop = existsSync('/usr/include/openssl/evp.h');
  const candidates: Candidate[] = [];
  const figures: Figure[] = [];
  const add = (name: string, value: number, unit: string, beside: string): void => {
    figures.push({ name, value: Number(value.toPrecision(3)), unit, beside });
  };
  try {
    for (const suite of [GCM, CCM, DIET]) {
      for (const kind of ['gateway', 'charon', 'loop'] as const) {
        const lacks =
          (kind === 'charon' && suite.charon === null) || (kind === 'loop' && (suite.loop === null || !hasLoop));
        if (only.includes(kind) && !lacks) candidates.push(await STARTS[kind](suite));
      }
    }
    const wire = compiled(candidates[0].site.folder, 'wire');
    for (const one of candidates) {
      if (one.kind !== 'gateway') continue;
      const first = await round(one, wire, 'in', 64, COUNTS[64], 0);
      add(
        `in, 64 octets, ${one.suite.name}: gateway, its first ${COUNTS[64]}`,
        first.each,
        'us of CPU',
        textOf([first]),
      );
      for (let n = 0; n < WARM; n++) {
        for (const [way, size] of KINDS) await round(one, wire, way, size, COUNTS[size], 0);
      }
    }
    for (const [way, size, run] of [...KINDS, ['in', 1400, RUN], ['out', 1400, RUN]] as const) {
      const all = candidates.map((): Round[] => []);
      // The first one warms up.
      for (let n = 0; n <= ROUNDS; n++) {
        for (const [at, one] of candidates.entries()) {
          // One that has slept meanwhile pages its memory in first.
          await round(one, wire, way, size, COUNTS[size] / 3, 0, run);
          const got = await round(one, wire, way, size, COUNTS[size], 0, run);
          if (n > 0) all[at].push(got);
        }
      }
      const each = all.map((rounds) => median(rounds.map((one) => one.each)));
      for (const [at, { kind, suite }] of candidates.entries()) {
        const what = `${way}, ${size} octets, ${suite.name}${run === undefined ? '' : `, ${run} as one`}: `;
        add(what + kind, each[at], 'us of CPU', textOf(all[at]));
        if (kind !== 'gateway') continue;
        for (const [other, one] of candidates.entries()) {
          if (one.suite !== suite || one.kind === 'gateway') continue;
          const ratios = all[at].map((mine, n) => all[other][n].each / mine.each);
          const range = `${Math.min(...ratios).toFixed(2)} - ${Math.max(...ratios).toFixed(2)}`;
          add(`${what}packets per CPU second, gateway : ${one.kind}`, median(ratios), 'x', range);
        }
      }
    }
    for (const one of candidates) {
      const rounds: Round[] = [];
      for (let n = 0; n < 3; n++) rounds.push(await round(one, wire, 'in', 64, RATE_COUNT, RATE));
      const core = 100 * median(rounds.map((got) => got.core));
      const what = `in, 64 octets at ${RATE}/s, ${one.suite.name}: ${one.kind}, lost`;
      add(what, 100 * median(rounds.map((got) => got.lost)), '%', `${core.toFixed(0)} % of a core`);
    }
  } finally {
    for (const one of candidates) await one.close();
  }
  return figures;
}
