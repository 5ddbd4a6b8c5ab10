// The hooks of cryptography that a specialised device has, by a provider of Node.

import { createECDH } from 'node:crypto';
import { ALG_AES_CCM, ALG_HMAC_SHA256, type Provider } from '../../core/crypto/provider.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';

const asymmetric = createNodeAsymmetric();

/** The hooks of a board by a provider. */
export function boardOf(provider: Provider): Record<string, unknown> {
  return {
    random: (buffer: Uint8Array, offset: number, length: number) => {
      provider.random(buffer, offset, length);
      return true;
    },
    ccm: (
      encrypt: number,
      key: Uint8Array,
      nonce: Uint8Array,
      nonceLength: number,
      aad: Uint8Array,
      aadLength: number,
      buffer: Uint8Array,
      offset: number,
      length: number,
      icvLength: number,
    ) => {
      const k = provider.key(ALG_AES_CCM, key);
      const form = { nonce, nonceLength, aad: aad.slice(0, aadLength), aadLength, icvLength };
      if (encrypt === 0) return provider.open(k, form, buffer, offset, length);
      provider.seal(k, form, buffer, offset, length);
      return true;
    },
    hmac: (key: Uint8Array, buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number) => {
      const k = provider.key(ALG_HMAC_SHA256, key);
      const mac = new Uint8Array(32);
      provider.mac(k, buffer, offset, length, mac, 0);
      out.set(mac, outOffset);
    },
    p256,
    sign: asymmetric.sign,
    verify: asymmetric.verify,
    x25519: (
      out: Uint8Array,
      outOffset: number,
      scalar: Uint8Array,
      scalarOffset: number,
      point: Uint8Array,
      pointOffset: number,
    ) => {
      out.set(
        x25519(scalar.slice(scalarOffset, scalarOffset + 32), point.slice(pointOffset, pointOffset + 32)),
        outOffset,
      );
    },
  };
}

/** Zeros where the point is of small order [RFC 7748 §6.1]. */
function x25519(scalar: Uint8Array, point: Uint8Array): Uint8Array {
  const out = new Uint8Array(32);
  asymmetric.keFinish(asymmetric.keRestore!(31, Buffer.from(scalar)), point, 0, 32, out, 0);
  return out;
}

/** The hook of P-256. */
export const p256: Required<Board>['p256'] = (out, outOffset, scalar, scalarOffset, point, pointOffset) => {
  const ecdh = createECDH('prime256v1');
  try {
    ecdh.setPrivateKey(scalar.slice(scalarOffset, scalarOffset + 32));
    if (point === null) out.set(ecdh.getPublicKey().subarray(1), outOffset);
    else out.set(ecdh.computeSecret(Buffer.from([4, ...point.slice(pointOffset, pointOffset + 64)])), outOffset);
    return true;
  } catch {
    return false;
  }
};
