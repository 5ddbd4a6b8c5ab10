// A key exchange on node:crypto that keeps the private halves for an observer, and counts its calls.

import assert from 'node:assert/strict';
import {
  createECDH,
  createPublicKey,
  diffieHellman,
  type ECDH,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';

export interface Half {
  method: number;
  value: Buffer;
  x25519: KeyObject | null;
  p256: ECDH | null;
}

function secretOf(half: Half, peer: Buffer): Buffer {
  if (half.p256 !== null) return half.p256.computeSecret(Buffer.concat([Buffer.of(4), peer]));
  const der = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), peer]);
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return diffieHellman({ privateKey: half.x25519!, publicKey });
}

/** The shared secret of two public values, of which one has its private half in `halves`. */
export function sharedSecret(halves: Half[], method: number, a: Buffer, b: Buffer): Buffer {
  for (const [own, peer] of [
    [a, b],
    [b, a],
  ] as const) {
    const half = halves.find((candidate) => candidate.method === method && candidate.value.equals(own));
    if (half !== undefined) return secretOf(half, peer);
  }
  assert.fail('no private half for the key exchange');
}

export interface Watched {
  asymmetric: Asymmetric;
  halves: Half[];
  /** Key pairs made, secrets computed, signatures made and verified. */
  calls: { start: number; finish: number; sign: number; verify: number };
}

export function watchedAsymmetric(methods: number[] = [31, 19]): Watched {
  const node = createNodeAsymmetric();
  const halves: Half[] = [];
  const calls = { start: 0, finish: 0, sign: 0, verify: 0 };
  const asymmetric: Asymmetric = {
    ...node,
    hasKe: (method) => methods.includes(method),
    keStart: (method, out, at) => {
      calls.start++;
      const half: Half = { method, value: Buffer.alloc(0), x25519: null, p256: null };
      if (method === 31) {
        const pair = generateKeyPairSync('x25519');
        half.x25519 = pair.privateKey;
        half.value = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
      } else {
        half.p256 = createECDH('prime256v1');
        half.value = half.p256.generateKeys().subarray(1);
      }
      halves.push(half);
      out.set(half.value, at);
      return { method, index: halves.length - 1 } as { method: number };
    },
    keFinish: (handle, peer, at, length, out, outAt) => {
      calls.finish++;
      const half = halves[(handle as unknown as { index: number }).index]!;
      const fits = handle.method !== 0 && length === half.value.length;
      if (!fits) return false;
      let secret: Buffer;
      try {
        secret = secretOf(half, Buffer.from(peer.subarray(at, at + length)));
      } catch {
        return false;
      }
      if (secret.every((octet) => octet === 0)) return false;
      handle.method = 0;
      out.set(secret, outAt);
      return true;
    },
    keWipe: (handle) => {
      handle.method = 0;
    },
    sign: (...args) => {
      calls.sign++;
      node.sign(...args);
    },
    verify: (...args) => {
      calls.verify++;
      return node.verify(...args);
    },
  };
  return { asymmetric, halves, calls };
}
