// An IKE initiator and a responder on every engine: they must send the same octets as on Node, whose messages an observer
// checks with its own computation. Espruino takes three seconds for one X25519; a handshake or a rekey of the IKE SA needs
// four.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchedAsymmetric } from '../ike/halves.ts';
import { createObserver } from '../ike/observer.ts';
import { everywhere } from './everywhere.ts';
import { play, tap } from './ike.entry.ts';

const STEPS = 'hcidrcd';

// Established on both sides with compression; the old Child SA goes; a resumption ends where it began.
const TOLD = ['IEIE', 'IIttmm', 'RR', 'm(8)m(7)', 'IEIE', 'IIttmm', 'm(8)m(7)'];

const results = play(STEPS, null);
const told = (list: string[]): string[] => list.map((text) => text.split(' ')[0]!);

test('IKE with portable cryptography: an observer agrees', () => {
  assert.deepEqual(told(results), TOLD);
  const watched = watchedAsymmetric();
  const observer = createObserver({
    psk: Buffer.from('00112233445566778899', 'hex'),
    ppk: null,
    publicKeys: null,
    halves: watched.halves,
    numbers: { optimizedRekey: 50401 },
  });
  tap.listen = (octets) => observer.read('', octets);
  assert.deepEqual(told(play(STEPS, watched.asymmetric)), TOLD);
  tap.listen = null;
  assert.equal(observer.proofs, 4);
  assert.equal(observer.children.length, 4);
  assert.deepEqual(
    observer.messages.map((m) => m.exchange),
    [34, 34, 35, 35, 36, 36, 37, 37, 36, 36, 37, 37, 37, 37, 38, 38, 35, 35, 36, 36, 37, 37, 37, 37],
  );
});

everywhere('IKE', 'test/engines/ike.entry.ts', [[STEPS, STEPS, ...results]]);
everywhere('IKE with mangled properties', 'test/engines/ike.entry.ts', [['hc', 'hc', ...results.slice(0, 2)]], {
  mangle: true,
});
