// Streams that are no IKE, at the gateway's TCP listener: without the prefix, with records of length 0, 1, 2 and 65,535, half
// records, and crowds of connections. All are bounded, counted and closed, and a peer still comes in.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Path } from '../../core/ike/state/path.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { openTcpPorts } from '../../targets/node/gateway/tcp.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { scene, until } from './tcp-support.ts';

const PREFIX = Buffer.from('IKETCP');
const LONG = process.env.DIETESP_LONG === '1';

async function dial(port: number, ...octets: Uint8Array[]): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  // Who does not read sees no end.
  socket.resume();
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(Buffer.concat(octets));
  return socket;
}

/** A reset is an end too. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => (socket.closed ? resolve() : void socket.on('close', () => resolve())));

function record(length: number, ...message: number[]): Buffer {
  return Buffer.from([length >> 8, length & 255, ...message]);
}

test('streams of each kind are closed or passed over, and counted', async (t) => {
  const s = await scene(t, 'tcp-only');
  const drops = () => s.started.gateway.metrics().drops;
  const open = () => s.started.gateway.metrics().tcp[0].open;
  const fatal: [string, Buffer][] = [
    ['no-prefix', Buffer.from('GET / HTTP/1.1\r\n')],
    ['no-prefix', record(6, 0x11, 0x22, 0x33, 0x44)],
    ['bad-length', Buffer.concat([PREFIX, record(0)])],
    ['bad-length', Buffer.concat([PREFIX, record(1)])],
    ['bad-length', Buffer.concat([PREFIX, record(2), record(3, 0xff), record(1)])],
  ];
  for (const [reason, octets] of fatal) {
    const before = drops()[reason] ?? 0;
    await closed(await dial(s.tcpPort, octets));
    assert.equal(drops()[reason], before + 1);
  }
  // 65,535: passed over; what comes behind it is read. Nothing of it is worth anything, so the connection ends.
  const long = Buffer.concat([record(65535), Buffer.alloc(65533, 7)]);
  const many = await dial(s.tcpPort, PREFIX, ...Array.from({ length: 34 }, () => long));
  await closed(many);
  assert.ok(drops()['too-long'] >= 32);
  assert.equal(drops()['tcp-garbage'], 1);
  const junk = await dial(
    s.tcpPort,
    PREFIX,
    ...Array.from({ length: 40 }, (_, i) => record(12, 1, 2, 3, i, 5, 6, 7, 8, 9, 10)),
  );
  await closed(junk);
  assert.equal(drops()['tcp-garbage'], 2);
  // Empty records, keepalives and half ones cost nothing.
  const idle = await dial(s.tcpPort, PREFIX, record(2), record(3, 0xff), record(500, 1, 2, 3));
  await until(() => open() === 1);
  assert.equal(await s.sensor.connect(false), '');
  await s.talk('beside them');
  idle.destroy();
  await until(() => open() === 1);
});

test('a crowd: a quarter of the places is for strangers, the address with the most gives way, peers stay', async (t) => {
  const s = await scene(t, 'tcp-only', { top: 'tcpConnections: 40\n' });
  assert.equal(await s.sensor.connect(false), '');
  const { gateway } = s.started;
  const strangers = [];
  for (let i = 0; i < 60; i++) strangers.push(await dial(s.tcpPort, PREFIX));
  await until(() => gateway.metrics().drops['tcp-crowded'] === 50);
  assert.deepEqual([gateway.metrics().tcp[0].open, gateway.metrics().tcp[0].proved], [11, 1]);
  await Promise.all(strangers.slice(0, 50).map(closed));
  await s.talk('still here');
  // One more peer gets in, over the oldest of the crowd.
  const late = await dial(s.tcpPort, PREFIX);
  await closed(strangers[50]);
  for (const one of [...strangers, late]) one.destroy();
  await until(() => gateway.metrics().tcp[0].open === 1);
});

test('places by address: who has few keeps them; unproved ones end after 30 seconds', async (t) => {
  let now = 0;
  const drops: string[] = [];
  const tcp = await openTcpPorts([{ address: '127.0.0.1', port: 0 }], { most: 16, limit: 4096, now: () => now });
  t.after(() => tcp.close());
  tcp.drop = (reason) => void drops.push(reason);
  const { port } = tcp.ports[0];
  const from = async (localAddress: string): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.resume();
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  const honest = await from('127.0.0.2');
  await until(() => tcp.ports[0].counters.open === 1);
  const crowd = [];
  for (let i = 0; i < 12; i++) crowd.push(await from('127.0.0.3'));
  await until(() => drops.length === 9);
  assert.deepEqual([...new Set(drops)], ['tcp-crowded']);
  assert.equal(honest.destroyed, false);
  assert.equal(tcp.ports[0].counters.open, 4);
  now += 31000;
  await closed(honest);
  await until(() => tcp.ports[0].counters.open === 0);
  assert.equal(drops.filter((reason) => reason === 'tcp-unproved').length, 4);
  for (const one of crowd) one.destroy();
});

test(`${LONG ? 10000 : 1000} connections that come and send at random: few stay, and a peer is served`, async (t) => {
  const s = await scene(t, 'tcp-only', { top: 'tcpConnections: 256\n' });
  const { below, fill } = createRandom(50440);
  const count = LONG ? 10000 : 1000;
  const alive = new Set<Socket>();
  let most = 0;
  for (let i = 0; i < count; i += 50) {
    const group = await Promise.all(
      Array.from({ length: 50 }, () => {
        const octets = new Uint8Array(below(200));
        fill(octets, 0, octets.length);
        const kind = below(4);
        return dial(s.tcpPort, kind === 0 ? new Uint8Array(0) : PREFIX.subarray(0, kind === 1 ? below(6) : 6), octets);
      }),
    );
    for (const socket of group) {
      alive.add(socket);
      socket.on('close', () => alive.delete(socket));
    }
    most = Math.max(most, s.started.gateway.metrics().tcp[0].open);
    if (i === count / 2) assert.equal(await s.sensor.connect(false), '');
  }
  assert.ok(most <= 66, `${most} at a time`);
  await s.talk('in the crowd');
  for (const socket of alive) socket.destroy();
  await until(() => s.started.gateway.metrics().tcp[0].open === 1);
});

test('who does not read: a stranger is closed, and a known peer does not hold up the end', async (t) => {
  const tcp = await openTcpPorts([{ address: '127.0.0.1', port: 0 }], { most: 16, limit: 4096, now: () => 0 });
  t.after(() => tcp.close());
  const drops: string[] = [];
  tcp.drop = (reason) => void drops.push(reason);
  const paths: Path[] = [];
  tcp.onMessage = (path) => paths.push(path) > 0;
  const message = new Uint8Array(32768).fill(7);
  for (const isProved of [false, true]) {
    const socket = connect({ port: tcp.ports[0].port, host: '127.0.0.1' });
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(Buffer.concat([PREFIX, record(12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)]));
    await until(() => paths.length === (isProved ? 2 : 1));
    const path = paths.pop()!;
    if (isProved) tcp.prove(path, {} as IkeSa);
    paths.push(path);
    let sent = 0;
    while (tcp.send(path, message, false)) sent++;
    // What the system's buffers take comes on top.
    assert.ok(sent * message.length >= (isProved ? 1048576 : 65536), `${sent} messages`);
    assert.equal(drops.pop(), 'slow-peer');
    assert.equal(tcp.ports[0].counters.open, isProved ? 1 : 0);
    if (!isProved) await until(() => tcp.ports[0].counters.open === 0);
  }
  await tcp.close();
});
