// All ciphers of IKE with both key exchanges, all suites of ESP, and IKE messages in fragments, each against the
// observer's computation.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { ALL_IKE_CIPHERS } from '../../core/ike/crypto/all-suites.ts';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import type { ChildPolicy, IkePolicy } from '../../core/ike/state/policy.ts';
import { assertUp, scene } from './kit.ts';

for (const cipher of ALL_IKE_CIPHERS) {
  for (const ke of [31, 19] as const) {
    test(`IKE: ${cipher.name} with key exchange ${ke}`, () => {
      const both: Partial<IkePolicy> = {
        ciphers: [cipher],
        ike: [
          {
            protocol: 1,
            ciphers: [cipher.encr],
            keyBits: [cipher.keyBits],
            prf: [5],
            integ: cipher.integ === 0 ? [] : [cipher.integ],
            ke: [ke],
            sn: [],
          },
        ],
      };
      const s = scene({ device: both, gateway: both });
      const sa = s.connect();
      assertUp(s, sa);
      assert.equal(sa.cipher, cipher);
      for (const optimizedRekey of [true, false]) {
        const at = s.world.device.established.at(-1)!;
        at.optimizedRekey = optimizedRekey;
        rekeyIke(s.world.device.ike, at, s.world.now);
        s.wait(5000);
        const next = s.world.device.established.at(-1)!;
        assert.notEqual(next, at);
        assert.equal(next.ke, ke);
        assertUp(s, next);
      }
      s.close();
    });
  }
}

for (const suite of ALL_SUITES) {
  const sizes = suite.alg === 0 ? [0] : suite.keyLength === 16 ? [128, 256] : [0];
  for (const keyBits of sizes) {
    for (const sn of [0, 1] as const) {
      test(`ESP: ${suite.name} ${keyBits} sequence numbers ${sn}`, () => {
        const child: Partial<ChildPolicy> = {
          suites: [suite],
          esp: [
            {
              protocol: 3,
              ciphers: [suite.encr],
              keyBits: [keyBits],
              prf: [],
              integ: suite.integ === 0 ? [] : [suite.integ],
              ke: [31],
              sn: [sn],
            },
          ],
        };
        const s = scene({ deviceChild: child, gatewayChild: child });
        const sa = s.connect();
        assertUp(s, sa);
        const made = sa.children[0]!;
        assert.deepEqual([made.suite, made.keyBits, made.esn], [suite, keyBits, sn]);
        const pair = s.world.device.pairs.get(made)!;
        const octets = suite.alg === 0 ? 0 : keyBits === 0 ? suite.keyLength : keyBits / 8;
        assert.equal(pair.outgoing.key.length, octets);
        assert.equal(pair.outgoing.salt.length, suite.saltLength);
        assert.equal(pair.outgoing.authKey.length, suite.authKeyLength);
        assert.notDeepEqual(
          Buffer.concat([pair.outgoing.key, pair.outgoing.authKey]),
          Buffer.concat([pair.incoming.key, pair.incoming.authKey]),
        );
        rekeyChild(s.world.device.ike, sa, made, s.world.now);
        s.wait(5000);
        assert.deepEqual([sa.children[0]!.suite, sa.children[0]!.ke, sa.children[0]!.esn], [suite, 31, sn]);
        assertUp(s, sa);
        s.close();
      });
    }
  }
}

for (const cipher of ['ccm8', 'cbc']) {
  for (const size of [100, 128, 160, 200, 250]) {
    test(`fragments of ${size} octets, ${cipher}`, () => {
      const cbc = ALL_IKE_CIPHERS.find((c) => c.encr === 12 && c.keyBits === 128)!;
      const both: Partial<IkePolicy> = { fragmentSize: size };
      if (cipher === 'cbc') {
        both.ciphers = [cbc];
        both.ike = [{ protocol: 1, ciphers: [12], keyBits: [128], prf: [5], integ: [12], ke: [31], sn: [] }];
      }
      let dropped = 0;
      const s = scene({
        device: both,
        gateway: both,
        // The second fragment of each message once.
        filter: (d) => {
          const isSecond = d.octets[16] === 53 && d.octets[33] === 2;
          if (!isSecond || dropped >= 2) return [d];
          dropped++;
          return [];
        },
      });
      const sa = s.connect();
      s.wait(30000);
      assertUp(s, sa);
      const messages = s.sent().filter((m) => m.exchange !== 34);
      assert.ok(messages.every((m) => m.size <= size));
      const inner = 300;
      assert.ok(messages.length >= 2 + Math.floor(inner / size), String(messages.length));
      assert.equal(dropped, 2);
      s.close();
    });
  }
}

test('fragments are agreed by both or not used', () => {
  for (const side of ['device', 'gateway'] as const) {
    const s = scene({ [side]: { fragmentSize: 100 } });
    const sa = s.connect();
    assertUp(s, sa);
    assert.ok(!sa.fragmentation);
    assert.ok(s.sent().some((m) => m.size > 200));
    s.close();
  }
});
