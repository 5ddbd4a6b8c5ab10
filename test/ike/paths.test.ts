// IKE and ESP can use separate paths, as a transport of its own for IKE needs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeIke, probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import type { Extension } from '../../core/ike/state/ike.ts';
import type { Path } from '../../core/ike/state/path.ts';
import { espPathOf, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../../core/ike/state/step.ts';
import { assertUp, scene } from './kit.ts';
import { address, path } from './pair.ts';

const ESP: Path = { ...path(), local: address(11), remote: address(12), localPort: 4500, remotePort: 4500 };
const OTHER: Path = { ...ESP, local: ESP.remote, remote: ESP.local };

/** Agrees, in IKE_SA_INIT, that ESP goes elsewhere. */
function apart(esp: Path): Extension {
  return {
    add: () => {},
    read: (_ike, sa, step) => {
      if (step === STEP_INIT_REQUEST || step === STEP_INIT_RESPONSE) sa.espPath = esp;
      return 0;
    },
  };
}

test('ESP goes the way of IKE unless the SA has another; rekeys of both kinds keep it', () => {
  const ways: Path[] = [];
  const s = scene({
    filter: (d) => {
      ways.push(d.path);
      return [d];
    },
  });
  s.world.device.ike.extensions.push(apart(ESP));
  s.world.gateway.ike.extensions.push(apart(OTHER));
  const asked: Path[] = [];
  for (const { ike } of [s.world.device, s.world.gateway]) {
    const { allocateSpi } = ike.upper;
    ike.upper.allocateSpi = (ends, offers, now) => {
      asked.push(ends);
      return allocateSpi(ends, offers, now);
    };
  }
  const sa = s.connect();
  assertUp(s, sa);
  rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
  s.wait(5000);
  rekeyIke(s.world.gateway.ike, s.world.gateway.ike.sas[0]!, s.world.now);
  s.wait(5000);
  const newest = s.world.device.ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;
  assert.notEqual(newest, sa);
  assert.equal(espPathOf(newest), ESP);
  rekeyChild(s.world.device.ike, newest, newest.children[0]!, s.world.now);
  s.wait(10000);
  assert.deepEqual([...new Set(asked)], [ESP, OTHER]);
  for (const [node, own, peer] of [
    [s.world.device, ESP.local, ESP.remote],
    [s.world.gateway, ESP.remote, ESP.local],
  ] as const) {
    assert.equal(node.pairs.size, 1);
    for (const { outgoing, incoming } of node.pairs.values()) {
      assert.deepEqual([outgoing.attributes.tunnelSrc, outgoing.attributes.tunnelDst], [own, peer]);
      assert.deepEqual([incoming.attributes.tunnelSrc, incoming.attributes.tunnelDst], [peer, own]);
    }
  }
  assert.ok(ways.length >= 12);
  for (const way of ways) assert.ok(way.localPort === 500 && !way.local.includes(11) && !way.local.includes(12));
  s.close();
});

test('without another way ESP follows IKE', () => {
  const s = scene();
  const sa = s.connect();
  assert.equal(sa.espPath, null);
  assert.equal(espPathOf(sa), sa.path);
  s.close();
});

test('an answer goes to the port from which its request came, also a repeated one; requests of this side do not', () => {
  // Every request of the device comes from a port of its own, and all but the first once more from another.
  const asked: number[] = [];
  const answered: number[] = [];
  const begun: number[] = [];
  let port = 1000;
  let first = 0;
  const s = scene({
    unobserved: true,
    filter: (d) => {
      const isAnswer = (d.octets[19]! & 0x20) !== 0;
      if (d.from.name === 'gateway') {
        (isAnswer ? answered : begun).push(d.path.remotePort);
        return [d];
      }
      if (isAnswer) return [d];
      const from = (): typeof d => {
        asked.push(++port);
        return { ...d, path: { ...d.path, localPort: port } };
      };
      if (d.octets[18] !== 34) return [from(), from()];
      const only = from();
      first = port;
      return [only];
    },
  });
  const sa = s.connect();
  assert.equal(sa.state, STATE_ESTABLISHED);
  const { ike } = s.world.device;
  rekeyChild(ike, sa, sa.children[0]!, s.world.now);
  s.wait(5000);
  rekeyIke(ike, sa, s.world.now);
  s.wait(5000);
  const theirs = s.world.gateway.ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;
  probe(s.world.gateway.ike, theirs, s.world.now);
  s.wait(5000);
  const newest = ike.sas.find((one) => one.state === STATE_ESTABLISHED)!;
  closeIke(ike, newest, s.world.now);
  s.wait(5000);
  // IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA and Delete of the Child SA, of the IKE SA, and the last Delete.
  assert.equal(asked.length, 13);
  assert.deepEqual(answered, asked);
  assert.deepEqual(begun, [first]);
  s.close();
});
