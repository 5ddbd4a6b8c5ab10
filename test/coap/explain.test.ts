// `dietesp explain --coap`: the fields of CoAP, the rule, and the octets, for a packet to be sent and for its ESP packet. `compress`
// and `decompress` with these rules.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { coapPathRules } from '../../targets/node/host/config/coap.ts';
import { readSas } from '../../targets/node/host/config/sa.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { coapEnds } from '../../targets/node/host/explain/coap.ts';
import type { Explanation } from '../../targets/node/host/explain/explanation.ts';
import { compressFile, decompressFile } from '../../targets/node/tools/convert/files.ts';
import { explainPacket } from '../../targets/node/tools/explain/explain.ts';
import { scratch } from '../cli/run.ts';
import { packetOf, provider } from './kit.ts';

const SA_TEXT = `name: up
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
`;
const SAS = readSas(parseConfig('sa.yaml', SA_TEXT));

/** The SA of the other direction. */
const back = (text: string): string =>
  text
    .replace('name: up', 'name: down')
    .replace('00001234', '00001235')
    .replace('["fd00::1", "fd00::2"]', '["fd00::2", "fd00::1"]')
    .replace(/fd00::1(", ")fd00::1/, 'X')
    .replace(/fd00::2(", ")fd00::2/, 'fd00::1$1fd00::1')
    .replace('X', 'fd00::2", "fd00::2');
const entry = (text: string): string => `  - ${text.trimEnd().replaceAll('\n', '\n    ')}\n`;

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

test('captures with rules for CoAP: compressed, and restored octet for octet, in both directions', async () => {
  const dir = scratch();
  const pcap = (packets: Uint8Array[]): Uint8Array => {
    const head = Buffer.alloc(24);
    head.writeUInt32LE(0xa1b2c3d4, 0);
    head.writeUInt16LE(2, 4);
    head.writeUInt16LE(4, 6);
    head.writeUInt32LE(65535, 16);
    head.writeUInt32LE(101, 20);
    const records = packets.map((packet, i) => {
      const record = Buffer.alloc(16);
      record.writeUInt32LE(1000 + i, 0);
      record.writeUInt32LE(packet.length, 8);
      record.writeUInt32LE(packet.length, 12);
      return Buffer.concat([record, packet]);
    });
    return Buffer.concat([head, ...records]);
  };
  const payloads = ['4102abcd05b161ff7b2274223a32312e357d', '6144abcd05', '4102abce05b162ff31', '40001234', 'ffff'];
  const packets = payloads.map((digits, i) => packetOf(Uint8Array.from(Buffer.from(digits, 'hex')), i !== 1));
  const sa = dir.file('sa.yaml', `sas:\n${[SA_TEXT, back(SA_TEXT)].map(entry).join('')}`);
  const input = dir.file('in.pcap', pcap(packets));
  const [frames, restored, raw] = ['frames.pcap', 'out.pcap', 'raw.pcap'].map((name) => dir.path(name));
  const coap = { rules: coapPathRules(['a']), fromServer: false };
  const step = (): void => {};
  const files = { input, output: frames, sa };
  const sent = await compressFile({ ...files, coap }, { pan: 'abcd' }, provider, step);
  // The reading, and its ACK.
  assert.equal(sent.packetsOut, 5);
  const air = readFileSync(frames);
  const sizes: number[] = [];
  for (let at = 24; at < air.length; at += 16 + air.readUInt32LE(at + 8)) sizes.push(air.readUInt32LE(at + 8) + 6);
  assert.deepEqual(sizes.slice(0, 2), [42, 32]);
  const back5 = await decompressFile({ input: frames, output: restored, sa, coap }, { pan: 'abcd' }, provider, step);
  assert.equal(back5.packetsOut, 5);
  const out = readFileSync(restored);
  const came: string[] = [];
  for (let at = 24; at < out.length; at += 16 + out.readUInt32LE(at + 8)) {
    came.push(out.subarray(at + 16, at + 16 + out.readUInt32LE(at + 8)).toString('hex'));
  }
  assert.deepEqual(
    came,
    packets.map((packet) => Buffer.from(packet).toString('hex')),
  );
  // Without the rules: SCHC packets; with them the wrong way round something else, or a drop, never these packets.
  for (const wrong of [undefined, { ...coap, fromServer: true }]) {
    const files2 = { input: frames, output: raw, sa, ...(wrong === undefined ? {} : { coap: wrong }) };
    await decompressFile(files2, { pan: 'abcd' }, provider, step);
    assert.ok(!readFileSync(raw).includes(Buffer.from(packets[0])));
  }
});
