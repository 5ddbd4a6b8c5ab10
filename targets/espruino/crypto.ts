// Espruino's cryptography as hooks of a board (targets/board/hooks.ts): AES-CCM from its AES, HMAC from its SHA-256, X25519
// by E.nativeCall. Each is tried first. `native` leaves out one that is missing or gives a wrong answer.

import { copy, fill } from '../../core/base/bytes.ts';
import { checkRange } from '../../core/base/refuse.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import type { Part } from '../../core/crypto/portable.ts';
import { ALG_AES_CBC, type Key } from '../../core/crypto/provider.ts';
import { type Board, NATIVE_CCM, NATIVE_HMAC, NATIVE_X25519 } from '../board/hooks.ts';
import { createCcmHook, createSource, cryptoModule, native, wrong } from './ccm.ts';
import { boardName, decodeBase64, engine, type Octets } from './globals.ts';
import { X25519_THUMB } from './native/blob.ts';

/** The cryptographic part of Board. */
export type CryptoHooks = Pick<Board, 'native' | 'random' | 'ccm' | 'hmac' | 'x25519'>;

/** Boards with a Cortex-M4 (or M7), by the start of process.env.BOARD: X25519_THUMB runs there. */
const THUMB_BOARDS = [
  'PUCKJS',
  'MDBT42Q',
  'PIXLJS',
  'BANGLEJS',
  'JOLTJS',
  'NRF52',
  'MICROBIT2',
  'XIAOBLE',
  'RUUVITAG',
  'THINGY52',
  'ESPRUINOWIFI',
  'PICO_R1_3',
  'STM32F4',
];

interface OctetKey extends Key {
  octets: Uint8Array;
}

/** HMAC over native SHA-256 [RFC 2104]; over the portable one when memory for a message is short. */
function createHmac(sha256: (message: Octets[]) => Octets | undefined): Board['hmac'] {
  const inner = new Uint8Array(64);
  const outer = new Uint8Array(64);
  return (key, buffer, offset, length, out, outOffset) => {
    checkRange('key.length', key.length, 1, 65535);
    checkRange('length', length, 0, buffer.length);
    checkRange('offset', offset, 0, buffer.length - length);
    checkRange('outOffset', outOffset, 0, out.length - 32);
    let short = native(key);
    if (key.length > 64) {
      const digest = sha256([short]);
      if (digest === undefined) throw wrong('SHA256');
      short = digest;
    }
    for (let i = 0; i < 64; i++) {
      const octet = i < short.length ? short[i] : 0;
      inner[i] = octet ^ 0x36;
      outer[i] = octet ^ 0x5c;
    }
    const first = sha256([native(inner), native(buffer).subarray(offset, offset + length)]);
    const second = first === undefined ? undefined : sha256([native(outer), first]);
    fill(inner, 0, 64, 0);
    fill(outer, 0, 64, 0);
    if (second === undefined) {
      const portable = hmacSha256.key(key);
      hmacSha256.mac!(portable, buffer, offset, length, out, outOffset);
      hmacSha256.wipe(portable);
    } else for (let i = 0; i < 32; i++) out[outOffset + i] = second[i];
  };
}

/** X25519 in Thumb-2. Null: the board is not known to run it. */
function createX25519(): Board['x25519'] | null {
  const e = engine();
  const name = boardName();
  let runs = false;
  for (let i = 0; i < THUMB_BOARDS.length; i++) if (name.indexOf(THUMB_BOARDS[i]) === 0) runs = true;
  if (!runs || e.nativeCall === undefined || e.getAddressOf === undefined) return null;
  // 1: Thumb code. Result, scalar and point are in one block of memory.
  const call = e.nativeCall(1, 'void(int,int,int)', decodeBase64(X25519_THUMB));
  const work = new Uint8Array(96);
  return (out, outOffset, scalar, scalarOffset, point, pointOffset) => {
    checkRange('outOffset', outOffset, 0, out.length - 32);
    checkRange('scalarOffset', scalarOffset, 0, scalar.length - 32);
    checkRange('pointOffset', pointOffset, 0, point.length - 32);
    // Ask each time, because memory may have moved.
    const at = e.getAddressOf!(native(work), true);
    if (at === 0) throw wrong('X25519');
    copy(work, 32, scalar, scalarOffset, 32);
    copy(work, 64, point, pointOffset, 32);
    call(at, at + 32, at + 64);
    copy(out, outOffset, work, 0, 32);
    fill(work, 0, 96, 0);
  };
}

/** AES-CBC with a 16-octet key by the board's AES, for standard ESP suites. Null: there is none. */
export function createEspruinoCbc(): Part | null {
  const aes = cryptoModule().AES;
  if (aes === undefined) return null;
  return {
    alg: ALG_AES_CBC,
    minKey: 16,
    maxKey: 16,
    key: (octets) => {
      const own = new Uint8Array(16);
      copy(own, 0, octets, 0, 16);
      return { alg: ALG_AES_CBC, octets: own } as OctetKey;
    },
    wipe: (key) => fill((key as OctetKey).octets, 0, 16, 0),
    cbc: (key, encrypt, buffer, ivOffset, offset, length) => {
      checkRange('length modulo 16', length & 15, 0, 0);
      if (length === 0) return;
      const from = native(buffer);
      const options = { mode: 'CBC', iv: from.subarray(ivOffset, ivOffset + 16) };
      const octets = native((key as OctetKey).octets);
      const text = from.subarray(offset, offset + length);
      const out = encrypt ? aes.encrypt(text, octets, options) : aes.decrypt(text, octets, options);
      if (out === undefined) throw wrong('AES');
      for (let i = 0; i < length; i++) buffer[offset + i] = out[i];
    },
  };
}

function octetsOf(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i);
  return octets;
}

/** [RFC 4231 §4.3], by the ends of its result. */
function isHmacRight(hmac: Board['hmac']): boolean {
  const message = octetsOf('what do ya want for nothing?');
  const out = new Uint8Array(32);
  try {
    hmac(octetsOf('Jefe'), message, 0, message.length, out, 0);
  } catch (_error) {
    return false;
  }
  return out[0] === 0x5b && out[1] === 0xdc && out[30] === 0x38 && out[31] === 0x43;
}

/** [RFC 7748 §5.2] One round, by the ends of its result. */
function isX25519Right(x25519: Board['x25519']): boolean {
  const nine = new Uint8Array(32);
  nine[0] = 9;
  const out = new Uint8Array(32);
  try {
    x25519(out, 0, nine, 0, nine, 0);
  } catch (_error) {
    return false;
  }
  return out[0] === 0x42 && out[1] === 0x2c && out[30] === 0x30 && out[31] === 0x79;
}

function missing(): never {
  throw new Error('not native on this board: see Board.native');
}

/** Makes the hooks. `random` null: use the board's own source. Tries each native part with a known answer. */
export function createCryptoHooks(random: Board['random'] | null): CryptoHooks {
  const hooks: CryptoHooks = {
    native: 0,
    random: random === null ? createSource() : random,
    ccm: missing,
    hmac: missing,
    x25519: missing,
  };
  const ccm = createCcmHook();
  if (ccm !== null) {
    hooks.ccm = ccm;
    hooks.native += NATIVE_CCM;
  }
  const sha256 = cryptoModule().SHA256;
  if (sha256 !== undefined) {
    const hmac = createHmac(sha256);
    if (isHmacRight(hmac)) {
      hooks.hmac = hmac;
      hooks.native += NATIVE_HMAC;
    }
  }
  const x25519 = createX25519();
  if (x25519 !== null && isX25519Right(x25519)) {
    hooks.x25519 = x25519;
    hooks.native += NATIVE_X25519;
  }
  return hooks;
}
