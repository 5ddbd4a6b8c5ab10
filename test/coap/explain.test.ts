// `dietesp explain --coap`: the fields of CoAP, the rule, and the octets, for a packet to be sent and for its ESP packet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSas } from '../../targets/node/host/config/sa.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { coapEnds } from '../../targets/node/tools/explain/coap.ts';
import { type Explanation, explainPacket } from '../../targets/node/tools/explain/explain.ts';
import { packetOf, provider } from './kit.ts';

const SAS = readSas(
  parseConfig(
    'sa.yaml',
    `name: up
ipsec_mode: tunnel
tunnel_ip: ["fd00::1", "fd00::2"]
esp_spi: 00001234
esp_spi_lsb: 0
esp_sn_lsb: 8
esp_encr: AES_CCM_8_IIV
key: 000102030405060708090a0b0c0d0e0f
salt: a0a1a2
dscp_cda: lower
ecn_cda: lower
flow_label_cda: zero
ts_ip_src: ["fd00::1", "fd00::1"]
ts_ip_dst: ["fd00::2", "fd00::2"]
ts_proto: 17
ts_port_src: [5683, 5683]
ts_port_dst: [5683, 5683]
alignment: 8
`,
  ),
);

const of = (digits: string): Uint8Array => packetOf(Uint8Array.from(Buffer.from(digits, 'hex')), true);

/** Field: value and bits sent, of CoAP; and the part that the message becomes. */
function read(explanation: Explanation): { fields: string[]; part: string; octets: number } {
  const fields = explanation.fields.filter(({ header }) => header === 'CoAP');
  const part = explanation.parts.find(({ field }) => field === 'SCHC packet of CoAP')!;
  const sum = explanation.parts.reduce((total, { octets }) => total + octets, 0);
  assert.equal(sum, explanation.totals.wireOctets);
  return { fields: fields.map((f) => `${f.field} ${f.value}: ${f.sent}`), part: part.value, octets: part.octets };
}

const ROWS: [string, string, string, number, string[]][] = [
  [
    'a reading',
    '4102abcd05b161ff7b2274223a32312e357d',
    'rule 0/3, RuleID implied by the odd sequence number',
    13,
    [
      'version 1: ',
      'type 0: ',
      'tkl 1: ',
      'code 2: ',
      `mid 0xabcd: ${(0xabcd).toString(2)}`,
      'token 5: 00000101',
      'option-uri-path a: ',
    ],
  ],
  [
    'a request to the second path',
    '5101abcd05b162',
    'rule 129/8, RuleID sent, even sequence number',
    5,
    [
      'version 1: ',
      'type 1: 1',
      'tkl 1: 0001',
      'code 1: 00',
      `mid 0xabcd: ${(0xabcd).toString(2)}`,
      'token 5: 00000101',
      'option-uri-path b: ',
    ],
  ],
  ['DNS', '1234010000010000', 'no rule fits: RuleID and the payload as it is; even sequence number', 9, []],
];

test('fields, rule and octets of packets to be sent and of their ESP packets', () => {
  const ends = coapEnds(['a', 'b'], true);
  for (const [name, digits, part, octets, fields] of ROWS) {
    const sent = explainPacket(SAS, of(digits), provider, ends);
    const got = read(sent);
    assert.deepEqual([got.part, got.octets], [part, octets], name);
    assert.deepEqual(got.fields, fields, name);
    const wire = Uint8Array.from(Buffer.from(sent.wire, 'hex'));
    const came = explainPacket(SAS, wire, provider, ends);
    assert.deepEqual([came.inner, came.wire, read(came)], [sent.inner, sent.wire, got], name);
  }
});
