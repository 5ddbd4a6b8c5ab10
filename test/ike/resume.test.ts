// Session resumption [RFC 5723]: a ticket works once, in time, for its owner, and without key exchange.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeIke, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { type IkeSa, type Session, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { watchedAsymmetric } from './halves.ts';
import { assertUp, nothingLeft, type Options, outcomes, type Scene, scene } from './kit.ts';
import { notifyOf } from './observer.ts';
import { path, policy } from './pair.ts';

const both: Options = { device: { ticketLifetime: 600 }, gateway: { ticketLifetime: 600 } };

/** A session, and its SA gone from the device without a word. */
function asleep(options: Options = {}): { s: Scene; session: Session; sa: IkeSa } {
  const s = scene({
    ...options,
    device: { ...both.device, ...options.device },
    gateway: { ...both.gateway, ...options.gateway },
  });
  const sa = s.connect();
  assertUp(s, sa);
  const session = sa.session!;
  assert.ok(session.ticket.length > 0);
  // The device sleeps: it has nothing but the session.
  const ike = s.world.device.ike;
  ike.sas = [];
  ike.bySpi = {};
  s.world.device.pairs.clear();
  s.sent();
  return { s, session, sa };
}

const exchanges = (s: Scene): number[] => s.sent().map((m) => m.exchange);

test('a resumption takes two exchanges and no key exchange, and the old SA is dropped', () => {
  const watched = watchedAsymmetric();
  const { s, session, sa: old } = asleep();
  s.world.gateway.ike.asymmetric = watched.asymmetric;
  const before = { ...s.watched.calls };
  const sa = s.connect(session);
  assert.deepEqual(s.watched.calls, before);
  assert.deepEqual(watched.calls, { start: 0, finish: 0, sign: 0, verify: 0 });
  const messages = s.sent();
  assert.deepEqual(
    messages.map((m) => m.exchange),
    [38, 38, 35, 35],
  );
  // Nonce and ticket, nonce: no SA, no KE.
  for (const m of messages.slice(0, 2)) assert.ok(m.payloads.every((p) => p.type !== 33 && p.type !== 34));
  assert.deepEqual(notifyOf(messages[0]!, 16413), Buffer.from(session.ticket));
  const other = assertUp(s, sa);
  assert.notDeepEqual(sa.spis, old.spis);
  assert.equal(s.world.gateway.outcomes.length, 1);
  assert.deepEqual(outcomes(s).gateway, ['replaced']);
  assert.deepEqual([sa.ke, other.ke], [31, 31]);
  assert.ok(sa.vendor && other.vendor && sa.optimizedRekey && sa.children[0]!.compression !== null);

  // What follows stands on the new keys; child-pfs-info said what rekeys do.
  assert.deepEqual([sa.children[0]!.keKnown, sa.children[0]!.ke], [true, 0]);
  rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
  s.wait(5000);
  assert.equal(sa.children.length, 1);
  assertUp(s, sa);
  rekeyIke(s.world.device.ike, sa, s.world.now);
  s.wait(5000);
  assertUp(s, s.world.device.established.at(-1)!);
  s.close();
});

test("without child-pfs-info the first Child SA counts as made with the ticket's key exchange", () => {
  const { s, session } = asleep({ device: { privateAlways: true }, gateway: { privateAlways: true } });
  const sa = s.connect(session);
  const other = assertUp(s, sa);
  for (const one of [sa, other]) assert.deepEqual([one.children[0]!.keKnown, one.children[0]!.ke], [true, 31]);
  s.sent();
  rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
  s.wait(5000);
  const create = s.sent().filter((m) => m.exchange === 36);
  assert.equal(create.length, 2);
  for (const m of create) {
    assert.ok(notifyOf(m, 50401) !== null);
    assert.ok(m.payloads.some((p) => p.type === 34));
  }
  assertUp(s, sa);
  s.close();
});

test('each resumption brings the next ticket, with its lifetime', () => {
  const { s, session } = asleep();
  let ticket = session;
  for (let i = 0; i < 4; i++) {
    s.wait(100000);
    const sa = s.connect(ticket);
    assertUp(s, sa);
    assert.ok(sa.session !== null);
    assert.notDeepEqual(sa.session.ticket, ticket.ticket);
    assert.equal(sa.session.expires, s.world.now + 600000);
    assert.equal(notifyOf(s.sent().at(-1)!, 16409)!.readUInt32BE(0), 600);
    ticket = sa.session;
    closeIke(s.world.device.ike, sa, s.world.now);
    s.wait(5000);
    s.world.device.outcomes.length = 0;
  }
  s.close();
});

test('where the pre-shared key was changed, a ticket proves nothing: a whole handshake', () => {
  const { s, session } = asleep({ unobserved: true });
  s.gateway.psk = new Uint8Array(16).fill(9);
  s.connect(session);
  s.wait(5000);
  assert.deepEqual(outcomes(s).device, ['AUTHENTICATION_FAILED']);
  s.world.device.outcomes.length = 0;
  s.world.gateway.outcomes.length = 0;
  s.device.psk = s.gateway.psk;
  s.world.log.length = 0;
  const sa = s.connect(session);
  assertUp(s, sa);
  const kinds = (): number[] => s.world.log.map(({ octets }) => octets[18]);
  assert.deepEqual(kinds(), [38, 38, 34, 34, 35, 35]);
  // Nor where a post-quantum key is asked for since.
  s.world.log.length = 0;
  s.gateway.ppk = { id: Uint8Array.of(2, 1), key: new Uint8Array(32).fill(5), mandatory: false, intermediate: false };
  closeIke(s.world.device.ike, sa, s.world.now);
  s.wait(5000);
  s.world.log.length = 0;
  s.connect(sa.session);
  assert.deepEqual(kinds(), [38, 38, 34, 34, 35, 35]);
  s.close();
});

test('tickets of peers with certificates: void when the list of revoked ones changes, and none outlives the certificate', () => {
  let end = 100000;
  const signatures = {
    hashes: Uint8Array.of(0, 5),
    make: () => Uint8Array.of(1),
    check: () => true,
    mark: Uint8Array.of(1),
    until: () => end,
  };
  const both = { localAuth: 14, remoteAuth: 14, signatures } as const;
  const { s, session } = asleep({ unobserved: true, device: both, gateway: both });
  assert.equal(session.expires, s.world.now + 100000);
  s.wait(40000);
  // What a resumed session gets is good for no longer: no certificate was seen.
  end = 1e9;
  const sa = s.connect(session);
  assertUp(s, sa);
  assert.equal(sa.session!.expires, 100000);
  closeIke(s.world.device.ike, sa, s.world.now);
  s.wait(5000);
  s.gateway.signatures = { ...signatures, mark: Uint8Array.of(2) };
  s.world.log.length = 0;
  s.connect(sa.session);
  assert.deepEqual(
    s.world.log.map(({ octets }) => octets[18]),
    [38, 38, 34, 34, 35, 35],
  );
  s.close();
});

test('a ticket is good for once: then a whole handshake', () => {
  const { s, session } = asleep();
  const first = s.connect(session);
  assertUp(s, first);
  s.sent();
  const sa = connect(s.world.device.ike, s.device, path(), session, s.world.now);
  s.world.settle();
  const messages = s.sent();
  assert.deepEqual(
    messages.slice(0, 6).map((m) => m.exchange),
    [38, 38, 34, 34, 35, 35],
  );
  assert.ok(notifyOf(messages[1]!, 16412) !== null);
  assert.equal(messages[1]!.payloads.length, 1);
  assert.equal(sa.state, STATE_ESTABLISHED);
  s.close();
});

test('a ticket that ended: the device does not try, the gateway does not take it', () => {
  const { s, session } = asleep();
  s.wait(601000);
  const sa = s.connect(session);
  assert.deepEqual(exchanges(s), [34, 34, 35, 35]);
  assertUp(s, sa);
  s.close();

  const late = asleep();
  late.s.wait(601000);
  // Its clock is slow.
  const sb = late.s.connect({ ...late.session, expires: 1e9 });
  assert.deepEqual(exchanges(late.s), [38, 38, 34, 34, 35, 35]);
  assertUp(late.s, sb);
  late.s.close();
});

test('a refusal that anybody can send costs a whole handshake and no time', () => {
  let forged = 0;
  const s = scene({
    ...both,
    unobserved: true,
    filter: (d) => {
      if (d.from.name !== 'gateway' || d.octets[18] !== 38 || forged > 0) return [d];
      forged++;
      const nack = Buffer.concat([d.octets.subarray(0, 28), Buffer.from('000000080000401c', 'hex')]);
      nack.fill(0, 8, 16);
      nack[16] = 41;
      nack.writeUInt32BE(nack.length, 24);
      return [{ ...d, octets: nack }, d];
    },
  });
  const { session } = s.connect();
  s.world.device.ike.sas = [];
  s.world.device.ike.bySpi = {};
  s.world.device.pairs.clear();
  const sa = s.connect(session);
  assert.equal(forged, 1);
  assert.equal(sa.state, STATE_ESTABLISHED, 'at once');
  s.wait(60000);
  assert.equal(s.world.gateway.ike.sas.length, 1);
  s.close();
});

test('a changed ticket, and one of another gateway', () => {
  for (const at of [0, 11, 40, -1]) {
    const { s, session } = asleep({ unobserved: true });
    const ticket = Uint8Array.from(session.ticket);
    ticket.set([ticket.at(at)! ^ 1], at < 0 ? ticket.length + at : at);
    const sa = s.connect({ ...session, ticket });
    assert.equal(s.world.log.at(-5)!.octets[18], 38);
    assert.equal(sa.state, STATE_ESTABLISHED);
    s.close();
  }
});

test('a ticket is of no use to another identity', () => {
  const { s, session } = asleep({ unobserved: true });
  // Somebody with credentials and keys of his own, and the session of another one.
  const thief = { ...policy('thief', 'gateway', 1, 2), ticketLifetime: 600 };
  const victim = s.world.gateway.ike.sas[0]!;
  s.gateway.remoteId = null;
  connect(s.world.device.ike, thief, path(), session, s.world.now);
  s.world.settle();
  s.wait(5000);
  assert.deepEqual(outcomes(s).device, ['AUTHENTICATION_FAILED']);
  // The SA of its owner is as it was.
  assert.equal(victim.state, STATE_ESTABLISHED);
  assert.equal(s.world.gateway.pairs.size, 1);
});

test('a ticket whose SK_d is not known is of no use', () => {
  const { s, session } = asleep({ unobserved: true });
  s.connect({ ...session, skD: new Uint8Array(32) });
  const half = s.world.gateway.ike.sas.length;
  s.wait(300000);
  assert.equal(half, 2);
  assert.deepEqual(outcomes(s).device, ['timeout']);
  assert.equal(s.world.gateway.ike.sas.length, 1);
});

test('COOKIE asked of a resumption', () => {
  const { s, session } = asleep({ responder: { cookieThreshold: 0 } });
  const sa = s.connect(session);
  const messages = s.sent();
  assert.deepEqual(
    messages.map((m) => m.exchange),
    [38, 38, 38, 38, 35, 35],
  );
  assert.equal(messages[2]!.payloads[0]!.body.readUInt16BE(2), 16390);
  assertUp(s, sa);
  s.close();
});

test('tickets are given to who asks, by who gives them', () => {
  for (const [device, gateway] of [
    [600, 0],
    [0, 600],
  ] as const) {
    const s = scene({ device: { ticketLifetime: device }, gateway: { ticketLifetime: gateway } });
    const sa = s.connect();
    assertUp(s, sa);
    assert.equal(sa.session, null);
    const answer = s.sent().at(-1)!;
    assert.equal(notifyOf(answer, 16409), null);
    assert.equal(notifyOf(answer, 16412) !== null, device > 0);
    s.close();
  }
});

test('a gateway without tickets says nothing to IKE_SESSION_RESUME: time-out, a host may then connect anew', () => {
  const { session } = asleep();
  const s = scene({ ...both, responder: { tickets: null }, unobserved: true });
  s.connect(session);
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['timeout']);
  nothingLeft(s);
});

test('a resumption with a PPK in the old keys, in fragments, behind lost messages', () => {
  const ppk = { id: Uint8Array.of(2, 1), key: new Uint8Array(32).fill(5), mandatory: true, intermediate: true };
  let number = -1e9;
  const { s, session } = asleep({
    device: { ppk, fragmentSize: 128 },
    gateway: { ppk, fragmentSize: 128 },
    filter: (d) => (number++ % 5 === 4 && number < 20 ? [] : [d]),
  });
  number = 0;
  const sa = s.connect(session);
  s.wait(60000);
  assertUp(s, sa);
  assert.ok(sa.fragmentation);
  assert.equal(s.observer.messages.filter((m) => m.exchange === 43).length >= 2, true);
});
