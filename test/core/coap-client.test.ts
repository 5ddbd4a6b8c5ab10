// CoAP of sensors [RFC 7252] in virtual time: readings, their answers, repetition, and other datagrams to its port. Messages of
// the other side are octets, or made by npm `coap-packet`, which also reads ours.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generate, type ParsedPacket, parse } from 'coap-packet';
import { type CoapClient, createCoapClient } from '../../core/device/coap.ts';
import { REJECTED } from './coap-cases.ts';

const ACK_TIMEOUT = 2000;
const MAX_RETRANSMIT = 4;

interface Bench {
  client: CoapClient;
  sent: { octets: Buffer; repeat: number; time: number }[];
  /** Answers to what came: hexadecimal. */
  answers: string[];
  ended: string[];
  /** The payload of readings. */
  text: string;
  post(reading: number, now: number): void;
  receive(octets: Buffer, now?: number, isServer?: boolean): number;
  /** Runs the timers up to `end`. */
  run(end: number): void;
  /** The reading that was sent last. */
  last(): ParsedPacket;
}

/** `chance`: the random octet of a time-out; message IDs begin with 0. */
function bench(chance = 128, path = 'a'): Bench {
  const bench: Bench = {
    sent: [],
    answers: [],
    ended: [],
    text: '{"t":21.5}',
    client: createCoapClient(
      {
        path: Buffer.from(path),
        ackTimeout: ACK_TIMEOUT,
        maxRetransmit: MAX_RETRANSMIT,
        maxPayload: 64,
        random: (buffer, offset, length) => void buffer.fill(length === 2 ? 0xff : chance, offset, offset + length),
      },
      {
        transmit: (buffer, offset, length, repeat, time) =>
          void bench.sent.push({ octets: Buffer.from(buffer.slice(offset, offset + length)), repeat, time }),
        answer: (buffer, offset, length) =>
          void bench.answers.push(Buffer.from(buffer.slice(offset, offset + length)).toString('hex')),
        payload(_reading, buffer, at) {
          const octets = Buffer.from(bench.text);
          buffer.set(octets, at);
          return at + octets.length;
        },
        ended: (reading, acknowledged, ms) =>
          void bench.ended.push(`${reading} ${acknowledged ? 'acknowledged' : 'failed'} ${ms}`),
      },
    ),
    post: (reading, now) => bench.client.post(reading, now),
    receive(octets, now = 5, isServer = true) {
      // In the middle of other octets, which must not matter.
      const memory = Buffer.alloc(octets.length + 9, 0xb1);
      memory.set(octets, 4);
      return bench.client.receive(memory, 4, octets.length, isServer, now);
    },
    run(end) {
      const { client } = bench;
      for (let next = client.nextTimeout(); next >= 0 && next <= end; next = client.nextTimeout()) client.poll(next);
    },
    last: () => parse(bench.sent.at(-1)!.octets),
  };
  return bench;
}

/** An answer to `request`. */
function answer({ messageId, token }: ParsedPacket, code: string, changes: object = {}): Buffer {
  return generate({ ack: true, code, messageId, token, ...changes });
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const id = (messageId: number): string => messageId.toString(16).padStart(4, '0');

test('a reading is 18 octets: CON POST with one option', () => {
  const b = bench();
  b.post(1, 0);
  assert.equal(b.sent[0].octets.toString('hex'), '4102000000b161ff7b2274223a32312e357d');
  b.run(1e6);
  b.text = '';
  b.post(2, 1e6);
  assert.equal(b.sent.at(-1)!.octets.toString('hex'), '4102000101b161', 'no marker without a payload');
});

test('a path is an option for each of its parts', () => {
  for (const [path, parts] of [
    ['a/b', ['a', 'b']],
    ['/sensors//7/', ['sensors', '7']],
    ['x'.repeat(255), ['x'.repeat(255)]],
    ['', []],
  ] as const) {
    const b = bench(0, path);
    b.post(1, 0);
    const { options, code, confirmable, payload } = b.last();
    assert.deepEqual(
      options.map(({ name, value }) => [name, value.toString()]),
      parts.map((part) => ['Uri-Path', part]),
    );
    assert.deepEqual([code, confirmable, payload.toString()], ['0.02', true, '{"t":21.5}']);
  }
});

test('no answer: four repetitions with doubled waits, octet for octet the same, then it has failed', () => {
  for (const chance of [0, 128, 255]) {
    const b = bench(chance);
    b.post(1, 100);
    b.run(1e6);
    const first = ACK_TIMEOUT + Math.floor((ACK_TIMEOUT * chance) / 512);
    assert.ok(first >= ACK_TIMEOUT && first <= 1.5 * ACK_TIMEOUT);
    assert.deepEqual(
      b.sent.map(({ time, repeat }) => [time, repeat]),
      [0, 1, 3, 7, 15].map((n, repeat) => [100 + n * first, repeat]),
    );
    assert.ok(b.sent.every(({ octets }) => octets.equals(b.sent[0].octets)));
    assert.deepEqual(b.ended, [`1 failed ${31 * first}`]);
    assert.equal(b.client.nextTimeout(), -1);
  }
});

test('answers: 2.xx acknowledges, 4.xx, 5.xx and reset fail', () => {
  const b = bench();
  for (const [code, outcome] of [
    ['2.04', 'acknowledged'],
    ['2.01', 'acknowledged'],
    ['2.31', 'acknowledged'],
    ['4.04', 'failed'],
    ['5.03', 'failed'],
  ]) {
    b.post(1, 0);
    assert.equal(b.receive(answer(b.last(), code), 10), 0);
    assert.deepEqual(b.ended.splice(0), [`1 ${outcome} 10`]);
    assert.ok(b.receive(answer(b.last(), code), 11) < 0, 'once');
  }
  b.post(2, 20);
  assert.equal(b.receive(generate({ reset: true, code: '0.00', messageId: b.last().messageId }), 30), 0);
  assert.deepEqual(b.ended, ['2 failed 10']);
  assert.deepEqual(b.answers, [], 'nothing answers an ACK or a RST');
});

test('a separate response: no repetition after the empty ACK; it is acknowledged, its duplicates too, also later', () => {
  const b = bench();
  b.post(1, 0);
  const request = b.last();
  assert.equal(b.receive(generate({ ack: true, code: '0.00', messageId: request.messageId }), 10), 0);
  b.run(ACK_TIMEOUT * 10);
  assert.equal(b.sent.length, 1);
  const response = generate({ confirmable: true, code: '2.04', messageId: 500, token: request.token });
  assert.equal(b.receive(response, 1000), 0);
  assert.ok(b.receive(response, 1001) < 0);
  // Another reading is on its way, and has its own response.
  b.post(2, 1002);
  assert.ok(b.receive(response, 1003) < 0);
  const other = generate({ confirmable: true, code: '4.00', messageId: 501, token: b.last().token });
  assert.equal(b.receive(other, 1004), 0);
  for (const duplicate of [response, other]) assert.ok(b.receive(duplicate, 1005) < 0);
  assert.deepEqual(b.ended, ['1 acknowledged 1000', '2 failed 2']);
  assert.deepEqual(b.answers, ['600001f4', '600001f4', '600001f4', '600001f5', '600001f4', '600001f5']);
});

test('a response comes before its ACK, or is not confirmable: it counts', () => {
  const b = bench();
  b.post(1, 0);
  const { messageId, token } = b.last();
  b.receive(generate({ confirmable: true, code: '2.04', messageId: 7, token }), 10);
  b.receive(generate({ ack: true, code: '0.00', messageId }), 11);
  b.post(2, 20);
  b.receive(generate({ confirmable: false, code: '2.04', messageId: 8, token: b.last().token }), 25);
  assert.deepEqual(b.ended, ['1 acknowledged 10', '2 acknowledged 5']);
  assert.deepEqual(b.answers, ['60000007']);
});

test('what cannot be processed: RST for a confirmable message, silence else; the reading goes on', () => {
  for (const [what, octets, expected] of REJECTED) {
    const b = bench();
    b.post(1, 0);
    assert.equal(b.last().messageId, 0);
    assert.ok(b.receive(hex(octets)) < 0, what);
    assert.deepEqual(b.answers, expected === '' ? [] : [expected], what);
    assert.deepEqual(b.ended, [], what);
    assert.ok(b.client.isBusy(), what);
    // Repetitions are as if nothing had come, and a good answer still counts.
    b.run(ACK_TIMEOUT * 2);
    assert.equal(b.sent.length, 2, what);
    assert.equal(b.receive(hex('6144000000'), 9000), 0, what);
    assert.deepEqual(b.ended, ['1 acknowledged 9000'], what);
  }
});

test('the same while no reading is on its way; and a good response is unexpected then', () => {
  for (const [what, octets, expected] of [
    ...REJECTED,
    ['separate response', '4144123400', '70001234'],
    ['NON response', '5144123400', ''],
    ['piggybacked response', '6144000000', ''],
    ['ACK', '60000000', ''],
    ['RST', '70000000', ''],
  ]) {
    const b = bench();
    assert.ok(b.receive(hex(octets)) < 0, what);
    assert.deepEqual([b.answers, b.ended, b.sent], [expected === '' ? [] : [expected], [], []], what);
  }
});

test('a server that was started again uses a message ID that it used before: its answer counts', () => {
  const b = bench();
  b.post(1, 0);
  const response = { confirmable: true, code: '2.04', messageId: 1 };
  assert.equal(b.receive(generate({ ...response, token: b.last().token })), 0);
  b.post(2, 10);
  assert.equal(b.receive(generate({ ...response, token: b.last().token }), 20), 0);
  assert.deepEqual(
    [b.ended, b.answers],
    [
      ['1 acknowledged 5', '2 acknowledged 10'],
      ['60000001', '60000001'],
    ],
  );
});

test('elective options, known or not, change nothing; payloads neither', () => {
  for (const options of ['c0', '41aa', 'c0 21 05', 'e006f3', 'd20fff00', 'c0 ff 31', 'ff00']) {
    for (const type of ['61', '41', '51']) {
      const b = bench();
      b.post(1, 0);
      assert.equal(b.receive(hex(`${type}44${type === '61' ? '0000' : '1234'}00 ${options}`)), 0, options);
      assert.deepEqual(b.ended, ['1 acknowledged 5'], options);
      assert.deepEqual(b.answers, type === '41' ? ['60001234'] : []);
    }
  }
});

test('of somebody else than the server nothing counts as an answer', () => {
  const b = bench();
  b.post(1, 0);
  for (const octets of ['6144000000', '60000000', '70000000', '5144123400']) {
    assert.ok(b.receive(hex(octets), 5, false) < 0);
  }
  assert.deepEqual(b.answers, []);
  b.receive(hex('4144123400'), 5, false);
  b.receive(hex('40001235'), 5, false);
  assert.deepEqual(b.answers, ['70001234', '70001235']);
  b.run(ACK_TIMEOUT * 2);
  assert.deepEqual([b.sent.length, b.ended], [2, []]);
});

test('every truncation and every octet of the first eight: no throw, answers are empty ACK or RST with the message ID', () => {
  const b = bench();
  b.post(1, 0);
  const base = hex('4144123400c0e00101ff31');
  for (let length = 0; length <= base.length; length++) b.receive(base.subarray(0, length), 5);
  for (let at = 0; at < 8; at++) {
    for (let octet = 0; octet < 256; octet++) {
      if (!b.client.isBusy()) b.post(1, 5);
      const changed = Buffer.from(base);
      changed[at] = octet;
      b.answers.length = 0;
      b.receive(changed, 5);
      const isConfirmable = changed[0] >>> 4 === 4;
      assert.ok(b.answers.length === (isConfirmable ? 1 : 0), `${at} ${octet}`);
      if (isConfirmable) assert.match(b.answers[0], new RegExp(`^[67]000${id(changed.readUInt16BE(2))}$`));
    }
  }
});
