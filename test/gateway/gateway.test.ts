// The gateway against devices, in virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf } from '../../core/base/address.ts';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import {
  clockOf,
  type FakeSocket,
  fakeSockets,
  GATEWAY,
  innerOf,
  outerOf,
  PAN,
  PORT,
  pairOf,
  SERVER,
  saOf,
  seeded,
  sensorOn,
} from './support.ts';

const FLOW = { destination: SERVER, port: PORT, to: '127.0.0.1:9' };

async function gatewayOn(media: Medium[], changes: Partial<GatewayConfig> = {}): Promise<Gateway> {
  return createGateway({
    radios: media.map((medium, index) => ({
      radio: medium.radio(),
      panId: PAN,
      shortAddress: 0,
      extendedAddress: `02000000000000f${index}`,
    })),
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    sas: [],
    flows: [FLOW],
    provider: seeded(99),
    clock: clockOf(...media),
    ...changes,
  });
}

/** Server that answers each datagram with its text and an exclamation mark. */
function echoServer() {
  return fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!')));
}

function answerTo(index: number, text: string, ports = PORT): Uint8Array {
  const packet = new Uint8Array(1280);
  const length = writeDatagram(packet, {
    source: addressOctets(SERVER)!,
    sourcePort: ports,
    destination: addressOctets(innerOf(index))!,
    destinationPort: ports,
    payload: Buffer.from(text),
  });
  return packet.subarray(0, length);
}

test('many SAs over a lossy medium: every datagram arrives once, every answer finds its sensor', async () => {
  const medium = createMedium({ seed: 5, loss: 0.05, duplicate: 0.05, spread: 1 });
  const indices = [1, 2, 3, 4, 5, 6];
  const server = echoServer();
  const gateway = await gatewayOn([medium], { sas: indices.flatMap((i) => pairOf(i)), openSocket: server.openSocket });
  const sensors = indices.map((index) => sensorOn(medium, index));
  for (let n = 0; n < 40; n++) {
    sensors.forEach((sensor, k) => {
      medium.at(medium.now + 100 * n + 7 * k, () => assert.ok(sensor.send(`${sensor.index}.${n}`) > 0));
    });
  }
  medium.settle(60000);
  assert.equal(server.sockets.length, indices.length, 'one socket for each source');
  const arrived = server.sockets.flatMap((socket) => socket.sent);
  assert.equal(new Set(arrived).size, arrived.length, 'no duplicate got through');
  for (const sensor of sensors) {
    const sent = sensor.done.filter((result) => result === 0).length;
    const own = arrived.filter((text) => text.startsWith(`${sensor.index}.`));
    assert.ok(own.length >= sent && sent > 35, `${sent} acknowledged of 40, ${own.length} arrived`);
    for (const text of sensor.heard) assert.ok(own.includes(text.slice(0, -1)), `${text} is for another sensor`);
    assert.ok(sensor.heard.length > 35);
  }
  const metrics = gateway.metrics();
  assert.equal(metrics.flows.delivered, arrived.length);
  assert.equal(metrics.flows.answers, arrived.length);
  assert.equal(metrics.esp.received, arrived.length);
  assert.deepEqual(metrics.drops, {});
  assert.equal(metrics.sas.length, 12);
  assert.ok(medium.counters.lost > 0 && medium.counters.duplicated > 0);
  assert.ok(metrics.radios[0].retries > 0);
  JSON.stringify(metrics);
  await gateway.close();
});

test('two radios: a peer is learned from authenticated packets, and followed when it moves', async () => {
  const a = createMedium({ seed: 1 });
  const b = createMedium({ seed: 2 });
  const server = echoServer();
  const both = (end: number) => {
    // In steps, so that the two clocks stay within a millisecond.
    for (let time = Math.max(a.now, b.now) + 1; time <= end; time++) {
      a.run(time);
      b.run(time);
    }
  };
  const gateway = await gatewayOn([a, b], {
    sas: [...pairOf(1), ...pairOf(2)],
    openSocket: server.openSocket,
    peers: [{ address: outerOf(2), radio: 'radio1', link: '0002' }],
  });
  const seen: string[] = [];
  gateway.on('peer', (address, radio) => seen.push(`${address} ${radio}`));
  const one = sensorOn(a, 1);
  const two = sensorOn(b, 2);
  // Unknown and known peers, before anything was heard.
  assert.equal(gateway.send(answerTo(1, 'early')), 'no-neighbour');
  assert.equal(gateway.send(answerTo(2, 'early')), '');
  one.send('x');
  two.send('y');
  both(50);
  assert.deepEqual([one.heard, two.heard], [['x!'], ['early', 'y!']]);
  assert.deepEqual(seen, ['fd00::ff:fe00:1 radio0']);

  // Sensor 1 moves to the other medium, with another short address; its SAs go on.
  const sas = pairOf(1, { esp_sn: '2' });
  const moved = sensorOn(b, 1, { link: 0x31, sas });
  moved.send('z');
  both(100);
  assert.deepEqual(moved.heard, ['z!']);
  assert.deepEqual(seen, ['fd00::ff:fe00:1 radio0', 'fd00::ff:fe00:1 radio1']);

  // A frame that does not authenticate, from yet another address, moves nothing.
  const forged = sensorOn(a, 1, { link: 0x66, sas: pairOf(1, { esp_sn: '9', key: '11'.repeat(16) }) });
  forged.send('bad');
  both(150);
  const metrics = gateway.metrics();
  assert.deepEqual(metrics.esp.drops, { icv: 1 });
  const peer = metrics.peers.find(({ address }) => address === 'fd00::ff:fe00:1');
  assert.deepEqual([peer?.radio, peer?.link, peer?.configured], ['radio1', '0031', false]);
  await gateway.close();
});

test('what is dropped is counted: no SA, replay, unprotected, no flow, closed', async () => {
  const medium = createMedium({ seed: 3 });
  const server = echoServer();
  const wide = { ts_port_dst: [0, 65535], ts_port_src: [0, 65535] };
  const gateway = await gatewayOn([medium], { sas: pairOf(1, wide), openSocket: server.openSocket });
  const one = sensorOn(medium, 1, { sas: pairOf(1, wide) });
  const stranger = sensorOn(medium, 2);
  stranger.send('?');
  medium.settle(1000);
  assert.deepEqual(gateway.metrics().esp.drops, { 'no-sa': 1 });

  // The same packet again in a new frame: a device with the same state.
  one.send('first');
  medium.settle(2000);
  sensorOn(medium, 1, { sas: pairOf(1, wide), link: 9 }).send('first');
  medium.settle(3000);
  assert.deepEqual(gateway.metrics().esp.drops, { 'no-sa': 1, replay: 1 });
  assert.equal(gateway.metrics().peers[0].link, '0001', 'a replayed packet moves no peer');

  const server2 = addressOctets(SERVER)!;
  one.device.send(Buffer.from('other port'), 0, 10, PORT, server2, 7, medium.now);
  medium.settle(4000);
  assert.deepEqual(gateway.metrics().drops, { 'no-flow': 1 });
  const packets: string[] = [];
  gateway.on('packet', (packet, info) => packets.push(`${packet.length} ${info.sa} ${info.peer}`));
  one.device.send(Buffer.from('other port'), 0, 10, PORT, server2, 7, medium.now);
  medium.settle(5000);
  assert.deepEqual(packets, ['58 1 up fd00::ff:fe00:1']);

  // A clear IPv6 packet.
  const clear = answerTo(1, 'clear');
  stranger.device.lowpan.send(clear, 0, clear.length, addressOf(Uint8Array.of(0, 0)), medium.now);
  medium.settle(6000);
  assert.deepEqual(gateway.metrics().drops, { 'no-flow': 1, unprotected: 1 });

  // A listener that throws.
  gateway.on('packet', () => {
    throw new Error('broken listener');
  });
  one.device.send(Buffer.from('other port'), 0, 10, PORT, server2, 7, medium.now);
  medium.settle(7000);
  assert.equal(gateway.metrics().drops['listener'], 1);

  assert.equal(gateway.send(answerTo(3, 'nobody')), 'no-sa');
  assert.equal(gateway.send(new Uint8Array(3)), 'no-sa');
  assert.equal(gateway.send(new Uint8Array(0)), 'no-sa');
  assert.equal(gateway.send(new Uint8Array(60000).fill(0x61)), 'no-sa');
  await gateway.close();
  assert.equal(gateway.send(answerTo(1, 'late')), 'closed');
  await gateway.close();
});

test('any octets as frames, and as frames with a good FCS: nothing throws', async () => {
  const medium = createMedium({ seed: 4 });
  const gateway = await gatewayOn([medium], { sas: pairOf(1) });
  const one = sensorOn(medium, 1);
  const frames: Uint8Array[] = [];
  const radio = medium.radio();
  radio.onFrame = (frame, offset, length) => frames.push(frame.slice(offset, offset + length));
  one.send('x'.repeat(60));
  medium.settle(100);
  const frame = frames[0];
  const { putFcs } = await import('../../core/wire/ieee802154.ts');
  for (let i = 0; i < 2000; i++) {
    const bad = new Uint8Array(127);
    bad.set(frame);
    const length = i % 3 === 0 ? frame.length : 3 + medium.random.below(125);
    for (let n = 0; n < 3; n++) bad[medium.random.below(length)] = medium.random.below(256);
    if (i % 2 === 0) putFcs(bad, 0, length - 2);
    radio.transmit(bad, 0, length);
    medium.settle(medium.now + 50);
  }
  const { drops, esp } = gateway.metrics();
  assert.equal(drops['internal'], undefined);
  assert.ok((esp.drops['icv'] ?? 0) > 0 && (esp.drops['no-sa'] ?? 0) > 0);
  await gateway.close();
});

test('queue full, no acknowledgement: lost peers are told of, and come back', async () => {
  const medium = createMedium({ seed: 6 });
  const gateway = await gatewayOn([medium], {
    sas: pairOf(1),
    peers: [{ address: outerOf(1), link: '0001' }],
    radios: [{ radio: medium.radio(), panId: PAN, shortAddress: 0, queue: 2 }],
  });
  const told: string[] = [];
  gateway.on('lost', (address) => told.push(`lost ${address}`));
  gateway.on('back', (address) => told.push(`back ${address}`));
  assert.deepEqual(
    [1, 2, 3].map((n) => gateway.send(answerTo(1, `${n}`))),
    ['', '', 'queue'],
  );
  assert.equal(gateway.metrics().radios[0].waiting, 2);
  medium.settle(1000);
  assert.equal(gateway.metrics().radios[0].waiting, 0);
  assert.equal(gateway.send(answerTo(1, '4')), '');
  medium.settle(2000);
  assert.deepEqual(told, ['lost fd00::ff:fe00:1']);
  const [radio] = gateway.metrics().radios;
  assert.deepEqual([radio.macDrops, radio.lowpanDrops], [{ 'no-ack': 3 }, { queue: 1, 'no-ack': 3 }]);
  assert.equal(radio.retries, 9);

  const one = sensorOn(medium, 1);
  assert.equal(gateway.send(answerTo(1, '5')), '');
  medium.settle(3000);
  one.send('here');
  medium.settle(4000);
  assert.deepEqual(one.heard, ['5']);
  assert.deepEqual(told, ['lost fd00::ff:fe00:1', 'back fd00::ff:fe00:1']);
  await gateway.close();
});

test('sockets: errors are counted, a closed one is opened anew, idle ones close, their number is bounded', async () => {
  const medium = createMedium({ seed: 7 });
  const server = fakeSockets();
  const wide = { ts_port_src: [0, 65535] };
  const gateway = await gatewayOn([medium], {
    sas: [saOf(1, true, wide), saOf(1, false, { ts_port_dst: [0, 65535] })],
    openSocket: server.openSocket,
    sessions: 2,
    idle: 1000,
  });
  const one = sensorOn(medium, 1, { sas: [saOf(1, true, wide), saOf(1, false, { ts_port_dst: [0, 65535] })] });
  const from = (port: number) => {
    assert.ok(one.device.send(Buffer.from('x'), 0, 1, port, addressOctets(SERVER)!, PORT, medium.now) > 0);
    medium.run(medium.now + 20);
  };
  const state = () => {
    const { open, opened, idle, evicted, failed, socketErrors, dropped } = gateway.metrics().flows;
    return { open, opened, idle, evicted, failed, socketErrors, dropped };
  };
  const socket = (n: number): FakeSocket => server.sockets[n];
  from(1);
  socket(0).upper.failed(new Error('connection refused'), false);
  from(1);
  assert.equal(socket(0).sent.length, 2, 'the socket is still used');
  socket(0).upper.failed(new Error('closed'), true);
  from(1);
  assert.equal(socket(1).sent.length, 1);
  assert.deepEqual(state(), { open: 1, opened: 2, idle: 0, evicted: 0, failed: 1, socketErrors: 2, dropped: 0 });
  socket(1).works = false;
  from(1);
  assert.equal(state().dropped, 1);
  socket(1).works = true;

  from(2);
  from(1);
  from(3);
  assert.ok(socket(2).isClosed && !socket(1).isClosed, 'the one idle for longest makes room');
  assert.equal(state().evicted, 1);
  // Its late answer is still sent; it opens nothing.
  socket(2).upper.message(Buffer.from('late'));
  medium.run(medium.now + 20);
  assert.deepEqual(one.heard, ['late']);
  medium.run(medium.now + 1100);
  assert.deepEqual(state(), { open: 0, opened: 4, idle: 2, evicted: 1, failed: 1, socketErrors: 2, dropped: 1 });

  // An answer that no outer packet can carry.
  from(1);
  socket(4).upper.message(new Uint8Array(5000));
  socket(4).upper.message(new Uint8Array(3000));
  // One is too long to be built, the other for the radio.
  assert.equal(gateway.metrics().drops['too-long'], 2);
  await gateway.close();
  assert.ok(socket(4).isClosed);
});

test('SAs at run time: a newer one is used first, a removed one no more', async () => {
  const medium = createMedium({ seed: 8 });
  const server = echoServer();
  const gateway = await gatewayOn([medium], { sas: pairOf(1), openSocket: server.openSocket });
  const one = sensorOn(medium, 1);
  one.send('a');
  medium.settle(1000);
  const [up, down] = [saOf(1, true, { esp_spi: '2071' }), saOf(1, false, { esp_spi: '2072' })];
  for (const sa of [up, down]) gateway.addSa({ ...sa, name: 'new' });
  assert.throws(() => gateway.addSa(up), /esp_spi: 8305: /);
  one.device.addSas(up.config, down.config);
  one.device.removeSas(0x1003);
  one.send('b');
  medium.settle(2000);
  assert.deepEqual(one.heard, ['a!', 'b!']);
  assert.ok(gateway.removeSa('1 up') && gateway.removeSa('1 down'));
  assert.ok(!gateway.removeSa('1 up'));
  one.send('c');
  medium.settle(3000);
  assert.deepEqual(one.heard, ['a!', 'b!', 'c!']);
  assert.deepEqual(
    gateway.metrics().sas.map(({ name, direction, packets, sn }) => [name, direction, packets, sn]),
    [
      ['new', 'in', 2, '2'],
      ['new', 'out', 2, '2'],
    ],
  );
  gateway.removeSa('new');
  one.send('d');
  medium.settle(4000);
  assert.deepEqual(gateway.metrics().esp.drops, { 'no-sa': 1 });
  await gateway.close();
});

test('IPv4 inside, and packets of several frames', async () => {
  const medium = createMedium({ seed: 9 });
  const four = (up: boolean) => {
    const [src, dst] = up ? ['192.0.2.1', '198.51.100.7'] : ['198.51.100.7', '192.0.2.1'];
    return saOf(1, up, {
      ts_ip_version: 4,
      ts_ip_src: [src, src],
      ts_ip_dst: [dst, dst],
      esp_spi: up ? '3000' : '3001',
    });
  };
  const server = echoServer();
  const gateway = await gatewayOn([medium], {
    sas: [...pairOf(1), { ...four(true), name: 'four' }, four(false)],
    openSocket: server.openSocket,
    flows: [FLOW, { destination: '198.51.100.7', port: PORT, to: '127.0.0.1:10' }],
  });
  const one = sensorOn(medium, 1);
  one.device.addSas(four(true).config, four(false).config);
  one.send('y'.repeat(900));
  medium.settle(1000);
  assert.deepEqual(one.heard, ['y'.repeat(900) + '!']);
  assert.ok(gateway.metrics().radios[0].frames > 8);

  // The device builds IPv6 only: an IPv4 packet is made here and protected by its SA.
  const { outbound } = await import('../../core/esp/outbound.ts');
  const packet = new Uint8Array(100);
  const length = writeDatagram(packet, {
    source: addressOctets('192.0.2.1')!,
    sourcePort: PORT,
    destination: addressOctets('198.51.100.7')!,
    destinationPort: PORT,
    payload: Buffer.from('four'),
  });
  const outer = new Uint8Array(300);
  const { device } = one;
  const size = outbound(device.endpoint, device.outgoing[1], packet, 0, length, outer, 0, medium.now);
  assert.ok(device.lowpan.send(outer, 0, size, addressOf(Uint8Array.of(0, 0)), medium.now) > 0);
  medium.settle(2000);
  assert.equal(server.sockets[1].target.port, 10);
  assert.deepEqual(server.sockets[1].sent, ['four']);
  assert.equal(gateway.metrics().esp.sent, 2, 'the answer went out under the IPv4 SA');
  assert.equal(device.endpoint.received, 2);
  await gateway.close();
});
