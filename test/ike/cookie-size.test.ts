// The length of a COOKIE [RFC 7296 §2.6].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingLeft, outcomes, scene } from './kit.ts';

test('a COOKIE of no or too many octets is no answer; one of 64 is taken', () => {
  for (const [size, sent] of [
    [0, 1],
    [65, 1],
    [64, 2],
  ]) {
    const requests: Uint8Array[] = [];
    const s = scene({
      unobserved: true,
      filter: (d) => {
        if (d.octets[18] !== 34) return [];
        if (d.from.name === 'device') {
          requests.push(d.octets);
          return requests.length > 1 ? [] : [d];
        }
        const text = '00000000' + '0000' + '4006' + '5a'.repeat(size!);
        const asking = Buffer.concat([d.octets.subarray(0, 28), Buffer.from(text, 'hex')]);
        asking.fill(0, 8, 16);
        asking[16] = 41;
        asking.writeUInt16BE(8 + size!, 30);
        asking.writeUInt32BE(asking.length, 24);
        return [{ ...d, octets: asking }];
      },
    });
    s.connect();
    assert.equal(requests.length, sent, `${size} octets`);
    s.wait(300000);
    assert.deepEqual(outcomes(s).device, ['timeout']);
    nothingLeft(s);
  }
});
