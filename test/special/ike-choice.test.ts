// Several ciphers and key exchanges of a specialised device's IKE SA: the gateway's choice, the group that it asks for, rekeys of
// both kinds, resumption.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { fixPolicy } from '../../targets/build/specialise/ike-fix.ts';
import { policy } from '../ike/pair.ts';
import { joinIke, specialised } from './ike-kit.ts';
import { agree, type Change, type Kind, kindOf, type Scene, sceneOf } from './ike-net.ts';
import { CHANGES } from './ike-sim.ts';

const CALM = { loss: 0, reorder: 0, duplicate: 0, corrupt: 0, truncate: 0, attack: 0, until: 0, latency: 20 };
const AT_CIPHER = 24;
const INVALID_KE_PAYLOAD = 17;

function start(kind: Kind, change: (gateway: IkePolicy) => void = () => {}, cookieThreshold = 100): Scene {
  const gateway = kind.gateway();
  change(gateway);
  const scene = sceneOf(kind, 1, CALM, gateway, cookieThreshold);
  scene.device.connect(false, 0);
  scene.net.run(1000);
  return scene;
}

const established = ({ host }: Scene): string[] => host.events.filter((event) => event.startsWith('established'));
const replaced = ({ host }: Scene): number => host.events.filter((event) => event === 'replaced').length;

/** All four rekeys, then a resumption. */
function live(scene: Scene, label: string): void {
  const { net, device } = scene;
  assert.ok(agree(scene, label));
  device.rekey(net.now);
  net.run(net.now + 9000);
  device.rekeyIke(net.now);
  net.run(net.now + 9000);
  assert.ok(agree(scene, `${label}, its rekeys`));
  const sa = net.gateway.ike.sas[0];
  rekeyChild(net.gateway.ike, sa, sa.children[0], net.now);
  net.run(net.now + 9000);
  rekeyIke(net.gateway.ike, net.gateway.ike.sas[0], net.now);
  net.run(net.now + 9000);
  assert.ok(agree(scene, `${label}, the gateway's rekeys`));
  assert.equal(replaced(scene), 2, `${label}: rekeys of the IKE SA`);
  assert.ok(!scene.host.events.some((event) => event.startsWith('childFailed')), `${label}: a rekey failed`);
}

function resume(scene: Scene, label: string): void {
  const { net, device } = scene;
  device.connect(true, net.now);
  net.run(net.now + 9000);
  assert.ok(established(scene).at(-1)!.endsWith(' 1'), `${label}: not by the ticket`);
  assert.ok(agree(scene, `${label}, resumed`));
}

for (const isOptimized of [true, false]) {
  const form = isOptimized ? 'optimized' : 'regular';
  const in_ =
    (name: string): Change =>
    (one, isDevice) => {
      CHANGES[name](one, isDevice);
      one.optimizedRekey = isOptimized;
    };

  test(`the cipher that the gateway takes lives through ${form} rekeys and a resumption`, async () => {
    const kind = await kindOf('ciphers', in_('ciphers with gcm'));
    for (const encr of [14, 16, 20]) {
      const scene = start(kind, (one) => (one.ike = [{ ...one.ike[0], ciphers: [encr] }]));
      const label = `${encr}`;
      const check = (): void => {
        assert.equal(scene.device.S.current!.ids[AT_CIPHER], encr, label);
        assert.equal(scene.net.gateway.ike.sas[0].cipher!.encr, encr, label);
      };
      check();
      live(scene, label);
      check();
      resume(scene, label);
      check();
    }
  });

  test(`the group that the gateway asks for lives through ${form} rekeys and a resumption`, async () => {
    const kind = await kindOf('groups', in_('groups'));
    // IKE_SA_INIT twice; with a cookie three times.
    for (const [threshold, messages] of [
      [100, 6],
      [0, 8],
    ]) {
      const scene = start(kind, undefined, threshold);
      assert.ok(established(scene)[0].startsWith(`established ${messages} `), established(scene)[0]);
      assert.equal(scene.device.S.ke, 19);
      live(scene, 'groups');
      assert.equal(scene.device.S.ke, 19);
      resume(scene, 'groups');
      assert.equal(scene.device.S.ke, 19);
    }
  });
}

test('downgrade prevention covers the exchange that the gateway took', async () => {
  const kind = await kindOf('groups', CHANGES.groups);
  const scene = sceneOf(kind, 1, CALM, kind.gateway());
  const { net, device } = scene;
  device.connect(false, 0);
  net.run(90);
  const setup = device.S.setup!;
  assert.equal(setup.transcript, true);
  assert.equal(device.S.draft!.method, 19);
  // KE is the second payload, behind SA.
  const at = 28 + Buffer.from(setup.m1).readUInt16BE(30);
  assert.equal(Buffer.from(setup.m1).readUInt16BE(at + 4), 19);
  net.run(1000);
  assert.ok(agree(scene, 'with the transcript'));
});

test('a cipher of the own order is taken when the gateway begins a rekey with several', async () => {
  const kind = await kindOf('ciphers', (one, isDevice) => {
    CHANGES['ciphers with gcm'](one, isDevice);
    one.optimizedRekey = false;
  });
  const scene = start(kind, (one) => (one.ike = [{ ...one.ike[0], ciphers: [20] }]));
  const { gateway } = scene;
  gateway.ike = [{ ...gateway.ike[0], ciphers: [20, 16], keyBits: [128, 128] }];
  rekeyIke(scene.net.gateway.ike, scene.net.gateway.ike.sas[0], scene.net.now);
  scene.net.run(scene.net.now + 9000);
  assert.ok(agree(scene, 'several'));
  assert.equal(scene.device.S.current!.ids[AT_CIPHER], 16);
  // And of the gateway's order when the device begins it.
  gateway.ike = [{ ...gateway.ike[0], ciphers: [20, 14], keyBits: [128, 128] }];
  scene.device.rekeyIke(scene.net.now);
  scene.net.run(scene.net.now + 9000);
  assert.ok(agree(scene, 'several, by the device'));
  assert.equal(scene.device.S.current!.ids[AT_CIPHER], 20);
});

test('a rekey takes another group when the gateway asks for it, once', async () => {
  const kind = await kindOf('groups', (one, isDevice) => {
    CHANGES['groups pfs'](one, isDevice);
    one.optimizedRekey = false;
    if (!isDevice) one.child.esp = [{ ...one.child.esp[0], ke: [31] }];
  });
  const scene = start(kind);
  const { net, device, gateway, host } = scene;
  assert.equal(device.S.ke, 31);
  gateway.ike = [{ ...gateway.ike[0], ke: [19] }];
  gateway.child.esp = [{ ...gateway.child.esp[0], ke: [19] }];
  device.rekeyIke(net.now);
  net.run(net.now + 9000);
  device.rekey(net.now);
  net.run(net.now + 9000);
  assert.ok(agree(scene, 'another group'));
  assert.equal(device.S.ke, 19);
  assert.equal(device.S.children!.ke, 19);
  assert.equal(replaced(scene), 1);
  assert.ok(!host.events.some((event) => event.startsWith('childFailed')));
});

/** INVALID_KE_PAYLOAD as anybody can send it. */
function forged(m1: Uint8Array, group: number[]): Uint8Array {
  const octets = new Uint8Array(28 + 8 + group.length);
  octets.set(m1.subarray(0, 8), 0);
  octets.set([41, 0x20, 34, 0x20], 16);
  octets[27] = octets.length;
  octets.set([0, 0, 0, 8 + group.length, 0, 0, 0, INVALID_KE_PAYLOAD, ...group], 28);
  return octets;
}

test('answers that ask for a group come to nothing where it is not on offer, and end after six', async () => {
  const kind = await kindOf('groups', CHANGES.groups);
  const scene = sceneOf(kind, 1, CALM, kind.gateway());
  const { net, device, host } = scene;
  let sent = 0;
  const { transmit } = host;
  host.transmit = (octets) => {
    if (octets[18] === 34) sent++;
    else transmit(octets);
  };
  device.connect(false, 0);
  const say = (group: number[]): void => {
    const octets = forged(device.S.setup!.m1, group);
    device.receive(octets, 0, octets.length, net.now);
  };
  // Not on offer, the one that was sent, malformed.
  for (const group of [[0, 20], [0, 31], [], [19], [0, 0, 19]]) say(group);
  assert.equal(sent, 1);
  for (let i = 0; i < 20; i++) say([0, i % 2 === 0 ? 19 : 31]);
  assert.equal(sent, 7);
  // The attempt lives, and what the gateway says counts.
  assert.equal(device.S.setup!.error, INVALID_KE_PAYLOAD);
  assert.deepEqual(host.outcomes, []);
  host.transmit = transmit;
  // This attempt, and the pause.
  net.run(80000);
  assert.deepEqual(host.outcomes, [INVALID_KE_PAYLOAD]);
  assert.ok(device.isReady(), host.events.join());
  assert.ok(agree(scene, 'after a forger'));
});

test('a gateway that wants a group that is not on offer ends the attempt with its error', async () => {
  const kind = await kindOf('one group', CHANGES.usual);
  const scene = sceneOf(kind, 1, CALM, { ...kind.gateway(), ike: [{ ...kind.gateway().ike[0], ke: [19] }] });
  scene.device.connect(false, 0);
  scene.net.run(100000);
  assert.equal(scene.device.isReady(), false);
  // NO_PROPOSAL_CHOSEN.
  assert.equal(scene.host.outcomes[0], 14);
});

test('a text has the groups and ciphers of its profile alone', async () => {
  const text = async (kind: string): Promise<string> => {
    const one = policy('device', 'gateway', 1, 2);
    CHANGES[kind](one, true);
    return joinIke(specialised(one));
  };
  const has = (one: string, names: string[], isThere: boolean): void => {
    for (const name of names) assert.equal(one.includes(name), isThere, name);
  };
  has(await text('usual'), ['p256Of', 'board.p256', 'mayAsk', 'keepCipher', 'portableGcm', 'isGcm', 'icvOf'], false);
  const alone = await text('p256');
  has(alone, ['x25519Of', 'board.x25519', 'mayAsk', 'keepCipher'], false);
  has(alone, ['board.p256'], true);
  const gcm = await text('gcm');
  has(gcm, ['aeadKey(', 'board.ccm(', 'saltOf', 'keepCipher'], false);
  has(gcm, ['portableGcm'], true);
  has(await text('groups'), ['board.p256', 'board.x25519', 'mayAsk'], true);
  has(await text('ciphers'), ['keepCipher'], true);
  has(await text('ciphers'), ['isGcm', 'portableGcm', 'saltOf'], false);
});

test('of what a policy names, a device offers what it has', () => {
  const fixed = (change: (one: IkePolicy) => void, hasP256 = false) => {
    const one = policy('device', 'gateway', 1, 2);
    change(one);
    return fixPolicy(one, hasP256).policy.ike;
  };
  const many = (one: IkePolicy): void => {
    one.ike = [
      { ...one.ike[0], ciphers: [28, 16], keyBits: [0, 128], ke: [19, 31] },
      { ...one.ike[0], ciphers: [12], keyBits: [128], integ: [12], ke: [19, 31] },
      { ...one.ike[0], ciphers: [20, 16, 20], keyBits: [256, 128, 128], ke: [19, 31] },
    ];
  };
  assert.deepEqual(
    fixed(many).map(({ ciphers, keyBits, ke }) => [ciphers, keyBits, ke]),
    [[[16, 20], [128, 128], [31]]],
  );
  assert.deepEqual(
    fixed(many, true).map(({ ke }) => ke),
    [[19, 31]],
  );
  const differing = (one: IkePolicy): void => {
    one.ike = [one.ike[0], { ...one.ike[0], ciphers: [16], ke: [19] }];
  };
  // Without P-256 there is one proposal that fits.
  assert.equal(fixed(differing).length, 1);
  assert.throws(() => fixed(differing, true), {
    message: /^ike\.proposals: .*the same key exchanges in each .*--general/,
  });
});
