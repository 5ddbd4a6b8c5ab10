// Who gets a frame over ZEP, and the datagrams of RIOT's nodes.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { addressOf } from '../../core/base/address.ts';
import { createMac } from '../../core/link/mac.ts';
import { emitAck, emitHeader, putFcs } from '../../core/wire/ieee802154.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import { checkZep, mendRiotFcs, ZEP_HELLO, ZEP_MALFORMED } from '../../targets/node/host/radio/zep-datagram.ts';
import { createZepPeers, type ZepPeer } from '../../targets/node/host/radio/zep-peers.ts';
import { extendedOf, PAN } from '../link/nodes.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const short = (value: number) => new Uint8Array([value >>> 8, value & 255]);

function frameOf(source: Uint8Array, destination: Uint8Array): Uint8Array {
  const frame = new Uint8Array(60);
  const size = emitHeader(frame, 0, 0x1021, 1, PAN, addressOf(destination), addressOf(source));
  return frame.slice(0, putFcs(frame, 0, size + 4));
}

function ackOf(dsn: number): Uint8Array {
  const ack = new Uint8Array(5);
  emitAck(ack, 0, 0, dsn);
  return ack;
}

const GATEWAY = short(0);

function world(max = 100) {
  const peers = createZepPeers(max);
  const heard = (port: number, source: Uint8Array, now = 0): ZepPeer => {
    const peer = peers.hear('127.0.0.1', port)!;
    const frame = frameOf(source, GATEWAY);
    peers.learn(peer, frame, 0, frame.length, now);
    return peer;
  };
  const to = (frame: Uint8Array, current?: ZepPeer): number[] =>
    [...peers.whereTo(frame, 0, frame.length, current)].map(({ port }) => port).sort((a, b) => a - b);
  return { peers, heard, to };
}

test('an acknowledgement goes to who sent the frame, a unicast frame to where its destination is, others to all', () => {
  const { heard, to } = world();
  const first = heard(1001, short(1));
  heard(1002, short(2));
  heard(1003, extendedOf(3));
  assert.deepEqual(to(ackOf(9), first), [1001]);
  assert.deepEqual(to(ackOf(9)), [1001, 1002, 1003], 'who sent the frame is not known any more');
  assert.deepEqual(to(frameOf(GATEWAY, short(2))), [1002]);
  assert.deepEqual(to(frameOf(GATEWAY, extendedOf(3))), [1003]);
  assert.deepEqual(to(frameOf(GATEWAY, short(77))), [1001, 1002, 1003]);
  assert.deepEqual(to(frameOf(GATEWAY, short(0xffff))), [1001, 1002, 1003]);
  assert.deepEqual(to(hex('010203')), [1001, 1002, 1003], 'no frame');
});

test('a watcher of the configuration gets all frames until it sends one', () => {
  const { peers, heard, to } = world();
  peers.hear('127.0.0.1', 500, true);
  const first = heard(1001, short(1));
  heard(1002, short(2));
  assert.deepEqual(to(ackOf(9), first), [500, 1001]);
  assert.deepEqual(to(frameOf(GATEWAY, short(2))), [500, 1002]);
  heard(500, short(5));
  assert.deepEqual(to(ackOf(9), first), [1001]);
});

test('a forged source adds a place and takes none away; nobody gets the broadcasts alone', () => {
  const { heard, to } = world();
  heard(1001, short(1));
  heard(1002, short(2));
  for (let port = 2000; port < 2003; port++) heard(port, short(1));
  assert.deepEqual(to(frameOf(GATEWAY, short(1))), [1001, 2000, 2001, 2002]);
  heard(2003, short(1));
  assert.ok(to(frameOf(GATEWAY, short(1))).includes(1001), 'heard from everywhere: goes everywhere');
  assert.equal(to(frameOf(GATEWAY, short(1))).length, 6);
  heard(2004, short(0xffff));
  assert.equal(to(frameOf(GATEWAY, short(0xffff))).length, 7);
  // A damaged frame teaches nothing.
  const { peers } = world();
  const frame = frameOf(short(9), GATEWAY);
  frame[12] ^= 1;
  peers.learn(peers.hear('127.0.0.1', 1)!, frame, 0, frame.length, 0);
  peers.hear('127.0.0.1', 2);
  assert.equal([...peers.whereTo(frameOf(GATEWAY, short(9)), 0, frame.length, undefined)].length, 2);
});

test('a node that moved is at its new place only, ten minutes later; tables are bounded', () => {
  const { heard, to } = world();
  heard(1001, short(1), 0);
  heard(1002, short(1), 1000);
  assert.deepEqual(to(frameOf(GATEWAY, short(1))), [1001, 1002]);
  heard(1002, short(1), 600001);
  assert.deepEqual(to(frameOf(GATEWAY, short(1))), [1002]);

  const few = world(3);
  few.peers.hear('::1', 9, true);
  for (let port = 1; port <= 10; port++) few.heard(port, short(port));
  assert.equal(few.peers.size(), 3);
  assert.deepEqual(
    [...few.peers.all()].map(({ address, port }) => `${address} ${port}`),
    ['::1 9', '127.0.0.1 9', '127.0.0.1 10'],
  );
  assert.deepEqual(few.to(frameOf(GATEWAY, short(10))), [9, 10], 'a watcher and the node');
});

test('RIOT: HELLO is told from garbage; the FCS of before May 2026 becomes that of the standard', () => {
  const hello = hex('4558 02 ff' + '00'.repeat(17) + '48454c4c4f' + '00'.repeat(6));
  assert.equal(hello.length, 32);
  assert.equal(checkZep(hello, 26), ZEP_HELLO);
  assert.equal(checkZep(hello.subarray(0, 31), 26), ZEP_MALFORMED);
  // CRC-16/XMODEM of 02006a is a38c (Python: binascii.crc_hqx), the low octet first.
  const ack = hex('02006a 8ca3');
  assert.equal(mendRiotFcs(ack, 0, 5), true);
  assert.equal(Buffer.from(ack).toString('hex'), '02006ae479');
  assert.equal(mendRiotFcs(ack, 0, 5), false, 'it is right');
  const data = hex('61986acdab02000100010203 c754');
  assert.equal(mendRiotFcs(data, 0, data.length), true);
  for (const bad of ['02006a a38c', '02006b 8ca3', '8ca3', '']) {
    const frame = hex(bad);
    assert.equal(mendRiotFcs(frame, 0, frame.length), false, bad);
    assert.deepEqual(frame, hex(bad));
  }
});

test('a radio for RIOT learns from HELLO and takes its frames; another counts them', async () => {
  const radios = [createZep({ port: 0, riot: true }), createZep({ port: 0 })];
  const ports = await Promise.all(radios.map((radio) => radio.ready));
  const node = createSocket('udp4');
  const got: string[][] = [[], []];
  const frame = hex('45580201 1a 0000 01 ff' + '00'.repeat(22) + '05' + '02006a8ca3');
  const hello = hex('4558 02 ff' + '00'.repeat(17) + '48454c4c4f' + '00'.repeat(6));
  try {
    for (const [i, radio] of radios.entries()) {
      const isHere = new Promise<void>((resolve) => {
        radio.onFrame = (octets, offset, length) => {
          got[i].push(Buffer.from(octets.subarray(offset, offset + length)).toString('hex'));
          resolve();
        };
      });
      node.send(hello, ports[i], '127.0.0.1');
      node.send(frame, ports[i], '127.0.0.1');
      await isHere;
    }
    assert.deepEqual(got, [['02006ae479'], ['02006a8ca3']]);
    assert.deepEqual(
      radios.map(({ counters }) => [counters.hello, counters.riotFcs, counters.malformed]),
      [
        [1, 1, 0],
        [1, 0, 0],
      ],
    );
  } finally {
    node.close();
    for (const radio of radios) radio.close();
    await Promise.all(radios.map((radio) => radio.closed));
  }
});

test('over real sockets: each of many nodes gets its own acknowledgement, and no other', async () => {
  const zep = createZep({ port: 0 });
  const port = await zep.ready;
  const mac = createMac({
    panId: PAN,
    shortAddress: 0,
    extendedAddress: extendedOf(0),
    phy: zep,
    upper: { received() {}, sent() {} },
    random: createRandom(1).fill,
    queue: 1,
    neighbours: 100,
    ackWait: 20,
  });
  zep.onFrame = (frame, offset, length) => void mac.receive(frame, offset, length, 1);
  const nodes = Array.from({ length: 20 }, () => createSocket('udp4'));
  const got = nodes.map(() => [] as number[]);
  try {
    await Promise.all(
      nodes.map(async (node, i) => {
        const frame = frameOf(short(i + 1), GATEWAY);
        frame[2] = i;
        putFcs(frame, 0, frame.length - 2);
        const datagram = Buffer.concat([
          hex('45580201 1a 0000 01 ff' + '00'.repeat(22)),
          Uint8Array.of(frame.length),
          frame,
        ]);
        node.on('message', (octets) => got[i].push(octets[32 + 2]));
        node.send(datagram, port, '127.0.0.1');
        await once(node, 'message');
      }),
    );
    assert.deepEqual(
      got,
      nodes.map((_node, i) => [i]),
    );
    assert.equal(zep.counters.datagrams, 20);
  } finally {
    for (const node of nodes) node.close();
    zep.close();
    await zep.closed;
  }
});
