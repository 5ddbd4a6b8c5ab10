// The demo's CoAP client in virtual time [RFC 7252 §4.2].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generate, parse } from 'coap-packet';
import { ACK_TIMEOUT, createReadingClient, type ReadingClient, readingMessage } from '../../targets/node/host/coap.ts';

interface Bench {
  client: ReadingClient;
  sent: { octets: Buffer; time: number }[];
  retried: number[];
  ended: string[];
  /** Runs the timers up to `end`. */
  run(end: number): void;
}

function bench(random = 0.5): Bench {
  const sent: Bench['sent'] = [];
  const retried: number[] = [];
  const ended: string[] = [];
  const client = createReadingClient(
    'a',
    {
      transmit: (octets, time) => void sent.push({ octets: Buffer.from(octets), time }),
      retried: (reading) => void retried.push(reading),
      ended: (reading, outcome, ms) => void ended.push(`${reading} ${outcome} ${ms}`),
    },
    () => random,
    0xffff,
  );
  return {
    client,
    sent,
    retried,
    ended,
    run(end) {
      for (let next = client.nextTimeout(); next >= 0 && next <= end; next = client.nextTimeout()) client.poll(next);
    },
  };
}

/** An answer to the message `octets`. */
function answer(octets: Buffer, code: string, changes: object = {}): Buffer {
  const { messageId, token } = parse(octets);
  return generate({ ack: true, code, messageId, token, ...changes });
}

test('a reading is 18 octets, CON POST with one option', () => {
  const octets = readingMessage('a', '{"t":21.5}', 0x1234, 7);
  assert.equal(octets.toString('hex'), '4102123407b161ff7b2274223a32312e357d');
});

test('no answer: four retransmissions with doubled waits, then it has failed', () => {
  for (const random of [0, 0.5, 0.999]) {
    const { client, sent, retried, ended, run } = bench(random);
    client.post(1, '{"t":20.0}', 100);
    run(1e6);
    const first = ACK_TIMEOUT * (1 + random / 2);
    const times = [0, 1, 3, 7, 15].map((n) => 100 + n * first);
    assert.deepEqual(
      sent.map(({ time }) => Math.round(time * 1000)),
      times.map((time) => Math.round(time * 1000)),
    );
    assert.ok(
      sent.every(({ octets }) => octets.equals(sent[0].octets)),
      'the same message, octet for octet',
    );
    assert.deepEqual(retried, [1, 1, 1, 1]);
    assert.match(ended.join(), /^1 failed \d/);
    assert.equal(client.nextTimeout(), -1);
  }
});

test('answers: 2.04 acknowledges, 4.04 and reset fail, strangers change nothing', () => {
  const { client, sent, ended } = bench();
  client.post(1, 'x', 0);
  const [{ octets }] = sent;
  const strangers = [
    answer(octets, '2.04', { messageId: 77 }),
    answer(octets, '2.04', { token: Buffer.of(0x55) }),
    answer(octets, '2.04', { token: Buffer.alloc(0) }),
    generate({ reset: true, ack: false, code: '0.00', messageId: 77 }),
    Buffer.alloc(0),
    Buffer.from('ffffffff', 'hex'),
    Buffer.from('60', 'hex'),
  ];
  for (const stranger of strangers) client.receive(stranger, 5);
  assert.deepEqual(ended, []);
  client.receive(answer(octets, '2.04'), 10);
  client.receive(answer(octets, '2.04'), 11);
  client.post(2, 'x', 20);
  client.receive(answer(sent[1].octets, '4.04'), 30);
  client.post(3, 'x', 40);
  client.receive(generate({ reset: true, code: '0.00', messageId: parse(sent[2].octets).messageId }), 50);
  assert.deepEqual(ended, ['1 acknowledged 10', '2 failed 10', '3 failed 10']);
  assert.equal(sent.length, 3);
});

test('one exchange at a time: the next reading waits for the end of the last', () => {
  const { client, sent, ended, run } = bench();
  client.post(1, 'first', 0);
  client.post(2, 'second', 1);
  assert.equal(sent.length, 1);
  client.receive(answer(sent[0].octets, '2.04'), 10);
  assert.deepEqual(
    sent.map(({ octets }) => parse(octets).payload.toString()),
    ['first', 'second'],
  );
  assert.notEqual(parse(sent[1].octets).messageId, parse(sent[0].octets).messageId);
  run(1e6);
  assert.equal(ended.length, 2);
});

test('a separate response [RFC 7252 §5.2.2]: no retransmission after the empty acknowledgement, the response is confirmed', () => {
  const { client, sent, retried, ended, run } = bench();
  client.post(1, 'x', 0);
  const { messageId, token } = parse(sent[0].octets);
  client.receive(generate({ ack: true, code: '0.00', messageId }), 10);
  run(1000);
  assert.deepEqual([sent.length, retried.length], [1, 0]);
  const response = generate({ confirmable: true, code: '2.04', messageId: 500, token });
  client.receive(response, 1000);
  client.receive(response, 1001);
  assert.deepEqual(ended, ['1 acknowledged 1000']);
  assert.deepEqual(
    sent.slice(1).map(({ octets }) => [parse(octets).ack, parse(octets).messageId]),
    [
      [true, 500],
      [true, 500],
    ],
  );
});
