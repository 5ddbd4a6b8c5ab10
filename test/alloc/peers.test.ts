// What an established peer costs the gateway: IKE SA, Child SA, pair of ESP SAs, and the host's books. A gateway in a process
// of its own, peers over the loopback; measured after collections. `npm run bench -- kinds` says what it consists of.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scene } from '../bench/ike-scale.ts';

/** Peers before the first look: the engine has compiled what runs often. */
const WARM = 600;
const PEERS = 1500;
/** Octets in the heap and in typed arrays, compiled code of the while among them: an eighth more than was measured (5,850, of which lists in order are 200). */
const LIMIT = 6580;

test(`a peer costs the gateway less than ${LIMIT} octets`, async () => {
  const { gateway, peers } = await scene(0);
  try {
    await peers.connect(WARM);
    const before = await gateway.measure();
    await peers.connect(PEERS);
    const after = await gateway.measure();
    assert.equal(peers.ended, 0);
    assert.equal(after.sas - before.sas, PEERS);
    const each = (after.heap - before.heap) / PEERS;
    assert.ok(each < LIMIT, `${Math.round(each)} octets a peer`);
    // Something was measured.
    assert.ok(each > 1000, `${Math.round(each)} octets a peer`);
  } finally {
    peers.close();
    gateway.child.kill();
  }
});
