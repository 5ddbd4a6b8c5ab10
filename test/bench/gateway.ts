// The gateway's data path beside strongSwan's ESP in user space (kernel-libipsec) and a bare C loop: the same packets, from the
// same generator (gateway/wire.c), through a process between a UDP socket and a TUN interface. In turns in one run, so that
// other load meets all alike. Packets per second of processor time count; the machine's speed and its other load do not.
//   npm run bench -- gateway                 all of it
//   DIETESP_BENCH_ONLY=gateway,charon ...    only these programs
//   DIETESP_BENCH_PROFILE=folder ...         with V8's profile of the gateway

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, strongswanMissing } from '../interop/strongswan/namespaces.ts';
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
const PORT = 5002;

type Way = 'in' | 'out';

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

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >>> 1];
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
  const { site, peer } = one;
  const { gateway, device } = site;
  const file = join(site.folder, 'packets');
  const kept = join(site.folder, 'kept');
  const plain = { count, size, port: PORT };
  let sockets: string[];
  if (way === 'in') {
    await peer.ask({ op: 'packets', file, ...plain, from: device.inner[4], to: gateway.inner[4] }, 60000);
    const [from, to] = [device.outer[4], gateway.outer[4]];
    sockets = [device.name, from, '4500', to, '4500', gateway.name, gateway.inner[4], String(PORT)];
  } else {
    await peer.ask({ op: 'payloads', file, count, size }, 60000);
    const [from, to] = [gateway.inner[4], device.inner[4]];
    sockets = [gateway.name, from, String(PORT), to, String(PORT), device.name, device.outer[4], '4500'];
  }
  const window = String(run > 1 ? RUN_WINDOW : WINDOW);
  const before = processorTime(one.pid);
  const begun = performance.now();
  const ended = await command(wire, [file, ...sockets, String(rate), window, kept, String(run)], process.env, 120000);
  const wall = performance.now() - begun;
  const used = processorTime(one.pid) - before;
  if (ended.code !== 0) throw new Error(`wire: ${ended.stderr}`);
  const [sent, came, octets, seconds] = ended.stdout.split(' ').map(Number);
  const what = `${one.kind}, ${one.suite.name}, ${way}, ${size} octets`;
  if (came === 0) throw new Error(`${what}: nothing came`);
  let overtaken = 0;
  if (way === 'in') {
    if (octets !== came * (size - 28)) throw new Error(`${what}: ${came} payloads, ${octets} octets`);
  } else {
    const { right, all, wrong, late } = await peer.ask<{ right: number; all: number; wrong: string[]; late: number }>({
      op: 'check',
      file: kept,
      size,
    });
    // Few bits of a number do not tell their order.
    if (one.suite !== DIET) overtaken = late;
    if (all !== came || right !== all)
      throw new Error(`${what}: ${right} of ${all} packets were right; ${wrong.join('; ')}`);
  }
  return {
    overtaken,
    each: used / came / 1000,
    speed: came / seconds,
    lost: (sent - came) / sent,
    core: used / 1e6 / wall,
  };
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
