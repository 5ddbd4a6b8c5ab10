// A COOKIE with other payloads beside it asks for the request again like one that is alone [RFC 7296 §2.6, §3.10.1, §3.12].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertUp, outcomes, type Scene, scene } from './kit.ts';

const COOKIE = '0000' + '4006' + '5a5b5c5d5e5f';

/** An unprotected answer to `request` with these payloads: type and body each. */
function answer(request: Uint8Array, payloads: [number, string][]): Uint8Array {
  const header = Buffer.from(request.subarray(0, 28));
  header.fill(0, 8, 16);
  header[16] = payloads[0][0];
  header[19] = 0x20;
  const bodies = payloads.map(([, text], i) => {
    const body = Buffer.from(text, 'hex');
    const next = i + 1 < payloads.length ? payloads[i + 1][0] : 0;
    return Buffer.concat([Buffer.of(next, 0, 0, 4 + body.length), body]);
  });
  const whole = Buffer.concat([header, ...bodies]);
  whole.writeUInt32BE(whole.length, 24);
  return whole;
}

/** Answers the first request of the exchange with these payloads. Returns its requests. */
function asking(payloads: [number, string][], exchange = 34): { s: Scene; requests: Uint8Array[] } {
  const requests: Uint8Array[] = [];
  const s = scene({
    unobserved: true,
    device: { ticketLifetime: 600 },
    gateway: { ticketLifetime: 600 },
    filter: (d) => {
      if (d.octets[18] !== exchange || d.from.name !== 'device') return [d];
      requests.push(d.octets);
      if (requests.length > 1) return [d];
      return [{ ...d, from: s.world.gateway, path: d.path, octets: answer(d.octets, payloads) }];
    },
  });
  return { s, requests };
}

const VENDOR: [number, string] = [43, '0011223344556677'];
const UNKNOWN: [number, string] = [41, '0000' + 'a123' + 'ff'];
const PLACES: [string, [number, string][]][] = [
  ['alone', [[41, COOKIE]]],
  ['before a Vendor ID', [[41, COOKIE], VENDOR]],
  ['behind a Vendor ID', [VENDOR, [41, COOKIE]]],
  ['before an unknown status', [[41, COOKIE], UNKNOWN]],
  ['behind an unknown status', [UNKNOWN, [41, COOKIE]]],
  [
    'among unknown payloads',
    [
      [200, '00'],
      [41, COOKIE],
      [201, ''],
    ],
  ],
];

for (const [place, payloads] of PLACES) {
  for (const exchange of [34, 38]) {
    test(`a COOKIE ${place} in the answer to exchange ${exchange} comes back first in the next request`, () => {
      const { s, requests } = asking(payloads, exchange);
      let sa = s.connect();
      if (exchange === 38) {
        assert.ok(sa.session !== null);
        sa = s.connect(sa.session);
      }
      assertUp(s, sa);
      assert.equal(requests.length, 2);
      const text = Buffer.from(requests[1]).toString('hex');
      assert.equal(requests[1][16], 41);
      assert.equal(text.slice(56, 56 + 8 + COOKIE.length).slice(8), COOKIE);
      // Behind it the same request.
      assert.equal(text.slice(56 + 8 + COOKIE.length), Buffer.from(requests[0]).toString('hex').slice(56));
    });
  }
}

test('a COOKIE in a whole answer changes nothing', () => {
  const requests: Uint8Array[] = [];
  const s = scene({
    unobserved: true,
    filter: (d) => {
      if (d.octets[18] !== 34) return [d];
      if (d.from.name === 'device') {
        requests.push(d.octets);
        return [d];
      }
      const tail = Buffer.concat([Buffer.of(0, 0, 0, 4 + COOKIE.length / 2), Buffer.from(COOKIE, 'hex')]);
      const octets = Buffer.concat([d.octets, tail]);
      octets.writeUInt32BE(octets.length, 24);
      let at = 28;
      while (octets[at] !== 0) at += octets.readUInt16BE(at + 2);
      octets[at] = 41;
      return [{ ...d, octets }];
    },
  });
  s.connect();
  assert.equal(requests.length, 1, 'no request is repeated with a cookie');
  s.wait(300000);
  // The changed answer is what this side authenticated, the other one is not.
  assert.deepEqual(outcomes(s).device, ['AUTHENTICATION_FAILED']);
});
