// What an event costs does not depend on the number of IKE SAs: the list of SAs is watched, reads are counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSkKey } from '../../core/ike/crypto/sk.ts';
import { clearIke } from '../../core/ike/exchange/clear.ts';
import { heard } from '../../core/ike/exchange/endpoint.ts';
import { createIkeSa, forget } from '../../core/ike/exchange/registry.ts';
import { leaveIke } from '../../core/ike/exchange/requests.ts';
import { due, ikeTimeout, schedule, setDue, unschedule } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { addPeer, removePeer, replaceOthers } from '../../core/ike/setup/peer-index.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import { type IkeSa, NEVER, STATE_ENDED, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createWorld, path, policy, type World } from './pair.ts';

const MANY = 10000;
/** Two numbers for each level of the heap, up and down, and a few more. */
const FEW = 6 * Math.ceil(Math.log2(MANY)) + 20;

/** Watches an endpoint's list: how many elements were read since the last call. */
function watch(ike: Ike): () => number {
  let reads = 0;
  ike.sas = new Proxy(ike.sas, {
    get: (list, key) => {
      if (typeof key === 'string' && /^\d/.test(key)) reads++;
      return Reflect.get(list, key);
    },
  });
  return () => {
    const count = reads;
    reads = 0;
    return count;
  };
}

/** An endpoint with MANY established SAs that have been there for a while, and were heard at 0. */
function crowd(dpdTime: number): { world: World; ike: Ike } {
  const own = { ...policy('gateway', 'device', 2, 1), dpdTime, retransmitTries: 2 };
  const world = createWorld(own);
  const { ike } = world.gateway;
  for (let i = 0; i < MANY; i++) {
    const sa = createIkeSa(ike, own, path(), false, STATE_ESTABLISHED);
    sa.heardAt = 0;
    sa.cipher = own.ciphers[0];
    sa.skOut = createSkKey(ike.provider, sa.cipher, new Uint8Array(64), 0, 32);
    due(ike, sa, dpdTime > 0 ? dpdTime : NEVER);
  }
  return { world, ike };
}

test('heap of SAs: the next one is first, whatever comes, goes and changes', () => {
  const { ike } = createWorld(policy('gateway', 'device', 2, 1)).gateway;
  const { random } = createRandomNumbers(5);
  const live: IkeSa[] = [];
  for (let step = 0; step < 20000; step++) {
    const what = random(10);
    if (live.length === 0 || what < 3) {
      const sa = { dueAt: random(5) === 0 ? NEVER : random(1000), place: 0 } as IkeSa;
      schedule(ike, sa);
      live.push(sa);
    } else {
      const index = random(live.length);
      const sa = live[index];
      if (what < 5) {
        unschedule(ike, sa);
        live.splice(index, 1);
        // A second time, and after its end: nothing.
        unschedule(ike, sa);
        due(ike, sa, 0);
      } else if (what < 8) setDue(ike, sa, random(1000));
      else due(ike, sa, random(1000));
    }
    const next = Math.min(NEVER, ...live.map((sa) => sa.dueAt));
    assert.equal(ikeTimeout(ike), next === NEVER ? -1 : next);
    assert.equal(ike.sas.length, live.length);
    if (step % 500 === 0) for (const sa of live) assert.equal(ike.sas[sa.place], sa);
  }
});

function createRandomNumbers(seed: number): { random(below: number): number } {
  const { fill } = createRandom(seed);
  const octets = new Uint8Array(4);
  return {
    random(below) {
      fill(octets, 0, 4);
      return (octets[0] | (octets[1] << 8) | (octets[2] << 16)) % below;
    },
  };
}

test('one handshake, rekey and end among 10,000 SAs reads a few of them', () => {
  const { world, ike } = crowd(0);
  const reads = watch(ike);
  const sa = connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, world.now);
  world.settle();
  assert.equal(sa.state, STATE_ESTABLISHED);
  // Twice as many messages, a poll for each.
  assert.ok(reads() < 10 * FEW);
  const other = ike.bySpi[Object.keys(ike.bySpi).at(-1)!];
  assert.equal(other.state, STATE_ESTABLISHED);
  heard(other, 5);
  assert.equal(reads(), 0);
  forget(ike, other);
  assert.ok(reads() < FEW);
});

test('10,000 peers fall silent: each poll works for a few, probes and ends take their turns, and the rest stays due', () => {
  const { ike } = crowd(1000);
  const reads = watch(ike);
  let now = 1000;
  let polls = 0;
  let most = 0;
  while (ike.sas.length > 0) {
    const next = ikeTimeout(ike);
    assert.ok(next >= 0, 'nothing is due, and SAs are left');
    now = Math.max(now, next);
    pollIke(ike, now);
    most = Math.max(most, reads());
    polls++;
    assert.ok(polls < MANY);
  }
  assert.ok(most <= 32 * 4 * FEW, `${most} reads in one poll`);
  assert.ok(polls >= MANY / 32);
});

test('10,000 SAs that are left: to ask for it costs little, and Deletes go out in slices', () => {
  const { ike, world } = crowd(0);
  for (const sa of [...ike.sas]) leaveIke(ike, sa, 0);
  assert.equal(world.log.length, 0);
  pollIke(ike, 0);
  assert.equal(world.log.length, 32);
  assert.ok(ikeTimeout(ike) <= 1);
  let polls = 1;
  while (ikeTimeout(ike) >= 0 && ikeTimeout(ike) <= 1 && polls <= MANY) {
    pollIke(ike, 1);
    polls++;
  }
  assert.ok(polls >= Math.floor(MANY / 32) && polls <= MANY, `${polls} polls`);
  clearIke(ike);
  assert.equal(ike.sas.length, 0);
});

test('SAs of one peer are found among those of 10,000', () => {
  const { ike } = createWorld(policy('gateway', 'device', 2, 1)).gateway;
  const index = {};
  const made = (name: string, octets: number[]): IkeSa => {
    const sa = createIkeSa(ike, { ...policy('gateway', name, 2, 1) }, path(), false, STATE_ESTABLISHED);
    sa.peerIdType = 11;
    sa.peerId = Uint8Array.from(octets);
    addPeer(index, sa);
    return sa;
  };
  const others = Array.from({ length: MANY }, (_, i) => made('a', [i >>> 8, i & 255]));
  const [first, second, third] = [made('a', [9, 9]), made('a', [9, 9]), made('a', [9, 9])];
  const namesake = made('b', [9, 9]);
  const reads = watch(ike);
  [first, second, third].forEach((sa, i) => {
    sa.heardAt = 10 - i;
  });
  others[9 * 256 + 9].heardAt = 99;
  replaceOthers(index, ike, first, 2, 0);
  assert.deepEqual(
    [first, second, third, namesake, others[9 * 256 + 9]].map(({ state }) => state === STATE_ENDED),
    [false, false, true, false, false],
  );
  removePeer(index, third);
  replaceOthers(index, ike, namesake, 0, 0);
  assert.equal(namesake.state, STATE_ESTABLISHED);
  replaceOthers(index, ike, first, 0, 0);
  assert.deepEqual(
    [first, second].map(({ state }) => state),
    [STATE_ESTABLISHED, STATE_ENDED],
  );
  assert.equal(others.filter(({ state }) => state === STATE_ENDED).length, 1);
  assert.ok(reads() < 10 * FEW);
  // In any order, and twice.
  for (const sa of others.reverse()) removePeer(index, sa);
  for (const sa of [first, first, second, namesake]) removePeer(index, sa);
  assert.deepEqual(Object.keys(index), []);
});
