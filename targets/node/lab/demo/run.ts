// Runs the demo: a gateway process and one process per sensor, joined by radio frames over UDP on the loopback. This process
// only starts them, counts, and ends them, whatever happens. Each sensor sets up its SAs with IKE. Readings begin when all
// have SAs, or after a time limit.

import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from '../../host/errors.ts';
import type { ReadingOutcome } from '../../sensor/describe.ts';
import type { NodePlan } from '../network.ts';
import type { Air, FromGateway, FromSensor, Handshake, ToGateway, ToSensor } from './messages.ts';
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
  /** Sensors and gateway have rules for CoAP. */
  hasCoap?: boolean;
  /** A file, or ''. */
  pcap: string;
  /** A folder for the keys of all SAs, or ''. */
  keylog: string;
  /** TCP port of the gateway's page, 0: the system chooses; undefined: no page. */
  web?: number;
  /** Milliseconds that the sensors have for IKE before the readings begin. */
  wait: number;
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
  /** Null: it has no SA. */
  handshake: Handshake | null;
  /** Data frames of the sensor on air, and those of the gateway to it; those of IKE, both ways. */
  air: Air;
  answers: Air;
  ike: Air;
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
  /** The gateway's page is there. */
  opened(page: string): void;
  /** A sensor has its SA. */
  connected(sensor: SensorState, handshake: Handshake): void;
  /** Readings begin. */
  begun(): void;
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
/** Between the first IKE messages of two sensors. */
const STAGGER_MS = 60;
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

function createState({ index, name, inner }: NodePlan): SensorState {
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
    handshake: null,
    air: { frames: 0, octets: 0 },
    answers: { frames: 0, octets: 0 },
    ike: { frames: 0, octets: 0 },
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
  const common = { provider: options.provider, loss: options.loss, seed, hasCoap: options.hasCoap === true };
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
  const outcomes = states.map(() => new Map<number, ReadingOutcome>());
  const open = new Set<number>();
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
  let allOpen: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    allOpen = resolve;
  });
  let allReady: () => void = () => {};
  const connected = new Promise<void>((resolve) => {
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
    if (message.type === 'open') {
      open.add(message.index);
      if (open.size === states.length) allOpen();
    } else if (message.type === 'ready') {
      ready.add(message.index);
      state.handshake = message.handshake;
      watcher.connected(state, message.handshake);
      if (ready.size === states.length) allReady();
    } else if (message.type === 'unconnected') {
      const again = message.retryMs < 0 ? '' : `, again in ${(message.retryMs / 1000).toFixed(1)} s`;
      watcher.changed(`sensor ${state.name}  IKEv2: ${message.outcome}${again}`);
    } else if (message.type === 'sent') {
      state.sent++;
      state.last = message.text;
      watcher.changed('');
    } else if (message.type === 'retry') {
      state.retransmissions++;
      const why = state.handshake === null ? 'no SA yet: tried again' : 'no answer: sent again';
      watcher.changed(`sensor ${state.name}  reading ${message.reading}  ${why}`);
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
      if (message.page !== '') watcher.opened(message.page);
      startSensors();
    } else if (message.type === 'reading') {
      const state = states.find(({ name }) => name === message.name);
      if (state !== undefined) state.received++;
      watcher.changed(`server    POST /${message.name}  ${message.text}`);
    } else {
      result.frames = message.frames;
      result.metrics = message.metrics;
      if (message.capture !== '') result.problems.push(message.capture);
      for (const state of states) {
        state.answers = message.answers[state.name];
        state.ike = message.ike[state.name];
      }
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
        if (done.size === states.length || !open.has(plan.index)) over();
        // Nobody waits for it.
        ready.add(plan.index);
        if (ready.size === states.length) allReady();
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
    let patience: NodeJS.Timeout | undefined;
    try {
      watcher.started(states, seed);
      const { pcap, keylog } = options;
      send(gateway, { type: 'gateway', sensors: plans, pcap, keylog, web: options.web ?? null, ...common });
      await Promise.race([opened, finished]);
      clearTimeout(limit);
      patience = setTimeout(allReady, options.wait);
      // Not before all are there, and not at once: processes of one machine take each other's time.
      if (!isOver) for (const [i, child] of sensors.entries()) send(child, { type: 'connect', delay: i * STAGGER_MS });
      await Promise.race([connected, finished]);
      if (!isOver) {
        watcher.begun();
        const { count, interval } = options;
        sensors.forEach((child, i) => {
          send(child, { type: 'go', count, interval, delay: (interval * i) / sensors.length });
        });
        await finished;
      }
      if (open.size === states.length) await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
    } finally {
      clearTimeout(limit);
      clearTimeout(patience);
      await end(sensors);
      await end([gateway]);
    }
    states.forEach((state, i) => {
      const due = isStopped || options.count === 0 ? state.sent : options.count;
      const left = due - outcomes[i].size;
      if (isStopped && !state.isDead) result.interrupted += left;
      else result.unaccounted += left;
    });
    if (open.size < states.length && !isStopped) {
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
