// `dietesp bench anti-replay`: the answers side by side. What follows from the seed is the same in every run; what was measured on
// this machine stands apart.

import { ANSWERS, type Answer, countersOf } from './answers.ts';
import { createSender, watchedProvider } from './ends.ts';
import { memoryOf } from './memory.ts';
import { type Agreed, negotiate } from './negotiate.ts';
import { innerPacket } from './packets.ts';
import { runScene, type Scene, type SceneResult, sceneOf, wantedOf } from './scenes.ts';
import { measureThreads, type ThreadFigures } from './threads.ts';

/** Counters for which the costs are shown. */
const COUNTERS = 8;
/** Octets of UDP payload of the packet whose size is shown. */
const PAYLOAD = 20;
/** Packets of all cores together, at least so many of each. */
const CORES_PACKETS = 3200;
const CORE_PACKETS = 128;

export interface BenchOptions {
  seed: number;
  esp: string;
  /** Workers of this machine; 0: none are measured. */
  workers: number;
  /** Fewer packets, cores and rounds: for tests. */
  quick: boolean;
  /** The program of a worker; absent: that of the package. */
  program?: URL;
  progress(what: string, done: number, of: number): void;
}

export interface SetUp {
  counters: number;
  octets: number;
  messages: number;
  /** Milliseconds until packets can go, and until all SAs stand, at 20 ms for a round trip. */
  first: number;
  last: number;
}

/** An answer's figures. */
export interface AnswerFigures {
  name: string;
  window: number;
  /** For eight counters, and for as many as the combination has. */
  setUp: SetUp;
  combined: SetUp;
  /** Octets of a packet with 20 octets of UDP payload, with its outer header. */
  packet: number;
  /** In the order of `Report.scenes`. */
  scenes: SceneResult[];
}

export interface Report {
  seed: number;
  esp: string;
  scenes: string[];
  /** The same in every run with the same seed. */
  answers: AnswerFigures[];
  /** Of this machine; null without workers. In the order of `answers`. */
  measured: {
    workers: number;
    /** How much faster threads are that only compute. */
    machine: number;
    threads: ThreadFigures[];
    /** Octets of the gateway's heap for a peer with eight counters. */
    memory: number[];
    /** Milliseconds of a processor that both sides need to set up eight counters. */
    handshake: number[];
  } | null;
}

/** A scene, and its packets of each core or sender, or milliseconds. */
type Stage = [scene: Scene, each: number];

const COMBINED: Scene = sceneOf('8 cores, 2 classes, 4 paths', { cores: 8, classes: 2, paths: 4 });

function stagesOf(quick: boolean): Stage[] {
  const cores = quick ? [2, 8] : [2, 4, 8, 16, 32, 64];
  const part = quick ? 8 : 1;
  return [
    ...cores.map((count): Stage => {
      const each = Math.max(CORE_PACKETS, Math.floor(CORES_PACKETS / count / part));
      return [sceneOf(`${count} cores`, { cores: count }), each];
    }),
    [sceneOf('2 classes', { classes: 2 }), quick ? 100 : 1000],
    [sceneOf('4 paths', { paths: 4 }), 4000 / part],
    [sceneOf('8 senders', { senders: 8 }), 400 / part],
    [COMBINED, Math.ceil(1500 / part)],
  ];
}

function setUpOf(answer: Answer, wanted: number, agreed: Agreed): SetUp {
  const { octets, messages, first, last } = agreed;
  return { counters: countersOf(answer, wanted), octets, messages, first, last };
}

/** Milliseconds of a processor, of this process. */
function processorTime<T>(action: () => T): [T, number] {
  const used = process.cpuUsage();
  const result = action();
  const { user, system } = process.cpuUsage(used);
  return [result, (user + system) / 1000];
}

export async function benchAntiReplay(options: BenchOptions): Promise<Report> {
  const { seed, esp, workers, quick, progress } = options;
  const stages = stagesOf(quick);
  const handshake: number[] = [];
  const answers = ANSWERS.map((answer, index): AnswerFigures => {
    progress(answer.name, index, ANSWERS.length);
    const [eight, ms] = processorTime(() => negotiate(answer, COUNTERS, esp));
    handshake.push(ms);
    const many = negotiate(answer, wantedOf(COMBINED), esp);
    const sender = createSender(answer, eight.pairs, watchedProvider().provider);
    return {
      name: answer.name,
      window: answer.window,
      setUp: setUpOf(answer, COUNTERS, eight),
      combined: setUpOf(answer, wantedOf(COMBINED), many),
      packet: sender.protect(innerPacket(0, 10000, PAYLOAD), 0).length,
      scenes: stages.map(([scene, each]) => {
        const { pairs } = scene === COMBINED ? many : negotiate(answer, wantedOf(scene), esp);
        return runScene(answer, pairs, scene, each, seed);
      }),
    };
  });
  const report: Report = { seed, esp, scenes: stages.map(([{ name }]) => name), answers, measured: null };
  if (workers === 0) return report;
  // The first time is for what is left of the scenes, and for the compiler.
  memoryOf(ANSWERS[0], COUNTERS, esp, 1);
  const memory = ANSWERS.map((answer) => memoryOf(answer, COUNTERS, esp, quick ? 1 : 4));
  const { machine, answers: threads } = await measureThreads(
    ANSWERS,
    {
      workers,
      esp,
      packets: quick ? 200 : 2000,
      runs: quick ? 1 : 15,
      ...(options.program === undefined ? {} : { program: options.program }),
    },
    (done, of) => progress('workers', done, of),
  );
  return { ...report, measured: { workers, machine, threads, memory, handshake } };
}
