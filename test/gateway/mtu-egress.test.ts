// What an egress tells its peer, between two endpoints of IKE in virtual time: LMAP after the ICV alone, PTB above EMTU_R and for
// packets that never came whole, and how often.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mtuNumbers } from '../../core/ike/codec/private-numbers.ts';
import { createMtu } from '../../core/ike/ext/mtu.ts';
import { mtuDefaults } from '../../targets/node/host/config/mtu.ts';
import { createMtuPaths } from '../../targets/node/host/mtu/paths.ts';
import { assertUp, scene } from '../ike/kit.ts';

test('LMAP, PTB and their pauses', () => {
  const s = scene();
  const heard: string[] = [];
  s.world.device.ike.extensions.push(
    createMtu(mtuNumbers(), {
      wants: () => true,
      lmap: (_sa, version, length) => void heard.push(`lmap ${version} ${length}`),
      ptb: (_sa, lmtu, emtuR) => void heard.push(`ptb ${lmtu} ${emtuR}`),
      malformed: () => void heard.push('malformed'),
    }),
  );
  const paths = createMtuPaths({
    settings: mtuDefaults({ link: 1500, reassembled: 4000 }),
    numbers: mtuNumbers(),
    now: () => s.world.now,
    bounded: { peer: () => {} } as never,
    nameOf: () => 'device',
  });
  const { ike } = s.world.gateway;
  ike.extensions.push(paths.extension);
  const sa = assertUp(s, s.connect());
  const first = (length: number, source = sa.path.remote) => ({ source, version: 6, length, spi: 1 });
  const told = (): string[] => {
    s.world.settle();
    return heard.splice(0);
  };
  assert.ok(paths.verified(ike, sa, sa.path, null, 1500));
  assert.deepEqual(told(), []);
  assert.ok(paths.verified(ike, sa, sa.path, first(1360), 1500));
  assert.deepEqual(told(), ['lmap 6 1360']);
  // Not the same again at once, nor a smaller one before the pause is over; then only that.
  s.wait(5000);
  assert.ok(paths.verified(ike, sa, sa.path, first(1300), 1500));
  assert.deepEqual(told(), []);
  s.wait(5000);
  assert.ok(paths.verified(ike, sa, sa.path, first(1360), 1500));
  assert.deepEqual(told(), []);
  assert.ok(paths.verified(ike, sa, sa.path, first(1300), 1500));
  assert.deepEqual(told(), ['lmap 6 1300']);
  // A first fragment as long as the packet is none of it: IPv6 of 1400 octets has 1360 behind the header, and 8 more in a fragment.
  s.wait(60000);
  assert.ok(paths.verified(ike, sa, sa.path, first(1368), 1400));
  assert.deepEqual([told(), paths.counters.fragmented], [[], 4]);
  assert.ok(paths.verified(ike, sa, sa.path, first(1367), 1400));
  assert.deepEqual(told(), ['lmap 6 1367']);
  // Above EMTU_R: dropped; PTB alone where it came in one piece, with LMAP where it did not.
  assert.equal(paths.verified(ike, sa, sa.path, null, 4001), false);
  assert.deepEqual(told(), ['ptb 1500 4000']);
  s.wait(60000);
  assert.equal(paths.verified(ike, sa, sa.path, first(1360), 5000), false);
  assert.deepEqual(told(), ['lmap 6 1360', 'ptb 1500 4000']);
  // The rest never came: only from where the peer is, and once in 60 s.
  s.wait(60000);
  paths.incomplete(ike, sa, sa.path, first(1360, new Uint8Array(16)));
  paths.incomplete(ike, sa, sa.path, first(1200));
  assert.deepEqual(told(), []);
  for (let i = 0; i < 100; i++) paths.incomplete(ike, sa, sa.path, first(1360));
  assert.deepEqual(told(), ['lmap 6 1360', 'ptb 1500 4000']);
  assert.equal(paths.counters.tooLarge, 2);
  assert.deepEqual([paths.counters.lmapSent, paths.counters.ptbSent], [5, 3]);
  s.close();
});

test('what is off is not told, but what is too large is dropped all the same', () => {
  const s = scene();
  const paths = createMtuPaths({
    settings: mtuDefaults({ detect: false, six: false }),
    numbers: mtuNumbers(),
    now: () => s.world.now,
    bounded: { peer: () => {} } as never,
    nameOf: () => 'device',
    linkOf: () => 1400,
  });
  for (const { ike } of [s.world.device, s.world.gateway]) ike.extensions.push(paths.extension);
  const sa = assertUp(s, s.connect());
  const first = { source: sa.path.remote, version: 6, length: 1360, spi: 1 };
  assert.ok(paths.verified(s.world.gateway.ike, sa, sa.path, first, 1500));
  assert.equal(paths.verified(s.world.gateway.ike, sa, sa.path, first, 5000), false);
  paths.incomplete(s.world.gateway.ike, sa, sa.path, first);
  paths.settings.detect = true;
  // Fragments of IPv6 that only the peer can have made.
  assert.ok(paths.verified(s.world.gateway.ike, sa, sa.path, first, 1500));
  s.world.settle();
  assert.deepEqual([paths.counters.lmapSent, paths.counters.ptbSent, paths.counters.fragmented], [0, 0, 3]);
  assert.deepEqual(paths.view(sa, s.world.now), { unfragmented: 1400, reassembled: 0, inner: 0 });
  s.close();
});
