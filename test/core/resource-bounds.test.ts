// A restored packet comes out in a buffer of exactly its size, and in no smaller one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_TOO_LONG } from '../../core/base/drop.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { randomCase } from '../naive/random.ts';
import { endpointOf, saOf, send } from './support.ts';

test('a buffer of exactly the size of the packet is enough, one octet less is refused', () => {
  let seen = 0;
  for (let seed = 0; seed < 400; seed++) {
    const { sa, inner } = randomCase(seed);
    const wire = send(endpointOf(), saOf(sa), inner);
    if (typeof wire === 'string') continue;
    seen++;
    const size = inner.length;
    for (const room of [size, size - 1, size - 8, 40, 20, 0]) {
      if (room > size) continue;
      const dst = new Uint8Array(room);
      const result = inbound(endpointOf(saOf(sa)), wire.slice(), 0, wire.length, dst, 0, 0);
      assert.equal(result, room === size ? size : DROP_TOO_LONG, `seed ${seed}, ${size} octets, room ${room}`);
    }
  }
  assert.ok(seen > 100, `${seen} packets`);
});
