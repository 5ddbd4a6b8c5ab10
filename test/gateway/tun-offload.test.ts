// Packets that cross the system as one: cut and joined they are what they were, and the system's own TCP and UDP agree.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import fc from 'fast-check';
import { pseudoSum, sumsToZero } from '../../core/base/checksum.ts';
import { createMemory } from '../../targets/node/host/io/checksum.ts';
import { createJoiner } from '../../targets/node/host/io/join.ts';
import { createSplitter } from '../../targets/node/host/io/split.ts';
import { readVnet, VNET_SIZE } from '../../targets/node/host/io/vnet.ts';
import { ROOT } from '../cli/run.ts';
import { openPath, type Path } from '../hostile/path.ts';
import { namespaceMissing } from '../support/namespaces.ts';

interface Made {
  isSix: boolean;
  isTcp: boolean;
  flow: number;
  payload: number;
  flags: number;
  /** What is odd about it. */
  odd: 'no' | 'tos' | 'ttl' | 'id' | 'sequence' | 'checksum' | 'fragment' | 'options' | 'ack' | 'header' | 'short';
}

function word(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 8;
  octets[at + 1] = value;
}

/** A sum as RFC 1071 §4.1 computes it, by core's loop. */
function isRight(packet: Uint8Array): boolean {
  const isSix = packet[0] >>> 4 === 6;
  const start = isSix ? 40 : 4 * (packet[0] & 15);
  const protocol = packet[isSix ? 6 : 9];
  const length = packet.length - start;
  const isHeader = isSix || sumsToZero(packet, 0, start, 0);
  return isHeader && sumsToZero(packet, start, length, pseudoSum(packet, 0, protocol, length));
}

function checksum(packet: Uint8Array, field: number, start: number, sum: number): void {
  word(packet, field, 0);
  let total = sum;
  for (let i = start; i < packet.length; i++) total += packet[i] << ((i - start) % 2 === 0 ? 8 : 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  word(packet, field, ~total & 0xffff);
}

/** Packets of flows, each with the number and the sequence that follow. */
function packetsOf(list: Made[]): Uint8Array[] {
  const sequences = new Map<string, { next: number; id: number }>();
  return list.map((made, index) => {
    const { isSix, isTcp, flow, odd, flags } = made;
    const key = `${isSix} ${isTcp} ${flow}`;
    const state = sequences.get(key) ?? { next: 0xfffff000 + flow, id: 65530 };
    sequences.set(key, state);
    const start = isSix ? 40 : 20;
    const options = isTcp && odd === 'options' ? 12 : 0;
    const header = start + (isTcp ? 20 + options : 8);
    const packet = new Uint8Array(header + made.payload).map((_, i) => (i * 7 + index * 13) & 0xff);
    packet.fill(0, 0, header);
    if (isSix) {
      packet.set([0x60, odd === 'tos' ? 0x20 : 0, 0, 0], 0);
      word(packet, 4, packet.length - 40);
      packet[6] = isTcp ? 6 : 17;
      packet[7] = odd === 'ttl' ? 3 : 64;
      packet[23] = 1;
      packet[39] = flow;
    } else {
      packet[0] = 0x45;
      packet[1] = odd === 'tos' ? 4 : 0;
      word(packet, 2, packet.length);
      word(packet, 4, odd === 'id' ? 77 : state.id++ & 0xffff);
      word(packet, 6, odd === 'fragment' ? 0x2000 : 0);
      packet[8] = odd === 'ttl' ? 3 : 64;
      packet[9] = isTcp ? 6 : 17;
      packet.set([10, 0, 0, 1, 10, 0, 0, flow], 12);
      checksum(packet.subarray(0, 20), 10, 0, 0);
    }
    word(packet, start, 5683);
    word(packet, start + 2, 1000 + flow);
    if (isTcp) {
      const view = new DataView(packet.buffer);
      view.setUint32(start + 4, odd === 'sequence' ? 5 : state.next);
      state.next = (state.next + made.payload) >>> 0;
      view.setUint32(start + 8, odd === 'ack' ? 9 : 8);
      packet[start + 12] = ((20 + options) / 4) << 4;
      packet[start + 13] = flags;
      word(packet, start + 14, 500);
      packet.fill(1, start + 20, header);
      checksum(packet, start + 16, start, pseudoSum(packet, 0, 6, packet.length - start));
    } else {
      word(packet, start + 4, packet.length - start);
      checksum(packet, start + 6, start, pseudoSum(packet, 0, 17, packet.length - start));
    }
    if (odd === 'checksum') packet[start + (isTcp ? 16 : 6)] ^= 1;
    if (odd === 'header' && !isSix) packet[10] ^= 1;
    return odd === 'short' ? packet.subarray(0, packet.length - 1) : packet;
  });
}

const ODD = ['tos', 'ttl', 'id', 'sequence', 'checksum', 'fragment', 'options', 'ack', 'header', 'short'] as const;
const made = fc.record({
  isSix: fc.boolean(),
  isTcp: fc.boolean(),
  flow: fc.constantFrom(1, 2),
  payload: fc.constantFrom(0, 1, 7, 100, 100, 100, 100, 1200),
  flags: fc.constantFrom(0x10, 0x10, 0x10, 0x10, 0x18, 0x11, 0x02, 0x50),
  odd: fc.oneof(
    { weight: 9, arbitrary: fc.constant('no' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...ODD) },
  ),
});
const runs = fc
  .array(fc.tuple(made, fc.integer({ min: 1, max: 70 })), { minLength: 1, maxLength: 8 })
  .map((list) => list.flatMap(([one, times]) => Array.from({ length: times }, () => one)).slice(0, 250));

/** Version, protocol and the last octet of the destination. */
const flowOf = (packet: Uint8Array): string => {
  const isSix = packet[0] >>> 4 === 6;
  return `${isSix} ${packet[isSix ? 6 : 9]} ${packet[isSix ? 39 : 19]}`;
};

test('what is joined and cut again is what it was; packets of a flow keep their order', () => {
  const splitter = createSplitter();
  let joined = 0;
  fc.assert(
    fc.property(runs, (list) => {
      const packets = packetsOf(list);
      const joiner = createJoiner({ udp: true, tcp: true });
      const out: Uint8Array[] = [];
      const flush = (): void =>
        joiner.flush((parts, count) => {
          const whole: Uint8Array[] = [];
          for (let i = 0; i < parts.length; i += 2) {
            whole.push(joiner.octets.subarray(parts[i], parts[i] + parts[i + 1]));
          }
          const memory = createMemory(66000);
          const octets = Buffer.concat(whole);
          memory.octets.set(octets, 64);
          const vnet = readVnet(joiner.octets, parts[0] - VNET_SIZE);
          const view = memory.octets.subarray(64);
          const found = splitter.split(memory, 64, octets.length, vnet, view, (packet, length) => {
            out.push(packet.slice(0, length));
          });
          assert.equal(found, count);
          if (count > 1) joined += count;
        });
      for (const packet of packets) {
        if (joiner.isFull(packet.length)) flush();
        joiner.put(packet, packet.length);
      }
      flush();
      assert.equal(out.length, packets.length);
      for (const flow of new Set(packets.map(flowOf))) {
        const one = (all: Uint8Array[]): string[] =>
          all.filter((packet) => flowOf(packet) === flow).map((packet) => Buffer.from(packet).toString('hex'));
        assert.deepEqual(one(out), one(packets));
      }
    }),
    { numRuns: 60 },
  );
  assert.ok(joined > 1000, `${joined} were joined`);
});

test('what the system says of a packet is not believed where it makes no sense', () => {
  const splitter = createSplitter();
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 120 }),
      fc.record({
        flags: fc.constantFrom(0, 1),
        kind: fc.constantFrom(0, 1, 3, 4, 5, 0x81),
        headers: fc.nat(200),
        size: fc.nat(100),
        start: fc.nat(120),
        field: fc.nat(120),
      }),
      (octets, vnet) => {
        const memory = createMemory(256);
        memory.octets.set(octets, 64);
        const after = memory.octets.slice(64 + octets.length);
        splitter.split(memory, 64, octets.length, vnet, memory.octets.subarray(64), () => {});
        assert.deepEqual(memory.octets.slice(64 + octets.length), after);
      },
    ),
    { numRuns: 500 },
  );
});

test('packets that the splitter makes have right checksums', () => {
  const splitter = createSplitter();
  for (const isSix of [true, false]) {
    for (const isTcp of [true, false]) {
      const list = packetsOf([{ isSix, isTcp, flow: 1, payload: 5003, flags: 0x99, odd: 'no' }]);
      const start = isSix ? 40 : 20;
      const memory = createMemory(66000);
      memory.octets.set(list[0], 64);
      const kind = isTcp ? (isSix ? 4 : 1) : 5;
      const vnet = { flags: 1, kind, headers: 0, size: 1000, start, field: isTcp ? 16 : 6 };
      const made: Uint8Array[] = [];
      splitter.split(memory, 64, list[0].length, vnet, memory.octets.subarray(64), (packet, length) => {
        made.push(packet.slice(0, length));
      });
      assert.equal(made.length, 6);
      assert.ok(made.every(isRight));
      const header = start + (isTcp ? 20 : 8);
      const payload = Buffer.concat(made.map((packet) => packet.subarray(header)));
      assert.deepEqual(payload, Buffer.from(list[0].subarray(header)));
      // CWR is the first's, FIN and PSH are the last's.
      if (isTcp)
        assert.deepEqual(
          made.map((packet) => packet[start + 13]),
          [0x90, 0x10, 0x10, 0x10, 0x10, 0x19],
        );
    }
  }
});

function said(child: ChildProcess): AsyncIterator<string> {
  return createInterface(child.stdout!)[Symbol.asyncIterator]();
}

async function run(path: Path, side: 'a' | 'b', ...args: string[]) {
  const child = path.run(side, join(ROOT, 'test', 'gateway', 'tun-flow-agent.ts'), ...args);
  const lines = said(child);
  assert.equal((await lines.next()).value, 'ready');
  return { child, next: async () => JSON.parse((await lines.next()).value as string) as unknown };
}

test('TCP and UDP of two systems through two interfaces: octets are equal, also where packets are lost', {
  skip: namespaceMissing(),
}, async () => {
  const path = await openPath(7);
  try {
    assert.match(path.offload, /TSO/);
    const server = await run(path, 'b', 'server');
    const client = await run(path, 'a', 'client');
    for (const family of ['4', '6']) {
      client.child.stdin!.write(`udp ${family}\n`);
      assert.deepEqual(await client.next(), { sent: 640, same: true });
      for (const loss of [0, 0.01]) {
        path.loss = loss;
        client.child.stdin!.write(`tcp ${family} ${loss === 0 ? 2000000 : 200000}\n`);
        assert.deepEqual(await client.next(), { same: true });
      }
      path.loss = 0;
    }
    assert.ok(path.counts.lost > 0);
    for (const { child } of [client, server]) child.stdin!.end();
  } finally {
    await path.close();
  }
});
