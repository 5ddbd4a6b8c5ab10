// A gateway that is killed and starts again without its SAs, in virtual time: INVALID_SPI and INVALID_IKE_SPI make the sensor
// find out, a token makes it sure [RFC 7296 §1.5, RFC 6290].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { OUTCOME_PEER_CRASHED, OUTCOME_TIMEOUT } from '../../core/ike/state/outcome.ts';
import { createAdvice, createAnswerLimit } from '../../targets/node/gateway/advice.ts';
import { startGateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { createWorld, path, policy } from '../ike/pair.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, echoFlow } from './support.ts';

const KEY = '000102030405060708090a0b0c0d0e0f';

type Medium = ReturnType<typeof createMedium>;

function start(medium: Medium, seed: number, top: string) {
  return startGateway({
    ...airOn(medium, seed),
    ...echoFlow(),
    ike: ikeOf('', top),
  });
}

/** The seconds from the restart of the gateway to the next answer, and what ended on the sensor. */
async function restart(top: string, perSecond = 1): Promise<{ seconds: number; told: string[] }> {
  const medium = createMedium({ seed: 5 });
  const first = await start(medium, 99, top);
  const sensor = ikeSensorOn(medium, 1, { retry: 5000 });
  sensor.host.uplink.connect(null, medium.now);
  medium.run(medium.now + 5000);
  sensor.send('first');
  medium.run(medium.now + 1000);
  assert.deepEqual(sensor.heard, ['first!']);
  medium.run(medium.now + 60000);
  await first.gateway.close();
  medium.run(medium.now + 1000);
  const told = sensor.told.length;
  const second = await start(medium, 100, top);
  let seconds = 0;
  for (; seconds < 120 && sensor.heard.length === 1; seconds++) {
    for (let i = 0; i < perSecond; i++) {
      if (sensor.sa() !== null) sensor.send(`reading ${seconds} ${i}`);
      medium.run(medium.now + 1000 / perSecond);
    }
  }
  await second.gateway.close();
  return { seconds, told: sensor.told.slice(told) };
}

test('without a store and without a key of tickets: within 30 s', async () => {
  const { seconds, told } = await restart('');
  assert.ok(seconds <= 30, `${seconds} s`);
  assert.ok(
    told.some((line) => line === `down ${OUTCOME_TIMEOUT}`),
    told.join(),
  );
});

test('with a key of tickets in the file there are tokens: within 3 s', async () => {
  const { seconds, told } = await restart(`ticketKey: ${KEY}\n`);
  assert.ok(seconds <= 3, `${seconds} s`);
  assert.ok(
    told.some((line) => line === `down ${OUTCOME_PEER_CRASHED}`),
    told.join(),
  );
});

test('forty sensors behind one NAT get their tokens, however many of their packets come first', () => {
  const { gateway } = createWorld(policy('gateway', 'device', 2, 1));
  const sent: number[] = [];
  gateway.ike.upper.transmit = (_path, _replyTo, _octets, _at, length) => void sent.push(length);
  const advice = createAdvice(gateway.ike.provider, null, new Uint8Array(16), () => [gateway.ike]);
  gateway.ike.unprotected = advice.unprotected;
  for (let i = 0; i < 1000; i++) advice.unknownSpi(gateway.ike, path(), 1000 + i, 0);
  assert.equal(sent.splice(0).length, 4);
  for (let i = 0; i < 40; i++) {
    const request = Buffer.from(`${'5a'.repeat(15)}${(16 + i).toString(16)}2e202508000000070000003800000000`, 'hex');
    const octets = Buffer.concat([request, Buffer.alloc(24)]);
    octets.writeUInt16BE(28, 30);
    receiveIke(gateway.ike, { ...path(), remotePort: 5000 + i }, octets, 0, octets.length, 0);
  }
  assert.equal(sent.length, 40);
});

test('a sensor that sends ten readings a second gets its token as soon', async () => {
  const { seconds, told } = await restart(`ticketKey: ${KEY}\n`, 10);
  assert.ok(seconds <= 3, `${seconds} s`);
  assert.ok(
    told.some((line) => line === `down ${OUTCOME_PEER_CRASHED}`),
    told.join(),
  );
});

test('answers without protection: four to a source at once, then one each 2 s, and 100 a second in all', () => {
  const allows = createAnswerLimit();
  const from = (n: number) => ({ ...path(), remote: Uint8Array.of(10, n >>> 16, n >>> 8, n) });
  const many = (n: number, now: number): number =>
    Array.from({ length: 100 }, () => allows(from(n), now)).filter(Boolean).length;
  assert.equal(many(1, 0), 4);
  assert.equal(many(1, 1999), 0);
  assert.equal(many(1, 4000), 2);
  let all = 0;
  for (let n = 0; n < 20000; n++) if (allows(from(n), 100000)) all++;
  assert.equal(all, 200);
  let later = 0;
  for (let n = 0; n < 20000; n++) if (allows(from(n), 101000)) later++;
  assert.equal(later, 100);
});
