// Several Child SAs in seeded runs, with loss and a forger.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import type { Datagram } from '../pair.ts';
import { CLASSES, DEFAULT, FIRST, live, RESOURCES, type Sides, selected, sides, textOf, twin } from './several-kit.ts';

/** Numbers 0..255 that a seed gives. */
function dice(seed: number): () => number {
  let state = seed * 7919 + 1;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return (state >>> 8) & 0xff;
  };
}

const RUNS: [string, Omit<Sides, 'filter'>, string[]][] = [
  [
    'classes',
    { device: CLASSES, gateway: CLASSES, first: DEFAULT, gatewayFirst: DEFAULT },
    ['bulk 10,12', 'child', 'voice 46'],
  ],
  [
    'TS_DSCP',
    { device: selected(CLASSES), gateway: selected(CLASSES), first: DEFAULT, gatewayFirst: DEFAULT },
    ['bulk =10,12', 'child', 'voice =46'],
  ],
  [
    'resources',
    { device: RESOURCES, gateway: RESOURCES, first: FIRST, gatewayFirst: FIRST },
    ['child', 'child/2', 'child/3', 'child/4'],
  ],
];

for (const [name, given, wanted] of RUNS) {
  test(`${name}: seeded runs with a quarter of the messages lost, repeated ones and a forger`, () => {
    const seeds = process.env.DIETESP_LONG === '1' ? 400 : 25;
    for (let seed = 1; seed <= seeds; seed++) {
      const roll = dice(seed);
      const filter = (datagram: Datagram): Datagram[] => {
        const list = roll() < 64 ? [] : [datagram];
        if (roll() < 40) list.push(datagram);
        if (roll() < 80) {
          // A copy with a changed octet: not what was sent.
          const octets = datagram.octets.slice();
          octets[(roll() * 7) % octets.length] ^= 1 + (roll() & 0x7f);
          if (octets[18] !== 34) list.unshift({ ...datagram, octets });
        }
        return list;
      };
      const { s, wait } = sides({ ...given, filter });
      wait(120000);
      const sa = s.world.device.ike.sas.find(({ state }) => state === STATE_ESTABLISHED);
      // All tries may have been lost.
      if (sa === undefined) {
        assert.ok(s.world.device.outcomes.length > 0, `seed ${seed}`);
        continue;
      }
      const other = twin(s, sa);
      if (seed % 3 === 0) rekeyIke(s.world.device.ike, sa, s.world.now);
      for (const child of live(sa)) rekeyChild(s.world.device.ike, sa, child, s.world.now);
      if (other !== undefined)
        for (const child of live(other)) rekeyChild(s.world.gateway.ike, other, child, s.world.now);
      wait(400000);
      const now = s.world.device.ike.sas.find(({ state }) => state === STATE_ESTABLISHED);
      if (now !== undefined) assert.deepEqual(textOf(now), wanted, `seed ${seed}`);
    }
  });
}
