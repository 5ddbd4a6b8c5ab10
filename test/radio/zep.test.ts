import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { addressOf } from '../../core/base/address.ts';
import { createMac } from '../../core/link/mac.ts';
import { drive } from '../../targets/node/host/radio/drive.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createZep, type ZepRadio } from '../../targets/node/host/radio/zep.ts';
import {
  checkZep,
  ZEP_ACK,
  ZEP_MALFORMED,
  ZEP_OK,
  ZEP_OTHER_CHANNEL,
  zepDatagram,
  zepFrameLength,
} from '../../targets/node/host/radio/zep-datagram.ts';
import { extendedOf, PAN } from '../link/nodes.ts';
import { portZeroMissing, sendFromPortZero } from '../support/port-zero.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const ACK = hex('02006ae479');

test('a golden ZEP datagram, and its truncations', () => {
  const datagram = zepDatagram(ACK, 26, 0x0102, 7, 1500);
  assert.equal(
    Buffer.from(datagram).toString('hex'),
    '4558' +
      '02' +
      '01' +
      '1a' +
      '0102' +
      '01' +
      'ff' +
      '83aa7e81' +
      '80000000' +
      '00000007' +
      '00'.repeat(10) +
      '05' +
      '02006ae479',
  );
  assert.equal(checkZep(datagram, 26), ZEP_OK);
  assert.equal(zepFrameLength(datagram), 5);
  assert.equal(checkZep(datagram, 25), ZEP_OTHER_CHANNEL);
  for (let n = 0; n < datagram.length; n++) assert.equal(checkZep(datagram.subarray(0, n), 26), ZEP_MALFORMED, `${n}`);
  assert.equal(checkZep(hex('4558 02 02 00000001'), 26), ZEP_ACK);
  for (const [at, value] of [
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 3],
    [7, 0],
  ]) {
    const bad = datagram.slice();
    bad[at] = value;
    assert.equal(checkZep(bad, 26), ZEP_MALFORMED, `octet ${at}`);
  }
  assert.throws(() => createZep({ channel: 27 }), /zep\.channel 27: must be 11\.\.26/);
});

/** The next frame of a radio. */
function nextFrame(radio: ZepRadio): Promise<string> {
  return new Promise((resolve) => {
    radio.onFrame = (frame, offset, length) =>
      resolve(Buffer.from(frame.subarray(offset, offset + length)).toString('hex'));
  });
}

test('peers are learned, frames never come back, other channels and garbage are counted', async () => {
  const hub = createZep({ port: 0, relay: true });
  const port = await hub.ready;
  const peers = [{ address: '127.0.0.1', port }];
  const a = createZep({ port: 0, peers });
  const b = createZep({ port: 0, peers });
  const c = createZep({ port: 0, peers, channel: 11 });
  await Promise.all([a.ready, b.ready, c.ready]);
  try {
    let echoes = 0;
    a.onFrame = () => echoes++;
    let heard = nextFrame(hub);
    a.transmit(ACK, 0, 5);
    assert.equal(await heard, '02006ae479');
    assert.equal(hub.peers().length, 1);
    heard = nextFrame(hub);
    const atA = nextFrame(a);
    b.transmit(hex('ff 01ffff e479'), 1, 3);
    assert.equal(await heard, '01ffff');
    assert.equal(await atA, '01ffff', 'the hub passes it on');
    a.onFrame = () => echoes++;
    const atB = nextFrame(b);
    hub.transmit(hex('030303'), 0, 3);
    assert.equal(await atB, '030303');
    // From another channel, then garbage; what comes after them shows that they have been seen.
    c.transmit(ACK, 0, 5);
    const raw = createSocket('udp4');
    await new Promise<void>((resolve) => raw.send(hex('455802'), port, '127.0.0.1', () => resolve()));
    raw.close();
    heard = nextFrame(hub);
    while (hub.counters.malformed + hub.counters.otherChannel < 2) {
      b.transmit(hex('040404'), 0, 3);
      await heard;
      heard = nextFrame(hub);
    }
    assert.deepEqual([hub.counters.malformed, hub.counters.otherChannel], [1, 1]);
    assert.equal(hub.peers().length, 2, 'neither became a peer');
    assert.ok(echoes > 0, 'a hears b and the hub');
    assert.equal(b.counters.received, 1, 'b never hears itself');
  } finally {
    for (const radio of [hub, a, b, c]) radio.close();
    await Promise.all([hub, a, b, c].map((radio) => radio.closed));
  }
});

test('a port in use rejects `ready`; a send that fails is counted; sending after close is nothing', async () => {
  const first = createZep({ port: 0 });
  const port = await first.ready;
  const second = createZep({ port });
  await assert.rejects(second.ready, /EADDRINUSE/);
  assert.equal(second.counters.socketErrors, 1);
  second.close();
  await second.closed;
  first.transmit(ACK, 0, 5);
  assert.equal(first.counters.noPeer, 1);
  const third = createZep({ port: 0, peers: [{ address: 'not-an-address.invalid', port: 1 }] });
  await third.ready;
  third.transmit(ACK, 0, 5);
  while (third.counters.sendErrors === 0) await new Promise(setImmediate);
  third.close();
  third.transmit(ACK, 0, 5);
  assert.equal(third.counters.sent, 1);
  first.close();
  await Promise.all([first.closed, third.closed]);
});

test('two MACs in real time over ZEP', async () => {
  const zeps = [createZep({ port: 0 }), createZep({ port: 0 })];
  const port = await zeps[0].ready;
  zeps[1].close();
  zeps[1] = createZep({ port: 0, peers: [{ address: '127.0.0.1', port }] });
  await zeps[1].ready;
  const events: string[] = [];
  const ended = createSocket('udp4');
  const drivers = zeps.map((phy, index) => {
    const mac = createMac({
      panId: PAN,
      shortAddress: index + 1,
      extendedAddress: extendedOf(index + 1),
      phy,
      upper: {
        received: (_buffer, _offset, length) => events.push(`received ${length}`),
        sent: (_handle, result) => {
          events.push(`sent ${result}`);
          ended.emit('sent');
        },
      },
      random: createRandom(index).fill,
      queue: 1,
      neighbours: 1,
      ackWait: 2000,
    });
    const driver = drive(mac);
    phy.onFrame = (frame, offset, length) => {
      mac.receive(frame, offset, length, driver.now());
      driver.wake();
    };
    return { mac, driver };
  });
  const sent = once(ended, 'sent');
  const [, from] = drivers;
  assert.ok(from.mac.send(addressOf(new Uint8Array([0, 1])), new Uint8Array(10), 0, 10, from.driver.now()) > 0);
  from.driver.wake();
  await sent;
  assert.deepEqual(events, ['received 10', 'sent 0']);
  for (const { driver } of drivers) driver.stop();
  for (const zep of zeps) zep.close();
  ended.close();
  await Promise.all(zeps.map((zep) => zep.closed));
});

test('port 0 becomes no peer', { skip: portZeroMissing() }, async () => {
  const radio = createZep({ port: 0, riot: true });
  const other = createZep({ port: 0, peers: [{ address: '127.0.0.1', port: await radio.ready }] });
  try {
    const heard = nextFrame(radio);
    const data = zepDatagram(ACK, 26, 0, 0, 0);
    const hello = data.slice();
    hello[3] = 255;
    for (const datagram of [data, hello]) sendFromPortZero(await radio.ready, datagram);
    await other.ready;
    other.transmit(ACK, 0, ACK.length);
    await heard;
    assert.deepEqual(radio.peers(), [`127.0.0.1 ${await other.ready}`]);
    assert.deepEqual([radio.counters.received, radio.counters.malformed], [1, 2]);
  } finally {
    radio.close();
    other.close();
  }
});
