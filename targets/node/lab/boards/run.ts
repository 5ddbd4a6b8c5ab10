// `dietesp run`: one board, with a gateway and a CoAP server in this process (lab.ts), or with a gateway elsewhere (ZEP). It
// counts from the board's console, the server and the radio link.

import { randomBytes } from 'node:crypto';
import { parseDocument } from 'yaml';
import type { Board, BoardEngine } from '../../../build/board-file.ts';
import { readText } from '../../host/document.ts';
import { CommandError, errorText } from '../../host/errors.ts';
import { type Bridge, createBridge } from '../../host/radio/bridge.ts';
import type { CaptureWriter } from '../../host/radio/pcap.ts';
import { createZep, ZEP_PORT } from '../../host/radio/zep.ts';
import { createLab, type Lab } from './lab.ts';
import type { RunningBoard } from './process.ts';
import { provisionOf } from './special.ts';
import { type BoardImage, buildImage, isGeneralFor, type SensorText, startBoard } from './start.ts';

export interface RunOptions {
  board: Board;
  engine: BoardEngine;
  /** A sensor's file, or '': keys of this run. */
  config: string;
  /** Where the gateway of that file is heard, or null: as the file says. */
  gateway: { address: string; port: number } | null;
  /** Readings, 0: without end; undefined: as the file says. */
  count: number | undefined;
  /** Milliseconds between readings; undefined: as the file says. */
  interval: number | undefined;
  loss: number;
  seed: number;
  /** What the keys of this run follow from. */
  secret: string;
  capture: CaptureWriter | null;
  /** The general device, not the one of the file's profile. */
  isGeneral: boolean;
}

export interface RunHandshake {
  messages: number;
  octets: number;
  ms: number;
  resumed: boolean;
}

export interface RunResult {
  board: string;
  engine: string;
  image: BoardImage;
  seed: number;
  handshakes: RunHandshake[];
  acknowledged: number;
  failed: number;
  /** Readings that the CoAP server took; -1: it is elsewhere. */
  received: number;
  /** Frames on air, and those that a node missed. */
  frames: number;
  lost: number;
  /** Figures of the board's `stats` line. */
  stats: Record<string, number>;
  /** It has sent all its readings. */
  isDone: boolean;
  /** The code of its `halt` line, or -1. */
  halt: number;
  problem: string;
}

export interface RunWatcher {
  built(image: BoardImage): void;
  console(line: string): void;
  reading(path: string, text: string): void;
}

const STATS_TIME = 5000;
const DELETE_TIME = 1500;
const DEFAULT_COUNT = 6;
const DEFAULT_INTERVAL = 1000;

/** What a board says goes to a terminal: no control characters, which a terminal obeys. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '.');
}

/** `key=12` pairs of a line. */
export function figuresOf(line: string): Record<string, number> {
  return Object.fromEntries(
    [...line.matchAll(/(\S+)=(-?\d+)(?= |$)/g)].map(([, name, value]) => [name, Number(value)]),
  );
}

/** The file's text with other values. Comments and lines stay. */
function changed(text: string, values: Record<string, number | undefined>): string {
  const document = parseDocument(text);
  for (const [name, value] of Object.entries(values)) if (value !== undefined) document.set(name, value);
  return String(document);
}

interface Network {
  bridge: Bridge;
  /** What the board is made and provisioned from. */
  sensor: SensorText;
  lab: Lab | null;
  close(): Promise<void>;
}

async function openNetwork(options: RunOptions, watcher: RunWatcher): Promise<Network> {
  const { loss, seed, capture } = options;
  const seconds = options.interval === undefined ? undefined : options.interval / 1000;
  if (options.config === '') {
    const lab = await createLab({
      nodes: 1,
      seed,
      loss,
      secret: options.secret,
      count: options.count ?? DEFAULT_COUNT,
      interval: seconds ?? DEFAULT_INTERVAL / 1000,
      isSpecial: !options.isGeneral,
      ...(capture === null ? {} : { capture }),
      onReading: ({ name }, text) => watcher.reading(name, printable(text)),
    });
    const sensor = { file: 'the board', text: lab.nodes[0].file };
    return { bridge: lab.bridge, sensor, lab, close: lab.close };
  }
  const text = readText(options.config);
  // As it is first: errors have the file's own lines.
  provisionOf(options.config, text, options.isGeneral);
  const sensor = { file: options.config, text: changed(text, { count: options.count, interval: seconds }) };
  const named = (parseDocument(text).toJS() as { radio: { zep?: { peers?: { address: string; port?: number }[] } } })
    .radio.zep?.peers;
  const peers = options.gateway === null ? (named ?? [{ address: '127.0.0.1', port: ZEP_PORT }]) : [options.gateway];
  const zep = createZep({ port: 0, peers });
  try {
    await zep.ready;
  } catch (error) {
    zep.close();
    throw CommandError.from('ZEP', error);
  }
  const bridge = createBridge({ seed, loss, ...(capture === null ? {} : { capture }) });
  bridge.join('zep', zep);
  return {
    bridge,
    sensor,
    lab: null,
    async close() {
      bridge.close();
      await zep.closed;
    },
  };
}

export interface Run {
  result: Promise<RunResult>;
  /** Ends it early. */
  stop(): void;
}

/** Builds, provisions and runs a board until it has sent its readings, halts, or is stopped. */
export function runBoard(options: RunOptions, watcher: RunWatcher): Run {
  let stop: () => void = () => {};
  const stopped = new Promise<'stopped'>((resolve) => {
    stop = () => resolve('stopped');
  });

  let isEnding = false;

  function watch(result: RunResult, running: RunningBoard): Promise<'done' | 'halted'> {
    return new Promise((resolve) => {
      const take = (line: string): void => {
        watcher.console(printable(line));
        const figures = figuresOf(line);
        const done = /^done (\d+) (\d+)$/.exec(line);
        const halt = /^halt (\d+)\b/.exec(line);
        if (line.startsWith('ike established ')) {
          const { messages = 0, octets = 0, ms = 0, resumed } = figures;
          result.handshakes.push({ messages, octets, ms, resumed: resumed === 1 });
        } else if (/^reading \d+ acknowledged /.test(line)) result.acknowledged++;
        else if (/^reading \d+ failed$/.test(line)) result.failed++;
        else if (line.startsWith('stats ')) result.stats = figures;
        else if (halt !== null) {
          result.halt = Number(halt[1]);
          result.problem = printable(line);
          resolve('halted');
        } else if (done !== null) {
          result.isDone = true;
          resolve('done');
        }
      };
      for (const line of running.console.lines()) take(line);
      running.console.onLine(take);
      void running.exited.then(({ code, signal, stderr }) => {
        if (result.problem === '' && !isEnding) {
          result.problem = `the board ended (${signal ?? `code ${code}`}) ${stderr.trim().split('\n').at(-1)}`.trim();
        }
        resolve('halted');
      });
    });
  }

  async function run(): Promise<RunResult> {
    const { board, engine } = options;
    const isGeneral = isGeneralFor(board, options.isGeneral);
    const network = await openNetwork({ ...options, isGeneral }, watcher);
    let running: RunningBoard | null = null;
    try {
      const { file, text } = network.sensor;
      const blob = provisionOf(file, text, isGeneral);
      const image = await buildImage(board, engine, isGeneral ? null : network.sensor);
      watcher.built(image);
      const result: RunResult = {
        board: board.name,
        engine,
        image,
        seed: options.seed,
        handshakes: [],
        acknowledged: 0,
        failed: 0,
        received: -1,
        frames: 0,
        lost: 0,
        stats: {},
        isDone: false,
        halt: -1,
        problem: '',
      };
      running = await startBoard(board, { image: image.file, blob, entropy: '/dev/urandom' });
      const port = network.bridge.join('board', running.radio);
      const end = await Promise.race([watch(result, running), stopped]);
      isEnding = true;
      if (end !== 'halted') {
        running.console.skip();
        running.send('stats');
        await running.console.waitFor(/^stats /, STATS_TIME).catch((error) => {
          if (end === 'done') result.problem = errorText(error);
        });
        running.send('delete');
        // A Delete that is not confirmed is no failure: the gateway may be gone.
        await running.console.waitFor(/^ike ended /, DELETE_TIME).catch(() => {});
      }
      // Nobody is behind the port for sensors over ZEP.
      const ports = network.bridge.ports().filter(({ name }) => network.lab === null || name !== 'zep');
      result.lost = ports.reduce((sum, one) => sum + one.lost(), 0);
      if (network.lab !== null) result.received = network.lab.nodes[0].readings.length;
      port.remove();
      await running.quit();
      running = null;
      await network.close();
      // Acknowledgements and repetitions go on until then.
      result.frames = network.bridge.frames();
      return result;
    } catch (error) {
      await running?.quit();
      await network.close();
      throw error;
    }
  }

  return { result: run(), stop };
}

/** Keys of a run of its own. */
export function freshSecret(): string {
  return randomBytes(32).toString('hex');
}
