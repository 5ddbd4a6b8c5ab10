// IKE_SA_INIT: choice of the key exchange, COOKIE, unknown versions and payloads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeMethod } from '../../core/crypto/asymmetric.ts';
import type { Transforms } from '../../core/ike/codec/proposals.ts';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { COUNT_COOKIES } from '../../core/ike/exchange/registry.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { assertUp, nothingLeft, outcomes, type Scene, scene } from './kit.ts';
import { notifyOf } from './observer.ts';
import { type Datagram, path } from './pair.ts';

const proposal = (ke: KeMethod[], ciphers = [14]): Transforms[] => [
  { protocol: 1, ciphers, keyBits: ciphers.map(() => 128), prf: [5], integ: [], ke, sn: [] },
];
const first = (s: Scene, from: string): Buffer[] =>
  s.world.log.filter((m) => m.from === from && m.octets[18] === 34).map((m) => Buffer.from(m.octets));

for (const [offered, wanted] of [
  [[31, 19], [19]],
  [[19, 31], [31]],
] as const) {
  test(`INVALID_KE_PAYLOAD: ${offered} is offered, ${wanted} is wanted`, () => {
    for (const cookieThreshold of [100, 0]) {
      const s = scene({
        device: { ike: proposal([...offered]) },
        gateway: { ike: proposal([...wanted]) },
        responder: { cookieThreshold },
      });
      const sa = s.connect();
      assertUp(s, sa);
      assert.equal(sa.ke, wanted[0]);
      const requests = first(s, 'device');
      assert.equal(requests.length, cookieThreshold === 0 ? 3 : 2);
      // SPI, proposals and nonce stay; the cookie too.
      const [a, b] = s
        .sent()
        .filter((m) => m.exchange === 34 && !m.isResponse)
        .slice(-2);
      const of = (m: typeof a, type: number): Buffer => m!.payloads.find((p) => p.type === type)!.body;
      assert.deepEqual(requests.at(-1)!.subarray(0, 8), requests[0]!.subarray(0, 8));
      for (const type of [33, 40]) assert.deepEqual(of(a, type), of(b, type));
      assert.deepEqual(notifyOf(a!, 16390), notifyOf(b!, 16390));
      assert.notDeepEqual(of(a, 34), of(b, 34));
      s.close();
    }
  });
}

test('INVALID_KE_PAYLOAD of a forger does not choose: both sides have the method that comes first', () => {
  const ike = proposal([31, 19]);
  // The first request does not get there.
  let lost = 0;
  const filter = (datagram: Datagram): Datagram[] => (lost++ === 0 ? [] : [datagram]);
  const s = scene({ device: { ike }, gateway: { ike: proposal([19, 31]) }, filter });
  const asking = scene({ device: { ike }, gateway: { ike: proposal([19]) } });
  asking.connect();
  const forged = first(asking, 'gateway')[0]!;
  const sa = connect(s.world.device.ike, s.device, path(), null, s.world.now);
  forged.set(sa.spis.subarray(0, 8), 0);
  assert.equal(receiveIke(s.world.device.ike, path(), forged, 0, forged.length, 0), 0);
  assert.equal(sa.setup!.kx.method, 19);
  s.wait(60000);
  assertUp(s, sa);
  assert.equal(sa.ke, 31);
  s.close();
});

test('INVALID_KE_PAYLOAD for a method that was not offered is no answer', () => {
  const s = scene({ device: { ike: proposal([31]) }, gateway: { ike: proposal([19, 31]) } });
  // What the gateway says when it prefers another one, which was not on offer.
  const bad = scene({ device: { ike: proposal([31, 19]) }, gateway: { ike: proposal([19]) } });
  bad.connect();
  const refusal = first(bad, 'gateway')[0]!;
  s.world.gateway.ike.upper.transmit = () => {};
  const sa = s.connect();
  refusal.set(sa.spis.subarray(0, 8), 0);
  assert.equal(receiveIke(s.world.device.ike, path(), refusal, 0, refusal.length, 0), 0);
  assert.equal(first(s, 'device').length, 1);
  assert.equal(sa.setup!.kx.method, 31);
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['INVALID_KE_PAYLOAD']);
  nothingLeft(s);
});

test('no proposal in common', () => {
  const s = scene({ device: { ike: proposal([31]) }, gateway: { ike: proposal([31], [20]) } });
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['NO_PROPOSAL_CHOSEN']);
  for (const outcome of outcomes(s).gateway) assert.equal(outcome, 'NO_PROPOSAL_CHOSEN');
  nothingLeft(s);
});

test('an error that anybody can send does not end the attempt', () => {
  let forged = 0;
  const s = scene({
    unobserved: true,
    filter: (d) => {
      if (d.from.name !== 'gateway' || d.octets[18] !== 34 || forged > 0) return [d];
      forged++;
      const error = Buffer.concat([d.octets.subarray(0, 28), Buffer.from('000000080000000e', 'hex')]);
      error.fill(0, 8, 16);
      error[16] = 41;
      error.writeUInt32BE(error.length, 24);
      return [{ ...d, octets: error }, d];
    },
  });
  s.connect();
  assert.equal(forged, 1);
  assert.equal(s.world.device.established.length, 1);
  s.close();
});

/** The message without the last octet of its KE payload. */
function shortened(message: Buffer, ke: number): Buffer {
  const end = ke + message.readUInt16BE(ke + 2);
  const out = Buffer.concat([message.subarray(0, end - 1), message.subarray(end)]);
  out.writeUInt16BE(end - 1 - ke, ke + 2);
  out.writeUInt32BE(out.length, 24);
  return out;
}

test('a forged answer with a public value of another method or a wrong length is passed over', () => {
  for (const change of ['method', 'short'] as const) {
    const s = scene({
      unobserved: true,
      filter: (d) => {
        if (d.from.name !== 'gateway' || d.octets[18] !== 34) return [d];
        const bad = Buffer.from(d.octets);
        const ke = 28 + bad.readUInt16BE(30);
        if (change === 'method') bad[ke + 5] = 19;
        return [{ ...d, octets: change === 'short' ? shortened(bad, ke) : bad }, d];
      },
    });
    s.connect();
    assert.equal(s.world.device.established.length, 1, change);
    s.close();
  }
});

test('an answer with a public value of zeros ends in no SA', () => {
  const s = scene({
    unobserved: true,
    filter: (d) => {
      if (d.from.name !== 'gateway' || d.octets[18] !== 34) return [d];
      const bad = Buffer.from(d.octets);
      const ke = 28 + bad.readUInt16BE(30);
      bad.fill(0, ke + 8, ke + 40);
      return [{ ...d, octets: bad }];
    },
  });
  s.connect();
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['protocol']);
  nothingLeft(s);
});

test('a forged answer with a public value of zeros does not end the attempt', () => {
  const s = scene({
    filter: (d) => {
      if (d.from.name !== 'gateway' || d.octets[18] !== 34) return [d];
      const forged = d.octets.slice();
      // Header 28, SA 40, then KE: generic header 4, method and reserved 4, value.
      forged.fill(0, 28 + 40 + 8, 28 + 40 + 8 + 32);
      return [{ ...d, octets: forged }, d];
    },
  });
  assertUp(s, s.connect());
});

test('a request with a public value of zeros makes no SA', () => {
  const s = scene({
    unobserved: true,
    filter: (d) => {
      const bad = Buffer.from(d.octets);
      const ke = 28 + bad.readUInt16BE(30);
      if (d.from.name === 'device') bad.fill(0, ke + 8, ke + 40);
      return [{ ...d, octets: bad }];
    },
  });
  s.connect();
  assert.equal(s.world.gateway.ike.sas.length, 0);
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['INVALID_SYNTAX']);
  nothingLeft(s);
});

// COOKIE.

/** The request with COOKIE as its first payload. */
function withCookie(request: Buffer, cookie: Uint8Array): Buffer {
  const notify = Buffer.concat([Buffer.of(request[16]!, 0, 0, 8 + cookie.length, 0, 0, 0x40, 0x06), cookie]);
  const out = Buffer.concat([request.subarray(0, 28), notify, request.subarray(28)]);
  out[16] = 41;
  out.writeUInt32BE(out.length, 24);
  return out;
}

test('COOKIE under load: first payload of the same request again, and no state before', () => {
  const s = scene({ responder: { cookieThreshold: 0 } });
  const sa = s.connect();
  const [plain, again] = first(s, 'device');
  const asked = s.sent()[1]!;
  assert.equal(asked.payloads.length, 1);
  const cookie = notifyOf(asked, 16390)!;
  assert.ok(cookie.length >= 1 && cookie.length <= 64);
  assert.deepEqual(first(s, 'gateway')[0]!.subarray(8, 16), Buffer.alloc(8));
  assert.deepEqual(again, withCookie(plain!, cookie));
  assert.equal(s.world.gateway.ike.counters[COUNT_COOKIES], 1);
  assert.equal(s.world.gateway.ike.sas.length, 1);
  assertUp(s, sa);
  s.close();
});

test('COOKIE: bound to nonce, SPI and address, for as long as its secret and the next live', () => {
  const s = scene({ responder: { cookieThreshold: 0 }, filter: () => [] });
  const gateway = s.world.gateway;
  s.connect();
  const request = first(s, 'device')[0]!;
  const from = { ...path(), local: path().remote, remote: path().local };
  const half = (octets: Buffer, now: number, remote = from.remote, port = 500): number => {
    const before = gateway.ike.sas.length;
    receiveIke(gateway.ike, { ...from, remote, remotePort: port }, Buffer.from(octets), 0, octets.length, now);
    return gateway.ike.sas.length - before;
  };
  const changed = (octets: Buffer, at: number): Buffer => {
    const copy = Buffer.from(octets);
    copy[at]! ^= 1;
    return copy;
  };
  assert.equal(half(request, 1000), 0);
  const cookieAt = (): Buffer => {
    const answer = Buffer.from(s.world.log.filter((m) => m.from === 'gateway').at(-1)!.octets);
    assert.equal(answer.readUInt16BE(34), 16390);
    return answer.subarray(36);
  };
  const cookie = cookieAt();
  const good = withCookie(request, cookie);
  // Each octet of the cookie, of the SPI, and of the nonce counts.
  for (let i = 0; i < cookie.length; i++) assert.equal(half(changed(good, 36 + i), 1000), 0, 'octet ' + i);
  for (let i = 0; i < 8; i++) assert.equal(half(changed(good, i), 1000), 0);
  const nonceAt = good.indexOf(s.observer.messages[0]!.payloads.find((p) => p.type === 40)!.body);
  for (let i = 0; i < 16; i++) assert.equal(half(changed(good, nonceAt + i), 1000), 0);
  assert.equal(
    half(
      good,
      1000,
      Uint8Array.from(from.remote, (octet, i) => (i === 15 ? 9 : octet)),
    ),
    0,
  );
  assert.equal(half(withCookie(request, cookie.subarray(1)), 1000), 0);
  assert.equal(half(withCookie(request, Buffer.alloc(65)), 1000), 0);
  assert.equal(gateway.ike.sas.length, 0);
  // The port does not count, as NATs change it; then a new secret, then its successor.
  assert.equal(half(good, 2000, from.remote, 4711), 1);
  assert.equal(half(good, 62000), 1);
  assert.equal(half(changed(good, 0), 130000), 0);
  assert.equal(half(good, 130000, from.remote, 4712), 0, 'the secret before the last is forgotten');
  const later = withCookie(request, cookieAt());
  assert.equal(half(later, 130000, from.remote, 4713), 1);
});

/** An endless or a single disturbance of requests with a cookie, such that both sides sign different messages. */
function disturbed(times: number): Scene {
  let left = times;
  return scene({
    unobserved: true,
    responder: { cookieThreshold: 0 },
    filter: (d) => {
      const isCookie = d.from.name === 'device' && d.octets[18] === 34 && d.octets[16] === 41;
      if (!isCookie || left === 0) return [d];
      left--;
      // A reserved octet of the KE payload.
      const octets = Buffer.from(d.octets);
      const sa = 28 + octets.readUInt16BE(30);
      const ke = sa + octets.readUInt16BE(sa + 2);
      octets[ke + 6]! ^= 1;
      return [{ ...d, octets }];
    },
  });
}

test('AUTHENTICATION_FAILED after a COOKIE: once more from scratch, with a COOKIE again', () => {
  const s = disturbed(1);
  const sa = s.connect();
  const requests = first(s, 'device');
  assert.equal(requests.length, 4);
  assert.notDeepEqual(requests[2]!.subarray(0, 8), requests[0]!.subarray(0, 8));
  assert.equal(s.world.device.established.length, 1);
  assert.equal(s.world.device.established[0], sa);
  s.close();
});

test('AUTHENTICATION_FAILED after a COOKIE: not a third time', () => {
  const s = disturbed(100);
  s.connect();
  s.wait(300000);
  assert.equal(first(s, 'device').length, 4);
  assert.deepEqual(outcomes(s).device, ['AUTHENTICATION_FAILED']);
  nothingLeft(s);
});

test('more half-open SAs than the limit are not made; they are forgotten in time, also where IKE_AUTH is nonsense', () => {
  const s = scene({
    responder: { halfOpenMax: 3, halfOpenTime: 10000 },
    filter: (d) => (d.octets[18] === 34 ? [d] : []),
  });
  for (let i = 0; i < 5; i++) s.connect();
  assert.equal(s.world.gateway.ike.sas.length, 3);
  s.wait(300000);
  assert.deepEqual(outcomes(s).gateway, []);
  nothingLeft(s);

  // Authenticated garbage inside SK: INVALID_SYNTAX, and its place is free again.
  const g = scene({ responder: { halfOpenMax: 2 }, unobserved: true });
  g.world.device.ike.extensions.push({
    add: (_ike, _sa, step, _draft, w) => {
      if (step === 2) w.buffer[w.next + 2] = 0xff;
    },
    read: () => 0,
  });
  for (let i = 0; i < 6; i++) {
    g.connect();
    g.wait(5000);
  }
  assert.deepEqual(outcomes(g).device, Array(6).fill('INVALID_SYNTAX'));
  g.wait(300000);
  nothingLeft(g);
});

// Headers and payloads.

test('a higher major version is answered with ours', () => {
  const s = scene({
    unobserved: true,
    filter: (d) => {
      const octets = Buffer.from(d.octets);
      if (d.from.name === 'device') octets[17] = 0x30;
      return [{ ...d, octets }];
    },
  });
  s.connect();
  const answer = first(s, 'gateway')[0]!;
  assert.equal(answer[17], 0x20);
  assert.equal(answer.subarray(28).toString('hex'), '0000000800000005');
  assert.equal(s.world.gateway.ike.sas.length, 0);
  s.wait(300000);
  assert.deepEqual(outcomes(s).device, ['INVALID_MAJOR_VERSION']);
  nothingLeft(s);
});

test('a higher minor version and unknown payloads are taken, unknown critical ones are refused', () => {
  for (const critical of [false, true]) {
    const s = scene({
      device: { transcript: false },
      config: {
        extensions: [
          {
            add: (_ike, _sa, step, _draft, w) => {
              if (step !== 0) return;
              const at = w.at;
              w.buffer[w.next] = 200;
              w.buffer.set([0, critical ? 0x80 : 0, 0, 5, 1], at);
              w.next = at;
              w.at += 5;
              w.buffer[17] = 0x21;
            },
            read: () => 0,
          },
        ],
      },
      unobserved: true,
    });
    s.connect();
    if (!critical) {
      assert.equal(s.world.device.established.length, 1);
      s.close();
      continue;
    }
    assert.equal(first(s, 'gateway')[0]!.subarray(28).toString('hex'), '0000000900000001c8');
    assert.equal(s.world.gateway.ike.sas.length, 0);
    s.wait(300000);
    assert.deepEqual(outcomes(s).device, ['UNSUPPORTED_CRITICAL_PAYLOAD']);
    nothingLeft(s);
  }
});

test('nobody there: time-out after all repetitions', () => {
  const s = scene({ filter: () => [] });
  s.connect();
  s.wait(300000);
  assert.equal(first(s, 'device').length, 6);
  for (const octets of first(s, 'device')) assert.deepEqual(octets, first(s, 'device')[0]);
  assert.deepEqual(outcomes(s).device, ['timeout']);
  nothingLeft(s);
});
