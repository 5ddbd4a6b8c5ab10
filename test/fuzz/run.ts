// The fuzz runner: random and mutated inputs from a seed, over all targets. It mutates octets of the vectors, of frames from
// a small simulated network, and of each target. It writes an input that makes a target fail to failures/. Every run starts
// with the files there and in seeds/ (`<target>-<anything>.bin`).
//
//   node --import tsx test/fuzz/run.ts [--count N] [--seed N] [--target TEXT]

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { addressOf } from '../../core/base/address.ts';
import { createRandom, type Random } from '../../targets/node/host/radio/random.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { lowpanNode } from '../link/nodes.ts';
import { targets as boards } from './board-targets.ts';
import { targets as core } from './core-targets.ts';
import { targets as ikeExtensions } from './ike-ext-targets.ts';
import { targets as ikeFirst } from './ike-first-targets.ts';
import { targets as ikeKe } from './ike-ke-targets.ts';
import { targets as ikeStates } from './ike-state-targets.ts';
import { targets as ike } from './ike-targets.ts';
import { targets as link } from './link-targets.ts';
import { TARGETS as schc } from './schc-targets.ts';
import { targets as subspaces } from './subspaces-targets.ts';

export interface Target {
  name: string;
  run(bytes: Uint8Array): void;
  seeds?: Uint8Array[];
}

export interface Result {
  name: string;
  inputs: number;
  failures: string[];
}

const folder = fileURLToPath(new URL('.', import.meta.url));
const slug = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '-');

export const TARGETS: Target[] = [
  ...boards,
  ...core,
  ...ike,
  ...ikeExtensions,
  ...ikeFirst,
  ...ikeKe,
  ...ikeStates,
  ...link,
  ...(schc as Target[]),
  ...subspaces,
];

/** Octet strings of the vector files. */
function fromVectors(): Uint8Array[] {
  const found = new Set<string>();
  for (const name of ['own.json', 'diet-esp.json']) {
    const text = readFileSync(join(folder, '..', 'vectors', name), 'utf8');
    for (const [, octets] of text.matchAll(/"(?:inner|wire|clear_text|esp)":\s*"((?:[0-9a-f]{2})+)"/g))
      found.add(octets);
  }
  return [...found].map((octets) => Uint8Array.from(Buffer.from(octets, 'hex')));
}

/** Frames of two nodes that send vectors' packets to each other, fragments and acknowledgements among them. */
function frames(packets: Uint8Array[]): Uint8Array[] {
  const taken: Uint8Array[] = [];
  const medium = createMedium({ seed: 9, tap: (_now, frame) => taken.push(frame.slice()) });
  const nodes = [lowpanNode(medium, 1), lowpanNode(medium, 2, { extended: true })];
  packets
    .filter((packet) => packet[0] >>> 4 === 6 && packet.length < 1280)
    .slice(0, 60)
    .forEach((packet, index) => {
      const [from, to] = index % 2 === 0 ? nodes : [nodes[1], nodes[0]];
      from.lowpan.send(packet, 0, packet.length, addressOf(to.address), medium.now);
      medium.settle(medium.now + 1e5);
    });
  return taken;
}

const LENGTHS = [0, 1, 2, 7, 8, 15, 16, 20, 39, 40, 41, 48, 127, 128, 255, 256, 1280];
const VALUES = [0, 1, 2, 4, 6, 17, 41, 50, 58, 59, 127, 128, 132, 136, 254, 255, 0x45, 0x60, 0x7f, 0x80];

/** A new input: random octets, or one of the corpus with one to five changes. */
export function makeInput(random: Random, corpus: Uint8Array[]): Uint8Array {
  if (random.below(12) === 0) {
    const fresh = new Uint8Array(random.below(2) === 0 ? LENGTHS[random.below(LENGTHS.length)] : random.below(300));
    random.fill(fresh, 0, fresh.length);
    return fresh;
  }
  let bytes = corpus[random.below(corpus.length)].slice();
  for (let left = random.below(5); left >= 0; left--) {
    const at = random.below(bytes.length + 1);
    const inside =
      bytes.length === 0 ? 0 : random.below(random.below(2) === 0 ? bytes.length : Math.min(64, bytes.length));
    switch (random.below(9)) {
      case 0:
        bytes[inside] ^= 1 << random.below(8);
        break;
      case 1:
        bytes[inside] = random.below(256);
        break;
      case 2:
        bytes[inside] = VALUES[random.below(VALUES.length)];
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4: {
        const more = new Uint8Array(bytes.length + 1 + random.below(8));
        random.fill(more, 0, more.length);
        more.set(bytes.subarray(0, at));
        more.set(bytes.subarray(at), more.length - bytes.length + at);
        bytes = more;
        break;
      }
      case 5: {
        const gone = Math.min(1 + random.below(8), bytes.length - at);
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + gone)]);
        break;
      }
      case 6: {
        const other = corpus[random.below(corpus.length)];
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(random.below(other.length + 1))]);
        break;
      }
      case 7:
        // A length field that is right again, in the IPv6 header at 0 or behind a selector octet.
        for (const ip of [0, 1]) {
          if (bytes.length < ip + 40 || bytes[ip] >>> 4 !== 6) continue;
          bytes[ip + 4] = (bytes.length - ip - 40) >>> 8;
          bytes[ip + 5] = (bytes.length - ip - 40) & 255;
        }
        break;
      default:
        random.fill(bytes, inside, Math.min(bytes.length - inside, 1 + random.below(6)));
    }
  }
  return bytes.length > 4000 ? bytes.slice(0, 4000) : bytes;
}

function runOne(target: Target, bytes: Uint8Array, result: Result, save: boolean): void {
  result.inputs++;
  try {
    target.run(bytes.slice());
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const name = slug(target.name) + '-' + createHash('sha256').update(bytes).digest('hex').slice(0, 12) + '.bin';
    if (save) {
      mkdirSync(join(folder, 'failures'), { recursive: true });
      writeFileSync(join(folder, 'failures', name), bytes);
    }
    result.failures.push(`${target.name}: failures/${name}: ${text.split('\n').slice(0, 4).join(' | ')}`);
  }
}

/** Kept inputs of a target. */
export function kept(target: Target): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const name of ['seeds', 'failures']) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    for (const file of readdirSync(path).sort()) {
      if (file.startsWith(slug(target.name) + '-') && file.endsWith('.bin')) {
        found.push(Uint8Array.from(readFileSync(join(path, file))));
      }
    }
  }
  return found;
}

export interface FuzzOptions {
  /** Failing inputs are written to failures/. */
  save?: boolean;
  /** Nanoseconds that have passed: what a target's cost is measured with. */
  clock?: () => bigint;
}

/**
 * Runs `count` inputs in all. Each target's inputs follow from the seed and its name alone; how many it gets depends on
 * how long it takes. A target stops after its fifth failure.
 */
export function fuzz(chosen: Target[], count: number, seed: number, options: FuzzOptions = {}): Result[] {
  const { save = true, clock = process.hrtime.bigint } = options;
  const common = fromVectors();
  common.push(...frames(common));
  const jobs = chosen.map((target) => {
    const mark = createHash('sha256').update(`${seed} ${target.name}`).digest().readUInt32BE(0);
    const corpus = target.seeds === undefined ? common : [...target.seeds, ...target.seeds, ...common.slice(0, 100)];
    const result: Result = { name: target.name, inputs: 0, failures: [] };
    return { target, corpus, result, random: createRandom(mark), cost: 1 };
  });
  const go = (job: (typeof jobs)[number], inputs: number): void => {
    for (let i = 0; i < inputs && job.result.failures.length < 5; i++) {
      runOne(job.target, makeInput(job.random, job.corpus), job.result, save);
    }
  };
  for (const job of jobs) {
    for (const bytes of kept(job.target)) runOne(job.target, bytes, job.result, save);
    const first = Math.min(300, Math.ceil(count / jobs.length / 2));
    go(job, first);
    const begin = clock();
    go(job, first);
    job.cost = Math.max(1, Number(clock() - begin) / first);
  }
  // Inputs go as 1 / sqrt(cost): slow targets get fewer, but not none.
  const total = jobs.reduce((sum, job) => sum + 1 / Math.sqrt(job.cost), 0);
  const left = Math.max(0, count - jobs.reduce((sum, job) => sum + job.result.inputs, 0));
  for (const job of jobs) go(job, Math.ceil(left / Math.sqrt(job.cost) / total));
  return jobs.map((job) => job.result);
}

export function table(results: Result[]): string {
  const lines = results.map((result) => `${String(result.inputs).padStart(8)}  ${result.name}`);
  const sum = results.reduce((inputs, result) => inputs + result.inputs, 0);
  return [...lines, `${String(sum).padStart(8)}  in all`].join('\n');
}

function option(name: string, standard: string): string {
  const at = process.argv.indexOf('--' + name);
  return at < 0 ? standard : process.argv[at + 1];
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const chosen = TARGETS.filter((target) => target.name.includes(option('target', '')));
  const results = fuzz(chosen, Number(option('count', '1000000')), Number(option('seed', String(Date.now() % 1e9))));
  process.stdout.write(table(results) + '\n');
  for (const failure of results.flatMap((result) => result.failures)) process.stdout.write(failure + '\n');
  process.exitCode = results.some((result) => result.failures.length > 0) ? 1 : 0;
}
