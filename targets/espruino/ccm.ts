// AES-CCM and random octets of Espruino, for the data plane. They have a file of their own, so that the smallest module
// contains no portable cipher and no hash.
//
// CCM is built from CBC (MAC) and ECB (key stream) [RFC 3610], because Espruino's CTR ignores its IV, and its ccmEncrypt
// takes no additional data.

import { copy } from '../../core/base/bytes.ts';
import { checkRange } from '../../core/base/refuse.ts';
import type { Board } from '../board/hooks.ts';
import {
  boardName,
  builtinModule,
  type EspruinoAes,
  type EspruinoCryptoModule,
  type EspruinoFile,
  engine,
  hasSoftdevice,
  type Octets,
} from './globals.ts';

/** The longest AAD. A longer one needs another encoding of its length [RFC 3610 §2.2]. */
const MAX_AAD = 65279;

/** Thrown when a native function returns nothing. */
export function wrong(what: string): Error {
  return new Error(what + ': no answer from the board');
}

/** The same octets, typed with Espruino's members. */
export function native(octets: Uint8Array): Octets {
  return octets as unknown as Octets;
}

/** The module `crypto`; empty if the board has none. */
export function cryptoModule(): EspruinoCryptoModule {
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
    checkRange('aadLength', aadLength, 0, Math.min(MAX_AAD, aad.length));
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

function openUrandom(): EspruinoFile | undefined {
  if (boardName() !== 'LINUX') return undefined;
  try {
    return engine().openFile!('/dev/urandom', 'r');
  } catch (_error) {
    return undefined;
  }
}

/**
 * Secure random octets: the generator of nRF5x, or /dev/urandom. On other boards E.hwRand is not secure (Linux: rand(); STM32:
 * noise of a voltage reference that nobody has measured), so this returns false, and the option `random` must give a source.
 */
export function createSource(): Board['random'] {
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

function count(from: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = from + i;
  return octets;
}

/** [RFC 3610 §8] Packet Vector #1, checked by the ends of its result. Its nonce is not zero. */
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

/** AES-CCM over the board's AES, tried with a known answer. Null: the board has no correct one. */
export function createCcmHook(): Board['ccm'] | null {
  const aes = cryptoModule().AES;
  if (aes === undefined) return null;
  const ccm = createCcm(aes);
  return isCcmRight(ccm) ? ccm : null;
}
