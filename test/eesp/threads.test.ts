// Two threads, each with a Sub SA of its own under one root key: no nonce comes twice under a key, and all packets are good.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createThreads } from './threads.ts';

for (const suite of ['AES_GCM_16_IIV', 'AES_CCM_8']) {
  test(`${suite}: two threads, no key with one nonce twice`, async () => {
    const threads = await createThreads([1, 2], { payload: 100, suite, isWatched: true });
    try {
      const { good } = await threads.run({ what: 'prepare', count: 2000 });
      assert.equal(good, 4000);
      assert.equal((await threads.run({ what: 'receive', count: 2000 })).good, 4000);
      await threads.run({ what: 'send', count: 1000 });
      const { nonces } = await threads.run({ what: 'nonces', count: 0 });
      assert.equal(nonces.length, 6000);
      assert.equal(new Set(nonces).size, 6000);
      // Derived salts differ, so that not even the nonces alone come twice.
      assert.equal(new Set(nonces.map((one) => one.split(' ')[1])).size, 6000);
    } finally {
      await threads.close();
    }
  });
}
