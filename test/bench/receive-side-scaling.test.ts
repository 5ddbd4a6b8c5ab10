// The model of receive-side scaling: the known answers of Microsoft's "Verifying the RSS Hash Calculation", and what follows for a
// counter's ID.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HASHES, PLACES, type Place, queuesUsed, toeplitz } from './receive-side-scaling.ts';

test("Toeplitz' hash has the known answers", () => {
  const cases: [from: number[], to: number[], ports: [number, number], addresses: number, all: number][] = [
    [[66, 9, 149, 187], [161, 142, 100, 80], [2794, 1766], 0x323e8fc2, 0x51ccc178],
    [[199, 92, 111, 2], [65, 69, 140, 83], [14230, 4739], 0xd718262a, 0xc626b0ea],
    [[24, 19, 198, 95], [12, 22, 207, 184], [12898, 38024], 0xd2d0a5de, 0x5c2b394a],
  ];
  for (const [from, to, ports, addresses, all] of cases) {
    const octets = [...from, ...to];
    assert.equal(toeplitz(Uint8Array.from(octets)), addresses);
    const both = ports.flatMap((port) => [port >>> 8, port & 255]);
    assert.equal(toeplitz(Uint8Array.from([...octets, ...both])), all);
  }
});

test('what spreads one SA over queues', () => {
  const spreads = (Object.keys(PLACES) as Place[]).map((place) => [
    place,
    ...HASHES.map(({ fields }) => queuesUsed(place, fields, 16, 8) > 1),
  ]);
  assert.deepEqual(spreads, [
    ['esn', false, false, false],
    ['spi', false, false, true],
    ['field', false, false, false],
    ['port', false, true, false],
  ]);
});
