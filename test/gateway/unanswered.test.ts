// A sensor whose readings stay unanswered, with the times that its file says, in virtual time: it asks IKE, and then for new
// keys, within the 10 s that docs/operations.md promises.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSensor } from '../../core/device/sensor.ts';
import { startGateway } from '../../targets/node/gateway/gateway.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, fakeSockets, PORT, SERVER } from './support.ts';

/** A sensor file, with more of its server. */
function serverOf(more = '') {
  const { server } = readSensor(
    's.yaml',
    `udp: {}\ngateway: { address: 192.0.2.1 }\nserver: { address: "${SERVER}"${more} }\n` +
      'connection: { localId: fqdn:s, auth: { psk: secret } }\n',
  );
  return server!;
}

test('the file of a sensor says ACK_TIMEOUT and MAX_RETRANSMIT; by default RFC 7252 does', () => {
  const { ackTimeout, maxRetransmit } = serverOf();
  assert.deepEqual([ackTimeout, maxRetransmit], [2000, 4]);
  const own = serverOf(', ackTimeout: 0.25, maxRetransmit: 0');
  assert.deepEqual([own.ackTimeout, own.maxRetransmit], [250, 0]);
  assert.throws(() => serverOf(', ackTimeout: 0'), /^FieldError: s\.yaml:3: server\.ackTimeout: 0: must be /);
  assert.throws(() => serverOf(', maxRetransmit: 21'), /^FieldError: s\.yaml:3: server\.maxRetransmit: 21: must be /);
});

/** No server answers. When the sensor repeats its reading, and when it gets new keys, in seconds. */
async function silence(seed: number): Promise<{ repeats: number[]; rekeyed: number }> {
  const medium = createMedium({ seed });
  const { gateway } = await startGateway({
    ...airOn(medium),
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    openSocket: fakeSockets(() => {}).openSocket,
    ike: ikeOf(),
  });
  const { host, sa, told } = ikeSensorOn(medium, 1);
  const { address, port, path, ackTimeout, maxRetransmit } = serverOf();
  const packet = new Uint8Array(1280);
  const sent: number[] = [];
  const app = createSensor(
    {
      server: address,
      serverPort: port,
      path: Buffer.from(path),
      ackTimeout,
      maxRetransmit,
      maxPayload: 64,
      random: createRandom(seed).fill,
      waits: true,
    },
    {
      transmit(buffer, offset, length, destination, destinationPort) {
        sent.push(medium.now);
        const payload = buffer.subarray(offset, offset + length);
        const datagram = { source: sa()!.address, sourcePort: PORT, destination, destinationPort, payload };
        host.send(packet, writeDatagram(packet, datagram));
      },
      payload: (_number, _buffer, at) => at,
      ended: () => {},
      done: () => {},
    },
  );
  app.attach(host.uplink, host.endpoint);
  host.uplink.connect(null, medium.now);
  medium.run(medium.now + 5000);
  app.post(1);
  const before = told.filter((line) => line === 'child').length;
  let rekeyed = -1;
  for (let i = 0; i < 600 && rekeyed < 0; i++) {
    app.poll(medium.now);
    medium.run(medium.now + 100);
    if (told.filter((line) => line === 'child').length > before) rekeyed = (medium.now - sent[0]) / 1000;
  }
  await gateway.close();
  return { repeats: sent.slice(1).map((at) => (at - sent[0]) / 1000), rekeyed };
}

test('with the times of RFC 7252 the third unanswered transmission leads to new keys within 10 s', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { repeats, rekeyed } = await silence(seed);
    assert.ok(repeats[0] >= 2 && repeats[0] <= 3.1, `${repeats}`);
    assert.ok(repeats[1] >= 6 && repeats[1] <= 9.1, `${repeats}`);
    assert.ok(rekeyed > repeats[1] && rekeyed < 10, `${rekeyed} s`);
  }
});
