// A gateway that restarts: its IKE SAs come back from what was recorded, and both sides go on as if nothing had happened.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordChild, recordIke, recordProgress, restoreIke } from '../../core/ike/child/restore.ts';
import { clearIke } from '../../core/ike/exchange/clear.ts';
import { closeChild, closeIke, probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import type { ChildSa } from '../../core/ike/state/child.ts';
import type { IkeProgress, IkeRecord, RestoredChild } from '../../core/ike/state/record.ts';
import { type IkeSa, STATE_ENDED, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { assertUp, type Options, type Scene, scene } from './kit.ts';

interface Stored {
  ike: IkeRecord;
  progress: IkeProgress;
  children: RestoredChild[];
}

/** A scene whose gateway keeps the keys of its SAs. */
function keeping(options: Options = {}): {
  s: Scene;
  store: (sa: IkeSa) => Stored;
  restart: (stored: Stored) => IkeSa;
} {
  const s = scene(options);
  const { gateway } = s.world;
  gateway.ike.keylog = true;
  const keys = new Map<string, Uint8Array>();
  const own = (sa: IkeSa): string => Buffer.from(sa.spis).toString('hex', sa.initiator ? 0 : 8, sa.initiator ? 8 : 16);
  gateway.ike.upper.keys = (sa, octets) => void keys.set(own(sa), octets.slice());
  const join = (c: { key: Uint8Array; salt: Uint8Array; authKey: Uint8Array }): Uint8Array =>
    Uint8Array.from([...c.key, ...c.salt, ...c.authKey]);
  const child = (one: ChildSa): RestoredChild => {
    const { outgoing, incoming } = gateway.pairs.get(one)!;
    return {
      record: recordChild(one, join(outgoing), join(incoming), s.world.now),
      stage: one.retired,
      numbers: { outHi: 0, outLo: 7, inHi: 0, inLo: 9 },
    };
  };
  return {
    s,
    // A copy: a process that ends takes its arrays along.
    store: (sa) =>
      structuredClone({
        ike: recordIke(sa, keys.get(own(sa))!),
        progress: recordProgress(sa, s.world.now),
        children: sa.children.map(child),
      }),
    restart(stored) {
      clearIke(gateway.ike);
      gateway.pairs.clear();
      const sa = restoreIke(
        gateway.ike,
        s.gateway,
        stored.ike,
        stored.progress,
        stored.children,
        s.world.now,
        () => {},
      );
      assert.ok(sa !== null);
      s.world.settle();
      return sa;
    },
  };
}

const at = (s: Scene, sa: IkeSa): IkeSa =>
  s.world.gateway.ike.sas.find((one) => Buffer.compare(one.spis, sa.spis) === 0)!;

test('both sides go on after a restart: probes, rekeys of every kind, Delete', () => {
  const { s, store, restart } = keeping();
  const sa = s.connect();
  const stored = store(assertUp(s, sa));
  const back = restart(stored);
  assertUp(s, sa);
  const pair = s.world.gateway.pairs.get(back.children[0]!)!;
  assert.deepEqual(
    [pair.outgoing.snHi, pair.outgoing.snLo, pair.incoming.snHi, pair.incoming.snLo],
    [0, 7, 0, 9],
    'sequence numbers that count as used',
  );
  for (const [ike, one] of [
    [s.world.device.ike, sa],
    [s.world.gateway.ike, back],
  ] as const) {
    const before = one.heardAt;
    s.wait(1000);
    probe(ike, one, s.world.now);
    s.wait(1000);
    assert.ok(one.heardAt > before);
    const old = one.children[0]!;
    rekeyChild(ike, one, old, s.world.now);
    s.wait(6000);
    assert.ok(!one.children.includes(old) && one.children.length === 1);
    assertUp(s, sa);
  }
  rekeyIke(s.world.gateway.ike, back, s.world.now);
  s.wait(6000);
  const next = s.world.device.ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;
  assert.notEqual(next, sa);
  assertUp(s, next);
  s.close();
});

test('a request that the gateway had answered is answered again with the same octets', () => {
  let last: Uint8Array = new Uint8Array(0);
  let loses = false;
  const { s, store, restart } = keeping({
    unobserved: true,
    filter: (datagram, self) => {
      const isAnswer = datagram.from === self.world.gateway && self.world.device.ike.sas.length > 0;
      if (!isAnswer || !loses) return [datagram];
      last = datagram.octets.slice();
      loses = false;
      return [];
    },
  });
  const sa = s.connect();
  const other = at(s, sa);
  const old = sa.children[0]!;
  loses = true;
  rekeyChild(s.world.device.ike, sa, old, s.world.now);
  s.world.run(s.world.now);
  s.world.settle();
  assert.ok(last.length > 0 && sa.children.length === 1, 'the answer got lost');
  restart(store(other));
  const from = s.world.log.length;
  s.wait(10000);
  const again = s.world.log.slice(from).find((one) => one.from === 'gateway')!;
  assert.deepEqual(Buffer.from(again.octets), Buffer.from(last));
  assert.ok(sa.children.every((one) => one !== old));
  assertUp(s, sa);
  s.close();
});

/** The gateway asks for something, and restarts before an answer came. */
function interrupted(arrives: boolean, ask: (s: Scene, other: IkeSa) => void): { s: Scene; sa: IkeSa; back: IkeSa } {
  let cut = false;
  const { s, store, restart } = keeping({
    unobserved: true,
    filter: (datagram, self) => {
      if (!cut) return [datagram];
      // The gateway's request arrives or not; no answer does.
      return arrives && datagram.from === self.world.gateway ? [datagram] : [];
    },
  });
  const sa = s.connect();
  const other = at(s, sa);
  ask(s, other);
  cut = true;
  s.wait(100);
  assert.ok(other.request.length > 0);
  const stored = store(other);
  cut = false;
  return { s, sa, back: restart(stored) };
}

for (const arrives of [false, true]) {
  const when = arrives ? 'after the peer had it' : 'before the peer had it';
  test(`a probe on its way is sent again: ${when}`, () => {
    const { s, sa, back } = interrupted(arrives, (one, other) => probe(one.world.gateway.ike, other, one.world.now));
    s.wait(10000);
    assert.equal(back.request.length, 0);
    assertUp(s, sa);
    rekeyChild(s.world.gateway.ike, back, back.children[0]!, s.world.now);
    s.wait(6000);
    assertUp(s, sa);
    s.close();
  });

  test(`a Delete of a Child SA on its way is sent again: ${when}`, () => {
    const { s, sa, back } = interrupted(arrives, (one, other) =>
      closeChild(one.world.gateway.ike, other, other.children[0]!, one.world.now),
    );
    s.wait(20000);
    assert.deepEqual([sa.children.length, back.children.length], [0, 0]);
    s.close();
  });

  test(`a rekey of a Child SA is given up, and made anew: ${when}`, () => {
    const { s, sa, back } = interrupted(arrives, (one, other) =>
      rekeyChild(one.world.gateway.ike, other, other.children[0]!, one.world.now),
    );
    s.wait(10000);
    assert.equal(back.request.length, 0, 'the window is free');
    assert.equal(back.state, STATE_ESTABLISHED);
    const old = back.children[0]!;
    assert.ok(
      sa.children.some((one) => one.spiIn === old.spiOut && one.retired === 0),
      'the old one is in use',
    );
    rekeyChild(s.world.gateway.ike, back, old, s.world.now);
    s.wait(10000);
    assert.equal(back.children.length, 1);
    assert.notEqual(back.children[0], old);
    closeIke(s.world.device.ike, sa, s.world.now);
    s.wait(1000);
    assert.equal(back.state, STATE_ENDED);
    s.close();
  });
}

test('a rekey of the IKE SA that the peer had not seen is given up', () => {
  const { s, sa, back } = interrupted(false, (one, other) => rekeyIke(one.world.gateway.ike, other, one.world.now));
  s.wait(20000);
  // The peer has made its new IKE SA; this side keeps the old one until the peer ends it.
  assert.equal(back.request.length, 0);
  assert.ok(s.world.device.ike.sas.length >= 1);
  closeIke(s.world.gateway.ike, back, s.world.now);
  s.wait(20000);
  assert.equal(back.state, STATE_ENDED);
  assert.ok(sa.state !== STATE_ESTABLISHED);
});

test('a policy without the cipher takes nothing back', () => {
  const { s, store } = keeping();
  const stored = store(assertUp(s, s.connect()));
  clearIke(s.world.gateway.ike);
  s.world.gateway.pairs.clear();
  const policy = { ...s.gateway, ciphers: [] };
  const { ike } = s.world.gateway;
  assert.equal(
    restoreIke(ike, policy, stored.ike, stored.progress, stored.children, s.world.now, () => {}),
    null,
  );
  assert.equal(ike.sas.length, 0);
  const renamed = { ...s.gateway, child: { ...s.gateway.child, name: 'another' } };
  const sa = restoreIke(ike, renamed, stored.ike, stored.progress, stored.children, s.world.now, () => {})!;
  assert.equal(sa.children.length, 0);
  assert.equal(s.world.gateway.pairs.size, 0);
});
