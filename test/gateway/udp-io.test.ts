// UDP sockets in bursts behave as those of node:dgram, which is the other end here: every datagram once, in order, octet for
// octet, whatever sizes and places follow each other.

import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressText } from '../../targets/node/host/addresses.ts';
import type { DatagramSocket } from '../../targets/node/host/io/datagrams.ts';
import { loadDatagrams } from '../../targets/node/host/io/load-datagrams.ts';
import { ROOT } from '../cli/run.ts';

const missing =
  process.platform !== 'linux'
    ? 'Linux not found'
    : existsSync(join(ROOT, 'node_modules', 'koffi'))
      ? false
      : 'the package koffi not found';
const BUFFERS = { octets: 4194304, warn: () => {} };
const HOME = { 4: Uint8Array.of(127, 0, 0, 1), 6: Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0)) };
/** A datagram that ends a test's run. */
const LAST = 'last';

interface End {
  socket: DatagramSocket;
  got: Buffer[];
  from: string[];
  counts: { unsent: number; lost: number; failed: number };
  /** When LAST was taken. */
  last(): Promise<void>;
}

async function openEnd(io: 'auto' | 'node', address = '127.0.0.1', octets = BUFFERS.octets): Promise<End> {
  const datagrams = await loadDatagrams(io, (why) => assert.fail(why));
  const got: Buffer[] = [];
  const from: string[] = [];
  const counts = { unsent: 0, lost: 0, failed: 0 };
  let ended: () => void = () => {};
  const socket = await datagrams.open(
    address,
    0,
    { ...BUFFERS, octets },
    {
      taken(memory, offset, length, remote, port) {
        const datagram = Buffer.from(memory.subarray(offset, offset + length));
        got.push(datagram);
        from.push(`${addressText(remote)} ${port}`);
        if (datagram.toString() === LAST) ended();
      },
      unsent(count) {
        counts.unsent += count;
      },
      lost(count) {
        counts.lost += count;
      },
      failed: () => void counts.failed++,
    },
  );
  const last = () =>
    new Promise<void>((resolve) => {
      ended = resolve;
    });
  return { socket, got, from, counts, last };
}

async function plain(address = '127.0.0.1'): Promise<{ socket: Socket; got: Buffer[]; last: () => Promise<void> }> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4194304 });
  const got: Buffer[] = [];
  let ended: () => void = () => {};
  socket.on('message', (octets: Buffer, _from: RemoteInfo) => {
    got.push(octets);
    if (octets.toString() === LAST) ended();
  });
  socket.bind(0, address);
  await once(socket, 'listening');
  return {
    socket,
    got,
    last: () =>
      new Promise<void>((resolve) => {
        ended = resolve;
      }),
  };
}

/** Runs of sizes: equal ones, which may go as one, a shorter one behind them, and others. */
const sizes = fc.array(
  fc.tuple(fc.constantFrom(1, 8, 64, 100, 1400, 1472, 9000), fc.nat({ max: 20 }), fc.nat({ max: 1 })),
  {
    minLength: 1,
    maxLength: 8,
  },
);

test('bursts of any sizes to two places come out as they went in', { skip: missing }, async () => {
  for (const family of [4, 6] as const) {
    const address = family === 4 ? '127.0.0.1' : '::1';
    const ours = await openEnd('auto', address);
    const both = [await plain(address), await plain(address)];
    const third = await openEnd('auto', address);
    try {
      await fc.assert(
        fc.asyncProperty(sizes, async (runs) => {
          const wanted: Buffer[][] = [[], [], []];
          const ends = [...both, third];
          const places = [both[0].socket.address().port, both[1].socket.address().port, third.socket.port];
          const done = ends.map((end) => end.last());
          for (const end of ends) end.got.length = 0;
          const put = (index: number, octets: Buffer): void => {
            wanted[index].push(octets);
            ours.socket.send(octets, HOME[family], places[index]);
          };
          let n = 0;
          for (const [size, times, to] of runs) {
            for (let i = 0; i <= times; i++) {
              for (const index of [to, 2]) put(index, Buffer.alloc(size, n++));
            }
            put(2, Buffer.alloc(Math.max(1, size >> 1), n++));
          }
          places.forEach((_, index) => void put(index, Buffer.from(LAST)));
          await Promise.all(done);
          wanted.forEach((list, index) => void assert.deepEqual(ends[index].got, list));
        }),
        { numRuns: 25 },
      );
      assert.deepEqual(ours.counts, { unsent: 0, lost: 0, failed: 0 });
      assert.ok(third.from.every((text) => text === `${addressText(HOME[family])} ${ours.socket.port}`));
    } finally {
      for (const { socket } of both) socket.close();
      await Promise.all([ours, third].map(({ socket }) => socket.close()));
    }
  }
});

test('what cannot be sent is counted, and what follows is sent', { skip: missing }, async () => {
  const ours = await openEnd('auto');
  const other = await plain();
  const { port } = other.socket.address();
  const done = other.last();
  try {
    ours.socket.send(new Uint8Array(70000), HOME[4], port);
    ours.socket.send(new Uint8Array(9), HOME[6], port);
    // The system takes no port 0, alone and as a run.
    for (let i = 0; i < 3; i++) ours.socket.send(new Uint8Array(9), HOME[4], 0);
    // Broadcast is not allowed.
    ours.socket.send(new Uint8Array(9), Uint8Array.of(255, 255, 255, 255), port);
    ours.socket.send(Buffer.from(LAST), HOME[4], port);
    await done;
    assert.equal(ours.counts.unsent, 6);
    // Nobody listens there: ICMP says so, and neither end minds.
    ours.socket.send(new Uint8Array(9), HOME[4], 9);
    const again = other.last();
    await new Promise(setImmediate);
    ours.socket.send(Buffer.from(LAST), HOME[4], port);
    await again;
    assert.deepEqual([ours.counts.unsent, ours.counts.failed], [6, 0]);
  } finally {
    other.socket.close();
    await ours.socket.close();
  }
});

test('what was sent before `close` leaves; nothing comes after it', { skip: missing }, async () => {
  const ours = await openEnd('auto');
  const other = await plain();
  const done = other.last();
  ours.socket.send(Buffer.from(LAST), HOME[4], other.socket.address().port);
  await ours.socket.close();
  await ours.socket.close();
  await done;
  ours.socket.send(Buffer.from(LAST), HOME[4], other.socket.address().port);
  other.socket.close();
  // The same port again, at once.
  const datagrams = await loadDatagrams('auto', () => {});
  const listener = { taken() {}, unsent() {}, lost() {}, failed() {} };
  const again = await datagrams.open('127.0.0.1', ours.socket.port, BUFFERS, listener);
  await assert.rejects(datagrams.open('127.0.0.1', again.port, BUFFERS, listener), {
    code: 'EADDRINUSE',
    message: `bind EADDRINUSE 127.0.0.1:${again.port}`,
  });
  await assert.rejects(datagrams.open('192.0.2.77', 0, BUFFERS, listener), { code: 'EADDRNOTAVAIL' });
  await again.close();
});

test('a full buffer is counted; timers get their turn while datagrams never end', { skip: missing }, async () => {
  const ours = await openEnd('auto', '127.0.0.1', 4096);
  const octets = new Uint8Array(1000);
  for (let i = 0; i < 200; i++) ours.socket.send(octets, HOME[4], ours.socket.port);
  ours.socket.send(Buffer.from(LAST), HOME[4], ours.socket.port);
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, 50);
  // More come in each turn, for as long as the timer does not.
  await new Promise<void>((resolve) => {
    const step = (): void => {
      for (let i = 0; i < 100; i++) ours.socket.send(octets, HOME[4], ours.socket.port);
      if (isOver) resolve();
      else setImmediate(step);
    };
    step();
  });
  assert.ok(ours.counts.lost > 0, `${ours.got.length} came`);
  await ours.socket.close();
});
