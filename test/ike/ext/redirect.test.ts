// Redirects [RFC 5685] between two endpoints: in IKE_SA_INIT, in IKE_AUTH, in INFORMATIONAL; what does not send anybody away;
// the octets, and fuzz of their parser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeIke, leaveIke } from '../../../core/ike/exchange/requests.ts';
import {
  createRedirectFollower,
  earlyRedirect,
  GATEWAY_FQDN,
  type GatewayName,
  gatewayAt,
  gatewayData,
  readGatewayData,
  redirectAnswer,
  redirectIke,
  redirectOf,
  redirector,
} from '../../../core/ike/ext/redirect.ts';
import { restart } from '../../../core/ike/setup/initiator.ts';
import type { Extension } from '../../../core/ike/state/ike.ts';
import { type IkeSa, STATE_ESTABLISHED, STATE_INIT_SENT } from '../../../core/ike/state/sa.ts';
import { outcomes, type Scene, scene } from '../kit.ts';
import { notifyOf } from '../observer.ts';
import { address, type Datagram } from '../pair.ts';

const OTHER = gatewayAt(address(9));
const NAME: GatewayName = { type: GATEWAY_FQDN, identity: Uint8Array.from(Buffer.from('b.example')) };

interface Sent {
  s: Scene;
  told: GatewayName[];
  from: { address: Uint8Array | null };
}

function redirecting(
  filter?: (d: Datagram, s: Scene) => Datagram[],
  from: Uint8Array | null = new Uint8Array(0),
): Sent {
  const s = scene(filter === undefined ? {} : { filter, unobserved: true });
  const sent: Sent = { s, told: [], from: { address: from } };
  s.world.device.ike.extensions.push(
    createRedirectFollower({
      from: () => sent.from.address,
      redirected(ike, sa, gateway, now) {
        sent.told.push(gateway);
        leaveIke(ike, sa, now);
      },
    }),
  );
  s.world.gateway.ike.extensions.push(redirector);
  return sent;
}

test('an established peer is told, answers, and deletes the IKE SA', () => {
  const { s, told } = redirecting();
  const sa = s.connect();
  const other = s.world.gateway.ike.sas[0]!;
  const [first] = s.sent();
  assert.equal(notifyOf(first!, 16406)!.length, 0);
  assert.equal(redirectIke(s.world.gateway.ike, other, NAME, s.world.now), true);
  s.world.settle();
  const seen = s.sent();
  assert.deepEqual(
    seen.map((one) => [one.from, one.isResponse, one.payloads.map(({ type }) => type)]),
    [
      ['gateway', false, [41]],
      ['device', true, []],
      ['device', false, [42]],
      ['gateway', true, []],
    ],
  );
  // FQDN, 9 octets, no nonce.
  assert.equal(notifyOf(seen[0]!, 16407)!.toString('hex'), `0309${Buffer.from('b.example').toString('hex')}`);
  assert.deepEqual(
    told.map(({ type, identity }) => ({ type, identity })),
    [NAME],
  );
  assert.equal(sa.state === STATE_ESTABLISHED, false);
  assert.deepEqual(outcomes(s), { device: ['closed'], gateway: ['deleted'] });
  s.close();
});

test('who did not say that it follows is not told; who was sent here says by whom', () => {
  const silent = redirecting(undefined, null);
  silent.s.connect();
  assert.equal(notifyOf(silent.s.sent()[0]!, 16406), null);
  assert.equal(redirectIke(silent.s.world.gateway.ike, silent.s.world.gateway.ike.sas[0]!, OTHER, 0), false);
  silent.s.close();
  const { s } = redirecting(undefined, Uint8Array.of(192, 0, 2, 1));
  s.connect();
  const [first] = s.sent();
  assert.deepEqual([notifyOf(first!, 16406), notifyOf(first!, 16408)!.toString('hex')], [null, '0104c0000201']);
  assert.equal(redirectIke(s.world.gateway.ike, s.world.gateway.ike.sas[0]!, OTHER, s.world.now), true);
  s.world.settle();
  s.close();
});

/** A first message, and what this gateway says to it. */
function early(change: (octets: Uint8Array) => Uint8Array = (octets) => octets): {
  sent: Sent;
  sa: IkeSa;
  request: Uint8Array;
  answer: Uint8Array;
} {
  const lost: Uint8Array[] = [];
  const sent = redirecting((d) => {
    if (d.octets[18] === 34 && lost.length === 0) {
      lost.push(d.octets.slice());
      return [];
    }
    return [d];
  });
  const sa = sent.s.connect();
  const request = change(lost[0]!);
  const answer = redirectAnswer(sent.s.world.gateway.ike, request, 0, request.length, OTHER);
  return { sent, sa, request, answer };
}

test('before anything is kept: REDIRECT in the answer, with the nonce; the attempt begins anew', () => {
  const { sent, sa, request, answer } = early();
  const { s } = sent;
  assert.ok(answer.length > 28 && answer.length < request.length);
  assert.equal(s.world.gateway.ike.sas.length, 0);
  const nonce = sa.setup!.kx.nonceI;
  // Header with SPIr 0, Notify REDIRECT: IPv6, 16 octets, the address, the nonce.
  assert.equal(
    Buffer.from(answer).toString('hex'),
    `${Buffer.from(sa.spis.subarray(0, 8)).toString('hex')}${'00'.repeat(8)}292022200000000000` +
      `${(28 + 8 + 18 + nonce.length).toString(16).padStart(6, '0')}0000` +
      `${(8 + 18 + nonce.length).toString(16).padStart(4, '0')}00004017` +
      `0210${Buffer.from(address(9)).toString('hex')}${Buffer.from(nonce).toString('hex')}`,
  );
  const found = earlyRedirect(s.world.device.ike, answer, 0, answer.length);
  assert.ok(found !== null && found.sa === sa);
  assert.deepEqual([found.gateway.type, found.gateway.identity], [OTHER.type, OTHER.identity]);
  const before = Buffer.from(sa.spis).toString('hex');
  sent.from.address = address(2);
  restart(s.world.device.ike, sa, s.world.now);
  s.world.settle();
  assert.equal(sa.state, STATE_ESTABLISHED);
  assert.notEqual(Buffer.from(sa.spis).toString('hex'), before);
  // The answer again, to an attempt that is no more.
  assert.equal(earlyRedirect(s.world.device.ike, answer, 0, answer.length), null);
  s.close();
});

test('what sends nobody away: another nonce, other SPIs, other messages, damage at every octet', () => {
  const { sent, sa, answer } = early();
  const { ike } = sent.s.world.device;
  const says = (octets: Uint8Array): boolean => earlyRedirect(ike, octets, 0, octets.length) !== null;
  assert.equal(says(answer), true);
  assert.equal(sa.state, STATE_INIT_SENT);
  const free = new Set<number>();
  for (let at = 0; at < answer.length; at++) {
    const wrong = answer.slice();
    wrong[at]! ^= 0x40;
    if (says(wrong)) free.add(at);
  }
  // SPIr, the minor version, what a Notify's reader passes over, and the address itself: that is why the host has a list.
  const open = [...Array(8).keys()].map((n) => 8 + n).concat([17, 19, 29, 32]);
  for (const at of free) assert.ok(open.includes(at) || (at >= 38 && at < 54), `octet ${at}`);
  for (let size = 0; size < answer.length; size++) assert.equal(says(answer.slice(0, size)), false);
  closeIke(ike, sa, sent.s.world.now);
  assert.equal(says(answer), false);
  sent.s.close();
});

test('a request without REDIRECT_SUPPORTED, or that is none, gets no answer', () => {
  const without = early((octets) => {
    const changed = octets.slice();
    const at = Buffer.from(changed).indexOf(Buffer.from([0x40, 0x16]));
    assert.ok(at > 0);
    changed[at + 1] = 0x77;
    return changed;
  });
  assert.equal(without.answer.length, 0);
  closeIke(without.sent.s.world.device.ike, without.sa, 0);
  without.sent.s.close();
  const { sent, sa, request } = early();
  const { ike } = sent.s.world.gateway;
  for (const [at, value] of [
    [18, 35],
    [19, 0x28],
    [19, 0],
    [23, 1],
    [8, 1],
  ] as const) {
    const changed = request.slice();
    changed[at] = value;
    assert.equal(redirectAnswer(ike, changed, 0, changed.length, OTHER).length, 0, `${at}`);
  }
  closeIke(sent.s.world.device.ike, sa, 0);
  sent.s.close();
});

test('in IKE_AUTH it counts when the gateway has proved who it is', () => {
  const inAuth: Extension = {
    add: (_ike, _sa, step, _draft, w) => {
      if (step !== 7) return;
      const data = gatewayData(OTHER, new Uint8Array(0));
      const body = [0, 0, 0, 8 + data.length, 0, 0, 0x40, 0x17, ...data];
      w.buffer[w.next] = 41;
      w.next = w.at;
      for (const octet of body) w.buffer[w.at++] = octet;
    },
    read: (_ike, _sa, step) => (step === 2 ? (38 as never) : 0),
  };
  for (const isProved of [true, false]) {
    const ended: (GatewayName | null)[] = [];
    const one = redirecting((d) => [d]);
    one.s.world.gateway.ike.extensions.push(inAuth);
    if (!isProved) one.s.device.psk = Uint8Array.from(Buffer.from('another key'));
    const { upper } = one.s.world.device.ike;
    const before = upper.ended;
    upper.ended = (sa, outcome, now) => {
      before(sa, outcome, now);
      const to = redirectOf(sa);
      ended.push(to === null ? null : { type: to.type, identity: to.identity });
    };
    one.s.connect();
    assert.deepEqual(ended, [isProved ? OTHER : null]);
    one.s.close();
  }
});

test('fuzz: data of REDIRECT, 100,000 inputs', () => {
  let state = 4;
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * n);
  };
  let good = 0;
  for (let n = 0; n < 100000; n++) {
    const data = new Uint8Array(random(40));
    for (let i = 0; i < data.length; i++) data[i] = random(256);
    if (data.length > 1 && random(2) === 0) {
      data[0] = 1 + random(3);
      data[1] = random(2) === 0 ? [4, 16, 9][random(3)]! : random(40);
    }
    const read = readGatewayData(data);
    if (read === null) continue;
    good++;
    assert.deepEqual(gatewayData(read, read.nonce), data);
    assert.ok(read.type === 3 ? read.identity.length > 0 : read.identity.length === (read.type === 1 ? 4 : 16));
  }
  assert.ok(good > 1000, String(good));
});
