// MOBIKE in seeded runs: moves and rekeys, with loss, repetitions and a forger of source addresses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPayloads, parsePayloads } from '../../../core/ike/codec/message.ts';
import { readList } from '../../../core/ike/exchange/addresses.ts';
import { rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { espPathOf } from '../../../core/ike/state/sa.ts';
import { outcomes } from '../kit.ts';
import { address } from '../pair.ts';

import { assertAt, current, go, last, moving, wait } from './mobike-kit.ts';

function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

test('seeded: moves and rekeys, with loss, repetitions and a forger of source addresses', () => {
  let moves = 0;
  let forged = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = dice(seed * 7919);
    let isRough = true;
    const been = new Set([1]);
    const m = moving({
      unobserved: true,
      device: { retransmitTries: 8 },
      gateway: { retransmitTries: 8 },
      way: (d) => {
        // The first handshake is not the subject.
        if (!isRough || d.octets[18]! <= 35) return [d];
        if (random() < 0.2) return [];
        if (d.from.name === 'device' && random() < 0.15) {
          forged++;
          return [{ ...d, path: { ...d.path, local: address(200 + Math.floor(random() * 9)) } }, d];
        }
        return random() < 0.1 ? [d, d] : [d];
      },
    });
    const esp = (): void => {
      const other = current(m, 'gateway');
      if (other === undefined) return;
      assert.ok(been.has(last(espPathOf(other).remote)), `seed ${seed}: ESP to ${last(espPathOf(other).remote)}`);
      // The device's packets say where it is.
      if (m.at !== last(espPathOf(other).remote)) {
        m.mobile.saw(m.s.world.gateway.ike, other, { ...other.path, remote: address(m.at) }, m.s.world.now);
      }
    };
    for (let n = 0; n < 6; n++) {
      assert.ok(current(m, 'device'), JSON.stringify([seed, n, m.s.world.now, outcomes(m.s)]));
      been.add(10 + n);
      if (go(m, 10 + n)) moves++;
      const what = random();
      const side = random() < 0.5 ? 'device' : 'gateway';
      const sa = current(m, side);
      if (what < 0.3) rekeyIke(m.s.world[side].ike, sa, m.s.world.now);
      else if (what < 0.6 && sa.children.length > 0)
        rekeyChild(m.s.world[side].ike, sa, sa.children[0]!, m.s.world.now);
      for (let t = 0; t < 6; t++) {
        wait(m, 500 + Math.floor(random() * 4000));
        esp();
      }
    }
    isRough = false;
    for (let t = 0; t < 20; t++) {
      wait(m, 6000);
      esp();
    }
    assert.equal(m.s.world.device.outcomes.concat(m.s.world.gateway.outcomes).length, 0, `seed ${seed}`);
    assertAt(m, 15);
    // What an IKE SA that was replaced still asks has long pauses.
    m.s.world.run(m.s.world.now + 1000000);
    m.s.close();
  }
  assert.ok(moves === 360 && forged > 100, `${moves} ${forged}`);
});

test('fuzz: lists of addresses in 100,000 chains of payloads', () => {
  const random = dice(11);
  const pick = (n: number): number => Math.floor(random() * n);
  const p = createPayloads();
  let lists = 0;
  for (let n = 0; n < 100000; n++) {
    const parts: number[] = [];
    for (let i = pick(12); i > 0; i--) {
      const size = pick(8) === 0 ? pick(20) : [0, 4, 16][pick(3)]!;
      const spi = pick(9) === 0 ? pick(5) : 0;
      const body = [0, spi, 0x40, 0x0d + pick(4), ...Array.from({ length: spi + size }, () => pick(256))];
      parts.push(i === 1 ? 0 : 41, 0, 0, 4 + body.length, ...body);
    }
    const buffer = Uint8Array.from(parts);
    if (pick(4) === 0 && buffer.length > 0) buffer[pick(buffer.length)] = pick(256);
    if (parsePayloads(p, buffer, buffer.length === 0 ? 0 : 41, 0, buffer.length) !== 0) continue;
    const list = readList({ buffer, payloads: p, at: 0, size: buffer.length, first: 41 });
    if (list === null) continue;
    lists++;
    let count = 0;
    for (let at = 0; at < list.length; at += 1 + list[at]!) {
      assert.ok(list[at] === 4 || list[at] === 16);
      count++;
      assert.ok(at + 1 + list[at]! <= list.length && count <= 8);
    }
  }
  assert.ok(lists > 10000, String(lists));
});
