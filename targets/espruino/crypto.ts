// Cryptography of Espruino as hooks of a board (targets/board/hooks.ts): AES-CCM from its AES, HMAC from its SHA-256, X25519
// by E.nativeCall. What is missing, or gives a wrong answer when it is tried first, is left out of `native`.
//
// CCM is put together from CBC (MAC) and ECB (key stream) [RFC 3610]: Espruino's CTR ignores its IV, and its ccmEncrypt
// takes no additional data.

import { copy, fill } from '../../core/bytes.ts';
import { CCM_MAX_AAD } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { checkRange, type Part } from '../../core/crypto/portable.ts';
import { ALG_AES_CBC, type Key } from '../../core/crypto/provider.ts';
import { type Board, NATIVE_CCM, NATIVE_HMAC, NATIVE_X25519 } from '../board/hooks.ts';
import {
  boardName,
  builtinModule,
  decodeBase64,
  type EspruinoAes,
  type EspruinoCryptoModule,
  type EspruinoFile,
  engine,
  hasSoftdevice,
  type Octets,
} from './globals.ts';
import { X25519_THUMB } from './native/blob.ts';

/** The part of Board that is cryptography. */
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

function wrong(what: string): Error {
  return new Error(what + ': no answer from the board');
}

interface OctetKey extends Key {
  octets: Uint8Array;
}

function native(octets: Uint8Array): Octets {
  return octets as unknown as Octets;
}

function cryptoModule(): EspruinoCryptoModule {
  const module = builtinModule('crypto') as EspruinoCryptoModule | null | undefined;
  return module === null || module === undefined ? {} : module;
}

/** CCM over native CBC and ECB. */
function createCcm(aes: EspruinoAes): Board['ccm'] {
  let work = native(new Uint8Array(256));
  let counters = native(new Uint8Array(128));

  function run(octets: Octets, length: number, key: Uint8Array, mode: string): Octets {
    const out = aes.encrypt(octets.subarray(0, length), native(key), { mode: mode });
    if (out === undefined) throw wrong('AES');
    return out;
  }

  return (encrypt, key, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength) => {
    checkRange('nonceLength', nonceLength, 7, Math.min(13, nonce.length));
    checkRange('aadLength', aadLength, 0, Math.min(CCM_MAX_AAD, aad.length));
    checkRange('length', length, 0, 0xffff);
    checkRange('icvLength', icvLength, 4, 16);
    checkRange('icvLength modulo 2', icvLength & 1, 0, 0);
    checkRange('offset', offset, 0, buffer.length - length - icvLength);
    // [RFC 3610 §2.2, §2.3] Counter blocks A_0, A_1 ...; B_0, the AAD with its length, the clear text.
    const blocks = ((length + 15) >>> 4) + 1;
    const head = 16 + (aadLength > 0 ? (aadLength + 17) & 0xfff0 : 0);
    const total = head + ((length + 15) & 0xffff0);
    if (counters.length < 16 * blocks) counters = native(new Uint8Array(16 * blocks));
    if (work.length < total) work = native(new Uint8Array(total));
    counters.fill(0, 0, 16 * blocks);
    counters[0] = 14 - nonceLength;
    counters.set(native(nonce).subarray(0, nonceLength), 1);
    for (let i = 1; i < blocks; i++) {
      counters.set(counters.subarray(0, nonceLength + 1), 16 * i);
      counters[16 * i + 14] = i >>> 8;
      counters[16 * i + 15] = i & 0xff;
    }
    work.fill(0, 0, total);
    work.set(counters.subarray(0, nonceLength + 1), 0);
    work[0] = (aadLength > 0 ? 64 : 0) + 4 * (icvLength - 2) + 14 - nonceLength;
    work[14] = length >>> 8;
    work[15] = length & 0xff;
    if (aadLength > 0) {
      work[16] = aadLength >>> 8;
      work[17] = aadLength & 0xff;
      work.set(native(aad).subarray(0, aadLength), 18);
    }
    const stream = run(counters, 16 * blocks, key, 'ECB');
    if (encrypt !== 0) {
      if (length > 0) work.set(native(buffer).subarray(offset, offset + length), head);
      for (let i = 0; i < length; i++) buffer[offset + i] = buffer[offset + i] ^ stream[16 + i];
    } else {
      for (let i = 0; i < length; i++) work[head + i] = buffer[offset + i] ^ stream[16 + i];
    }
    const mac = run(work, total, key, 'CBC');
    const tag = offset + length;
    let difference = 0;
    for (let i = 0; i < icvLength; i++) {
      const octet = mac[total - 16 + i] ^ stream[i];
      if (encrypt !== 0) buffer[tag + i] = octet;
      else difference |= buffer[tag + i] ^ octet;
    }
    if (encrypt === 0 && difference === 0) {
      for (let i = 0; i < length; i++) buffer[offset + i] = work[head + i];
    }
    work.fill(0, head, total);
    return difference === 0;
  };
}

/** HMAC over native SHA-256 [RFC 2104]; over the portable one where memory for a message fails. */
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

/** X25519 in Thumb-2; null on boards that are not known to run it. */
function createX25519(): Board['x25519'] | null {
  const e = engine();
  const name = boardName();
  let runs = false;
  for (let i = 0; i < THUMB_BOARDS.length; i++) if (name.indexOf(THUMB_BOARDS[i]) === 0) runs = true;
  if (!runs || e.nativeCall === undefined || e.getAddressOf === undefined) return null;
  // 1: Thumb code. Result, scalar, point, in one piece of memory.
  const call = e.nativeCall(1, 'void(int,int,int)', decodeBase64(X25519_THUMB));
  const work = new Uint8Array(96);
  return (out, outOffset, scalar, scalarOffset, point, pointOffset) => {
    checkRange('outOffset', outOffset, 0, out.length - 32);
    checkRange('scalarOffset', scalarOffset, 0, scalar.length - 32);
    checkRange('pointOffset', pointOffset, 0, point.length - 32);
    // Asked each time: memory may have been moved.
    const at = e.getAddressOf!(native(work), true);
    if (at === 0) throw wrong('X25519');
    copy(work, 32, scalar, scalarOffset, 32);
    copy(work, 64, point, pointOffset, 32);
    call(at, at + 32, at + 64);
    copy(out, outOffset, work, 0, 32);
    fill(work, 0, 96, 0);
  };
}

function openUrandom(): EspruinoFile | undefined {
  if (boardName() !== 'LINUX') return undefined;
  try {
    return engine().openFile!('/dev/urandom', 'r');
  } catch (_error) {
    return undefined;
  }
}

/**
 * Secure random octets: the generator of nRF5x, or /dev/urandom. E.hwRand of other boards is no secure source (Linux:
 * rand(); STM32: noise of a voltage reference that nobody measured): false there, `random` brings another.
 */
function createSource(): Board['random'] {
  const e = engine();
  const file = hasSoftdevice() || e.openFile === undefined ? undefined : openUrandom();
  return (buffer, offset, length) => {
    checkRange('length', length, 0, buffer.length);
    checkRange('offset', offset, 0, buffer.length - length);
    if (file !== undefined) {
      for (let done = 0; done < length; ) {
        const text = file.read(length - done);
        if (text === undefined || text.length === 0) return false;
        for (let i = 0; i < text.length; i++) buffer[offset + done + i] = text.charCodeAt(i);
        done += text.length;
      }
      return true;
    }
    if (!hasSoftdevice() || e.hwRand === undefined) return false;
    let word = 0;
    for (let i = 0; i < length; i++) {
      word = (i & 3) === 0 ? e.hwRand() : word >>> 8;
      buffer[offset + i] = word & 0xff;
    }
    return true;
  };
}

/** AES-CBC with a 16-octet key by the board's AES: for standard ESP suites. Null where there is none. */
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

function count(from: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = from + i;
  return octets;
}

/** [RFC 3610 §8] Packet Vector #1, by the ends of its result; the nonce is not zero. */
function isCcmRight(ccm: Board['ccm']): boolean {
  const nonce = count(0xa0 - 7, 13);
  for (let i = 0; i < 7; i++) nonce[i] = i < 3 ? 0 : 6 - i;
  const packet = new Uint8Array(31);
  copy(packet, 0, count(8, 23), 0, 23);
  try {
    ccm(1, count(0xc0, 16), nonce, 13, count(0, 8), 8, packet, 0, 23, 8);
  } catch (_error) {
    return false;
  }
  return packet[0] === 0x58 && packet[22] === 0x84 && packet[23] === 0x17 && packet[30] === 0xe0;
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

/** The hooks; `random` is null for the board's own source. Each native part is tried with a known answer. */
export function createCryptoHooks(random: Board['random'] | null): CryptoHooks {
  const hooks: CryptoHooks = {
    native: 0,
    random: random === null ? createSource() : random,
    ccm: missing,
    hmac: missing,
    x25519: missing,
  };
  const crypto = cryptoModule();
  if (crypto.AES !== undefined) {
    const ccm = createCcm(crypto.AES);
    if (isCcmRight(ccm)) {
      hooks.ccm = ccm;
      hooks.native += NATIVE_CCM;
    }
  }
  if (crypto.SHA256 !== undefined) {
    const hmac = createHmac(crypto.SHA256);
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
