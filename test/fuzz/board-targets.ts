// Fuzz targets for a board's input: its provisioning blob, CoAP from the server, frames and console lines.

import { createCoapClient } from '../../core/device/coap.ts';
import { BLOB_CBOR, BLOB_FIELD, BLOB_MAX, readBlob } from '../../targets/board/blob.ts';
import { createConsole } from '../../targets/board/console.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { encodeKeys, frameBlob } from '../../targets/node/lab/boards/provision.ts';
import { mockBoard } from '../boards/app-support.ts';
import { readText } from '../boards/blob.entry.ts';

export interface FuzzTarget {
  name: string;
  run(bytes: Uint8Array): void;
  seeds?: Uint8Array[];
}

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const keys = new Map<number, unknown>([
  [1, 0xabcd],
  [2, 7],
  [3, Buffer.alloc(8, 3)],
  [4, Buffer.alloc(2)],
  [6, Buffer.alloc(16, 6)],
  [7, Buffer.alloc(16, 7)],
  [8, Buffer.alloc(18, 64)],
  [9, Buffer.alloc(16, 9)],
  [12, 'r/t'],
  [16, Buffer.from('id')],
  [19, Buffer.from('key')],
  [39, [[[], [], [], [], [8, 8], [8, 16], []]]],
  [40, [1, 2, 3, 4, 5, 6, 7, 8]],
  [-1, [1, new Map([['a', 'b']])]],
]);
const map = encodeKeys(keys);

/** What stands behind the blob in memory must not matter. */
function blob(octets: Uint8Array): void {
  let before = '';
  for (const sentinel of [0x00, 0xff, 0x5a]) {
    const memory = new Uint8Array(octets.length + 40).fill(sentinel);
    memory.set(octets);
    const now = readText(memory, octets.length);
    ensure(sentinel === 0 || now === before, 'the result depends on octets behind');
    before = now;
  }
}

function cbor(octets: Uint8Array): void {
  const framed = frameBlob(octets.subarray(0, BLOB_MAX));
  const { code, config } = readBlob(framed, framed.length);
  ensure(code === 0 || code === BLOB_CBOR || code === BLOB_FIELD, `code ${code}`);
  ensure((code === 0) === (config !== null), 'a configuration or a code');
  blob(framed);
}

const random = createRandom(5);

/** Datagrams out of the octets: a length, then so many; one reading is on its way all the time. */
function coap(octets: Uint8Array): void {
  let ended = 0;
  const config = {
    path: Uint8Array.from(Buffer.from('a/b')),
    ackTimeout: 100,
    maxRetransmit: 2,
    maxPayload: 8,
    random: random.fill,
  };
  const client = createCoapClient(config, {
    transmit: (_buffer, _offset, length) => ensure(length >= 4 && length < 64, `${length} octets`),
    answer: (buffer, offset, length) => {
      const type = buffer[offset] >>> 4;
      ensure(length === 4 && (type === 6 || type === 7) && buffer[offset + 1] === 0, 'ACK or RST, and empty');
    },
    payload: (_reading, _buffer, start) => start + 3,
    ended: () => void ended++,
  });
  for (let at = 0, now = 0; at < octets.length; now += 30) {
    if (!client.isBusy()) client.post(now, now);
    const length = Math.min(octets[at] & 31, octets.length - at - 1);
    const room = octets.slice(at + 1, at + 1 + length);
    ensure(client.receive(room, 0, length, octets[at] < 240, now) <= 0, 'a drop code or 0');
    client.poll(now);
    at += 1 + length;
  }
  ensure(ended <= octets.length, 'more ends than datagrams');
}

function lines(octets: Uint8Array): void {
  const mock = mockBoard(() => 0, new Uint8Array(0), 1);
  let at = 0;
  mock.board.command = (buffer) => {
    if (at >= octets.length) return -1;
    const length = Math.min(octets[at] & 63, octets.length - at - 1, buffer.length);
    buffer.set(octets.subarray(at + 1, at + 1 + length));
    at += 1 + length;
    return length;
  };
  const taken = createConsole(mock.board);
  let count = 0;
  while (taken.next() !== 0) count++;
  ensure(taken.bad() <= count, 'more bad lines than lines');
}

const line = (text: string): number[] => [text.length, ...Buffer.from(text)];

export const targets: FuzzTarget[] = [
  { name: 'board: provisioning blob', run: blob, seeds: [frameBlob(map)] },
  { name: 'board: CBOR in a blob', run: cbor, seeds: [map] },
  {
    name: 'board: CoAP client',
    run: coap,
    seeds: [Uint8Array.of(5, 0x61, 0x44, 1, 2, 2, 4, 0x60, 0, 1, 3, 5, 0x41, 0x44, 9, 9, 3, 4, 0x70, 0, 1, 4)],
  },
  {
    name: 'board: console',
    run: lines,
    seeds: [Uint8Array.from([...line('rekey'), ...line('send 12'), ...line('stats'), ...line('restart')])],
  },
];
