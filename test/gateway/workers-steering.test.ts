// Sockets that share a port: the kernel runs the filter over real datagrams, on loopback.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import type { DatagramListener } from '../../targets/node/host/io/datagrams.ts';
import { loadDatagrams } from '../../targets/node/host/io/load-datagrams.ts';
import { socketOf } from '../../targets/node/host/io/steering.ts';
import { freePort } from '../support/free-ports.ts';

const COUNT = 2;
const BUFFERS = { octets: 65536, warn: () => {} };
const { shared } = await loadDatagrams('auto', () => {});
const skip = shared === null ? 'sockets of the system not found' : false;

function payload(spi: number, length = 16): Buffer {
  const octets = Buffer.alloc(length);
  octets.writeUInt32BE(spi);
  return octets;
}

for (const [address, kind] of [
  ['127.0.0.1', 'udp4'],
  ['::1', 'udp6'],
] as const) {
  test(`datagrams to ${address} come to the socket of their SPI`, { skip }, async () => {
    const port = await freePort();
    const came: string[] = [];
    let settle = (): void => {};
    const listener = (index: number): DatagramListener => ({
      taken(octets, offset, length) {
        came.push(`${Buffer.from(octets.subarray(offset, offset + length)).toString('hex')} ${index}`);
        settle();
      },
      unsent() {},
      lost() {},
      failed() {},
    });
    const { socket, others } = await shared!.open(address, port, COUNT, BUFFERS, listener(0));
    const all = [socket, ...others.map((one, index) => shared!.take(one, listener(index + 1)))];
    const sender = createSocket(kind);
    try {
      // Whoever has not asked to share the port does not get it.
      await assert.rejects(shared!.open(address, port, COUNT, BUFFERS, listener(9)), { code: 'EADDRINUSE' });
      const spis = [256, 257, 258, 0x7fffffff, 0x7ffffffe, 0x12345678, 0, 0x80000001, 0xffffffff];
      const sent = [...spis.map((spi) => payload(spi)), Buffer.of(0xff), Buffer.of(1, 2, 3)];
      const expected = sent.map((octets) => {
        const index = octets.length < 4 ? 0 : socketOf(octets.readUInt32BE(), COUNT);
        return `${octets.toString('hex')} ${index}`;
      });
      const all = new Promise<void>((resolve) => {
        settle = () => {
          if (came.length === sent.length) resolve();
        };
      });
      for (const octets of sent) sender.send(octets, port, address);
      await all;
      assert.deepEqual(came.sort(), expected.sort());
      assert.deepEqual([...new Set(expected.map((text) => text.at(-1)))].sort(), ['0', '1', '2']);
    } finally {
      const closed = once(sender, 'close');
      sender.close();
      await closed;
      await Promise.all(all.map((one) => one.close()));
    }
  });
}
