// Runs the demo: a gateway process and one process for each sensor, joined by radio frames over UDP on the loopback.
// This process only starts them, keeps the books, and ends them, whatever happens.

import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from '../config/errors.ts';
import type { Air, FromGateway, FromSensor, Outcome, SensorPlan, ToGateway, ToSensor } from './messages.ts';
import { ACK_WAIT, planSensors } from './plan.ts';

export interface DemoOptions {
  sensors: number;
  /** Readings of each sensor; 0: until stopped. */
  count: number;
  /** Milliseconds between readings. */
  interval: number;
  loss: number;
  /** Undefined: another one in each run. */
  seed?: number;
  provider: string;
  /** A file, or ''. */
  pcap: string;
}

/** The books of one sensor. */
export interface SensorState {
  index: number;
  name: string;
  inner: string;
  sent: number;
  acknowledged: number;
  failed: number;
  /** Readings that the CoAP server took. */
  received: number;
  /** CoAP retransmissions, and MAC retries. */
  retransmissions: number;
  retries: number;
  /** Data frames of the sensor on air, and those of the gateway to it. */
  air: Air;
  answers: Air;
  /** Octets on air of the first frame of each reading. */
  first: number[];
  last: string;
  isDead: boolean;
}

export interface DemoResult {
  seed: number;
  sensors: SensorState[];
  /** Readings neither acknowledged nor reported as failed; those cut off by a signal are not among them. */
  unaccounted: number;
  interrupted: number;
  /** All frames on air, acknowledgements too. */
  frames: number;
  /** The gateway's, see GatewayMetrics. */
  metrics: unknown;
  problems: string[];
}

export interface DemoWatcher {
  started(sensors: SensorState[], seed: number): void;
  /** Something changed; `line` is for those who want to read all of it, or ''. */
  changed(line: string): void;
}

export interface Demo {
  result: Promise<DemoResult>;
  /** Ends it early. */
  stop(): void;
  /** The processes started so far: `gateway`, `sensor a`, ... */
  processes(): { what: string; pid: number | undefined }[];
}

const START_MS = 60000;
const END_MS = 5000;
/** A last frame and its retries. */
const GRACE_MS = 4 * ACK_WAIT;

interface Child {
  process: ChildProcess;
  what: string;
  isEnding: boolean;
  stderr: string;
  exited: Promise<unknown>;
}

/** This file's neighbour as a process: as built, or as TypeScript where this file is. */
function forkNeighbour(name: string): ChildProcess {
  const extension = extname(fileURLToPath(import.meta.url));
  const file = fileURLToPath(new URL(`./${name}${extension}`, import.meta.url));
  const execArgv = extension === '.ts' ? ['--import', import.meta.resolve('tsx')] : [];
  return fork(file, [], { execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
}

function createState({ index, name, inner }: SensorPlan): SensorState {
  return {
    index,
    name,
    inner,
    sent: 0,
    acknowledged: 0,
    failed: 0,
    received: 0,
    retransmissions: 0,
    retries: 0,
    air: { frames: 0, octets: 0 },
    answers: { frames: 0, octets: 0 },
    first: [],
    last: '',
    isDead: false,
  };
}

/** Starts the demo. */
export function runDemo(options: DemoOptions, watcher: DemoWatcher): Demo {
  const seed = options.seed ?? randomInt(2 ** 31);
  const secret = options.seed === undefined ? randomBytes(32).toString('hex') : `seed ${seed}`;
  const plans = planSensors(options.sensors, secret);
  const states = plans.map(createState);
  const common = { provider: options.provider, loss: options.loss, seed };
  const children: Child[] = [];
  const result: DemoResult = {
    seed,
    sensors: states,
    unaccounted: 0,
    interrupted: 0,
    frames: 0,
    metrics: null,
    problems: [],
  };
  const outcomes = states.map(() => new Map<number, Outcome>());
  const ready = new Set<number>();
  const done = new Set<number>();
  let zepPort = 0;
  let isStopped = false;
  let isOver = false;
  let over: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    over = () => {
      isOver = true;
      resolve();
    };
  });
  let allReady: () => void = () => {};
  const started = new Promise<void>((resolve) => {
    allReady = resolve;
  });

  function fail(text: string): void {
    result.problems.push(text);
    watcher.changed(text);
    over();
  }

  function startChild(file: string, what: string, take: (message: never) => void, gone: (text: string) => void): Child {
    const process = forkNeighbour(file);
    const child: Child = { process, what, isEnding: false, stderr: '', exited: once(process, 'exit') };
    children.push(child);
    process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      child.stderr = (child.stderr + text).slice(-4000);
    });
    process.on('message', (message) => take(message as never));
    process.on('error', (error) => gone(`${what}: ${error.message}`));
    process.on('exit', (code, signal) => {
      const text = child.stderr.trim().split('\n')[0];
      if (!child.isEnding) gone(`${what} ended early (${signal ?? `code ${code}`})${text === '' ? '' : `: ${text}`}`);
    });
    return child;
  }

  function send(child: Child, message: ToGateway | ToSensor): void {
    if (child.process.connected) child.process.send(message, () => {});
  }

  function fromSensor(message: FromSensor): void {
    if (message.type === 'failed') {
      result.problems.push(message.text);
      return;
    }
    const state = states[message.index - 1];
    const at = message.index - 1;
    if (message.type === 'ready') {
      ready.add(message.index);
      if (ready.size === states.length) allReady();
    } else if (message.type === 'sent') {
      state.sent++;
      state.last = message.text;
      watcher.changed('');
    } else if (message.type === 'retry') {
      state.retransmissions++;
      watcher.changed(`sensor ${state.name}  reading ${message.reading}  no answer: sent again`);
    } else if (message.type === 'end') {
      outcomes[at].set(message.reading, message.outcome);
      if (message.outcome === 'acknowledged') state.acknowledged++;
      else state.failed++;
      const octets = message.air.octets - state.air.octets;
      state.air = message.air;
      state.retries = message.retries;
      state.first.push(message.first);
      watcher.changed(
        `sensor ${state.name}  reading ${message.reading}  ${message.outcome} after ${message.ms.toFixed(1)} ms, ` +
          `${octets} octets on air`,
      );
    } else if (message.type === 'done') {
      done.add(message.index);
      if (done.size === states.length) over();
    } else {
      state.air = message.air;
      state.retries = message.retries;
    }
  }

  function fromGateway(message: FromGateway): void {
    if (message.type === 'failed') fail(`gateway: ${message.text}`);
    else if (message.type === 'ready') {
      zepPort = message.zepPort;
      startSensors();
    } else if (message.type === 'reading') {
      const state = states.find(({ name }) => name === message.name);
      if (state !== undefined) state.received++;
      watcher.changed(`server    POST /${message.name}  ${message.text}`);
    } else {
      result.frames = message.frames;
      result.metrics = message.metrics;
      for (const state of states) state.answers = message.answers[state.name];
    }
  }

  const sensors: Child[] = [];
  function startSensors(): void {
    if (isOver) return;
    for (const plan of plans) {
      const child = startChild('sensor', `sensor ${plan.name}`, fromSensor as (message: never) => void, (text) => {
        states[plan.index - 1].isDead = true;
        result.problems.push(text);
        watcher.changed(text);
        done.add(plan.index);
        if (done.size === states.length || !ready.has(plan.index)) over();
      });
      sensors.push(child);
      send(child, { type: 'sensor', plan, zepPort, ...common });
    }
  }

  /** Tells children to end, and ends those that do not. */
  async function end(ending: Child[]): Promise<void> {
    for (const child of ending) {
      child.isEnding = true;
      send(child, { type: 'stop' });
    }
    const kill = setTimeout(() => {
      for (const child of ending) child.process.kill('SIGKILL');
    }, END_MS);
    await Promise.all(ending.map((child) => (child.process.pid === undefined ? undefined : child.exited)));
    clearTimeout(kill);
  }

  async function run(): Promise<DemoResult> {
    const gateway = startChild('gateway', 'gateway', fromGateway as (message: never) => void, fail);
    const limit = setTimeout(() => fail(`not ready after ${START_MS / 1000} s`), START_MS);
    try {
      send(gateway, { type: 'gateway', sensors: plans, pcap: options.pcap, ...common });
      await Promise.race([started, finished]);
      clearTimeout(limit);
      if (!isOver) {
        watcher.started(states, seed);
        const { count, interval } = options;
        sensors.forEach((child, i) => {
          send(child, { type: 'go', count, interval, delay: (interval * i) / sensors.length });
        });
        await finished;
      }
      if (ready.size === states.length) await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
    } finally {
      clearTimeout(limit);
      await end(sensors);
      await end([gateway]);
    }
    states.forEach((state, i) => {
      const due = isStopped || options.count === 0 ? state.sent : options.count;
      const open = due - outcomes[i].size;
      if (isStopped && !state.isDead) result.interrupted += open;
      else result.unaccounted += open;
    });
    if (ready.size < states.length && !isStopped) {
      throw new CommandError(result.problems[0] ?? 'the demo did not start');
    }
    return result;
  }

  return {
    result: run(),
    stop() {
      isStopped = true;
      over();
    },
    processes: () => children.map(({ what, process }) => ({ what, pid: process.pid })),
  };
}
