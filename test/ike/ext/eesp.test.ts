// EESP negotiated beside ESP: octets of the proposals, who gets what from whom, keys, rekeys of both kinds, Deletes, a restart,
// and peers without it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EespConfig } from '../../../core/eesp/sa.ts';
import { recordChild, recordIke, recordProgress, restoreIke } from '../../../core/ike/child/restore.ts';
import { clearIke } from '../../../core/ike/exchange/clear.ts';
import { closeChild, rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { assertUp, outcomes, type Scene } from '../kit.ts';
import { carries, eespScene, type Given, live, peerOf, SETTINGS } from './eesp-scene.ts';

const EESP = SETTINGS.numbers.eespProtocol;

function up(given: Given = {}): { s: Scene; sa: IkeSa } {
  const s = eespScene({ unobserved: true, ...given });
  const sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  return { s, sa };
}

const protocols = (s: Scene, sa: IkeSa): number[] => [live(sa)[0].protocol, live(peerOf(s, sa))[0].protocol];
const optionsOf = (s: Scene, sa: IkeSa): EespConfig['eesp'][] =>
  [s.world.device.pairs.get(live(sa)[0])!, s.world.gateway.pairs.get(live(peerOf(s, sa))[0])!].flatMap((pair) => [
    (pair.outgoing as EespConfig).eesp,
    (pair.incoming as EespConfig).eesp,
  ]);

test('both sides have it: EESP, its keys, the limits of each, and packets in every Sub SA', () => {
  const { s, sa } = up({ own: { maxSubSa: 7, subSa: 200 }, theirs: { maxSubSa: 2, subSa: 1 } });
  assert.deepEqual(protocols(s, sa), [EESP, EESP]);
  const [child] = live(sa);
  assert.deepEqual([child.suite!.name, child.keyBits, child.esn, child.compression], ['AES_GCM_16', 128, 1024, null]);
  const seen = optionsOf(s, sa).map(({ maxId, session, keyLength, hasSn }) => [maxId, session, keyLength, hasSn]);
  // The device would send with 200, and the gateway accepts 2.
  assert.deepEqual(seen, [
    [2, 2, 16, true],
    [7, 0, 16, true],
    [7, 1, 16, true],
    [2, 0, 16, true],
  ]);
  carries(s, sa, [0, 1, 2]);
  s.close();
});

test('who prefers what, who has no more than one, and what Sub SAs come of it', () => {
  // biome-ignore format: a table
  const rows: [name: string, given: Given, protocol: number, maxIds: number[]][] = [
    ['the responder prefers ESP', { theirs: { prefer: false } }, 3, []],
    ['the initiator prefers ESP, and the responder EESP', { own: { prefer: false } }, EESP, [3, 3, 3, 3]],
    ['an old responder', { theirs: null }, 3, []],
    ['an old initiator', { own: null }, 3, []],
    ['the initiator requires EESP', { own: { required: true }, theirs: { prefer: false } }, EESP, [3, 3, 3, 3]],
    ['no SSKDF', { own: { sskdfs: [0], maxSubSa: 0 }, theirs: { sskdfs: [0], maxSubSa: 0 } }, EESP, [0, 0, 0, 0]],
    ['either, and none', { own: { sskdfs: [1, 0] }, theirs: { sskdfs: [0], maxSubSa: 0 } }, EESP, [0, 0, 0, 0]],
    ['none, and either', { own: { sskdfs: [0], maxSubSa: 0 }, theirs: { sskdfs: [1, 0] } }, EESP, [0, 0, 0, 0]],
    ['one, and none: ESP', { own: { sskdfs: [1] }, theirs: { sskdfs: [0], maxSubSa: 0 } }, 3, []],
    ['no sequence numbers', { own: { hasSn: false }, theirs: { hasSn: false } }, EESP, [3, 3, 3, 3]],
    ['numbers, and none: ESP', { theirs: { hasSn: false } }, 3, []],
  ];
  for (const [name, given, protocol, maxIds] of rows) {
    let made: ReturnType<typeof up>;
    try {
      made = up(given);
    } catch (error) {
      throw new Error(`${name}: ${error}`);
    }
    const { s, sa } = made;
    assert.deepEqual(protocols(s, sa), [protocol, protocol], name);
    if (protocol === EESP) {
      assert.deepEqual(
        optionsOf(s, sa).map(({ maxId }) => maxId),
        maxIds,
        name,
      );
      carries(s, sa, maxIds[0] === 0 ? [0] : [0, 3]);
    }
    s.close();
  }
  // It has no cipher with an implicit IV then.
  const { s, sa } = up({ own: { hasSn: false }, theirs: { hasSn: false } });
  assert.deepEqual([live(sa)[0].suite!.name, live(sa)[0].esn], ['AES_GCM_16', 1025]);
  assert.equal(s.world.gateway.pairs.get(live(peerOf(s, sa))[0])!.incoming.replayWindow, 0);
  s.close();
});

test('required, and the peer has none: the named error, and no private number on the wire', () => {
  const s = eespScene({ unobserved: true, own: { required: true }, theirs: null });
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['NO_PROPOSAL_CHOSEN']);
  const other = eespScene({ unobserved: true, own: null, theirs: { required: true } });
  other.connect();
  other.wait(300000);
  assert.deepEqual(outcomes(other).device, ['NO_PROPOSAL_CHOSEN']);
});

test('a peer without our Vendor ID is offered ESP alone, and gets no EESP if it asks; one that is configured does', () => {
  const strip = (s: Scene): void => {
    // The Vendor ID is the first extension.
    s.world.gateway.ike.extensions.shift();
  };
  const plain = eespScene({ unobserved: true });
  strip(plain);
  const sa = plain.connect();
  plain.wait(5000);
  assertUp(plain, sa);
  assert.deepEqual(protocols(plain, sa), [3, 3]);
  assert.equal(
    live(sa)[0].policy.esp.every(({ protocol }) => protocol === 3),
    true,
  );
  plain.close();
  // The device believes in it, the gateway does not.
  const asked = eespScene({ unobserved: true, device: { privateAlways: true } });
  const got = asked.connect();
  asked.wait(5000);
  assertUp(asked, got);
  assert.deepEqual(protocols(asked, got), [3, 3]);
  asked.close();
  const known = eespScene({ unobserved: true, device: { privateAlways: true }, gateway: { privateAlways: true } });
  const both = known.connect();
  known.wait(5000);
  assertUp(known, both);
  assert.deepEqual(protocols(known, both), [EESP, EESP]);
  known.close();
  const needed = eespScene({ unobserved: true, own: { required: true } });
  strip(needed);
  needed.connect();
  needed.wait(300000);
  assert.deepEqual(outcomes(needed).device, ['NO_PROPOSAL_CHOSEN']);
});

for (const optimizedRekey of [false, true]) {
  test(`rekeys by both sides, ${optimizedRekey ? 'optimized' : 'regular'}, of the Child SA and of the IKE SA, and Deletes`, () => {
    const common = { optimizedRekey, retransmitTime: 1000, maxChildren: 4 };
    for (const more of [{}, { own: { sskdfs: [0], maxSubSa: 0 }, theirs: { sskdfs: [0], maxSubSa: 0 } }]) {
      const { s, sa: first } = up({ device: common, gateway: common, ...more });
      let sa = first;
      const sessions = 'own' in more ? [0] : [0, 3];
      for (let round = 0; round < 2; round++) {
        for (const isOwn of [true, false]) {
          const node = isOwn ? s.world.device : s.world.gateway;
          const one = isOwn ? sa : peerOf(s, sa);
          const [old] = live(one);
          rekeyChild(node.ike, one, old, s.world.now);
          s.wait(20000);
          assert.deepEqual(protocols(s, sa), [EESP, EESP]);
          assert.notEqual(live(one)[0].spiIn, old.spiIn);
          assert.deepEqual([live(sa).length, live(peerOf(s, sa)).length, sa.children.length], [1, 1, 1]);
          carries(s, sa, sessions);
        }
        const node = round === 0 ? s.world.device : s.world.gateway;
        rekeyIke(node.ike, round === 0 ? sa : peerOf(s, sa), s.world.now);
        s.wait(20000);
        sa = s.world.device.established.at(-1)!;
        carries(s, sa, sessions);
      }
      // A Delete names the protocol: none of ESP would be found.
      closeChild(s.world.gateway.ike, peerOf(s, sa), live(peerOf(s, sa))[0], s.world.now);
      s.wait(20000);
      assert.deepEqual([sa.children.length, peerOf(s, sa).children.length], [0, 0]);
      s.close();
    }
  });
}

test('a gateway that restarts has it again, with the numbers that count as used', () => {
  const { s, sa } = up();
  const { gateway } = s.world;
  const keys = new Map<string, Uint8Array>();
  gateway.ike.keylog = true;
  gateway.ike.upper.keys = (one, octets) => void keys.set(Buffer.from(one.spis).toString('hex'), octets.slice());
  rekeyIke(s.world.device.ike, sa, s.world.now);
  s.wait(20000);
  const now = s.world.device.established.at(-1)!;
  const theirs = peerOf(s, now);
  const [child] = live(theirs);
  const { outgoing, incoming } = gateway.pairs.get(child)!;
  const join = (c: typeof outgoing): Uint8Array => Uint8Array.from([...c.key, ...c.salt, ...c.authKey]);
  const stored = structuredClone({
    ike: recordIke(theirs, keys.get(Buffer.from(theirs.spis).toString('hex'))!),
    progress: recordProgress(theirs, s.world.now),
    record: recordChild(child, join(outgoing), join(incoming), s.world.now),
  });
  assert.equal(stored.record.protocol, EESP);
  clearIke(gateway.ike);
  gateway.pairs.clear();
  const numbers = { outHi: 0, outLo: 7, inHi: 0, inLo: 9 };
  const children = [{ record: stored.record, stage: child.retired, numbers }];
  const back = restoreIke(gateway.ike, s.gateway, stored.ike, stored.progress, children, s.world.now, () => {});
  assert.ok(back !== null);
  assert.deepEqual(
    live(back).map(({ protocol, spiIn }) => [protocol, spiIn]),
    [[EESP, child.spiIn]],
  );
  const pair = gateway.pairs.get(live(back)[0])!;
  assert.deepEqual([pair.outgoing.snLo, pair.incoming.snLo, (pair.incoming as EespConfig).eesp.maxId], [7, 9, 3]);
  rekeyChild(gateway.ike, back, live(back)[0], s.world.now);
  s.wait(20000);
  carries(s, now, [0, 3]);
  s.close();
});
