// A provider that fails in the middle of setting up an SA: the key it made before is wiped.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Key, Provider } from '../../core/crypto/provider.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createSa } from '../../core/esp/sa.ts';
import { makeSa } from '../naive/make-sa.ts';
import { configOf, provider } from './support.ts';

test('the integrity key is wiped when the encryption key cannot be made', () => {
  const made: Key[] = [];
  const wiped: Key[] = [];
  const failing: Provider = {
    ...provider,
    key(alg, octets) {
      if (made.length === 1) throw new Error('no room');
      made.push(provider.key(alg, octets));
      return made[0];
    },
    wipe(key) {
      wiped.push(key);
      provider.wipe(key);
    },
  };
  const config = configOf(makeSa(6, 17, { esp_encr: 'AES_CBC_HMAC_SHA2_256_128' }));
  assert.throws(() => createSa(FULL_PARTS, failing, config), /^Error: no room$/);
  assert.equal(made.length, 1);
  assert.deepEqual(wiped, made);
});
