// Without compression, with a mandatory trailer of 32-bit alignment and 32 + 32 bits of header, the core makes standard ESP
// [RFC 4303]. The test composes the packets a second time, from the RFCs, with node:crypto alone.

import assert from 'node:assert/strict';
import { type CipherGCMTypes, createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { internetChecksum } from '../naive/bits.ts';
import { FOUR, makeSa, OUTER_FOUR, OUTER_SIX, SIX } from '../naive/make-sa.ts';
import { packet, tcp, udp } from '../naive/packets.ts';
import type { Sa as NaiveSa, Suite } from '../naive/types.ts';
import { endpointOf, hex, ORDINARY, packetOf, receive, saOf, send } from './support.ts';

const of = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'hex');
const u32 = (value: number): Buffer => {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
};

/** ESP of `payload`, from SPI to ICV. */
function composed(sa: NaiveSa, hi: number, lo: number, payload: Buffer, next: number, iv: Buffer): Buffer {
  const block = sa.esp_encr.startsWith('AES_CBC') ? 16 : 4;
  const pad = (block - ((payload.length + 2) % block)) % block;
  const padding = Buffer.from(Array.from({ length: pad }, (_, i) => i + 1));
  const clear = Buffer.concat([payload, padding, Buffer.from([pad, next])]);
  const header = Buffer.concat([of(sa.esp_spi), u32(lo)]);
  if (sa.esp_encr.includes('HMAC')) {
    let text = clear;
    if (block === 16) {
      const cipher = createCipheriv('aes-128-cbc', of(sa.key), iv).setAutoPadding(false);
      text = Buffer.concat([cipher.update(clear), cipher.final()]);
    }
    const hmac = createHmac('sha256', of(sa.akey)).update(header).update(iv).update(text);
    if (sa.esn) hmac.update(u32(hi));
    return Buffer.concat([header, iv, text, hmac.digest().subarray(0, 16)]);
  }
  const name = sa.esp_encr.startsWith('CHACHA')
    ? 'chacha20-poly1305'
    : `aes-128-${sa.esp_encr.slice(4, 7).toLowerCase()}`;
  const implicit = Buffer.concat([u32(sa.esn ? hi : 0), u32(lo)]);
  const nonce = Buffer.concat([of(sa.salt), iv.length === 8 ? iv : implicit]);
  const authTagLength = sa.esp_encr.includes('CCM_8') ? 8 : 16;
  const cipher = createCipheriv(name as CipherGCMTypes, of(sa.key), nonce, { authTagLength });
  const aad = sa.esn ? Buffer.concat([of(sa.esp_spi), u32(hi), u32(lo)]) : header;
  cipher.setAAD(aad, { plaintextLength: clear.length });
  const text = Buffer.concat([cipher.update(clear), cipher.final()]);
  return Buffer.concat([header, iv, text, cipher.getAuthTag()]);
}

/** The packet with ESP in it; `inner` gives DSCP, ECN and hop limit of a tunnel's outer header. */
function outerOf(sa: NaiveSa, inner: Buffer, esp: Buffer): Buffer {
  const six = sa.ts_ip_version === 6;
  if (sa.ipsec_mode === 'transport') {
    const header = Buffer.from(inner.subarray(0, six ? 40 : (inner[0]! & 15) * 4));
    header[six ? 6 : 9] = 50;
    header.writeUInt16BE(six ? esp.length : header.length + esp.length, six ? 4 : 2);
    if (!six) {
      header.writeUInt16BE(0, 10);
      header.writeUInt16BE(internetChecksum(header), 10);
    }
    return Buffer.concat([header, esp]);
  }
  const traffic = six ? (inner.readUInt16BE(0) >> 4) & 255 : inner[1]!;
  const hops = six ? inner[7]! : inner[8]!;
  if (sa.tunnel_ip![0].includes(':')) {
    const header = Buffer.alloc(40);
    header.writeUInt32BE(((6 << 28) | (traffic << 20)) >>> 0, 0);
    header.writeUInt16BE(esp.length, 4);
    header[6] = 50;
    header[7] = hops;
    of('20010db8000a00000000000000000001').copy(header, 8);
    of('20010db8000a00000000000000000002').copy(header, 24);
    return Buffer.concat([header, esp]);
  }
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header[1] = traffic;
  header.writeUInt16BE(20 + esp.length, 2);
  header[6] = 0x40;
  header[8] = hops;
  header[9] = 50;
  of('c0000201').copy(header, 12);
  of('c6336402').copy(header, 16);
  header.writeUInt16BE(internetChecksum(header), 10);
  return Buffer.concat([header, esp]);
}

let count = 0;
for (const { name, ivLength } of ALL_SUITES) {
  test(`standard ESP, octet for octet: ${name}`, () => {
    for (const esn of [false, true]) {
      for (const version of [4, 6] as const) {
        for (const mode of ['tunnel', 'transport'] as const) {
          for (const size of [0, 1, 2, 3, 5, 13, 16, 100, 1000]) {
            const sa = makeSa(version, 17, {
              ...ORDINARY,
              esp_encr: name as Suite,
              esn,
              esp_sn: esn ? '7fffffffe' : 'fffffff0',
              ipsec_mode: mode,
              flow_label_cda: 'not_compressed',
              ecn_cda: 'not_compressed',
              ...(mode === 'tunnel' ? { tunnel_ip: size % 2 === 0 ? OUTER_SIX : OUTER_FOUR } : {}),
            });
            const ip = version === 6 ? { ...SIX, label: 0xabcde } : { ...FOUR, options: Buffer.from([1, 1, 1, 1]) };
            const inner = packet({ ...ip, dscp: 10, ecn: 2, hops: 17 }, udp(5001, 4500, Buffer.alloc(size, 0x5a)));
            const sender = saOf(sa);
            const receiver = saOf(sa);
            const [from, to] = [endpointOf(), endpointOf(receiver)];
            for (let i = 0; i < 4; i++) {
              const lo = ((esn ? 0xfffffffe : 0xfffffff0) + i) % 2 ** 32;
              const hi = !esn ? 0 : i < 2 ? 7 : 8;
              const iv = Buffer.alloc(ivLength, 0x30 + i);
              from.fixedIv = iv;
              const header = version === 6 ? 40 : 24;
              const payload = mode === 'tunnel' ? inner : inner.subarray(header);
              const next = mode === 'transport' ? 17 : version === 6 ? 41 : 4;
              const expected = outerOf(sa, inner, composed(sa, hi, lo, payload, next, iv));
              const wire = packetOf(send(from, sender, inner));
              assert.equal(hex(wire), hex(expected));
              assert.equal(hex(packetOf(receive(to, wire))), hex(inner));
              assert.deepEqual([receiver.snHi, receiver.snLo], [hi, lo]);
              count++;
            }
          }
        }
      }
    }
  });
}

test('the IV: the sequence number for AEADs, random octets for CBC', () => {
  const inner = packet(SIX, tcp(5001, 4500, { seq: 1, ack: 2, flags: 16, window: 3 }, Buffer.from('x')));
  for (const { name, ivLength } of ALL_SUITES) {
    const sa = makeSa(6, 6, { ...ORDINARY, esp_encr: name as Suite, esn: true, esp_sn: 'aaaaaaaabbbbbbbb' });
    const ivs = Array.from({ length: 3 }, (_, i) => {
      const wire = packetOf(
        send(endpointOf(), saOf({ ...sa, esp_sn: (0xaaaaaaaabbbbbbbbn + BigInt(i)).toString(16) }), inner),
      );
      return hex(wire.subarray(48, 48 + ivLength));
    });
    if (ivLength === 0) assert.deepEqual(ivs, ['', '', '']);
    else if (ivLength === 8) assert.deepEqual(ivs, ['aaaaaaaabbbbbbbb', 'aaaaaaaabbbbbbbc', 'aaaaaaaabbbbbbbd']);
    else assert.equal(new Set([...ivs, '00'.repeat(16)]).size, 4);
  }
});

test('the composition above is one that its own parts open', () => {
  const sa = makeSa(6, 17, { ...ORDINARY, esp_encr: 'AES_GCM_16' });
  const esp = composed(sa, 0, 1, Buffer.from('0102', 'hex'), 41, Buffer.alloc(8, 1));
  const open = createDecipheriv('aes-128-gcm', of(sa.key), Buffer.concat([of(sa.salt), esp.subarray(8, 16)]));
  open.setAAD(esp.subarray(0, 8)).setAuthTag(esp.subarray(-16));
  assert.equal(hex(Buffer.concat([open.update(esp.subarray(16, -16)), open.final()])), '01020029');
  assert.ok(count > 1000);
});
