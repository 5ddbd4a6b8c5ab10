// A board's application and the gateway that answers it, on one engine. The board's hooks have a virtual clock and repeatable
// random octets, so that every engine prints the same lines and sends the same frames.
// A case: [id, blob, lines joined by |, octets of all frames on air].

import { copy } from '../../core/base/bytes.ts';
import { earlier } from '../../core/device/device.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import type { Path } from '../../core/ike/state/path.ts';
import { runApp } from '../../targets/board/app.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../../targets/board/mixed.ts';
import {
  type Air,
  createChance,
  createGateway,
  createPhy,
  type Gateway,
  gatewayPolicy,
} from '../engines/ike-device.entry.ts';
import { begin, createReport, end, expect, finish, octets } from '../engines/report.ts';

const PORT = 5683;
/** Inner addresses, and those of the tunnel. */
export const SENSOR = '20010db8000100000000000000000002';
export const SERVER = '20010db8000200000000000000000001';
export const OUTER = 'fe80000000000000000000fffe000002';
export const GATEWAY = 'fe80000000000000000000fffe000000';
/** Virtual milliseconds after which a run has failed. */
const LIMIT = 120000;
/** Commands, each given when the line before it was printed. */
const SCRIPT = [
  'done 3 0',
  'rekey',
  'child removed',
  'nonsense',
  '',
  'connect',
  'resumed=',
  'send 1',
  'reading 4',
  'delete',
  'outcome=-7',
  'exit',
];

interface World {
  now: number;
  air: Air;
  heard: string[];
  frames: Uint8Array[];
  gateway: Gateway;
  lines: string[];
  /** Next entry of SCRIPT. */
  at: number;
  isOver: boolean;
}

/** Frames to whom they are for; the CoAP server answers. */
function carry(world: World): void {
  while (world.air.frames.length > 0) {
    const frames = world.air.frames;
    world.air.frames = [];
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i].octets;
      if (!frames[i].fromSensor) world.frames.push(frame);
      else world.gateway.device.receive(frame, 0, frame.length, world.now);
    }
    for (let i = 0; i < world.heard.length; i++) {
      if (world.heard[i] === 'end') continue;
      const request = octets(world.heard[i]);
      // An acknowledgement with 2.04 and the token.
      request[0] = 0x61;
      request[1] = 0x44;
      world.gateway.device.send(request, 0, 5, PORT, octets(SENSOR), PORT, world.now);
    }
    world.heard.length = 0;
  }
}

/** The line that the next command waits for was printed. */
function hasCommand(world: World): boolean {
  const last = world.lines.length - 1;
  return last >= 0 && world.at < SCRIPT.length && world.lines[last].indexOf(SCRIPT[world.at]) >= 0;
}

function wait(world: World, ms: number): void {
  const end = ms < 0 ? world.now + LIMIT : world.now + ms;
  carry(world);
  while (world.frames.length === 0 && world.now < end && !hasCommand(world)) {
    const next = earlier(world.gateway.device.nextTimeout(), ikeTimeout(world.gateway.ike));
    world.now = next < 0 ? end : Math.min(end, Math.max(world.now, next));
    world.gateway.device.poll(world.now);
    pollIke(world.gateway.ike, world.now);
    carry(world);
  }
}

function command(world: World, buffer: Uint8Array): number {
  if (world.now > LIMIT && !world.isOver) {
    world.isOver = true;
    world.at = SCRIPT.length - 2;
  } else if (!hasCommand(world)) return -1;
  const line = SCRIPT[world.at + 1];
  world.at += 2;
  for (let i = 0; i < line.length; i++) buffer[i] = line.charCodeAt(i);
  return line.length;
}

function createBoard(world: World, blob: Uint8Array): Board {
  const chance = createChance(1);
  const phy = createPhy(world.air, true);
  return {
    now: () => Math.floor(world.now),
    ticks: () => 0,
    random: (buffer, offset, length) => {
      chance(buffer, offset, length);
      return true;
    },
    tune: () => {},
    transmit: (buffer, offset, length) => {
      phy.transmit(buffer, offset, length);
    },
    receive: (buffer) => {
      if (world.frames.length === 0) return -1;
      const frame = world.frames[0];
      world.frames = world.frames.slice(1);
      copy(buffer, 0, frame, 0, frame.length);
      return frame.length;
    },
    wait: (ms) => {
      wait(world, ms);
    },
    print: (text) => {
      world.lines.push(text);
    },
    command: (buffer) => command(world, buffer),
    provision: (buffer) => {
      copy(buffer, 0, blob, 0, blob.length);
      return blob.length;
    },
    save: () => false,
    load: () => 0,
    exit: () => {
      world.isOver = true;
    },
    restart: () => {},
    memory: () => -1,
    heap: () => -1,
    native: 0,
    ccm: () => false,
    hmac: () => {},
    x25519: () => {},
    sign: () => {},
    verify: () => false,
  };
}

/** What the board printed, and the frames of both sides. */
export function play(blob: Uint8Array): string[] {
  const air: Air = { frames: [], log: '' };
  const heard: string[] = [];
  const path: Path = {
    local: octets(GATEWAY),
    localPort: 500,
    remote: octets(OUTER),
    remotePort: 500,
    encapsulated: false,
    port: 0,
    link: new Uint8Array(0),
  };
  const policy = gatewayPolicy(octets(SERVER), octets(SENSOR));
  const world: World = {
    now: 0,
    air: air,
    heard: heard,
    frames: [],
    gateway: createGateway(air, heard, policy, path),
    lines: [],
    at: 0,
    isOver: false,
  };
  const board = createBoard(world, blob);
  runApp(board, 'engine', createMixedProvider(board), createMixedAsymmetric(board), null);
  return [world.lines.join('|'), air.log];
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    const result = play(octets(cases[i][1]));
    expect(report, 'lines', cases[i][2], result[0]);
    expect(report, 'frames', cases[i][3], result[1]);
    end(report);
  }
  finish(report);
}
