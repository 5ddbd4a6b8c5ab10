// tshark decrypts our standard ESP and reads the CoAP in it: message ID, token, path; AES-GCM's ICV is good.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCoapClient } from '../../core/device/coap.ts';
import { LINKTYPE_RAW } from '../../targets/node/host/radio/pcap.ts';
import { packet, udp } from '../naive/packets.ts';
import { packageMissing } from '../support/packages.ts';
import { ADDRESSES, endpoint, ordinary, protect, SUITES, saOf } from './associations.ts';
import { tshark } from './tshark.ts';

const skip = packageMissing('tshark');

/** A confirmable GET of /temp. */
function get(messageId: number): Buffer {
  return Buffer.from([0x41, 1, messageId >> 8, messageId & 255, 0xaa, 0xb4, ...Buffer.from('temp')]);
}

test('tshark reads CoAP in our ESP', { skip }, () => {
  const { key, salt } = SUITES['AES_GCM_16'];
  const wires: Uint8Array[] = [];
  const table: string[] = [];
  const expected: string[][] = [];
  for (const version of [4, 6]) {
    for (const outer of [0, 4, 6]) {
      const spi = 0x4000 + version * 16 + outer;
      const family = (outer === 0 ? version : outer) === 6 ? 'IPv6' : 'IPv4';
      table.push(
        `"${family}","*","*","0x${spi.toString(16).padStart(8, '0')}","AES-GCM with 16 octet ICV [RFC4106]","0x${key}${salt}","NULL",""`,
      );
      const sa = saOf(ordinary('AES_GCM_16', version, outer, spi));
      const [src, dst] = ADDRESSES[version];
      for (let sequence = 1; sequence <= 2; sequence++) {
        const messageId = spi + sequence;
        const inner = packet({ src, dst }, udp(5683, 5683, get(messageId)));
        wires.push(protect(endpoint(), sa, Uint8Array.from(inner)));
        expected.push([String(sequence), '1', '1', String(messageId), 'aa', 'temp', '']);
      }
    }
  }
  const rows = tshark(LINKTYPE_RAW, wires, {
    tables: { esp_sa: table },
    preferences: [
      'esp.enable_encryption_decode:TRUE',
      'esp.enable_authentication_check:TRUE',
      'udp.check_checksum:TRUE',
    ],
    fields: [
      'esp.sequence',
      'esp.icv_good',
      'udp.checksum.status',
      'coap.mid',
      'coap.token',
      'coap.opt.uri_path',
      '_ws.malformed',
    ],
  });
  const found = rows.map((row) => row.map((value) => (value === 'True' ? '1' : value)));
  assert.deepEqual(found, expected);
});

test('tshark reads what a sensor sends: a reading, ACK of a separate response, RST of a ping', { skip }, () => {
  const sent: Buffer[] = [];
  const keep = (buffer: Uint8Array, offset: number, length: number): void =>
    void sent.push(Buffer.from(buffer.slice(offset, offset + length)));
  const client = createCoapClient(
    {
      path: Buffer.from('s/1'),
      ackTimeout: 2000,
      maxRetransmit: 4,
      maxPayload: 16,
      random: (buffer, offset, length) => void buffer.fill(0x11, offset, offset + length),
    },
    {
      transmit: keep,
      answer: keep,
      payload(_reading, buffer, at) {
        buffer.set(Buffer.from('{"n":1}'), at);
        return at + 7;
      },
      ended() {},
    },
  );
  client.post(1, 0);
  const response = Buffer.from([0x41, 0x44, 1, 2, sent[0][4]]);
  client.receive(response, 0, response.length, true, 1);
  client.receive(Buffer.from('40001234', 'hex'), 0, 4, true, 2);
  const [src, dst] = ADDRESSES[6];
  const wires = sent.map((octets) => Uint8Array.from(packet({ src, dst }, udp(5683, 5683, octets))));
  const fields = [
    'coap.type',
    'coap.code',
    'coap.mid',
    'coap.opt.uri_path_recon',
    'coap.payload_length',
    '_ws.malformed',
  ];
  assert.deepEqual(tshark(LINKTYPE_RAW, wires, { fields }), [
    ['0', '2', String(0x1112), '/s/1', '7', ''],
    ['2', '0', String(0x102), '', '', ''],
    ['3', '0', String(0x1234), '', '', ''],
  ]);
});
