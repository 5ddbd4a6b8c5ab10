// AH negotiated by IKE: octets of the proposals, every algorithm and kind of numbers, both modes, rekeys of both kinds, Deletes with
// protocol 2, a restart, ESP beside it, peers that refuse it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addInboundAh, createAhEndpoint } from '../../../core/ah/endpoint.ts';
import { inboundAh } from '../../../core/ah/inbound.ts';
import { outboundAh } from '../../../core/ah/outbound.ts';
import { type AhConfig, createAhSa } from '../../../core/ah/sa.ts';
import { AH_SUITES, ahAesGmac256, ahHmacSha256 } from '../../../core/ah/suites.ts';
import { fullExtensions } from '../../../core/device/full-extensions.ts';
import { MODE_TRANSPORT, MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import { createEndpoint } from '../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import type { Suite } from '../../../core/esp/suites.ts';
import { recordChild, recordIke, recordProgress, restoreIke } from '../../../core/ike/child/restore.ts';
import { createWriter } from '../../../core/ike/codec/message.ts';
import { addSa } from '../../../core/ike/codec/proposals.ts';
import { clearIke } from '../../../core/ike/exchange/clear.ts';
import { closeChild, rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { ahProposal, createAh } from '../../../core/ike/ext/ah.ts';
import { CHILD_LIVE, type ChildSa } from '../../../core/ike/state/child.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { packet, raw } from '../../naive/packets.ts';
import { assertUp, type Options, outcomes, type Scene, scene } from '../kit.ts';
import { childPolicy, type Node, path } from '../pair.ts';

const AH = 2;
type Numbers = (0 | 1 | 2)[];

interface Given extends Options {
  own?: { suites?: Suite[]; numbers?: Numbers };
  theirs?: { suites?: Suite[]; numbers?: Numbers } | null;
}

function attach(ike: Ike): void {
  ike.protocols.push(createAh(AH_SUITES, { install: (...args) => ike.upper.install(...args) }));
}

function ahScene({ own = {}, theirs = {}, ...options }: Given = {}): Scene {
  const child = ({ suites = AH_SUITES, numbers = [0] as Numbers }) => ({
    esp: [ahProposal(suites, numbers, [])],
    suites,
    notify: null,
    compression: null,
  });
  const esp = { ...childPolicy(2, 1), notify: null, compression: null };
  const s = scene({
    unobserved: true,
    ...options,
    deviceChild: { ...child(own), ...options.deviceChild },
    gatewayChild: theirs === null ? esp : { ...child(theirs), ...options.gatewayChild },
    config: { extensions: fullExtensions(), ...options.config },
  });
  attach(s.world.device.ike);
  if (theirs !== null) attach(s.world.gateway.ike);
  return s;
}

const live = (sa: IkeSa): ChildSa[] => sa.children.filter(({ retired }) => retired === CHILD_LIVE);
const peerOf = (s: Scene, sa: IkeSa): IkeSa =>
  s.world.gateway.ike.sas.find((one) => Buffer.compare(one.spis, sa.spis) === 0)!;

function up(given: Given = {}): { s: Scene; sa: IkeSa } {
  const s = ahScene(given);
  const sa = s.connect();
  s.wait(5000);
  assertUp(s, sa);
  return { s, sa };
}

const configsOf = (node: Node, child: ChildSa): [AhConfig, AhConfig] => {
  const { outgoing, incoming } = node.pairs.get(child)!;
  return [outgoing as AhConfig, incoming as AhConfig];
};

/** A packet goes both ways under the live Child SA. */
function carries(s: Scene, sa: IkeSa): void {
  const [ours] = live(sa);
  const [theirs] = live(peerOf(s, sa));
  assert.deepEqual([ours!.protocol, theirs!.protocol, ours!.spiIn], [AH, AH, theirs!.spiOut]);
  const provider = s.world.device.ike.provider;
  const both = [
    [s.world.device, ours, s.world.gateway, theirs, 'fd00::1', 'fd00::2'],
    [s.world.gateway, theirs, s.world.device, ours, 'fd00::2', 'fd00::1'],
  ] as const;
  for (const [from, child, to, other, src, dst] of both) {
    const sender = createAhSa(FULL_PARTS, provider, configsOf(from, child!)[0]);
    const receiver = createAhSa(FULL_PARTS, provider, configsOf(to, other!)[1]);
    const e = createAhEndpoint(createEndpoint(FULL_PARTS, provider), null);
    addInboundAh(e, receiver);
    const inner = packet({ src, dst }, raw(200, Buffer.alloc(33, 7)));
    const wire = new Uint8Array(300);
    const out = new Uint8Array(300);
    const length = outboundAh(e, sender, inner, 0, inner.length, wire, 0, 0);
    assert.ok(length > 0, `${length}`);
    assert.equal(inboundAh(e, wire, 0, length, out, 0, 0), inner.length);
    assert.deepEqual(Buffer.from(out.subarray(0, inner.length)), inner);
  }
}

test('the SA payload: one proposal with protocol 2, numbers and integrity algorithms, no cipher', () => {
  const w = createWriter(new Uint8Array(200));
  const at = w.at;
  addSa(w, [ahProposal([ahHmacSha256, ahAesGmac256], [2, 1], [])], Uint8Array.of(1, 2, 3, 4), 0, 4);
  const made = Buffer.from(w.buffer.subarray(at, w.at)).toString('hex');
  // Length, number 1, AH, SPI of 4 octets, 4 transforms; types 5 and 3.
  assert.equal(
    made.slice(8),
    '0000002c0102040401020304' + '0300000805000002' + '0300000805000001' + '030000080300000c' + '000000080300000b',
  );
});

test('every algorithm, both modes, every kind of numbers: keys of the right lengths, and packets', () => {
  for (const suite of AH_SUITES) {
    for (const mode of [MODE_TUNNEL, MODE_TRANSPORT] as const) {
      for (const number of [0, 1, 2] as const) {
        const own = { suites: [suite], numbers: [number] as Numbers };
        const { s, sa } = up({ own, theirs: { numbers: [0, 1, 2] }, deviceChild: { mode }, gatewayChild: { mode } });
        const [child] = live(sa);
        assert.deepEqual([child!.protocol, child!.suite, child!.esn, child!.mode], [AH, suite, number, mode]);
        for (const config of configsOf(s.world.device, child!)) {
          assert.deepEqual(
            [config.key.length, config.salt.length, config.authKey.length],
            [suite.keyLength, suite.saltLength, 0],
          );
          assert.deepEqual(config.ah, { scope: 0, peerAs: 0, numbers: number, sender: 0 });
        }
        assert.equal(configsOf(s.world.device, child!)[1].replayWindow, number === 2 ? 0 : 32);
        carries(s, sa);
        s.close();
      }
    }
  }
});

test('who prefers what: the responder; and what cannot be', () => {
  const { s, sa } = up({
    own: { numbers: [0, 1, 2] },
    theirs: { suites: [ahAesGmac256, ahHmacSha256], numbers: [2, 1] },
  });
  assert.deepEqual([live(sa)[0]!.suite, live(sa)[0]!.esn], [ahAesGmac256, 2]);
  carries(s, sa);
  const rows: [Given, string][] = [
    [{ theirs: null }, 'NO_PROPOSAL_CHOSEN'],
    [{ own: { suites: [ahHmacSha256] }, theirs: { suites: [ahAesGmac256] } }, 'NO_PROPOSAL_CHOSEN'],
    [{ own: { numbers: [2] }, theirs: { numbers: [0, 1] } }, 'NO_PROPOSAL_CHOSEN'],
    [{ gatewayChild: { mode: MODE_TRANSPORT } }, 'NO_PROPOSAL_CHOSEN'],
  ];
  for (const [given, outcome] of rows) {
    const refused = ahScene(given);
    refused.connect();
    refused.wait(60000);
    assert.deepEqual(outcomes(refused).device, [outcome]);
  }
});

test('not through a NAT: the ICV covers the addresses', () => {
  const s = ahScene();
  s.connect(null, { ...path(), encapsulated: true, localPort: 4500, remotePort: 4500 });
  s.wait(60000);
  assert.equal(s.world.device.pairs.size + s.world.gateway.pairs.size, 0);
});

test('rekeys of both kinds, by both sides; a Delete of protocol 2; what the other side of ESP does not delete', () => {
  for (const optimizedRekey of [false, true]) {
    const common = { optimizedRekey, maxChildren: 4 };
    const { s, sa } = up({ device: common, gateway: common, own: { numbers: [1] }, theirs: { numbers: [1] } });
    for (const isOwn of [true, false, true]) {
      const one = isOwn ? sa : peerOf(s, sa);
      const before = live(sa)[0]!;
      rekeyChild((isOwn ? s.world.device : s.world.gateway).ike, one, live(one)[0]!, s.world.now);
      s.wait(20000);
      assert.deepEqual([live(sa).length, live(peerOf(s, sa)).length], [1, 1]);
      const after = live(sa)[0]!;
      assert.ok(after !== before && after.spiIn !== before.spiIn);
      assert.deepEqual([after.protocol, after.suite, after.esn], [AH, ahHmacSha256, 1]);
      carries(s, sa);
    }
    closeChild(s.world.device.ike, sa, live(sa)[0]!, s.world.now);
    s.wait(20000);
    assert.deepEqual([live(sa).length, live(peerOf(s, sa)).length], [0, 0]);
    assert.equal(s.world.gateway.pairs.size, 0);
    s.close();
  }
});

test('a gateway that restarts has it again, with the numbers that count as used', () => {
  const { s, sa } = up({ own: { suites: [ahAesGmac256], numbers: [1] }, theirs: { numbers: [1] } });
  const { gateway } = s.world;
  const keys = new Map<string, Uint8Array>();
  gateway.ike.keylog = true;
  gateway.ike.upper.keys = (one, octets) => void keys.set(Buffer.from(one.spis).toString('hex'), octets.slice());
  rekeyIke(s.world.device.ike, sa, s.world.now);
  s.wait(20000);
  const now = s.world.device.established.at(-1)!;
  const theirs = peerOf(s, now);
  const child = live(theirs)[0]!;
  const [outgoing, incoming] = configsOf(gateway, child);
  const joined = (c: AhConfig): Uint8Array => Uint8Array.from([...c.key, ...c.salt]);
  const stored = structuredClone({
    ike: recordIke(theirs, keys.get(Buffer.from(theirs.spis).toString('hex'))!),
    progress: recordProgress(theirs, s.world.now),
    record: recordChild(child, joined(outgoing), joined(incoming), s.world.now),
  });
  assert.deepEqual([stored.record.protocol, stored.record.encr, stored.record.integ], [AH, 0, 11]);
  clearIke(gateway.ike);
  gateway.pairs.clear();
  const numbers = { outHi: 0, outLo: 7, inHi: 0, inLo: 9 };
  const children = [{ record: stored.record, stage: child.retired, numbers }];
  const back = restoreIke(gateway.ike, s.gateway, stored.ike, stored.progress, children, s.world.now, () => {});
  assert.ok(back !== null);
  const [out, into] = configsOf(gateway, live(back)[0]!);
  assert.deepEqual([out.snLo, into.snLo, out.ah.numbers], [7, 9, 1]);
  assert.deepEqual([joined(out), joined(into)], [joined(outgoing), joined(incoming)]);
  rekeyChild(gateway.ike, back, live(back)[0]!, s.world.now);
  s.wait(20000);
  carries(s, now);
  s.close();
});
