// The choice of an SA for an outbound packet: selectors decide before DSCP and flow label.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose } from '../../core/esp/outbound.ts';
import { SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { easySa, endpointOf, packetOf, send } from './support.ts';

const OTHER = { src: SIX.src, dst: '2001:db8::9999' };
const labelled = (pair: { src: string; dst: string }): Uint8Array => {
  const inner = packet(pair, udp(5001, 4500, Buffer.from('01', 'hex')));
  inner[3] = 5;
  return inner;
};
const zero = () => easySa(6, 17, { flow_label_cda: 'zero' });

test('an SA for another destination is not chosen because the flow label does not fit it either', () => {
  const inner = labelled(OTHER);
  const other = easySa(6, 17, { ts_ip_dst: [OTHER.dst, OTHER.dst], flow_label_cda: 'not_compressed' });
  assert.equal(choose([zero()], inner, 0, inner.length, 0), null);
  assert.equal(choose([zero(), other], inner, 0, inner.length, 0), other);
  packetOf(send(endpointOf(), other, inner));
});

test('an SA for other ports, addresses of a range, or another DSCP list is no better', () => {
  const inner = labelled(SIX);
  for (const change of [
    { ts_port_dst: [4501, 4501] as [number, number] },
    { ts_port_dst: [4501, 4600] as [number, number] },
    { ts_ip_dst: ['2001:db8::5679', '2001:db8::5690'] as [string, string] },
  ]) {
    assert.equal(choose([easySa(6, 17, { ...change, flow_label_cda: 'zero' })], inner, 0, inner.length, 0), null);
  }
});

test('where the rule of the first SA does not fit, the next one that takes the packet is used', () => {
  const inner = labelled(SIX);
  const strict = zero();
  const plain = easySa(6, 17, { iipc_enabled: false, esp_spi: '00000201' });
  assert.equal(choose([strict, plain], inner, 0, inner.length, 0), plain);
  assert.equal(choose([strict], inner, 0, inner.length, 0), strict, 'alone it says why: no-rule');
  assert.equal(send(endpointOf(), strict, inner), 'no-rule');
});
