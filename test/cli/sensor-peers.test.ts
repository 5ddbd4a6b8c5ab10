// `dietesp sensor` with bad peers: a server that sends what it must not, a gateway that lost its state.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { dietesp } from './run.ts';

import {
  CONNECTION,
  cleanups,
  gatewayOf,
  hostBehind,
  obedient,
  READINGS,
  SERVER,
  sensorFile,
  udpGateway,
} from './sensor-support.ts';

test('what a server must not send: RST, and no reading is taken for acknowledged by it', async () => {
  const socket: Socket = createSocket('udp4');
  cleanups.push(() => void socket.close());
  const posts: string[] = [];
  const others: string[] = [];
  socket.on('message', (octets, from) => {
    const send = (hex: string): void => void socket.send(Buffer.from(hex, 'hex'), from.port, from.address);
    if (octets[1] !== 2) {
      others.push(octets.toString('hex'));
      return;
    }
    posts.push(octets.toString('hex'));
    const answer = `6144${octets.toString('hex', 2, 5)}`;
    if (posts.length > 1) send(answer);
    // A ping, a GET, a token of 13 octets, a reserved code; then an answer with an unknown critical option.
    else
      for (const hex of ['40001234', '40011235b161', `4d44123600${'aa'.repeat(13)}`, '40ff1237', `${answer}e006f4`])
        send(hex);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const flows = `flows: [{ destination: "${SERVER}", port: 5683, to: "127.0.0.1:${socket.address().port}" }]\n`;
  const config = sensorFile('rejects.yaml', await udpGateway(flows), { more: READINGS });
  const { code, stdout } = await dietesp('sensor', '--config', config, '--once', '--json');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /"event":"reading","reading":1,.*"outcome":"acknowledged"/);
  assert.equal(posts.length, 2, 'the reading was sent again');
  assert.equal(posts[0], posts[1]);
  assert.deepEqual(others.sort(), ['70001234', '70001235', '70001236', '70001237']);
});

test('resume at a gateway that does not know the ticket: what happened is told, a whole handshake', async () => {
  const first = await udpGateway();
  const sensor = obedient(sensorFile('refused.yaml', first));
  const figures = async () => {
    const { resumed, messages, octets } = await sensor.event('established');
    sensor.lines.length = 0;
    return { resumed, messages, octets: Number(octets) };
  };
  const whole = await figures();
  assert.deepEqual([whole.resumed, whole.messages], [false, 4]);
  assert.equal((await sensor.tell('resume')).ok, true);
  const resumed = await figures();
  assert.deepEqual([resumed.resumed, resumed.messages], [true, 4]);
  assert.ok(resumed.octets < whole.octets, 'no key exchange');
  const { port, natPort } = first;
  await first.gateway.close();
  hostBehind(
    await gatewayOf(
      `udp: [{ address: "127.0.0.1", port: ${port}, natPort: ${natPort} }]\npool: ["2001:db8:1::/64"]\n${CONNECTION}`,
    ),
  );
  assert.equal((await sensor.tell('resume')).ok, true);
  const refused = await figures();
  // The ticket and its refusal, then IKE_SA_INIT and IKE_AUTH.
  assert.deepEqual([refused.resumed, refused.messages], [false, 6]);
  assert.ok(refused.octets > whole.octets);
  assert.equal((await sensor.tell('ping', { to: SERVER })).ok, true);
  await sensor.tell('quit');
  assert.deepEqual(await sensor.exited, [0, null]);
});
