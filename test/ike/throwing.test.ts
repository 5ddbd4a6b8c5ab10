// Whatever IKE uses may throw at any call: callbacks of the host, extensions, cryptography. The SA in question ends, nothing of
// it stays, and others go on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ID_FQDN } from '../../core/ike/codec/numbers.ts';
import { COUNT_COOKIES } from '../../core/ike/exchange/registry.ts';
import { closeIke, createChild, probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { createWorld, type Node, path, policy, type World } from './pair.ts';

const FAULT = new Error('thrown for the test');

type Functions = Record<string, (...values: unknown[]) => unknown>;

/** Counts the calls of a function, and throws at one of them. */
interface Trap {
  calls: Record<string, number>;
  /** `upper.install`, and which of its calls; '': none. */
  name: string;
  at: number;
  thrown: number;
}

/** The host has done its part when it throws here: what it would keep otherwise is its own fault. */
const AFTER = ['upper.remove', 'upper.ended'];

function armed<Part extends object>(part: Part, prefix: string, trap: Trap): Part {
  const made = { ...part } as unknown as Functions;
  for (const [key, value] of Object.entries(part)) {
    if (typeof value !== 'function') continue;
    const name = `${prefix}.${key}`;
    made[key] = (...values) => {
      trap.calls[name] = (trap.calls[name] ?? 0) + 1;
      const isNow = trap.name === name && trap.calls[name] === trap.at;
      if (isNow) trap.thrown++;
      if (isNow && !AFTER.includes(name)) throw FAULT;
      const result = value.apply(part, values);
      if (isNow) throw FAULT;
      return result;
    };
  }
  return made as unknown as Part;
}

/** Goes on as hosts do, whatever is thrown. */
function patient(what: () => void): void {
  for (let i = 0; i < 50; i++) {
    try {
      what();
      return;
    } catch (error) {
      assert.equal(error, FAULT);
    }
  }
  assert.fail('no end of errors');
}

const live = (node: Node): IkeSa | undefined => node.ike.sas.find((sa) => sa.state === STATE_ESTABLISHED);

/** All that two peers do with each other; `side` has the trap. */
function play(side: 'device' | 'gateway', trap: Trap): World {
  const anyone = { ...policy('gateway', 'device', 2, 1), remoteId: null, requestAddress: 0 as const };
  const world = createWorld(anyone, undefined, { cookieThreshold: 1 });
  const node = world[side];
  const { ike } = node;
  ike.keylog = true;
  ike.upper = armed(ike.upper, 'upper', trap);
  ike.provider = armed(ike.provider, 'provider', trap);
  ike.asymmetric = armed(ike.asymmetric, 'asymmetric', trap);
  ike.extensions = ike.extensions.map((one, index) => armed(one, `extension${index}`, trap));
  const settle = (): void => patient(() => world.settle());
  const own = policy('device', 'gateway', 1, 2);
  patient(() => void connect(world.device.ike, own, path(), null, world.now));
  settle();
  for (const one of [world.device, world.gateway]) {
    for (const request of [
      (sa: IkeSa) => probe(one.ike, sa, world.now),
      (sa: IkeSa) => sa.children.length > 0 && rekeyChild(one.ike, sa, sa.children[0], world.now),
      (sa: IkeSa) => rekeyIke(one.ike, sa, world.now),
    ]) {
      patient(() => {
        const sa = live(one);
        if (sa !== undefined) request(sa);
      });
      settle();
    }
  }
  patient(() => {
    const sa = live(world.device);
    if (sa !== undefined) createChild(world.device.ike, sa, own.child, world.now);
  });
  settle();
  patient(() => {
    const sa = live(world.gateway);
    if (sa !== undefined) closeIke(world.gateway.ike, sa, world.now);
  });
  settle();
  return world;
}

/** After the fault: another peer connects without a COOKIE, and when it is gone and time has passed, nothing is left. */
function goesOn(world: World, label: string): void {
  patient(() => world.run(world.now + 400000));
  const cookies = world.gateway.ike.counters[COUNT_COOKIES];
  const other = policy('other', 'gateway', 1, 2);
  other.localId = { type: ID_FQDN, data: Uint8Array.from(Buffer.from('other')) };
  const sa = connect(world.device.ike, other, path(), null, world.now);
  world.settle();
  assert.equal(sa.state, STATE_ESTABLISHED, `${label}: another peer`);
  assert.equal(world.gateway.ike.counters[COUNT_COOKIES], cookies, `${label}: half-open SAs counted`);
  for (const { ike } of [world.device, world.gateway]) {
    for (const one of [...ike.sas]) if (one.state === STATE_ESTABLISHED) closeIke(ike, one, world.now);
  }
  world.run(world.now + 400000);
  for (const node of [world.device, world.gateway]) {
    assert.equal(node.ike.sas.length, 0, `${label}: ${node.name} keeps IKE SAs`);
    assert.deepEqual(Object.keys(node.ike.bySpi), [], `${label}: ${node.name} keeps SPIs`);
    assert.equal(node.pairs.size, 0, `${label}: ${node.name} keeps Child SAs`);
  }
}

/** Which calls of many are tried: the first ones, and a few of the others. */
function chosen(calls: number): number[] {
  const list = Array.from({ length: calls }, (_, index) => index + 1);
  return list.filter((at) => at <= 6 || at % Math.ceil(calls / 12) === 0);
}

for (const side of ['device', 'gateway'] as const) {
  for (const kind of ['upper', 'extension', 'provider', 'asymmetric']) {
    test(`${side}: what ${kind} throws, at any call, leaves nothing behind`, () => {
      const clean: Trap = { calls: {}, name: '', at: 0, thrown: 0 };
      goesOn(play(side, clean), 'clean');
      const names = Object.keys(clean.calls).filter((name) => name.startsWith(kind));
      assert.ok(names.length > 0);
      let thrown = 0;
      for (const name of names) {
        for (const at of chosen(clean.calls[name])) {
          const trap: Trap = { calls: {}, name, at, thrown: 0 };
          const world = play(side, trap);
          thrown += trap.thrown;
          trap.name = '';
          goesOn(world, `${side}: ${name}, call ${at}`);
        }
      }
      assert.ok(thrown >= names.length, `${thrown} errors for ${names.length} functions`);
    });
  }
}

test('a host whose every callback throws loses its SAs, and nothing else', () => {
  for (const side of ['device', 'gateway'] as const) {
    const world = createWorld(policy('gateway', 'device', 2, 1));
    const node = world[side];
    const calm = node.ike.upper;
    const { remove, transmit } = calm;
    const wild = { ...calm } as unknown as Functions;
    for (const key of Object.keys(wild)) {
      wild[key] = () => {
        throw FAULT;
      };
    }
    connect(world.device.ike, policy('device', 'gateway', 1, 2), path(), null, 0);
    world.settle();
    assert.equal(node.pairs.size, 1);
    node.ike.upper = {
      ...(wild as unknown as typeof calm),
      transmit,
      remove: (sa, child, now) => {
        remove(sa, child, now);
        throw FAULT;
      },
    };
    const peer = side === 'device' ? world.gateway : world.device;
    closeIke(peer.ike, live(peer)!, world.now);
    patient(() => world.run(world.now + 400000));
    for (const one of [world.device, world.gateway]) {
      assert.deepEqual([one.ike.sas.length, Object.keys(one.ike.bySpi).length, one.pairs.size], [0, 0, 0], one.name);
    }
  }
});
