// IKE_SA_INIT with and without COOKIE, late, twice and in any order, at a responder that asks for a COOKIE now and then. Both sides have
// to authenticate the same first message in the end (the aim of draft-smyslov-ipsecme-ikev2-cookie-revised, with the AUTH of
// RFC 7296).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { assertUp, outcomes, type Scene, scene } from './kit.ts';
import type { Datagram } from './pair.ts';

const STEP = 250;
const SA_INIT = 34;

/** How many attempts a handshake took; `forget`: chance that a message of IKE_SA_INIT is lost. */
function play(seed: number, transcript: boolean, forget: number): number {
  const random = createRandom(seed);
  const late: { at: number; datagram: Datagram }[] = [];
  let isCalm = random.below(2) === 0;
  let isHeld = true;
  const spis = new Set<string>();
  const s: Scene = scene({
    unobserved: true,
    device: { transcript },
    gateway: { transcript },
    // Who is there already pays nothing: a COOKIE is asked for while this says no.
    responder: { cookieThreshold: 0, isThere: () => isCalm },
    filter: (datagram) => {
      if (datagram.octets[18] !== SA_INIT || !isHeld) return [datagram];
      spis.add(Buffer.from(datagram.octets.subarray(0, 8)).toString('hex'));
      for (let copies = 1 + random.below(3); copies > 0; copies--) {
        if (random.next() >= forget) late.push({ at: s.world.now + random.below(7000), datagram: { ...datagram } });
      }
      return [];
    },
  });
  const { world } = s;
  const sa = s.connect();
  const isUp = (): boolean =>
    [world.device, world.gateway].every(({ ike }) => ike.sas.some(({ state }) => state === STATE_ESTABLISHED));
  for (let time = 0; time < 400000 && !isUp(); time += STEP) {
    if (random.below(8) === 0) isCalm = !isCalm;
    isHeld = false;
    for (const one of late.splice(0)) {
      if (one.at <= world.now) world.queue.push(one.datagram);
      else late.push(one);
    }
    isHeld = true;
    s.wait(STEP);
  }
  assert.ok(isUp(), `seed ${seed}: ${JSON.stringify(outcomes(s))}`);
  assertUp(s, world.device.established.at(-1) ?? sa);
  return spis.size;
}

test('400 handshakes with late and repeated first messages end established', () => {
  let again = 0;
  for (let seed = 1; seed <= 400; seed++) again += play(seed, seed % 2 === 0, seed % 4 < 2 ? 0 : 0.3) - 1;
  assert.equal(again, 0);
});
