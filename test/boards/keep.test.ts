// A board that keeps its session (targets/board/keep.ts): after a restart or a power cut it resumes [RFC 5723], with new keys;
// flash is written once for a handshake. Virtual time, seeded; `flash` of the mock board stands for flash.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeeper } from '../../targets/board/keep.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { seeded } from '../gateway/support.ts';
import { type BoardNode, blobOf, boardOn, coapServer, gatewayOn } from './app-support.ts';

const TOP = 'interval: 0.5\ncount: 0';

interface Run extends BoardNode {
  /** What stands for flash, and the lengths given to `save`. */
  place: { flash: Uint8Array; saved: number[] };
}

async function world(seed: number) {
  const medium = createMedium({ seed, loss: 0 });
  const gateway = await gatewayOn(medium, coapServer(medium));
  let next = seed + 1;
  const run = (ms: number) => medium.run(medium.now + ms);
  /** A board that starts now, with what `flash` holds. `save`: what happens to a record. */
  const start = (flash: Uint8Array, blob = blobOf(1, { top: TOP }), save?: (record: Uint8Array) => boolean): Run => {
    const place = { flash, saved: [] as number[] };
    const hooks = {
      save(buffer: Uint8Array, offset: number, length: number): boolean {
        place.saved.push(length);
        const record = buffer.slice(offset, offset + length);
        if (save !== undefined) return save(record);
        place.flash = record;
        return true;
      },
      load(buffer: Uint8Array): number {
        const length = Math.min(place.flash.length, buffer.length);
        buffer.set(place.flash.subarray(0, length));
        return length;
      },
    };
    return Object.assign(boardOn(medium, blob, next++, hooks, createKeeper), { place });
  };
  /** The power fails: no frame, no step any more. */
  const cut = (node: Run): Uint8Array => {
    node.board.exit(0);
    node.radio.onFrame = () => {};
    node.type('exit');
    run(1);
    return node.place.flash;
  };
  return { medium, gateway, run, start, cut };
}

const resumed = (node: Run): string[] =>
  node.lines.filter((line) => line.startsWith('ike established')).map((line) => line.slice(-1));
const spis = (node: Run): string[] => node.lines.filter((line) => line.startsWith('child installed'));

test('a restart resumes: new keys, the next reading soon, one save for each handshake', async () => {
  const { gateway, run, start, cut } = await world(1);
  let node = start(new Uint8Array(0));
  run(5000);
  assert.deepEqual([resumed(node), node.place.saved.length], [['0'], 1]);
  const seen = new Set(spis(node));
  for (let round = 0; round < 5; round++) {
    const flash = cut(node);
    node = start(flash);
    run(1000);
    assert.deepEqual(resumed(node), ['1'], node.lines.join('\n'));
    assert.ok(
      node.lines.some((line) => line.startsWith('reading 1 acknowledged')),
      'within a second',
    );
    for (const line of spis(node)) assert.ok(!seen.has(line), 'another Child SA');
    seen.add(spis(node)[0]);
    assert.equal(node.place.saved.length, 1);
    assert.notDeepEqual(node.place.flash, flash, 'a ticket is for one use');
    assert.equal(gateway.metrics().sas.length, 2, 'the SAs of before are gone');
  }
  node.type('stats');
  run(200);
  assert.match(node.lines.join('\n'), /^stats .* console-bad=0 saves=1$/m);
  await gateway.close();
});

test('no save by rekeys, readings and time; one by `connect`; Delete erases, of either side', async () => {
  const { gateway, run, start } = await world(21);
  const node = start(new Uint8Array(0));
  run(5000);
  node.type('rekey');
  run(8000);
  node.type('rekey-ike');
  run(60000);
  assert.ok(node.lines.includes('ike rekeyed'));
  assert.equal(node.place.saved.length, 1);
  node.type('connect');
  run(5000);
  assert.deepEqual([resumed(node), node.place.saved.length], [['0', '1'], 2]);
  node.type('delete');
  run(3000);
  assert.deepEqual([node.place.saved.length, node.place.saved[2], node.place.flash.length], [3, 0, 0]);
  node.type('connect');
  run(3000);
  assert.deepEqual(resumed(node), ['0', '1', '0']);
  assert.ok(node.place.flash.length > 100);
  // The gateway's Delete: void, then a handshake of its own.
  const [sa] = gateway.ikeSas();
  gateway.askIke(sa.id, 'delete');
  run(10000);
  assert.match(node.lines.join('\n'), /^ike ended outcome=-8 retry=\d+$/m);
  assert.deepEqual(resumed(node).slice(3), ['0']);
  assert.deepEqual(
    node.place.saved.slice(3).map((length) => length > 0),
    [true, false, true],
  );
  await gateway.close();
});

test('power cut at every octet of a save: the next run resumes, or connects as if there were nothing', async () => {
  const { gateway, run, start, cut } = await world(41);
  let node = start(new Uint8Array(0));
  run(3000);
  const old = cut(node);
  const blob = blobOf(1, { top: TOP });
  node = start(old, blob);
  run(3000);
  const record = cut(node);
  assert.ok(record.length > 100 && record.length === old.length);
  // An area that is written in place: the first octets are the new record's, the rest old, erased or never written.
  for (let at = 0; at <= record.length; at += at < 60 || at > record.length - 6 ? 1 : 9) {
    for (const rest of [old, new Uint8Array(old.length).fill(255), new Uint8Array(old.length), new Uint8Array(0)]) {
      const torn = Buffer.concat([record.subarray(0, at), rest.subarray(Math.min(at, rest.length))]);
      node = start(torn, blob);
      const isGood = [old, record].some((good) => Buffer.compare(torn, good) === 0);
      // What is no record is erased once.
      const erases = torn.length > 0 && !isGood;
      const tells = `${at} of ${record.length}`;
      assert.deepEqual(node.place.saved, erases ? [0] : [], tells);
      cut(node);
    }
  }
  // Two of them to their end: a record that is cut, and the old one, whose ticket is spent.
  for (const flash of [record.subarray(0, 70), old]) {
    node = start(flash, blob);
    run(4000);
    assert.deepEqual(resumed(node), ['0'], node.lines.join('\n'));
    assert.ok(node.lines.some((line) => line.startsWith('reading 1 acknowledged')));
    cut(node);
  }
  await gateway.close();
});

test('a record of another configuration is not used, and erased; nor one where tickets are off', async () => {
  const { gateway, run, start, cut } = await world(61);
  const first = start(new Uint8Array(0));
  run(3000);
  const flash = cut(first);
  const other = start(flash, blobOf(2, { top: TOP }));
  run(3000);
  assert.deepEqual(resumed(other), ['0']);
  assert.deepEqual([other.place.saved[0], other.place.saved.length], [0, 2]);
  cut(other);
  // The same sensor with another interval is another configuration.
  const changed = start(flash, blobOf(1, { top: 'interval: 0.6\ncount: 0' }));
  run(3000);
  assert.deepEqual(resumed(changed), ['0']);
  cut(changed);
  const off = start(
    flash,
    blobOf(1, { top: TOP, connection: '  resumption: 0\n  child: { compression: { required: true } }' }),
  );
  run(3000);
  assert.deepEqual([resumed(off), off.place.saved, off.place.flash.length], [['0'], [0], 0]);
  await gateway.close();
});

test('a gateway that lost its ticket key refuses: a full handshake at once', async () => {
  const { gateway, medium, run, start, cut } = await world(81);
  const first = start(new Uint8Array(0));
  run(3000);
  const flash = cut(first);
  await gateway.close();
  const again = await gatewayOn(medium, coapServer(medium), { provider: seeded(98) });
  const node = start(flash);
  run(4000);
  assert.deepEqual(resumed(node), ['0'], node.lines.join('\n'));
  assert.equal(node.place.saved.length, 1);
  assert.ok(node.lines.some((line) => line.startsWith('reading 1 acknowledged')));
  await again.close();
});

test('flash that takes nothing: the board works, counts no save, and does not try again for the same session', async () => {
  const { gateway, run, start } = await world(101);
  const node = start(new Uint8Array(0), blobOf(1, { top: TOP }), () => false);
  run(5000);
  node.type('rekey-ike');
  run(5000);
  node.type('stats');
  run(200);
  assert.equal(node.place.saved.length, 1);
  assert.match(node.lines.join('\n'), /^stats .* saves=0$/m);
  await gateway.close();
});
