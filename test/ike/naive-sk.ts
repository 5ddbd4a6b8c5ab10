// A second implementation of payloads and the SK payload, for observer.ts: with node:crypto, and no code of core/.

import assert from 'node:assert/strict';
import { createDecipheriv, createHmac } from 'node:crypto';

export interface Cipher {
  /** Name in OpenSSL. */
  node: string;
  /** Octets of key, salt, ICV and SK_a. */
  key: number;
  salt: number;
  icv: number;
  auth: number;
}

/** Of the initiator and of the responder. */
export interface Keys {
  d: Buffer;
  a: [Buffer, Buffer];
  e: [Buffer, Buffer];
  p: [Buffer, Buffer];
}

export interface Read {
  first: number;
  inner: Buffer;
  payloads: { type: number; body: Buffer }[];
  /** Of a fragment; 0: whole. */
  number: number;
  total: number;
}

export function payloadsOf(first: number, inner: Buffer): Read {
  const payloads: Read['payloads'] = [];
  let at = 0;
  for (let type = first; type !== 0; ) {
    const length = inner.readUInt16BE(at + 2);
    assert.equal(inner[at + 1], 0);
    payloads.push({ type, body: inner.subarray(at + 4, at + length) });
    type = inner[at]!;
    at += length;
  }
  assert.equal(at, inner.length);
  return { first, inner, payloads, number: 0, total: 0 };
}

/** What SK or SKF holds, or null where the ICV does not fit. */
export function decrypt(octets: Buffer, cipher: Cipher, keys: Keys | null, role: number): Read | null {
  if (keys === null) return null;
  const isFragment = octets[16] === 53;
  assert.ok(isFragment || octets[16] === 46);
  assert.equal(octets.readUInt16BE(30), octets.length - 28);
  const ivAt = isFragment ? 36 : 32;
  const ivSize = cipher.auth > 0 ? 16 : 8;
  const body = octets.subarray(ivAt + ivSize, octets.length - cipher.icv);
  const icv = octets.subarray(octets.length - cipher.icv);
  const iv = octets.subarray(ivAt, ivAt + ivSize);
  const key = keys.e[role]!.subarray(0, cipher.key);
  let text: Buffer;
  if (cipher.auth > 0) {
    const mac = createHmac('sha256', keys.a[role]!).update(octets.subarray(0, -cipher.icv)).digest();
    if (!mac.subarray(0, cipher.icv).equals(icv)) return null;
    const aes = createDecipheriv(cipher.node, key, iv).setAutoPadding(false);
    text = Buffer.concat([aes.update(body), aes.final()]);
  } else {
    const nonce = Buffer.concat([keys.e[role]!.subarray(cipher.key), iv]);
    const options = { authTagLength: cipher.icv };
    const aead = createDecipheriv(cipher.node as 'aes-128-ccm', key, nonce, options);
    aead.setAuthTag(icv);
    aead.setAAD(octets.subarray(0, ivAt), { plaintextLength: body.length });
    try {
      text = aead.update(body);
      aead.final();
    } catch {
      return null;
    }
  }
  const inner = text.subarray(0, text.length - 1 - text[text.length - 1]!);
  const first = octets[28]!;
  if (!isFragment) return payloadsOf(first, inner);
  return { first, inner, payloads: [], number: octets.readUInt16BE(32), total: octets.readUInt16BE(34) };
}
