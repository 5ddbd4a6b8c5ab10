// Rekeys that both sides begin at once, and answers that come late.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { assertUp, type Scene, scene } from './kit.ts';

test('both rekey a Child SA; the winner has replaced its own when the loser gets its answer: one Child SA stays', () => {
  // Which side loses depends on random nonces, so the answers to either are held back, and often enough.
  let again = 0;
  for (let round = 0; round < 16; round++) {
    const held = round % 2 === 0 ? 'device' : 'gateway';
    let isHeld = true;
    const flags = held === 'device' ? 0x20 : 0x28;
    const s = scene({ filter: (d) => (isHeld && d.octets[18] === 36 && d.octets[19] === flags ? [] : [d]) });
    const sa = s.connect();
    const other = assertUp(s, sa);
    const [late, prompt] = held === 'device' ? [sa, other] : [other, sa];
    const nodeOf = (one: IkeSa): Scene['world']['device'] => (one === sa ? s.world.device : s.world.gateway);
    rekeyChild(s.world.device.ike, sa, sa.children[0]!, s.world.now);
    rekeyChild(s.world.gateway.ike, other, other.children[0]!, s.world.now);
    s.world.settle();
    const isKnown = (spi: number): boolean => late.children.some((child) => child.spiIn === spi);
    const made = prompt.children.find((child) => child.retired === 0 && isKnown(child.spiOut));
    if (made !== undefined) {
      again++;
      rekeyChild(nodeOf(prompt).ike, prompt, made, s.world.now);
      s.world.settle();
    }
    isHeld = false;
    s.wait(30000);
    assert.deepEqual([late.children.length, prompt.children.length], [1, 1], held);
    assert.equal(late.children[0]!.spiIn, prompt.children[0]!.spiOut, held);
    assert.equal(late.children[0]!.spiOut, prompt.children[0]!.spiIn, held);
    s.close();
  }
  assert.ok(again > 0);
});

test('both rekey the IKE SA; the answer of the winner does not arrive before its Delete: one IKE SA stays, soon', () => {
  for (const held of ['device', 'gateway'] as const) {
    const flags = held === 'device' ? 0x20 : 0x28;
    let isHeld = true;
    const s = scene({ filter: (d) => (isHeld && d.octets[18] === 36 && d.octets[19] === flags ? [] : [d]) });
    const sa = s.connect();
    const other = assertUp(s, sa);
    rekeyIke(s.world.device.ike, sa, s.world.now);
    rekeyIke(s.world.gateway.ike, other, s.world.now);
    s.wait(20000);
    for (const node of [s.world.device, s.world.gateway]) {
      assert.equal(node.ike.sas.filter((one) => one.state === STATE_ESTABLISHED).length, 1, held);
    }
    // What was replaced waits for its Delete, if the peer has none to send.
    isHeld = false;
    s.wait(150000);
    s.close();
  }
});
