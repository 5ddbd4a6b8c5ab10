// IKE of a specialised device: what it refuses to be made of, what its text has, and what it does where the network is good.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clearIke } from '../../core/ike/exchange/clear.ts';
import { closeIke, rekeyChild } from '../../core/ike/exchange/requests.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { fixPolicy } from '../../targets/build/specialise/ike-fix.ts';
import { policy } from '../ike/pair.ts';
import { joinIke, specialised } from './ike-kit.ts';
import { agree, kindOf, sceneOf } from './ike-net.ts';
import { CHANGES } from './ike-sim.ts';

const CALM = { loss: 0, reorder: 0, duplicate: 0, corrupt: 0, truncate: 0, attack: 0, until: 0, latency: 20 };

function changed(change: (one: IkePolicy) => void): IkePolicy {
  const one = policy('device', 'gateway', 1, 2);
  change(one);
  return one;
}

test('what cannot be specialised is refused, with the field, the value, and what to use', () => {
  const cases: [RegExp, (one: IkePolicy) => void][] = [
    [/^ike\.proposals: .*: must have AES_CCM_8 or AES_CCM_16/, (one) => (one.ike = [{ ...one.ike[0], ciphers: [28] }])],
    [/^ike\.ke: 19: must have X25519 \(P-256 needs .*--general/, (one) => (one.ike = [{ ...one.ike[0], ke: [19] }])],
    [/^nat: 1: must be off .*--general/, (one) => (one.nat = 1)],
    [/^children: 1: must be one/, (one) => (one.children = [one.child])],
    [/^child\.local: 2: must have one selector/, (one) => one.child.local.push(one.child.local[0])],
    [/^child\.remote: a range/, (one) => (one.child.remote[0].end = new Uint8Array(16).fill(255))],
    [/^psk: 0 octets: must be given/, (one) => (one.psk = new Uint8Array(0))],
    [/^private_key: 0 octets: must have 32/, (one) => (one.localAuth = 14)],
    [/^child\.ke: 19: must have X25519/, (one) => (one.child.esp = [{ ...one.child.esp[0], ke: [19] }])],
  ];
  for (const [message, change] of cases) assert.throws(() => fixPolicy(changed(change)), { message });
});

test('one value of each attribute is offered: what a gateway takes of those that the file allows', () => {
  const { policy: fixed, choice } = fixPolicy(changed(() => {}));
  assert.equal(choice!.proposal, 1);
  for (const list of fixed.child.compression!.proposals[0].allowed) {
    assert.ok(list.length === 0 || (list.length === 2 && list[0] === list[1]));
  }
  assert.deepEqual(fixed.child.esp[0].ciphers, [29]);
  assert.equal(fixed.child.suites[0].encr, 29);
});

test('a text has no secret, and nothing that its profile does not ask for', async () => {
  const names = async (kind: string): Promise<string> => {
    const one = policy('device', 'gateway', 1, 2);
    CHANGES[kind](one, true);
    const made = specialised(one);
    const text = await joinIke(made);
    assert.ok(!text.includes(Buffer.from(one.psk).toString('hex')), 'the key');
    assert.ok(!text.includes(Buffer.from(one.localId.data).toString('hex')), 'the identity');
    return text;
  };
  const usual = await names('usual');
  const bare = await names('bare');
  for (const name of ['ED25519', 'onRound', 'takePart', 'fitsMasks', 'mixKey', 'takeAddress', 'board.sign']) {
    assert.ok(!usual.includes(name), name);
  }
  for (const name of ['KeptSession', '16410', '16413', '50401', '16447']) assert.ok(!bare.includes(name), name);
  assert.ok((await names('ppk round')).includes('onRound'));
  assert.ok((await names('fragments')).includes('takePart'));
});

test('an answered rekey sends under the old SA until its Delete', async () => {
  const kind = await kindOf('usual', CHANGES.usual);
  const scene = sceneOf(kind, 1, CALM, kind.gateway());
  const { net, device, host } = scene;
  device.connect(false, 0);
  net.run(1000);
  const [before] = host.pairs;
  const sa = net.gateway.ike.sas[0];
  rekeyChild(net.gateway.ike, sa, sa.children[0], net.now);
  // The answer is on its way.
  net.run(net.now + 30);
  assert.equal(host.pairs.length, 2);
  assert.equal(host.pairs[0], before);
  net.run(net.now + 70);
  assert.equal(before.retired, true);
  net.run(net.now + 20000);
  assert.ok(agree(scene, 'afterwards'));
});

test('a gateway that lost its state ends the IKE SA by its token, and the device connects at once', async () => {
  const kind = await kindOf('usual', CHANGES.usual);
  const scene = sceneOf(kind, 1, CALM, kind.gateway());
  const { net, device, host } = scene;
  device.connect(false, 0);
  net.run(1000);
  clearIke(net.gateway.ike);
  net.gateway.pairs.clear();
  device.probe(net.now);
  net.run(net.now + 2000);
  assert.deepEqual(host.outcomes, [-13]);
  assert.ok(device.isReady());
  assert.ok(host.events.at(-1)!.startsWith('established'));
  // By the ticket.
  assert.ok(host.events.at(-1)!.endsWith(' 1'));
});

test("after the gateway's Delete the device tries again, after growing pauses", async () => {
  const kind = await kindOf('usual', CHANGES.usual);
  const scene = sceneOf(kind, 1, CALM, kind.gateway());
  const { net, device, host } = scene;
  device.connect(false, 0);
  net.run(1000);
  closeIke(net.gateway.ike, net.gateway.ike.sas[0], net.now);
  net.run(net.now + 500);
  assert.deepEqual(host.outcomes, [-8]);
  const pause = device.S.retryAt - net.now;
  assert.ok(pause > 1000 && pause < 3000, String(pause));
  net.run(net.now + 5000);
  assert.ok(device.isReady());
  device.close(net.now);
  net.run(net.now + 30000);
  assert.deepEqual(host.outcomes, [-8, -7]);
  assert.equal(device.S.list, null);
  assert.equal(device.next(), -1);
});

test('answers of the gateway come in fragments', async () => {
  const kind = await kindOf('fragments', CHANGES.fragments);
  const gateway = kind.gateway();
  const scene = sceneOf(kind, 1, CALM, gateway);
  const { net, device } = scene;
  let fragments = 0;
  const { receive } = device;
  device.receive = (b, o, n, now) => {
    if (b[o + 16] === 53) fragments++;
    receive(b, o, n, now);
  };
  device.connect(false, 0);
  net.run(1000);
  assert.ok(fragments > 1, String(fragments));
  assert.ok(agree(scene, 'with fragments'));
});
