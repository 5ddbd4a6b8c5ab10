// One SA and one key in several threads: no nonce comes twice, no replay is taken, no good packet is lost to reordering between
// threads, and lifetimes count over all of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropName } from '../../core/base/drop-name.ts';
import type { SaConfig } from '../../core/esp/sa.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { type Batch, batchOf, packetsOf } from '../../targets/node/host/threads/batch.ts';
import { createAllowance, createQuotaShare, takenOf } from '../../targets/node/host/threads/quota.ts';
import { createSplitSa, type SplitSa } from '../../targets/node/host/threads/split.ts';
import { configOf, hex, ORDINARY } from '../core/support.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import type { Suite } from '../naive/types.ts';
import { programOf } from './programs.ts';

const THREADS = 3;
const COUNT = 8;
const USUAL = await programOf(new URL('../../targets/node/host/threads/thread.ts', import.meta.url));
const WATCHED = await programOf(new URL('./watched-thread.ts', import.meta.url));
const FAILING = await programOf(new URL('./failing-thread.ts', import.meta.url));

function config(suite: string, change: Partial<SaConfig> = {}): SaConfig {
  return configOf(makeSa(6, 17, { ...ORDINARY, esp_encr: suite as Suite }), change);
}

/** Inner packets of all classes of service, each with a number of its own. */
function inners(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const payload = Buffer.alloc(4 + ((from + i) % 29));
    payload.writeUInt32BE(from + i);
    return packet({ ...SIX, dscp: ((from + i) * 8) % 64 }, udp(5001, 4500, payload));
  });
}

/** The nonce log of a watched thread: what it answers to a batch without packets. */
async function nonces(split: SplitSa): Promise<string[]> {
  const logs = await Promise.all(Array.from({ length: THREADS }, (_, i) => split.run(i, batchOf([]), 0)));
  return logs.flatMap(({ octets }) => {
    const size = octets[0];
    return Array.from({ length: (octets.length - 1) / size }, (_, i) =>
      hex(octets.subarray(1 + i * size, 1 + (i + 1) * size)),
    );
  });
}

const SUITES = ['AES_GCM_16_IIV', 'AES_CCM_8'].concat(process.env.DIETESP_LONG === '1' ? ['CHACHA20_POLY1305'] : []);

for (const suite of SUITES) {
  test(`${THREADS} threads send and ${THREADS} receive on one SA: ${suite}`, async () => {
    const out = createSplitSa({
      direction: 'out',
      config: config(suite),
      count: COUNT,
      threads: THREADS,
      program: WATCHED,
    });
    const into = createSplitSa({
      direction: 'in',
      config: config(suite),
      count: COUNT,
      threads: THREADS,
      program: USUAL,
    });
    const random = createRandom(17);
    try {
      const sent: Uint8Array[] = [];
      for (let round = 0; round < 6; round++) {
        const made = await Promise.all(
          Array.from({ length: THREADS }, (_, i) => out.run(i, batchOf(inners((round * THREADS + i) * 200, 200)), 0)),
        );
        for (const batch of made) for (const one of packetsOf(batch)) sent.push(Uint8Array.from(one as Uint8Array));
      }
      const total = 6 * THREADS * 200;
      const log = await nonces(out);
      assert.deepEqual([log.length, new Set(log).size], [total, total], 'a nonce came twice');
      const ids = new Set(sent.map((one) => (one[44] << 8) | one[45]));
      assert.equal(ids.size, COUNT, 'every subspace is used');

      // Threads are out of step by up to 600 packets; within a subspace packets are late by up to 20.
      const lag = Array.from({ length: COUNT }, () => random.below(600));
      const seen = lag.map(() => 0);
      const order = sent.map((wire) => ({ at: (seen[wire[45]]++ + lag[wire[45]]) * 20 + random.below(400), wire }));
      order.sort((a, b) => a.at - b.at);
      const arriving = order.map(({ wire }) => wire);
      const taken = new Map<string, number>();
      const deliver = async (packets: Uint8Array[]): Promise<Map<string, number>> => {
        const drops = new Map<string, number>();
        const opened = await Promise.all(into.sort(packets).map((batch, i) => into.run(i, batch, 0)));
        for (const one of opened.flatMap(packetsOf)) {
          const [where, key] = typeof one === 'number' ? [drops, dropName(one)] : [taken, hex(one)];
          where.set(key, (where.get(key) ?? 0) + 1);
        }
        return drops;
      };
      const forged = arriving.slice(0, 300).map((wire) => {
        const changed = wire.slice();
        changed[changed.length - 1] ^= 1;
        return changed;
      });
      assert.deepEqual([...(await deliver(forged))], [['icv', 300]]);
      assert.deepEqual([...(await deliver(arriving))], [], 'good packets are lost');
      assert.equal(taken.size, total);
      assert.ok([...taken.values()].every((count) => count === 1));
      assert.deepEqual([...(await deliver(arriving))], [['replay', total]], 'replays');
      // A thread takes nothing of another's subspace, where the window would not know it.
      const wrong = await into.run((arriving[0][45] + 1) % THREADS, batchOf([arriving[0]]), 0);
      assert.deepEqual(Array.from(wrong.lengths, dropName), ['subspace']);
      const bad = [new Uint8Array(0), arriving[0].slice(0, 45), new Uint8Array(60)];
      const codes = await into.run(0, batchOf(bad), 0);
      assert.ok(codes.lengths.every((code) => code < 0));
    } finally {
      await Promise.all([out.close(), into.close()]);
    }
  });
}

test('lifetimes are of all threads together', async () => {
  const size = inners(0, 1)[0].length;
  for (const [limits, most] of [
    [{ hardPackets: 1000, softPackets: 500 }, 1000],
    [{ hardBytes: 500 * size, softBytes: 250 * size }, 500],
  ] as [Partial<SaConfig>, number][]) {
    const out = createSplitSa({
      direction: 'out',
      config: config('AES_GCM_16_IIV', limits),
      count: COUNT,
      threads: THREADS,
      program: USUAL,
    });
    try {
      assert.equal(out.isAgeing(), false);
      let passed = 0;
      for (let round = 0; round < 6; round++) {
        const same = (): Batch => batchOf(Array<Uint8Array>(100).fill(inners(0, 1)[0]));
        const made = await Promise.all(Array.from({ length: THREADS }, (_, i) => out.run(i, same(), 0)));
        for (const length of made.flatMap(({ lengths }) => [...lengths])) {
          if (length > 0) passed++;
          else assert.equal(dropName(length), 'lifetime');
        }
      }
      assert.ok(passed <= most, `${passed} of ${most}`);
      // What the threads took and did not use: a part each.
      assert.ok(passed >= most - THREADS * Math.ceil(most / 64) - THREADS, `${passed} of ${most}`);
      assert.equal(out.isAgeing(), true);
    } finally {
      await out.close();
    }
  }
});

test('forged packets, however long, take nothing of the lifetime', async () => {
  const good = inners(0, 30);
  // Each thread takes a part ahead.
  const hardBytes = 2 * good.reduce((sum, { length }) => sum + length, 0);
  const shared = { count: COUNT, threads: THREADS, program: USUAL };
  const out = createSplitSa({ ...shared, direction: 'out', config: config('AES_GCM_16_IIV') });
  const into = createSplitSa({ ...shared, direction: 'in', config: config('AES_GCM_16_IIV', { hardBytes }) });
  try {
    const wires = packetsOf(await out.run(0, batchOf(good), 0)).map((one) => Uint8Array.from(one as Uint8Array));
    const long = new Uint8Array(40 + 60000);
    long.set(wires[0].subarray(0, 52));
    long.set([60000 >> 8, 60000 & 255], 4);
    const forged = Array.from({ length: THREADS }, (_, id) => {
      const one = long.slice();
      one[45] = id;
      return one;
    });
    const codes = await Promise.all(into.sort(forged).map((batch, i) => into.run(i, batch, 0)));
    assert.deepEqual(
      codes.flatMap(({ lengths }) => Array.from(lengths, dropName)),
      Array(THREADS).fill('icv'),
    );
    const opened = await Promise.all(into.sort(wires).map((batch, i) => into.run(i, batch, 0)));
    assert.deepEqual(
      opened.flatMap(packetsOf).filter((one) => typeof one === 'number'),
      [],
    );
  } finally {
    await Promise.all([out.close(), into.close()]);
  }
});

test('a quota hands out no more than there is, whatever is asked', () => {
  const random = createRandom(3);
  for (let round = 0; round < 300; round++) {
    const [packets, bytes] = [random.below(3) * random.below(3000), random.below(3) * random.below(100000)];
    const share = createQuotaShare(packets, bytes);
    const all = Array.from({ length: 1 + random.below(8) }, () => createAllowance(share));
    let [used, octets] = [0, 0];
    for (let i = 0; i < 4000; i++) {
      const one = all[random.below(all.length)];
      const length = 20 + random.below(1500);
      if (!one.mayUse(length)) continue;
      // What is dropped does not count.
      if (random.below(5) === 0) continue;
      one.use(length);
      used++;
      octets += length;
    }
    assert.ok(packets === 0 || used <= packets, `${used} of ${packets}`);
    assert.ok(bytes === 0 || octets <= bytes, `${octets} of ${bytes}`);
    const taken = takenOf(share);
    assert.ok(taken.packets >= used && taken.bytes >= octets);
    assert.deepEqual([all[0].since(50), all[all.length - 1].since(90)], [50, 50]);
  }
});

test('what cannot be split is refused', async () => {
  const make =
    (count: number, threads: number, change: Partial<SaConfig> = {}) =>
    (): SplitSa =>
      createSplitSa({ direction: 'out', config: config('AES_GCM_16_IIV', change), count, threads, program: USUAL });
  assert.throws(make(2, 3), { message: 'threads: 3: must be 1..2, the number of subspaces' });
  assert.throws(make(2, 0), { message: 'threads: 0: must be 1..2, the number of subspaces' });
  assert.throws(make(65537, 2), { message: 'subspaces: 65537: must be 1..65536' });
  assert.throws(make(2, 2, { key: new Uint8Array(3) }), /^Error: key: 3 octets/);
  const ended = make(2, 2)();
  await ended.close();
  await assert.rejects(ended.run(0, batchOf([]), 0), { message: 'thread 0 has ended' });
});

test('a thread that fails rejects what waits for it, and the others go on', async () => {
  const split = createSplitSa({
    direction: 'out',
    config: config('AES_GCM_16_IIV'),
    count: 2,
    threads: 2,
    program: FAILING,
  });
  try {
    const waiting = split.run(0, batchOf(inners(0, 1)), 0);
    await assert.rejects(waiting, { message: 'fails' });
    await assert.rejects(split.run(0, batchOf([]), 0), { message: 'fails' });
    const { lengths } = await split.run(1, batchOf(inners(0, 3)), 0);
    assert.ok(lengths.every((length) => length > 0));
  } finally {
    await split.close();
  }
});
