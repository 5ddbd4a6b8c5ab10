// Sizes of real messages in one configuration: AES-128-GCM-16, HMAC-SHA-256, X25519, nonces of 32 octets,
// IPv4 selectors, an identity of 20 octets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aesGcm16 } from '../../core/esp/suites.ts';
import { ID_KEY_ID } from '../../core/ike/codec/numbers.ts';
import { ikeGcm16 } from '../../core/ike/crypto/suites.ts';
import { rekeyChild } from '../../core/ike/exchange/requests.ts';
import { natDetection } from '../../core/ike/ext/nat.ts';
import { type IkePolicy, NAT_AUTO } from '../../core/ike/state/policy.ts';
import { ESP_GCM, IKE_GCM, selector } from './examples.ts';
import { assertUp, type Options, type Scene, scene } from './kit.ts';

const id = { type: ID_KEY_ID, data: Uint8Array.from({ length: 20 }, (_, i) => i) } as const;
const host = (last: number) => selector(0, [0, 65535], [192, 0, 2, last], [192, 0, 2, last]);
const both: Partial<IkePolicy> = {
  ike: [IKE_GCM],
  ciphers: [ikeGcm16],
  nonceSize: 32,
  nat: NAT_AUTO,
  remoteId: null,
  localId: id,
};
const child = { esp: [ESP_GCM], suites: [aesGcm16], notify: null, compression: null };

function notes(options: Options = {}): Scene {
  const s = scene({
    ...options,
    device: { ...both, ...options.device },
    gateway: { ...both, ...options.gateway },
    deviceChild: { ...child, local: [host(1)], remote: [host(2)] },
    gatewayChild: { ...child, local: [host(2)], remote: [host(1)] },
  });
  return s;
}

test('IKE_SA_INIT takes 200 octets each way, IKE_AUTH 217', () => {
  const s = notes({ config: { extensions: [natDetection] } });
  s.world.gateway.ike.extensions = [natDetection];
  const sa = s.connect();
  assertUp(s, sa);
  // The answer to IKE_AUTH has no INITIAL_CONTACT.
  assert.deepEqual(
    s.sent().map((m) => m.size),
    [200, 200, 217, 209],
  );
  s.close();
});

test('a rekey takes 132 octets of payloads in the regular form, 60 in the optimized', () => {
  const s = notes();
  const sa = s.connect();
  const other = assertUp(s, sa);
  for (const [known, inner] of [
    [false, 132],
    [true, 60],
  ] as const) {
    for (const one of [sa, other]) one.children[0]!.keKnown = known;
    s.sent();
    rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
    s.wait(5000);
    const [request, response] = s.sent();
    // IKE header 28, SK 4, IV 8, Pad Length 1, ICV 16.
    assert.equal(request!.size, inner + 57);
    assert.equal(response!.size, inner - 12 + 57);
  }
  s.close();
});
