// Outbound counters moved forward from a clock or a stored number [RFC 9333 §4].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advanceSn } from '../../core/esp/sa.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { easySa, endpointOf, hex, packetOf, receive, send } from './support.ts';

const inner = packet(SIX, udp(5001, 4500, Buffer.from('21.5')));

test('a counter goes forward only, and within its range', () => {
  const sa = easySa(6, 17, makeSa(6, 17, { esp_sn: '11' }));
  assert.equal(sa.snLo, 0x10);
  for (const [hi, lo, ok] of [
    [0, 0x0f, false],
    [0, 0x10, true],
    [1, 0, false],
    [0, 0x4000, true],
    [0, 0x3fff, false],
    [0, 0xffffffff, true],
  ] as [number, number, boolean][]) {
    const before: number[] = [sa.snHi, sa.snLo];
    assert.equal(advanceSn(sa, hi, lo), ok, hi + ' ' + lo);
    assert.deepEqual([sa.snHi, sa.snLo], ok ? [hi, lo] : before);
  }
  assert.equal(send(endpointOf(), sa, inner), 'exhausted');
  const extended = easySa(6, 17, makeSa(6, 17, { esn: true }));
  assert.equal(advanceSn(extended, 5, 0), true);
  assert.equal(advanceSn(extended, 4, 0xffffffff), false);
});

test('the receiver follows a jump that its bits cover', () => {
  const config = makeSa(6, 17, { esp_spi_lsb: 8, esp_sn_lsb: 16, esp_sn: '1' });
  const [sender, receiver] = [easySa(6, 17, config), easySa(6, 17, config)];
  const [from, to] = [endpointOf(), endpointOf(receiver)];
  for (const sn of [1, 500, 30000, 60000]) {
    assert.equal(advanceSn(sender, 0, sn - 1), true);
    assert.equal(hex(packetOf(receive(to, packetOf(send(from, sender, inner))))), hex(inner));
    assert.equal(receiver.snLo, sn);
  }
});
