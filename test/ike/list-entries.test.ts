// What other documents of the working group put into messages that this code takes: it is passed over, and the rest holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCp } from '../../core/ike/codec/ident.ts';
import { beginChain, createPayloads, createWriter, parsePayloads } from '../../core/ike/codec/message.ts';
import {
  type AddressType,
  CP_INTERNAL_IP6_ADDRESS,
  CP_REPLY,
  N_NO_PROPOSAL_CHOSEN,
  PAYLOAD_CP,
} from '../../core/ike/codec/numbers.ts';
import { addSa, chooseSa, createChoice } from '../../core/ike/codec/proposals.ts';
import { ESP_GCM, octetsOf } from './examples.ts';

test('encrypted DNS in CP [RFC 9464] beside an address', () => {
  const address = `0008 0011 20010db8000000000000000000000007 80`;
  const dns4 = '001b 000a 0001 01 02 c0000201 61 62';
  const dns6 = '001c 0002 0001';
  const digest = '001d 0000';
  for (const parts of [
    [address, dns4, dns6, digest],
    [dns4, dns6, digest, address],
  ]) {
    const body = octetsOf(`02000000 ${parts.join(' ')}`);
    const buffer = Uint8Array.from([0, 0, 0, 4 + body.length, ...body]);
    const payloads = createPayloads();
    assert.equal(parsePayloads(payloads, buffer, PAYLOAD_CP, 0, buffer.length), 0);
    const types: AddressType[] = [];
    const addresses: Uint8Array[] = [];
    readCp({ buffer, payloads, at: 0, size: buffer.length, first: PAYLOAD_CP }, CP_REPLY, types, addresses);
    assert.deepEqual(types, [CP_INTERNAL_IP6_ADDRESS]);
    assert.equal(Buffer.from(addresses[0]).toString('hex'), '20010db8000000000000000000000007');
  }
});

test('32-bit unspecified numbers [RFC 9838]: not chosen, in the place of 32-bit sequential ones or beside them', () => {
  const w = createWriter(new Uint8Array(400));
  const offered = (sn: number[]): Uint8Array => {
    beginChain(w, 0);
    addSa(w, [{ ...ESP_GCM, sn: sn as 0[] }], Uint8Array.of(1, 2, 3, 4), 0, 4);
    return w.buffer.slice(4, w.at);
  };
  const choose = (sn: number[]): number | string => {
    const body = offered(sn);
    const choice = createChoice();
    const code = chooseSa(body, 0, body.length, [{ ...ESP_GCM, sn: [0] }], 4, 0, choice);
    return code === 0 ? `chosen ${choice.sn}` : code;
  };
  assert.equal(choose([0]), 'chosen 0');
  assert.equal(choose([2, 0]), 'chosen 0');
  assert.equal(choose([2]), N_NO_PROPOSAL_CHOSEN);
});
