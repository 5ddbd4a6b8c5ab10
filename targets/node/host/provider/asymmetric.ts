// Key exchange and signatures on node:crypto (OpenSSL): X25519 [RFC 8031], P-256 [RFC 5903], Ed25519 [RFC 8032]; ML-KEM from
// ml-kem.ts.
//
// Raw X25519 and Ed25519 octets go in and out as JWK, which takes Node 1 to 9 µs; DER takes 70 to 500 µs through OpenSSL's
// decoders (Node 20). The private key of a signature is an exception, because its JWK would need the public half too: it is
// decoded from DER, once for each array in which a caller keeps it.
//
// OpenSSL's copy of a private half is out of reach. It is cleared when the garbage collector takes the object, so wiping a
// half means to release it.

import type { ECDH, KeyObject } from 'node:crypto';
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { checkRange } from '../../../../core/base/refuse.ts';
import type { Asymmetric, KeOwn, KePrivate, KeUse } from '../../../../core/crypto/asymmetric.ts';
import {
  KE_ANSWERS,
  KE_OPENS,
  KE_OPENS_LASTING,
  KE_P256,
  KE_X25519,
  keSize,
} from '../../../../core/crypto/asymmetric.ts';
import { mlKemOf } from './ml-kem.ts';

/**
 * A private half: the one or the other, by method; neither once it was used or wiped (method 0). Of ML-KEM, `octets` is the seed of
 * the decapsulation key, or absent in a half that answers, which has `place`.
 */
export interface NodeHalf extends KePrivate {
  x25519: KeyObject | null;
  p256: ECDH | null;
  octets?: Uint8Array;
  place?: KeOwn;
}

interface Signer {
  octets: Uint8Array;
  key: KeyObject;
}

// An uncompressed point [SEC 1 §2.3.3]; RFC 5903 §7 leaves this octet out.
const UNCOMPRESSED = 4;
// PKCS #8 of an Ed25519 private key, up to its 32 octets [RFC 8410 §7].
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

function publicKey(crv: 'X25519' | 'Ed25519', octets: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv, x: base64url(octets) }, format: 'jwk' });
}

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64url');
}

function privateKey(octets: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_ED25519, octets]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

function wipe(half: KePrivate): void {
  const h = half as NodeHalf;
  h.method = 0;
  h.x25519 = null;
  h.p256 = null;
  h.octets?.fill(0);
}

// Exporting a fresh public key locks its pair, and so does the garbage collection of what made it: on Node 20 both at
// once can hang the process. Asked for with the pair itself, the JWK has no such lock. The types do not know this form.
const JWK = { publicKeyEncoding: { format: 'jwk' } };
const keyPair = generateKeyPairSync as unknown as (
  type: string,
  options: object,
) => { publicKey: { x: string }; privateKey: KeyObject };
// The same with the private key's octets: dearer, as it has to be read again.
const bothJwk = generateKeyPairSync as unknown as (
  type: string,
  options: object,
) => { publicKey: { x: string }; privateKey: { d: string } };

function restored(method: number, octets: Buffer): NodeHalf {
  if (mlKemOf(method) !== undefined) return { method, x25519: null, p256: null, octets };
  if (method === KE_X25519) {
    // Node asks for the public value, and does not use it.
    const key = { kty: 'OKP', crv: 'X25519', d: base64url(octets), x: '' };
    return { method, x25519: createPrivateKey({ key, format: 'jwk' }), p256: null, octets };
  }
  const p256 = createECDH('prime256v1');
  p256.setPrivateKey(octets);
  return { method, x25519: null, p256, octets };
}

function startMlKem(method: number, use: KeUse, place: KeOwn): NodeHalf {
  if (use === KE_ANSWERS) return { method, x25519: null, p256: null, place };
  const { key, seed } = mlKemOf(method)!.make();
  place.own = key;
  return { method, x25519: null, p256: null, octets: seed };
}

function start(
  method: number,
  out: Uint8Array,
  outOffset: number,
  use: KeUse = KE_OPENS,
  place: KeOwn = { own: out },
): NodeHalf {
  const lasts = use === KE_OPENS_LASTING;
  if (mlKemOf(method) !== undefined) return startMlKem(method, use, place);
  if (method === KE_X25519 && lasts) {
    const pair = bothJwk('x25519', { ...JWK, privateKeyEncoding: { format: 'jwk' } });
    out.set(Buffer.from(pair.publicKey.x, 'base64url'), outOffset);
    return restored(method, Buffer.from(pair.privateKey.d, 'base64url'));
  }
  if (method === KE_X25519) {
    const { publicKey: jwk, privateKey: x25519 } = keyPair('x25519', JWK);
    out.set(Buffer.from(jwk.x, 'base64url'), outOffset);
    return { method, x25519, p256: null };
  }
  if (method !== KE_P256)
    throw new RangeError(`KE method ${method}: must be ${KE_P256}, ${KE_X25519} or one of ML-KEM`);
  const p256 = createECDH('prime256v1');
  out.set(p256.generateKeys().subarray(1), outOffset);
  return { method, x25519: null, p256, ...(lasts ? { octets: p256.getPrivateKey() } : {}) };
}

/** The secret of a half of ML-KEM; null: what the peer sent is no key, or no ciphertext. */
function mlKemSecret({ method, octets, place }: NodeHalf, peer: Uint8Array): Uint8Array | null {
  const kem = mlKemOf(method)!;
  if (octets !== undefined) return kem.decapsulate(octets, peer);
  const made = kem.encapsulate(peer);
  if (made === null) return null;
  place!.own = made.cipher;
  return made.secret;
}

// Throws for a point that is none, or one of small order.
function secret(half: NodeHalf, peer: Uint8Array): Uint8Array | null {
  if (mlKemOf(half.method) !== undefined) return mlKemSecret(half, peer);
  if (peer.length !== keSize(half.method)) return null;
  if (half.x25519 !== null) {
    return diffieHellman({ privateKey: half.x25519, publicKey: publicKey('X25519', peer) });
  }
  const point = new Uint8Array(65);
  point[0] = UNCOMPRESSED;
  point.set(peer, 1);
  return half.p256!.computeSecret(point);
}

function finish(
  half: KePrivate,
  peer: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
  outOffset: number,
): boolean {
  const fits = half.method !== 0 && offset + length <= peer.length;
  let shared: Uint8Array | null = null;
  try {
    if (fits) shared = secret(half as NodeHalf, peer.subarray(offset, offset + length));
  } catch {
    // Not on the curve, or a secret of zeros: OpenSSL refuses both.
  }
  // [RFC 8031 §4] Zeros once more here, in case another build of OpenSSL does not.
  if (shared === null || shared.every((octet) => octet === 0)) return false;
  wipe(half);
  out.set(shared, outOffset);
  shared.fill(0);
  return true;
}

/** X25519, P-256, ML-KEM and Ed25519. Signing keys are remembered for as long as the callers' arrays of them live. */
export function createNodeAsymmetric(): Asymmetric {
  const signers = new WeakMap<Uint8Array, Signer>();

  function signer(octets: Uint8Array): KeyObject {
    checkRange('privateKey.length', octets.length, 32, 32);
    const known = signers.get(octets);
    // The array may hold another key by now.
    if (known !== undefined && timingSafeEqual(known.octets, octets)) return known.key;
    const key = privateKey(octets);
    signers.set(octets, { octets: Uint8Array.from(octets), key });
    return key;
  }

  return {
    hasKe: (method) => keSize(method) > 0 || mlKemOf(method) !== undefined,
    keStart: start,
    keRestore: (method, octets) => restored(method, Buffer.from(octets)),
    keFinish: finish,
    keWipe: wipe,
    hasEd25519: () => true,
    sign: (key, buffer, offset, length, out, outOffset) => {
      out.set(sign(null, buffer.subarray(offset, offset + length), signer(key)), outOffset);
    },
    verify: (key, buffer, offset, length, signature, signatureOffset) => {
      const octets = signature.subarray(signatureOffset, signatureOffset + 64);
      if (key.length !== 32 || octets.length !== 64) return false;
      try {
        return verify(null, buffer.subarray(offset, offset + length), publicKey('Ed25519', key), octets);
      } catch {
        return false;
      }
    },
  };
}
