// IKE and ESP over TCP: the stream of RFC 9329, octet by octet, against a naive reader.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createStreamReader,
  feedStream,
  isStreamPartial,
  nextRecord,
  recordSize,
  STREAM_BAD_LENGTH,
  STREAM_EMPTY,
  STREAM_ESP,
  STREAM_IKE,
  STREAM_KEEPALIVE,
  STREAM_LONG,
  STREAM_MESSAGE_MAX,
  STREAM_MORE,
  STREAM_NO_PREFIX,
  STREAM_SHORT,
  type StreamReader,
  writeRecord,
} from '../../../core/ike/codec/stream.ts';
import { createRandom } from '../../../targets/node/host/radio/random.ts';
import { type Event, naiveRecord, naiveStream } from './naive.ts';

const KINDS: Record<number, string> = {
  [STREAM_IKE]: 'ike',
  [STREAM_ESP]: 'esp',
  [STREAM_KEEPALIVE]: 'keepalive',
  [STREAM_EMPTY]: 'empty',
  [STREAM_SHORT]: 'short',
  [STREAM_LONG]: 'long',
  [STREAM_NO_PREFIX]: 'no-prefix',
  [STREAM_BAD_LENGTH]: 'bad-length',
};
const PREFIX = '494b45544350';
const IKE = 'a1a2a3a4a5a6a7a80000000000000000212022080000000000000020deadbeef';
const ESP = '11223344000000010102030405060708090a0b0c';

/** All that is in the octets of `input`, given at once. */
function drain(reader: StreamReader, input: Uint8Array): Event[] {
  const events: Event[] = [];
  feedStream(reader, input, 0, input.length);
  for (let kind = nextRecord(reader); kind !== STREAM_MORE; kind = nextRecord(reader)) {
    const message = Buffer.from(reader.buffer.subarray(reader.offset, reader.offset + reader.length)).toString('hex');
    events.push([KINDS[kind], kind === STREAM_IKE || kind === STREAM_ESP || kind === STREAM_SHORT ? message : '']);
    if (kind < 0) break;
  }
  return events;
}

const octets = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

test('the octets of RFC 9329: prefix, IKE behind its marker, ESP, keepalive, and a record of nothing', () => {
  const stream = `${PREFIX}0026${'00'.repeat(4)}${IKE}0016${ESP}0003ff0002000401020006000000000007000000000a`;
  const wanted: Event[] = [
    ['ike', IKE],
    ['esp', ESP],
    ['keepalive', ''],
    ['empty', ''],
    ['short', '0102'],
    ['short', '00000000'],
    ['ike', '0a'],
  ];
  assert.deepEqual(drain(createStreamReader(65535, false), octets(stream)), wanted);
  assert.deepEqual(naiveStream(octets(stream), 65535, true), wanted);
  // In single octets, and with a cut at every place.
  const single = createStreamReader(65535, false);
  assert.deepEqual(
    [...octets(stream)].flatMap((octet) => drain(single, Uint8Array.of(octet))),
    wanted,
  );
  for (let cut = 0; cut <= stream.length / 2; cut++) {
    const reader = createStreamReader(65535, false);
    const first = drain(reader, octets(stream).slice(0, cut));
    assert.deepEqual([...first, ...drain(reader, octets(stream).slice(cut))], wanted, `cut at ${cut}`);
    assert.equal(isStreamPartial(reader), false);
  }
});

test('what is written is what the standard says, up to the largest message', () => {
  const out = new Uint8Array(65535 + 8);
  let at = 3;
  at += writeRecord(out, at, octets(`ee${IKE}`), 1, IKE.length / 2, true);
  at += writeRecord(out, at, octets(ESP), 0, ESP.length / 2, false);
  assert.equal(Buffer.from(out.subarray(3, at)).toString('hex'), naiveRecord(`00000000${IKE}`) + naiveRecord(ESP));
  assert.equal(recordSize(IKE.length / 2, true), 38);
  assert.equal(recordSize(ESP.length / 2, false), 22);
  const largest = new Uint8Array(STREAM_MESSAGE_MAX).fill(7);
  assert.equal(writeRecord(out, 0, largest, 0, largest.length, false), 65535);
  assert.deepEqual(drain(createStreamReader(65535, true), out.slice(0, 65535)), [['esp', '07'.repeat(65533)]]);
  assert.equal(writeRecord(out, 0, new Uint8Array(65534), 0, 65534, false), -1);
  assert.equal(writeRecord(out, 0, largest, 0, STREAM_MESSAGE_MAX - 3, true), -1);
});

test('lengths 0 and 1 and a wrong prefix end the stream for ever; a long record is passed over without being kept', () => {
  for (const [stream, end] of [
    [`${PREFIX}0000`, 'bad-length'],
    [`${PREFIX}0001`, 'bad-length'],
    ['474554202f', 'no-prefix'],
    ['494b45544351', 'no-prefix'],
    ['0026', 'no-prefix'],
  ]) {
    const reader = createStreamReader(65535, false);
    assert.deepEqual(drain(reader, octets(stream)), [[end, '']]);
    assert.deepEqual(drain(reader, octets(`${PREFIX}0016${ESP}`)), [[end, '']], 'nothing after it counts');
  }
  const reader = createStreamReader(300, true);
  const long = octets(`ffff${'0'.repeat(2 * 65533)}0016${ESP}`);
  const events: Event[] = [];
  for (let at = 0; at < long.length; at += 1000) events.push(...drain(reader, long.slice(at, at + 1000)));
  assert.deepEqual(events, [
    ['long', ''],
    ['esp', ESP],
  ]);
  assert.ok(reader.held.length <= 300, `${reader.held.length} octets held`);
  // The peer of the side that opened the connection sends no prefix.
  assert.deepEqual(drain(createStreamReader(300, true), octets(`0016${ESP}`)), [['esp', ESP]]);
});

test('100,000 streams in random pieces: the naive reader finds the same, and the buffer is bounded', () => {
  const { below } = createRandom(9329);
  const LIMIT = 80;
  let records = 0;
  for (let round = 0; round < 100000; round++) {
    const isOpened = below(4) > 0;
    const parts: number[] = [];
    if (isOpened) parts.push(...octets(PREFIX));
    if (below(12) === 0 && parts.length > 0) parts[below(parts.length)] ^= 1 << below(8);
    for (let count = below(6); count > 0; count--) {
      const kind = below(12);
      const size = kind < 9 ? below(60) : kind === 9 ? below(4) : LIMIT - 4 + below(8);
      const length = below(25) === 0 ? below(4) : below(200) === 0 ? 65535 : size + 2;
      parts.push(length >> 8, length & 255);
      for (let i = 0; i < size; i++) parts.push(i < 4 && kind < 4 ? 0 : kind === 4 ? 255 : below(256));
    }
    const stream = Uint8Array.from(parts).slice(0, parts.length - (below(3) === 0 ? below(5) : 0));
    const reader = createStreamReader(LIMIT, !isOpened);
    const events: Event[] = [];
    for (let at = 0; at < stream.length; ) {
      const size = below(3) === 0 ? 1 : 1 + below(70);
      events.push(...drain(reader, stream.slice(at, at + size)));
      at += size;
      if (reader.broken !== 0) break;
    }
    assert.deepEqual(events, naiveStream(stream, LIMIT, isOpened), `stream ${round}`);
    assert.ok(reader.held.length <= LIMIT);
    records += events.length;
  }
  assert.ok(records > 100000, `${records} records`);
});
