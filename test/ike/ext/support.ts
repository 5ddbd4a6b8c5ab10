// Notifies as whole payloads in hexadecimal digits, and octets that report reads outside them.

import assert from 'node:assert/strict';
import {
  beginChain,
  beginPayload,
  createPayloads,
  createWriter,
  endPayload,
  notifyDataAt,
  notifyDataSize,
  notifyType,
  parsePayloads,
  type Writer,
  write8,
  write16,
} from '../../../core/ike/codec/message.ts';
import { PAYLOAD_NOTIFY } from '../../../core/ike/codec/numbers.ts';
import { type PrivateNumbers, privateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import type { CompressionChoice, CompressionNotify, CompressionPolicy } from '../../../core/ike/state/compression.ts';

export const numbers: PrivateNumbers = privateNumbers();

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s+/g, ''), 'hex'));
}

export function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

/** What `add` writes. */
export function written(add: (w: Writer) => void): Uint8Array {
  const w = createWriter(new Uint8Array(4000));
  beginChain(w, 0);
  add(w);
  assert.ok(!w.full);
  return w.buffer.slice(0, w.at);
}

/** A Notify payload as it stands in a message, as digits. */
export function notify(type: number, add: (w: Writer) => void): string {
  return hex(
    written((w) => {
      const at = beginPayload(w, PAYLOAD_NOTIFY);
      write8(w, 0);
      write8(w, 0);
      write16(w, type);
      add(w);
      endPayload(w, at);
    }),
  );
}

/** The data of the one Notify payload in these digits. */
export function dataOf(type: number, text: string): Uint8Array {
  const buffer = bytes(text);
  const p = createPayloads();
  assert.equal(parsePayloads(p, buffer, PAYLOAD_NOTIFY, 0, buffer.length), 0);
  assert.equal(p.count, 1);
  assert.equal(notifyType(buffer, p.at[0]), type);
  const at = notifyDataAt(buffer, p.at[0]);
  return buffer.slice(at, at + notifyDataSize(buffer, p.at[0], p.size[0]));
}

/** The octets in the middle of a buffer of which nothing else may be read, and nothing written. */
export function guarded(octets: Uint8Array): { buffer: Uint8Array; at: number } {
  const at = 5;
  const whole = new Uint8Array(octets.length + 10).fill(0x80);
  whole.set(octets, at);
  const buffer = new Proxy(whole, {
    get(target, key) {
      const index = typeof key === 'string' ? Number(key) : Number.NaN;
      if (typeof key === 'string' && (key === 'NaN' || key === 'undefined' || !Number.isNaN(index))) {
        if (!(index >= at && index < at + octets.length)) throw new Error('read at ' + key);
      }
      return Reflect.get(target, key, target);
    },
    set(_target, key) {
      throw new Error('written at ' + String(key));
    },
  });
  return { buffer, at };
}

export function choose(kind: CompressionNotify, policy: CompressionPolicy, data: Uint8Array): CompressionChoice | null {
  const { buffer, at } = guarded(data);
  return kind.choose(policy, buffer, at, data.length);
}

export function check(kind: CompressionNotify, policy: CompressionPolicy, data: Uint8Array): CompressionChoice | null {
  const { buffer, at } = guarded(data);
  return kind.check(policy, buffer, at, data.length);
}

/** A policy from the values of its proposals. */
export function policyOf(...proposals: number[][][]): CompressionPolicy {
  return { proposals: proposals.map((allowed) => ({ allowed })), required: false, dscpList: [] };
}

/** Every cut of the octets, and every change of one bit. */
export function* damaged(octets: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < octets.length; length++) yield octets.slice(0, length);
  for (let bit = 0; bit < octets.length * 8; bit++) {
    const copy = octets.slice();
    copy[bit >>> 3] ^= 0x80 >>> (bit & 7);
    yield copy;
  }
}
