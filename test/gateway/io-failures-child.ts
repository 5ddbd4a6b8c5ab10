// io-failures.test.ts runs this in a network namespace of its own: what the system refuses on a UDP socket and on a network
// interface. It prints what was seen as one line of JSON. Where the system cannot be made to refuse, the call is made to.

import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { openTun } from '../../targets/node/gateway/tun.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { loadDatagrams } from '../../targets/node/host/io/load-datagrams.ts';
import { type Libc, loadLibc } from '../../targets/node/host/libc.ts';

const [EIO, EAGAIN, ENOMEM, EPERM, EMSGSIZE, ENOBUFS] = [5, 11, 12, 1, 90, 105];
const HOME = Uint8Array.of(127, 0, 0, 1);
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
const libc = await loadLibc();
const datagrams = await loadDatagrams('auto', () => {});

/** The next calls of `name` fail with these errors; `calls` counts those on `fd` (-1: on any). */
function refuse(name: 'sendmmsg' | 'recvmmsg' | 'writev' | 'write' | 'read', errors: number[], fd = -1) {
  const counted = { calls: 0, end: () => {} };
  const [call, errno] = [libc[name] as (...values: number[]) => number, libc.errno];
  let failed = 0;
  libc[name] = ((...values: number[]) => {
    if (fd < 0 || values[0] === fd) counted.calls++;
    failed = errors.shift() ?? 0;
    return failed === 0 ? call(...values) : -1;
  }) as Libc[typeof name] as never;
  libc.errno = () => (failed === 0 ? errno() : failed);
  counted.end = () => {
    libc[name] = call as never;
    libc.errno = errno;
  };
  return counted;
}

const counts = { unsent: 0, lost: 0, failed: 0, taken: 0 };
let woken: () => void = () => {};
const ours = await datagrams.open(
  '127.0.0.1',
  0,
  { octets: 4194304, warn: () => {} },
  {
    taken() {
      counts.taken++;
      woken();
    },
    unsent: (count) => void (counts.unsent += count),
    lost: (count) => void (counts.lost += count),
    failed: () => void counts.failed++,
  },
);
const other = createSocket({ type: 'udp4', recvBufferSize: 4194304 });
let got: number[] = [];
let ended: () => void = () => {};
other.on('message', (octets) => {
  if (octets[0] === 255) ended();
  else got.push(octets[0]);
});
other.bind(0, '127.0.0.1');
await once(other, 'listening');
const { port } = other.address();

/** Sends 20 datagrams in a run, then a last one when the system takes all again: those that came, and how many were counted. */
async function burst(errors: number[], size = 100): Promise<{ came: number; inOrder: boolean; unsent: number }> {
  got = [];
  const before = counts.unsent;
  const refused = refuse('sendmmsg', errors);
  for (let i = 0; i < 20; i++) ours.send(new Uint8Array(size).fill(i), HOME, port);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  const last = new Promise<void>((resolve) => {
    ended = resolve;
  });
  ours.send(Uint8Array.of(255), HOME, port);
  await last;
  refused.end();
  return {
    came: got.length,
    inOrder: got.every((value, index) => index === 0 || value > got[index - 1]),
    unsent: counts.unsent - before,
  };
}

/** One datagram to our socket, and its way through the event loop. */
async function roundTrip(): Promise<void> {
  const came = new Promise<void>((resolve) => {
    woken = resolve;
  });
  other.send(Uint8Array.of(1), ours.port, '127.0.0.1');
  await came;
}

ip('link', 'set', 'lo', 'up', 'mtu', '1500');
const udp: Record<string, unknown> = {
  none: await burst([]),
  // A run of what is longer than the interface's MTU: the system takes each by itself, in fragments.
  large: await burst([], 2000),
  full: await burst([EAGAIN]),
  fullTwice: await burst([EAGAIN, EAGAIN]),
  // The first run, of 16 where there are runs.
  noBuffers: await burst([ENOBUFS]),
  // From here on none of this size, then none at all.
  runTooLong: await burst([EMSGSIZE]),
  noChecksums: await burst([EIO], 50),
  forbidden: await burst([EPERM]),
};
// No route: counted, and sent when there is one again.
ip('link', 'set', 'lo', 'down');
const before = counts.unsent;
for (let i = 0; i < 5; i++) ours.send(Uint8Array.of(1), Uint8Array.of(192, 0, 2, 1), port);
await new Promise(setImmediate);
await new Promise(setImmediate);
udp['noRoute'] = counts.unsent - before;
ip('link', 'set', 'lo', 'up');
udp['again'] = await burst([]);
// What reading may say: counted once each, and the next datagram is taken.
const reads = refuse('recvmmsg', [ENOMEM, EAGAIN]);
await roundTrip();
await roundTrip();
reads.end();
udp['failed'] = counts.failed;
udp['taken'] = counts.taken;

const tunLost = { count: 0, gone: 0, read: 0 };
const tun = await openTun({ name: 'test0', addresses: ['10.9.0.254/24'], routes: [], mtu: 1400 });
tun.onLost = (count) => void (tunLost.count += count);
tun.onGone = () => void tunLost.gone++;
tun.onPacket = () => void tunLost.read++;
tun.start();
const packet = new Uint8Array(1400);
const target = createSocket('udp4');
let arrived = 0;
let all: () => void = () => {};
target.on('message', (octets) => {
  if (octets[0] === 255) all();
  else arrived++;
});
target.bind(0, '10.9.0.254');
await once(target, 'listening');

function give(value: number, size: number): void {
  const length = writeDatagram(packet, {
    source: addressOctets('10.9.0.5')!,
    sourcePort: 7,
    destination: addressOctets('10.9.0.254')!,
    destinationPort: target.address().port,
    payload: new Uint8Array(size).fill(value),
  });
  tun.write(packet, length);
}

/** Gives 20 packets of a flow, then a last one: those that came, and how many were counted as lost. */
async function flow(errors: number[], isLast = true): Promise<{ came: number; lost: number }> {
  const [cameBefore, lostBefore] = [arrived, tunLost.count];
  const refused = [refuse('writev', [...errors]), refuse('write', [...errors])];
  for (let i = 0; i < 20; i++) give(1, 200);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  for (const one of refused.reverse()) one.end();
  if (isLast) {
    const done = new Promise<void>((resolve) => {
      all = resolve;
    });
    give(255, 10);
    await done;
  }
  return { came: arrived - cameBefore, lost: tunLost.count - lostBefore };
}

const isJoined = tun.offload.includes('USO');
const tunSeen: Record<string, unknown> = { none: await flow([]) };
tunSeen['full'] = await flow(Array<number>(isJoined ? 1 : 20).fill(EAGAIN));
ip('link', 'set', 'test0', 'down');
tunSeen['down'] = await flow([], false);
ip('link', 'set', 'test0', 'up');
tunSeen['up'] = await flow([]);
ip('link', 'del', 'test0');
// The loop goes on, and asks the interface no more once it has said that it is gone.
while (tunLost.gone === 0) await roundTrip();
const asked = refuse('read', []);
for (let i = 0; i < 20; i++) await roundTrip();
asked.end();
tunSeen['deleted'] = await flow([], false);
tunSeen['gone'] = tunLost.gone;
await tun.close();
target.close();
await ours.close();
other.close();
process.stdout.write(
  `${JSON.stringify({ kind: datagrams.kind, udp, tun: tunSeen, reads: asked.calls, rounds: 20 })}\n`,
);
