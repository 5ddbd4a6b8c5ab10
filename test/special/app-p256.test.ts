// A specialised board with P-256, against the gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specialProvision } from '../../targets/node/lab/boards/special.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { coapServer, fileOf, gatewayOn } from '../boards/app-support.ts';
import { specialOn } from './app-kit.ts';
import { p256 } from './ike-board.ts';

test('P-256 by the hook: the blob is that of the profile, whether the program has it or not', async () => {
  const connection = '  ike: { ke: [p256, x25519] }';
  for (const has of [true, false]) {
    const medium = createMedium({ seed: 21 });
    const server = coapServer(medium);
    const gateway = await gatewayOn(medium, server);
    const file = fileOf(1, { top: 'interval: 1\ncount: 3', connection });
    let calls = 0;
    const hook: typeof p256 = (...args) => {
      calls++;
      return p256(...args);
    };
    const blob = specialProvision('sensor.yaml', file);
    const node = await specialOn(medium, file, 22, has ? { p256: hook } : {}, blob);
    medium.run(8000);
    node.type('rekey-ike');
    medium.run(12000);
    assert.ok(node.lines.includes('done 3 0') && node.lines.includes('ike rekeyed'), node.lines.join('\n'));
    // A public value and a secret for each IKE SA.
    assert.equal(calls, has ? 4 : 0);
    await gateway.close();
  }
});
