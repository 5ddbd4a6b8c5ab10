// Rekeys of Child SAs and of IKE SAs: optimized and regular, with and without PFS, their sizes, and refusals.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeMethod } from '../../core/crypto/asymmetric.ts';
import type { Writer } from '../../core/ike/codec/message.ts';
import { addStatus } from '../../core/ike/codec/payloads.ts';
import { createChild, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { STEP_AUTH_REQUEST } from '../../core/ike/state/step.ts';
import { assertUp, type Options, outcomes, type Scene, scene } from './kit.ts';
import { notifyOf, type SeenMessage } from './observer.ts';

const esp = (ke: (KeMethod | 0)[]): Options['deviceChild'] => ({
  esp: [{ protocol: 3, ciphers: [29, 14], keyBits: [128, 128], prf: [], integ: [], ke, sn: [0] }],
});

/** CREATE_CHILD_SA of a rekey of the device's Child SA. */
function rekey(s: Scene, sa: IkeSa, node = s.world.device): SeenMessage[] {
  s.sent();
  const old = sa.children.find((child) => child.retired === 0)!;
  rekeyChild(node.ike, sa, old, s.world.now);
  s.wait(5000);
  assert.ok(!sa.children.includes(old));
  assert.equal(sa.children.length, 1);
  return s.sent().filter((m) => m.exchange === 36);
}

const types = (m: SeenMessage): number[] => m.payloads.map((p) => p.type);
const sizes = (list: SeenMessage[]): number[] => list.map((m) => m.size);

// AES-CCM-8: IKE header 28, SK 4, IV 8, Pad Length 1, ICV 8.
const AROUND = 28 + 4 + 8 + 1 + 8;

test('optimized rekey of a Child SA: two notifies and a nonce; 93 and 81 octets', () => {
  const s = scene();
  const sa = s.connect();
  const other = assertUp(s, sa);
  assert.ok(sa.optimizedRekey && sa.children[0]!.keKnown && sa.children[0]!.ke === 0);
  for (const [node, one] of [
    [s.world.device, sa],
    [s.world.gateway, other],
    [s.world.device, sa],
  ] as const) {
    const spi = one.children[0]!.spiIn;
    const before = one.children[0]!;
    const [request, response] = rekey(s, one, node);
    assert.deepEqual(sizes([request!, response!]), [93, 81]);
    assert.deepEqual(types(request!), [41, 41, 40]);
    assert.deepEqual(types(response!), [41, 40]);
    assert.equal(request!.payloads[0]!.body.toString('hex'), '03044009' + spi.toString(16).padStart(8, '0'));
    assert.equal(request!.payloads[1]!.body.toString('hex', 0, 4), '0000c4e1');
    assert.equal(request!.payloads[1]!.body.length, 8);
    const after = one.children[0]!;
    for (const field of ['suite', 'mode', 'local', 'remote', 'compression', 'dscpList', 'ke', 'esn'] as const) {
      assert.deepEqual(after[field], before[field], field);
    }
    assertUp(s, sa);
  }
  s.close();
});

test('regular rekey of a Child SA: its size', () => {
  const s = scene({
    device: { optimizedRekey: false },
    deviceChild: { notify: null, compression: null },
    gatewayChild: { notify: null, compression: null },
  });
  const sa = s.connect();
  const [request, response] = rekey(s, sa);
  // Two ciphers on offer, one in the answer; selectors of IPv6, a nonce of 16 octets.
  const payload = { rekey: 12, nonce: 20, ts: 8 + 40 };
  assert.equal(request!.size, AROUND + payload.rekey + (4 + 12 + 12 + 12 + 8) + payload.nonce + 2 * payload.ts);
  assert.equal(response!.size, AROUND + (4 + 12 + 12 + 8) + payload.nonce + 2 * payload.ts);
  assertUp(s, sa);
  s.close();
});

test('optimized rekey of the IKE SA: key exchange, nonce, new SPI', () => {
  const s = scene();
  const sa = s.connect();
  const child = sa.children[0]!;
  s.sent();
  rekeyIke(s.world.device.ike, sa, s.world.now);
  s.wait(5000);
  const [request, response] = s.sent();
  for (const m of [request!, response!]) {
    assert.equal(m.size, AROUND + 16 + 20 + 40);
    assert.deepEqual(types(m).sort(), [34, 40, 41]);
    assert.equal(notifyOf(m, 50401)!.length, 8);
  }
  const next = s.world.device.established.at(-1)!;
  const other = assertUp(s, next);
  assert.equal(next.children[0], child);
  assert.deepEqual([next.nextId, next.expectedId, other.expectedId], [0, 0, 0]);
  assert.ok(next.optimizedRekey && next.vendor);
  // The responder of the first one may be next, then the roles are the other way round.
  rekeyIke(s.world.gateway.ike, other, s.world.now);
  s.wait(200000);
  const third = s.world.device.established.at(-1)!;
  assertUp(s, third);
  assert.equal(third.initiator, false);
  assert.equal(s.world.device.ike.sas.length, 1);
  assert.equal(s.world.gateway.ike.sas.length, 1);
  assert.deepEqual(
    rekey(s, third).map((m) => m.size),
    [93, 81],
  );
  assert.deepEqual(outcomes(s), { device: [], gateway: [] });
  s.close();
});

test('PFS: agreed in IKE_AUTH, used by the first optimized rekey', () => {
  const s = scene({ deviceChild: esp([31]), gatewayChild: esp([31]) });
  const sa = s.connect();
  assert.deepEqual([sa.children[0]!.keKnown, sa.children[0]!.ke], [true, 31]);
  assert.ok(s.sent().every((m) => m.exchange === 34 || types(m).every((type) => type !== 34)));
  const calls = s.watched.calls.start;
  const [request, response] = rekey(s, sa);
  assert.deepEqual(sizes([request!, response!]), [93 + 40, 81 + 40]);
  assert.equal(s.watched.calls.start, calls + 1);
  assertUp(s, sa);
  s.close();
});

test('without child-pfs-info the first rekey is a regular one, the next are optimized', () => {
  for (const ke of [[], [31]] as const) {
    const s = scene({ deviceChild: esp([...ke]), gatewayChild: esp([...ke]) });
    const sa = s.connect();
    const other = assertUp(s, sa);
    for (const one of [sa, other]) one.children[0]!.keKnown = false;
    const first = rekey(s, sa);
    for (const m of first) {
      assert.ok(types(m).includes(33) && types(m).includes(44));
      assert.equal(types(m).includes(34), ke.length > 0);
      assert.equal(notifyOf(m, 50401), null);
    }
    assertUp(s, sa);
    for (const m of rekey(s, sa)) {
      assert.ok(!types(m).includes(33));
      assert.equal(types(m).includes(34), ke.length > 0);
    }
    assertUp(s, sa);
    s.close();
  }
});

test('an optimized rekey of what is not known to the responder is refused, a regular one follows', () => {
  const s = scene();
  const sa = s.connect();
  const other = assertUp(s, sa);
  other.children[0]!.keKnown = false;
  const list = rekey(s, sa);
  assert.equal(list.length, 4);
  assert.ok(notifyOf(list[0]!, 50401) !== null && notifyOf(list[1]!, 14) !== null);
  assert.ok(types(list[2]!).includes(33));
  assertUp(s, sa);
  // And the next one is optimized again.
  assert.deepEqual(sizes(rekey(s, sa)), [93, 81]);

  // A key exchange that does not fit what is recorded.
  other.children[0]!.ke = 31;
  assert.equal(rekey(s, sa).length, 4);
  assertUp(s, sa);

  // The IKE SA.
  s.sent();
  other.ke = 19;
  rekeyIke(s.world.device.ike, sa, s.world.now);
  s.wait(5000);
  const ike = s.sent().filter((m) => m.exchange === 36);
  assert.equal(ike.length, 4);
  assert.ok(notifyOf(ike[1]!, 14) !== null && types(ike[2]!).includes(33));
  assertUp(s, s.world.device.established.at(-1)!);
  s.close();
});

test('IPComp: not answered at the set-up; an optimized rekey that asks for it is refused, the regular one comes without', () => {
  // IPCOMP_SUPPORTED [RFC 7296 §2.22]: CPI 2, DEFLATE.
  const ask = (w: Writer): void => addStatus(w, 16387, Uint8Array.of(0, 2, 2));
  const s = scene();
  const { ike } = s.world.device;
  ike.extensions.push({
    add: (_ike, _sa, step, _draft, w) => void (step === STEP_AUTH_REQUEST && ask(w)),
    read: () => 0,
  });
  const sa = s.connect();
  const [request, response] = s.sent().filter(({ exchange }) => exchange === 35);
  assert.notEqual(notifyOf(request!, 16387), null);
  assert.equal(notifyOf(response!, 16387), null);
  assertUp(s, sa);

  // No extension writes into the optimized form: it is written where the number of that form is read.
  const number = ike.numbers.optimizedRekey;
  ike.numbers = Object.defineProperty({ ...ike.numbers }, 'optimizedRekey', {
    get: () => {
      if (ike.writer.at > ike.writer.start) ask(ike.writer);
      return number;
    },
  });
  const list = rekey(s, sa);
  assert.equal(list.length, 4);
  assert.ok(notifyOf(list[0]!, 16387) !== null && notifyOf(list[1]!, 14) !== null);
  assert.ok(types(list[2]!).includes(33) && notifyOf(list[3]!, 16387) === null);
  assertUp(s, sa);
  s.close();
});

test('an optimized form that was not agreed is not taken for one', () => {
  const s = scene();
  const sa = s.connect();
  const other = assertUp(s, sa);
  other.optimizedRekey = false;
  rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
  s.wait(300000);
  // No SA payload: INVALID_SYNTAX, fatal on both sides without a Delete.
  assert.deepEqual(outcomes(s), { device: ['INVALID_SYNTAX'], gateway: ['protocol'] });
  assert.equal(s.world.device.ike.sas.length + s.world.gateway.ike.sas.length, 0);
  assert.equal(s.world.device.pairs.size + s.world.gateway.pairs.size, 0);
});

test('an SPI of a wrong length in the optimized form: INVALID_SYNTAX, the end on both sides', () => {
  for (const kind of ['child', 'ike'] as const) {
    const s = scene({ unobserved: true });
    const sa = s.connect();
    // The device's number of the notify is another one, and a notify with a short SPI takes its place.
    const ike = s.world.device.ike;
    const seal = ike.provider.seal;
    let changed = 0;
    ike.provider = {
      ...ike.provider,
      seal: (key, aead, buffer, at, length) => {
        for (let i = at; i + 8 < at + length && changed === 0; i++) {
          if (buffer[i + 6] !== 0xc4 || buffer[i + 7] !== 0xe1) continue;
          // The last octets become part of the SPI size field's length: data of 3 or 7 octets.
          buffer[i + 5] = 1;
          changed++;
        }
        seal(key, aead, buffer, at, length);
      },
    };
    if (kind === 'child') rekeyChild(ike, sa, sa.children[0]!, s.world.now);
    else rekeyIke(ike, sa, s.world.now);
    s.wait(300000);
    assert.equal(changed, 1);
    assert.deepEqual(outcomes(s), { device: ['INVALID_SYNTAX'], gateway: ['protocol'] });
    assert.equal(s.world.device.ike.sas.length + s.world.gateway.ike.sas.length, 0);
  }
});

test('INVALID_KE_PAYLOAD in a regular rekey: once more with the method that is asked for', () => {
  const s = scene({
    device: { optimizedRekey: false },
    deviceChild: esp([31, 19]),
    gatewayChild: esp([19]),
  });
  const sa = s.connect();
  const list = rekey(s, sa);
  assert.equal(list.length, 4);
  assert.equal(notifyOf(list[1]!, 17)!.toString('hex'), '0013');
  assert.equal(sa.children[0]!.ke, 19);
  assertUp(s, sa);
  s.close();
});

test('PFS that only one side wants', () => {
  // A proposal with key exchange alone: a peer without PFS chooses none of it.
  const s = scene({ device: { optimizedRekey: false }, deviceChild: esp([31]), gatewayChild: esp([]) });
  const sa = s.connect();
  assertUp(s, sa);
  const old = sa.children[0]!;
  rekeyChild(s.world.device.ike, sa, old, s.world.now);
  s.wait(5000);
  assert.equal(sa.children[0], old);
  assert.ok(s.world.device.events.includes('childFailed 14'));
  s.close();

  // Where NONE is on offer the peer may choose it, whatever KE payload came.
  const none = scene({ device: { optimizedRekey: false }, deviceChild: esp([31, 0]), gatewayChild: esp([]) });
  const sb = none.connect();
  const list = rekey(none, sb);
  assert.equal(list.length, 2);
  assert.ok(types(list[0]!).includes(34) && !types(list[1]!).includes(34));
  assert.equal(sb.children[0]!.ke, 0);
  assertUp(none, sb);
  none.close();
});

test('NO_ADDITIONAL_SAS; another Child SA where there is room', () => {
  const s = scene();
  const sa = s.connect();
  assertUp(s, sa);
  createChild(s.world.device.ike, sa, s.device.child, s.world.now);
  s.wait(1000);
  assert.ok(s.world.device.events.includes('childFailed 35'));
  assert.equal(sa.children.length, 1);
  assertUp(s, sa);
  s.close();

  const more = scene({ gateway: { maxChildren: 2 } });
  const sb = more.connect();
  createChild(more.world.device.ike, sb, more.device.child, more.world.now);
  more.wait(1000);
  assert.equal(sb.children.length, 2);
  assertUp(more, sb);
  assert.equal(sb.children[1]!.keKnown, true);
  more.close();
});

test('CHILD_SA_NOT_FOUND: the peer lost it, a new one takes its place', () => {
  const s = scene();
  const sa = s.connect();
  const other = assertUp(s, sa);
  const old = sa.children[0]!;
  const [lost] = other.children.splice(0);
  s.world.gateway.pairs.delete(lost!);
  s.sent();
  rekeyChild(s.world.device.ike, sa, old, s.world.now);
  s.wait(5000);
  const list = s.sent().filter((m) => m.exchange === 36);
  const error = list[1]!.payloads[0]!.body.toString('hex');
  assert.equal(error, '0304002c' + old.spiIn.toString(16).padStart(8, '0'));
  assert.equal(list.length, 4);
  assert.ok(!sa.children.includes(old) && sa.children.length === 1);
  assertUp(s, sa);
  s.close();
});

test('TEMPORARY_FAILURE: not at once again, later', () => {
  const s = scene({ gateway: { maxChildren: 2 } });
  const sa = s.connect();
  const other = assertUp(s, sa);
  // The gateway is busy with a rekey of the IKE SA, whose request is lost for a while.
  let held = true;
  const transmit = s.world.gateway.ike.upper.transmit;
  s.world.gateway.ike.upper.transmit = (p, replyTo, buffer, at, length, now) => {
    if (held && (buffer[at + 19]! & 0x20) === 0) return;
    transmit(p, replyTo, buffer, at, length, now);
  };
  rekeyIke(s.world.gateway.ike, other, s.world.now);
  s.world.settle();
  s.sent();
  createChild(s.world.device.ike, sa, s.device.child, s.world.now);
  s.world.settle();
  assert.equal(s.sent().filter((m) => m.from === 'device').length, 1);
  s.wait(1900);
  assert.equal(s.sent().filter((m) => m.from === 'device').length, 0);
  held = false;
  s.wait(60000);
  const next = s.world.device.established.at(-1)!;
  assert.notEqual(next, sa);
  assertUp(s, next);
  assert.equal(next.children.length, 2);
  s.close();
});

test('a Child SA is rekeyed by its time, on and on', () => {
  const s = scene({ deviceChild: { rekeyTime: 60000 } });
  const sa = s.connect();
  const seen = new Set<number>();
  for (let i = 0; i < 40; i++) {
    s.wait(15000);
    seen.add(sa.children[0]!.spiIn);
    assert.ok(sa.children.filter((child) => child.retired === 0).length === 1);
  }
  assert.ok(seen.size >= 9 && seen.size <= 13, String(seen.size));
  assertUp(s, sa);
  s.close();
});
