// Packets of an SA with subspaces, made a second time: node:crypto and Buffers, nothing of the core
// [draft-ponchon-ipsecme-anti-replay-subspaces-03; RFC 4303, 4106, 4309, 7634, 8750, 3602, 4868]. No dissector of others knows
// the format. `node --import tsx test/naive/subspaces.ts` writes test/vectors/subspaces.json.

import { type CipherGCMTypes, createCipheriv, createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SIX } from './make-sa.ts';
import { packet, udp } from './packets.ts';

export interface SubspaceCase {
  id: string;
  suite: string;
  count: number;
  spi: string;
  key: string;
  salt: string;
  authKey: string;
  subspace: number;
  /** Decimal: up to 2^48 - 1. */
  counter: number;
  /** Of AES-CBC; else empty. */
  iv: string;
  inner: string;
  /** From the SPI to the ICV. */
  esp: string;
}

interface Lengths {
  cipher: string;
  key: number;
  salt: number;
  auth: number;
  iv: number;
  icv: number;
}

export const LENGTHS: Record<string, Lengths> = {
  AES_CCM_8_IIV: { cipher: 'aes-128-ccm', key: 16, salt: 3, auth: 0, iv: 0, icv: 8 },
  AES_GCM_16_IIV: { cipher: 'aes-128-gcm', key: 16, salt: 4, auth: 0, iv: 0, icv: 16 },
  CHACHA20_POLY1305_IIV: { cipher: 'chacha20-poly1305', key: 32, salt: 4, auth: 0, iv: 0, icv: 16 },
  AES_CCM_8: { cipher: 'aes-128-ccm', key: 16, salt: 3, auth: 0, iv: 8, icv: 8 },
  AES_CCM_16: { cipher: 'aes-128-ccm', key: 16, salt: 3, auth: 0, iv: 8, icv: 16 },
  AES_GCM_16: { cipher: 'aes-128-gcm', key: 16, salt: 4, auth: 0, iv: 8, icv: 16 },
  CHACHA20_POLY1305: { cipher: 'chacha20-poly1305', key: 32, salt: 4, auth: 0, iv: 8, icv: 16 },
  AES_CBC_HMAC_SHA2_256_128: { cipher: 'aes-128-cbc', key: 16, salt: 0, auth: 32, iv: 16, icv: 16 },
  NULL_HMAC_SHA2_256_128: { cipher: '', key: 0, salt: 0, auth: 32, iv: 0, icv: 16 },
};

/** The ESP packet of a case. */
export function espOf(c: Omit<SubspaceCase, 'esp'>): Buffer {
  const { cipher, icv, iv: ivLength } = LENGTHS[c.suite];
  const [key, salt, inner] = [c.key, c.salt, c.inner].map((text) => Buffer.from(text, 'hex'));
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE((BigInt(c.subspace) << 48n) | BigInt(c.counter));
  const header = Buffer.concat([Buffer.from(c.spi, 'hex'), number]);
  const block = cipher === 'aes-128-cbc' ? 16 : 4;
  const padding = (block - ((inner.length + 2) % block)) % block;
  const trailer = Buffer.from([...Array.from({ length: padding }, (_, i) => i + 1), padding, 41]);
  const text = Buffer.concat([inner, trailer]);
  const iv = ivLength === 8 ? number : Buffer.from(c.iv, 'hex');
  if (c.authKey !== '') {
    let body = text;
    if (cipher !== '') {
      const one = createCipheriv(cipher, key, iv).setAutoPadding(false);
      body = Buffer.concat([iv, one.update(text), one.final()]);
    }
    const mac = createHmac('sha256', Buffer.from(c.authKey, 'hex')).update(header).update(body).digest();
    return Buffer.concat([header, body, mac.subarray(0, icv)]);
  }
  // All three take the options of AEADs, and the same number of 64 bits in the nonce.
  const aead = createCipheriv(cipher as CipherGCMTypes, key, Buffer.concat([salt, number]), { authTagLength: icv });
  aead.setAAD(header, { plaintextLength: text.length } as never);
  const sealed = Buffer.concat([aead.update(text), aead.final()]);
  return Buffer.concat([header, ivLength === 8 ? number : Buffer.alloc(0), sealed, aead.getAuthTag()]);
}

const filled = (length: number, first: number): string =>
  Buffer.from(Array.from({ length }, (_, i) => (first + 3 * i) & 255)).toString('hex');

export function subspaceCases(): SubspaceCase[] {
  const cases: SubspaceCase[] = [];
  const numbers: [number, number, number][] = [
    [1, 0, 1],
    [16, 3, 1],
    [16, 15, 2 ** 32],
    [65536, 65535, 2 ** 48 - 1],
  ];
  for (const [suite, { key, salt, auth, iv }] of Object.entries(LENGTHS)) {
    numbers.forEach(([count, subspace, counter], i) => {
      const made = {
        id: `${suite}-${count}-${subspace}-${counter}`,
        suite,
        count,
        spi: filled(4, 0x51 + i),
        key: filled(key, 0x10 + i),
        salt: filled(salt, 0x70 + i),
        authKey: filled(auth, 0x90 + i),
        subspace,
        counter,
        iv: iv === 16 ? filled(16, 0xc0 + i) : '',
        inner: packet(SIX, udp(5001, 4500, Buffer.from(filled(5 + i, 1), 'hex'))).toString('hex'),
      };
      cases.push({ ...made, esp: espOf(made).toString('hex') });
    });
  }
  return cases;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../vectors/subspaces.json', import.meta.url), JSON.stringify(subspaceCases(), null, 2) + '\n');
}
