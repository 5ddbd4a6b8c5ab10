// Cryptography by the board's hooks, with the interfaces of the core. A bundle with createNativeProvider and
// createNativeAsymmetric contains no portable cipher, and fits a board that has everything natively. mixed.ts chooses by
// `Board.native` and contains both.
//
// A key object holds its key's octets. It overwrites them with zeros at its end.

import { copy, fill } from '../../core/base/bytes.ts';
import { checkRange } from '../../core/base/refuse.ts';
import { type Asymmetric, KE_X25519, type KePrivate } from '../../core/crypto/asymmetric.ts';
import { createPortable, type Part, type Random } from '../../core/crypto/portable.ts';
import { type Aead, ALG_AES_CCM, ALG_HMAC_SHA256, type Key, type Provider } from '../../core/crypto/provider.ts';
import { NO_ENTROPY } from './halt.ts';
import { type Board, NATIVE_ED25519 } from './hooks.ts';

interface OctetKey extends Key {
  octets: Uint8Array;
}

interface OctetHalf extends KePrivate {
  scalar: Uint8Array;
}

function keep(alg: number, octets: Uint8Array): Key {
  const own = new Uint8Array(octets.length);
  copy(own, 0, octets, 0, octets.length);
  return { alg: alg, octets: own } as OctetKey;
}

function wipeKey(key: Key): void {
  const octets = (key as OctetKey).octets;
  fill(octets, 0, octets.length, 0);
}

function wipeHalf(half: KePrivate): void {
  fill((half as OctetHalf).scalar, 0, 32, 0);
  half.method = 0;
}

/** `Provider.random` of a board. Throws NO_ENTROPY if there is no source. */
export function createRandom(board: Board): Random {
  return (buffer, offset, length) => {
    if (!board.random(buffer, offset, length)) throw new Error(NO_ENTROPY);
  };
}

function ccm(
  board: Board,
  encrypt: number,
  key: Key,
  aead: Aead,
  buffer: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const octets = (key as OctetKey).octets;
  return board.ccm(
    encrypt,
    octets,
    aead.nonce,
    aead.nonceLength,
    aead.aad,
    aead.aadLength,
    buffer,
    offset,
    length,
    aead.icvLength,
  );
}

/** AES-CCM with a 16-octet key. The board checks the limits of core/crypto/ccm.ts. */
export function createNativeCcm(board: Board): Part {
  return {
    alg: ALG_AES_CCM,
    minKey: 16,
    maxKey: 16,
    key: (octets) => keep(ALG_AES_CCM, octets),
    wipe: wipeKey,
    seal: (key, aead, buffer, offset, length) => {
      ccm(board, 1, key, aead, buffer, offset, length);
    },
    open: (key, aead, buffer, offset, length) => ccm(board, 0, key, aead, buffer, offset, length),
  };
}

/** HMAC-SHA2-256 with a key of 1 to 65,535 octets. */
export function createNativeHmac(board: Board): Part {
  return {
    alg: ALG_HMAC_SHA256,
    minKey: 1,
    maxKey: 65535,
    key: (octets) => keep(ALG_HMAC_SHA256, octets),
    wipe: wipeKey,
    mac: (key, buffer, offset, length, out, outOffset) => {
      board.hmac((key as OctetKey).octets, buffer, offset, length, out, outOffset);
    },
  };
}

/** Everything from the board. Throws at the first use of a function that the board lacks. */
export function createNativeProvider(board: Board): Provider {
  return createPortable([createNativeCcm(board), createNativeHmac(board)], createRandom(board));
}

/** Gives `asymmetric` the board's Ed25519, if it has one. */
export function createWithEd25519(board: Board, asymmetric: Asymmetric): Asymmetric {
  if ((board.native & NATIVE_ED25519) !== 0) {
    asymmetric.hasEd25519 = () => true;
    asymmetric.sign = (privateKey, buffer, offset, length, out, outOffset) => {
      board.sign(privateKey, buffer, offset, length, out, outOffset);
    };
    asymmetric.verify = (publicKey, buffer, offset, length, signature, signatureOffset) =>
      board.verify(publicKey, buffer, offset, length, signature, signatureOffset);
  }
  return asymmetric;
}

/** X25519 from the board, and its Ed25519 if it has one. */
export function createNativeAsymmetric(board: Board): Asymmetric {
  const random = createRandom(board);
  return createWithEd25519(board, {
    hasKe: (method) => method === KE_X25519,
    keStart: (method, out, outOffset) => {
      checkRange('KE method', method, KE_X25519, KE_X25519);
      const half: OctetHalf = { method: method, scalar: new Uint8Array(32) };
      const base = new Uint8Array(32);
      base[0] = 9;
      random(half.scalar, 0, 32);
      board.x25519(out, outOffset, half.scalar, 0, base, 0);
      return half;
    },
    keFinish: (half, peer, offset, length, out, outOffset) => {
      const secret = new Uint8Array(32);
      let any = 0;
      if (half.method === KE_X25519 && length === 32) {
        board.x25519(secret, 0, (half as OctetHalf).scalar, 0, peer, offset);
        for (let i = 0; i < 32; i++) any |= secret[i];
      }
      // An all-zero secret [RFC 8031 §4]. The half stays usable for another answer.
      if (any !== 0) {
        copy(out, outOffset, secret, 0, 32);
        wipeHalf(half);
      }
      fill(secret, 0, 32, 0);
      return any !== 0;
    },
    keWipe: wipeHalf,
    hasEd25519: () => false,
    sign: () => {
      throw new Error('Ed25519: not on this board');
    },
    verify: () => false,
  });
}
