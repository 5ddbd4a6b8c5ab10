// The CoAP server of demo and board runs [RFC 7252]: octets in, octets out.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { createCoapServer, startCoapServer } from '../../targets/node/lab/coap-server.ts';
import { portZeroMissing, sendFromPortZero } from '../support/port-zero.ts';

function bench() {
  const taken: string[] = [];
  const server = createCoapServer((path, text) => void taken.push(`${path} ${text}`));
  const ask = (octets: string, from = 'a', now = 0): string => {
    const answer = server.receive(Buffer.from(octets.replaceAll(' ', ''), 'hex'), from, now);
    return answer === null ? '' : Buffer.from(answer).toString('hex');
  };
  return { taken, ask };
}

const READING = '4102123407 b161 ff 7b7d';

test('a reading is taken once, and answered as often as it comes', () => {
  const { taken, ask } = bench();
  assert.equal(ask(READING), '6144123407');
  assert.equal(ask(READING, 'a', 1000), '6144123407');
  assert.equal(ask(READING, 'a', 246999), '6144123407');
  assert.deepEqual(taken, ['a {}']);
  assert.equal(ask(READING, 'b', 2000), '6144123407', 'of another client it is another one');
  assert.equal(ask('4102123507 b161 ff 7b7d'), '6144123507');
  assert.equal(ask(READING, 'a', 247001), '6144123407', 'a message ID may be used again after EXCHANGE_LIFETIME');
  assert.equal(taken.length, 4);
});

test('paths, tokens, options that do not matter; not confirmable', () => {
  const { taken, ask } = bench();
  assert.equal(ask('40020001 b161 0162 ff31'), '60440001');
  assert.equal(ask('48020002 0102030405060708 3161 41aa 4161 11aa'), '684400020102030405060708');
  // Observe, elective: longer than it may be, and again.
  assert.equal(ask('4102000407 6401020304 00 5162'), '6144000407');
  assert.deepEqual(taken, ['a/b 1', 'a ', 'b ']);
  assert.match(ask('5102000309 b161 ff31'), /^5144....09$/);
  assert.equal(ask('5102000309 b161 ff31'), '', 'a duplicate is not answered again');
  assert.equal(taken.length, 4);
});

test('other methods, unknown critical options, proxying: their codes; nothing is taken', () => {
  const { taken, ask } = bench();
  for (const [request, answer] of [
    ['4101000107 b161', '6185000107'],
    ['4104000207 b161', '6185000207'],
    ['4102000307 b161 6106', '6182000307'],
    ['4102000407 d20e0102', '6182000407'],
    ['4102000507 d116 61', '61a5000507'],
    ['5102000607 b161 6106', ''],
    // Values of a wrong length, and options that may come once only.
    ['4102000707 30 8161', '6182000707'],
    ['4102000807 3161 0162 8161', '6182000807'],
    ['4102000907 73010203 4161', '6182000907'],
    ['4102000a07 7116 0116 4161', '6182000a07'],
    [`4102000b07 bdf3${'61'.repeat(256)}`, '6182000b07'],
  ]) {
    assert.equal(ask(request), answer, request);
  }
  assert.deepEqual(taken, []);
});

test('what is no request: RST for a confirmable message, silence else', () => {
  const { taken, ask } = bench();
  for (const [octets, answer] of [
    ['40001234', '70001234'],
    ['4144123407', '70001234'],
    ['4d021234 00 aaaaaaaaaaaaaaaaaaaaaaaaaa', '70001234'],
    ['40ff1234', '70001234'],
    ['40201234', '70001234'],
    ['41021234 07 b161 ff', '70001234'],
    ['41021234 07 f0', '70001234'],
    ['41021234 07 b361', '70001234'],
    ['5102123407 b161 ff', ''],
    ['50001234', ''],
    ['60001234', ''],
    ['6144123407', ''],
    ['61021234 07', ''],
    ['70001234', ''],
    ['80021234', ''],
    ['00021234', ''],
    ['400212', ''],
    ['', ''],
  ]) {
    assert.equal(ask(octets), answer, octets);
  }
  assert.deepEqual(taken, []);
});

test('a request from port 0 is not answered, and the server goes on', { skip: portZeroMissing() }, async () => {
  const taken: string[] = [];
  const server = await startCoapServer((path, text) => void taken.push(`${path} ${text}`));
  const socket = createSocket('udp4');
  try {
    const reading = Buffer.from(READING.replaceAll(' ', ''), 'hex');
    sendFromPortZero(server.port, reading);
    socket.send(reading, server.port, '127.0.0.1');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    assert.equal(answer.toString('hex'), '6144123407');
    assert.deepEqual(taken, ['a {}']);
  } finally {
    socket.close();
    server.close();
  }
});
