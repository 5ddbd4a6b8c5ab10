// Runs a specialised device inside a namespace, by the system's clock: IKE on UDP 500 until the set-up, then IKE and ESP on UDP
// 4500 [RFC 3948]. It reads a JSON command per line of standard input and answers each, in order, with a line of JSON.
//   node special-agent.ts SCRIPT OCTETS OWN PEER

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { OUTCOME_NONE } from '../../../core/ike/state/outcome.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import { CHILD_LIVE, STATE_ESTABLISHED } from '../../../core/ike/state/stage.ts';
import { createFastProvider } from '../../../targets/node/host/provider/fast.ts';
import type { IkeBooks } from '../../../targets/special/ike/ike-state.ts';
import { boardOf } from '../../special/ike-board.ts';

/** What the device is asked for. */
export type DeviceCommand =
  | { op: 'status' }
  | { op: 'echo'; size: number; count: number }
  | { op: 'send'; size: number }
  | { op: 'rekey-child' }
  | { op: 'rekey-ike' }
  | { op: 'probe' }
  | { op: 'delete' };

/** How it is. */
export interface DeviceStatus {
  /** IKE SAs of any state; Child SAs in use. */
  ike: number;
  children: { in: string; out: string }[];
  /** It is connected, or the attempt ended, and why. */
  established: boolean;
  outcome: string;
  /** It sent IKE_AUTH. */
  authenticated: boolean;
  events: string[];
}

interface Device {
  D: Uint8Array;
  S: IkeBooks;
  connect(resumes: boolean, now: number): void;
  close(now: number): void;
  poll(now: number): void;
  next(): number;
  rekey(now: number): void;
  rekeyIke(now: number): void;
  probe(now: number): void;
  takeIke(b: Uint8Array, o: number, n: number, now: number): void;
  takeEsp(b: Uint8Array, at: number, end: number, ecn: number, now: number): number;
  send(flow: number, payload: Uint8Array, offset: number, length: number, now: number): number;
}

const LIMIT_MS = 8000;
const ECHO_MS = 2000;
const IKE_AUTH = 35;
const IKE_SA_INIT = 34;
/** Suites with HMAC work in the octets before a packet. */
const FRONT = 8;
/** Flow 0 is between the ports of echoes; in the other one the peer asks. */
const ASKED = 1;

const [script, octets, own, peer] = process.argv.slice(2);
const family = own.includes(':') ? 'udp6' : 'udp4';
const sockets = [500, 4500].map((port) => ({ port, socket: createSocket(family) }));
const events: string[] = [];
let outcome: number = OUTCOME_NONE;
let authenticated = false;
let established = false;
let answered: (octets: Uint8Array) => void = () => {};
const clock = (): number => performance.now();

const host = {
  transmit(message: Uint8Array, isIke: boolean): void {
    if (isIke && message[18] === IKE_AUTH) authenticated = true;
    const first = isIke && message[18] === IKE_SA_INIT;
    const { port, socket } = sockets[first ? 0 : 1];
    socket.send(isIke && !first ? Buffer.concat([Buffer.alloc(4), message]) : message, port, peer);
  },
  event(name: string, value: number): void {
    events.push(`${name} ${value}`);
    if (name === 'established') established = true;
    if (name === 'ended' && outcome === OUTCOME_NONE) outcome = value;
  },
  payload(payload: Uint8Array, flow: number): void {
    if (flow === ASKED) device.send(ASKED, payload, 0, payload.length, clock());
    else answered(payload);
  },
};
const run = new Function('board', 'host', `${readFileSync(script, 'utf8')}\nreturn made.device;`) as (
  board: unknown,
  host: unknown,
) => Device;
const device = run(boardOf(createFastProvider()), host);
device.D.set(Buffer.from(octets, 'hex'));

let timer: NodeJS.Timeout | undefined;
function schedule(): void {
  clearTimeout(timer);
  const at = device.next();
  if (at >= 0) timer = setTimeout(work, Math.max(0, at - clock()));
}
function work(): void {
  device.poll(clock());
  schedule();
}

for (const { port, socket } of sockets) {
  socket.on('message', (message) => {
    const isIke = port === 500 || message.readUInt32BE(0) === 0;
    const head = port === 500 || !isIke ? 0 : 4;
    const copy = new Uint8Array(FRONT + message.length - head);
    copy.set(message.subarray(head), FRONT);
    if (isIke) device.takeIke(copy, FRONT, copy.length - FRONT, clock());
    else if (message.length > 4) device.takeEsp(copy, FRONT, copy.length, 0, clock());
    work();
  });
  await new Promise<void>((done) => void socket.bind({ address: own, port }, done));
}

async function until(look: () => boolean): Promise<boolean> {
  const end = clock() + LIMIT_MS;
  while (!look() && clock() < end) await new Promise((done) => setTimeout(done, 5));
  return look();
}

const isIdle = (): boolean => (device.S.current?.task ?? 0) === 0;
const hex = (value: number): string => value.toString(16).padStart(8, '0');

async function exchange(begin: (now: number) => void, isAsked: () => boolean): Promise<object> {
  begin(clock());
  schedule();
  if (!(await until(() => isIdle() && !isAsked()))) throw new Error('the exchange did not end');
  return {};
}

async function echo(size: number, count: number): Promise<object> {
  const begun = clock();
  let received = 0;
  for (let n = 0; n < count; n++) {
    const payload = Uint8Array.from({ length: size }, (_, i) => (i * 31 + n) & 0xff);
    const isBack = new Promise<boolean>((done) => {
      const limit = setTimeout(done, ECHO_MS, false);
      answered = (back) => {
        if (Buffer.compare(back, payload) !== 0) return;
        clearTimeout(limit);
        done(true);
      };
    });
    if (device.send(0, payload, 0, size, clock()) < 0) continue;
    if (await isBack) received++;
  }
  return { sent: count, received, milliseconds: clock() - begun };
}

function status(): DeviceStatus {
  const children: DeviceStatus['children'] = [];
  let ike = 0;
  for (let sa = device.S.list; sa !== null; sa = sa.next) ike++;
  for (let one = device.S.children; one !== null; one = one.next) {
    if (one.stage === CHILD_LIVE && one.spiOut !== 0) children.push({ in: hex(one.spiIn), out: hex(one.spiOut) });
  }
  return { ike, children, established, outcome: outcomeName(outcome), authenticated, events };
}

async function perform(command: DeviceCommand): Promise<object> {
  const { S } = device;
  if (command.op === 'status') return status();
  if (command.op === 'echo') return echo(command.size, command.count);
  if (command.op === 'send') return { sent: device.send(0, new Uint8Array(command.size), 0, command.size, clock()) };
  if (command.op === 'rekey-child') {
    return exchange(device.rekey, () => S.children?.isRekeyAsked === true);
  }
  if (command.op === 'rekey-ike') return exchange(device.rekeyIke, () => S.isRekeyAsked);
  if (command.op === 'probe') {
    const [before, old] = [S.current?.heardAt ?? 0, S.current];
    await exchange(device.probe, () => S.isProbeAsked);
    return { answered: S.current === old && old?.state === STATE_ESTABLISHED && old.heardAt > before };
  }
  device.close(clock());
  schedule();
  await until(() => S.list === null);
  return {};
}

device.connect(false, clock());
schedule();
const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  let result: unknown;
  try {
    result = await perform(JSON.parse(line) as DeviceCommand);
  } catch (error) {
    result = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(result) + '\n');
}
process.exit(0);
