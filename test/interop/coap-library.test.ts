// CoAP with an implementation that is not ours, npm `coap`, over UDP on the loopback: our client at its server, with
// answers piggybacked and separate; its client at our server.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import coap from 'coap';
import { createCoapClient } from '../../core/device/coap.ts';
import { drive } from '../../targets/node/host/radio/drive.ts';
import { startCoapServer } from '../../targets/node/lab/coap-server.ts';

async function bound() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

test('our client at its server', async () => {
  const their = await bound();
  const own = await bound();
  const got: string[] = [];
  const server = coap.createServer((request, response) => {
    got.push(`${request.method} ${request.url} ${request.payload.toString()}`);
    response.code = got.length === 3 ? '4.04' : '2.04';
    // Later than it waits with the empty ACK: the second answer comes on its own.
    if (got.length === 2) setTimeout(() => response.end(), 200);
    else response.end();
  });
  server.listen(their);
  const types: number[] = [];
  let ended: (outcome: string) => void = () => {};
  const client = createCoapClient(
    {
      path: Buffer.from('s/1'),
      ackTimeout: 5000,
      maxRetransmit: 2,
      maxPayload: 8,
      random: (buffer, offset, length) => void buffer.fill(9, offset, offset + length),
    },
    {
      transmit: (buffer, offset, length) => void own.send(buffer.slice(offset, offset + length), their.address().port),
      answer: (buffer, offset, length) => void own.send(buffer.slice(offset, offset + length), their.address().port),
      payload(reading, buffer, at) {
        buffer[at] = 48 + reading;
        return at + 1;
      },
      ended: (reading, acknowledged) => ended(`${reading} ${acknowledged}`),
    },
  );
  const driver = drive(client);
  own.on('message', (octets) => {
    types.push(octets[0] >>> 4);
    client.receive(octets, 0, octets.length, true, driver.now());
    driver.wake();
  });
  try {
    const outcomes: string[] = [];
    for (let reading = 1; reading <= 3; reading++) {
      const outcome = new Promise<string>((resolve) => {
        ended = resolve;
      });
      client.post(reading, driver.now());
      driver.wake();
      outcomes.push(await outcome);
    }
    assert.deepEqual(outcomes, ['1 true', '2 true', '3 false']);
    assert.deepEqual(got, ['POST /s/1 1', 'POST /s/1 2', 'POST /s/1 3']);
    // ACK with the answer; empty ACK, then CON; ACK.
    assert.deepEqual(types, [6, 6, 4, 6]);
  } finally {
    driver.stop();
    server.close();
    their.close();
    own.close();
  }
});

test('its client at our server', async () => {
  const taken: string[] = [];
  const server = await startCoapServer((path, text) => void taken.push(`${path} ${text}`));
  const agent = new coap.Agent({ type: 'udp4' });
  const ask = async (
    method: 'POST' | 'GET',
    pathname: string,
    payload: string,
    options: object = {},
  ): Promise<string> => {
    const request = coap.request({ hostname: '127.0.0.1', port: server.port, method, pathname, agent, ...options });
    request.end(payload);
    const [response] = (await once(request, 'response')) as [{ code: string }];
    return response.code;
  };
  try {
    assert.equal(await ask('POST', '/a', '{"n":1}'), '2.04');
    assert.equal(await ask('POST', '/a/b', '{"n":2}', { confirmable: false }), '2.04');
    assert.equal(await ask('GET', '/a', ''), '4.05');
    assert.equal(await ask('POST', '/a', 'x', { options: { 9: Buffer.of(1) } }), '4.02');
    assert.deepEqual(taken, ['a {"n":1}', 'a/b {"n":2}']);
  } finally {
    agent.close();
    server.close();
  }
});
