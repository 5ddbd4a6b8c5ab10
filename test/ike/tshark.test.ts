// tshark reads our IKE messages: it dissects every payload without an error, decrypts SK payloads, and finds their ICVs good
// and a damaged one bad. tshark 4.0 knows neither ChaCha20-Poly1305 nor the content of fragments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copy } from '../../core/base/bytes.ts';
import { IKE_SIZE } from '../../core/ike/codec/message.ts';
import { FLAG_INITIATOR, IKE_AUTH, PAYLOAD_IDI } from '../../core/ike/codec/numbers.ts';
import { createSkKey, sealedSize, sealMessage } from '../../core/ike/crypto/sk.ts';
import {
  type IkeCipher,
  ikeCbcHmac,
  ikeCbcHmacX256,
  ikeCcm8,
  ikeCcm16,
  ikeCcm16x256,
  ikeGcm16,
  ikeGcm16x256,
} from '../../core/ike/crypto/suites.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { LINKTYPE_RAW } from '../../targets/node/host/radio/pcap.ts';
import { udpPacket } from '../interop/associations.ts';
import { tshark } from '../interop/tshark.ts';
import { packageMissing } from '../support/packages.ts';
import {
  authRequest,
  type Chain,
  header,
  hex,
  IKE_GCM,
  initRequest,
  otherPayloads,
  SPI_I,
  SPI_R,
  transforms,
} from './examples.ts';

const skip = packageMissing('tshark');
const provider = createNodeProvider();
const KEYS = Uint8Array.from({ length: 80 }, (_, i) => i + 1);
const AUTH_AT = 40;

/** The message in a UDP packet between the ports of IKE. */
function packet(message: Uint8Array): Uint8Array {
  const wire = udpPacket(6, message.length, 500, 500);
  copy(wire, wire.length - message.length, message, 0, message.length);
  return wire;
}

const CIPHERS: [IkeCipher, string][] = [
  [ikeCcm8, 'AES-CCM-128 with 8 octet ICV [RFC5282]'],
  [ikeCcm16, 'AES-CCM-128 with 16 octet ICV [RFC5282]'],
  [ikeCcm16x256, 'AES-CCM-256 with 16 octet ICV [RFC5282]'],
  [ikeGcm16, 'AES-GCM-128 with 16 octet ICV [RFC5282]'],
  [ikeGcm16x256, 'AES-GCM-256 with 16 octet ICV [RFC5282]'],
  [ikeCbcHmac, 'AES-CBC-128 [RFC3602]'],
  [ikeCbcHmacX256, 'AES-CBC-256 [RFC3602]'],
];

/** Rows of tshark: the last occurrence of each field in a frame. */
function dissect(frames: Uint8Array[], fields: string[], ikev2: string[] = []): string[][] {
  return tshark(LINKTYPE_RAW, frames, { fields, tables: { ikev2_decryption_table: ikev2 } });
}

const TROUBLE = ['_ws.malformed', '_ws.expert.message'];

test('tshark reads IKE_SA_INIT', { skip }, () => {
  const proposals = [
    IKE_GCM,
    transforms(1, { ciphers: [16, 14, 28], keyBits: [128, 128, 0], prf: [5, 7], ke: [31, 19, 14] }),
    transforms(1, { ciphers: [12], keyBits: [256], prf: [5], integ: [12], ke: [19] }),
  ];
  const fields = ['isakmp.length', 'isakmp.prop.number', 'isakmp.tf.id.dh', 'isakmp.notify.msgtype', ...TROUBLE];
  const long = initRequest(proposals);
  assert.deepEqual(dissect([packet(initRequest()), packet(long)], fields), [
    ['200', '1', '31', '16389', '', ''],
    [String(long.length), '3', '19', '16389', '', ''],
  ]);
  // The comparison can fail: Payload Length of the last payload one more.
  const broken = long.slice();
  broken[broken.length - 28 + 3] += 1;
  const [row] = dissect([packet(broken)], fields);
  assert.notEqual(row.slice(4).join(''), '');
});

/** The sealed message of these payloads, with an SPI of its own for each cipher. */
function sealed(cipher: IkeCipher, index: number, inner: Chain, number: number, total: number): Uint8Array {
  const dst = new Uint8Array(sealedSize(cipher, inner.octets.length, total > 0));
  header(dst, 0, IKE_AUTH, FLAG_INITIATOR, 1);
  dst[0] = 0xa0 + index;
  const k = createSkKey(provider, cipher, KEYS, 0, AUTH_AT);
  assert.equal(
    sealMessage(provider, k, dst, 0, inner.octets, {
      first: inner.first,
      at: 0,
      size: inner.octets.length,
      number: number,
      total: total,
    }),
    dst.length,
  );
  return dst;
}

const CONTENT = [
  'isakmp.enc.pad_length',
  'isakmp.notify.msgtype',
  'isakmp.notify.protoid',
  'isakmp.auth.data',
  'isakmp.ts.start_ipv4',
  'isakmp.ts.end_port',
  'isakmp.tf.id.encr',
  'isakmp.spi',
  'isakmp.cert.encoding',
];
const IN_AUTH = ['16384', '0', hex(authRequest().octets.subarray(44, 76)), '192.0.2.0', '5683', '20', 'a1b2c3d4', ''];
const IN_OTHER = ['16393', '3', '', '', '', '', 'a1b2c3d4', '12'];

test('tshark decrypts SK and reads what is inside', { skip }, () => {
  const frames: Uint8Array[] = [];
  const expected: string[][] = [];
  const table: string[] = [];
  for (const [index, [cipher, name]] of CIPHERS.entries()) {
    const key = hex(KEYS.subarray(0, cipher.keyLength + cipher.saltLength));
    const auth = cipher.integ === 0 ? '' : hex(KEYS.subarray(AUTH_AT, AUTH_AT + 32));
    const integ = cipher.integ === 0 ? 'NONE [RFC4306]' : 'HMAC_SHA2_256_128 [RFC4868]';
    const spiI = 'a' + index + hex(SPI_I).slice(2);
    table.push([spiI, hex(SPI_R), key, key, `"${name}"`, auth, auth, `"${integ}"`].join(','));
    for (const inner of [authRequest(), otherPayloads()]) {
      const isAuth = inner.first === PAYLOAD_IDI;
      const message = sealed(cipher, index, inner, 0, 0);
      const size = message.length - IKE_SIZE - 4 - cipher.ivLength - cipher.icvLength;
      const padding = String(size - inner.octets.length - 1);
      frames.push(packet(message));
      expected.push(isAuth ? [padding, ...IN_AUTH, '', '', ''] : [padding, ...IN_OTHER, '', '', '']);
      message[message.length - 1] ^= 1;
      frames.push(packet(message));
    }
  }
  const rows = dissect(frames, [...CONTENT, 'isakmp.ikev2.integrity_checksum', ...TROUBLE], table);
  assert.deepEqual(
    rows.filter((_, index) => index % 2 === 0),
    expected,
  );
  for (const row of rows.filter((_, index) => index % 2 === 1)) {
    assert.match(row[row.length - 1], /^IKEv2 Integrity Checksum Data is incorrect/);
  }
});

test('tshark reads SKF', { skip }, () => {
  const frames = [1, 2].map((number) => packet(sealed(ikeGcm16, 3, authRequest(), number, 2)));
  const fields = ['isakmp.length', 'isakmp.frag.number', 'isakmp.frag.total', ...TROUBLE];
  assert.deepEqual(dissect(frames, fields), [
    ['221', '1', '2', '', ''],
    ['221', '2', '2', '', ''],
  ]);
});
