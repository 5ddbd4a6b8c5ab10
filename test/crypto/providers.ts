// The providers under test, and small helpers around them.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { aesCmac } from '../../core/crypto/cmac.ts';
import { aesGcm } from '../../core/crypto/gcm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import {
  type Aead,
  ALG_AES_CCM,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
  type Provider,
} from '../../core/crypto/provider.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { createNobleProvider } from '../../targets/web/noble.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';

/** Every provider by name. */
export const PROVIDERS: { name: string; provider: Provider }[] = [
  { name: 'portable', provider: createPortableProvider() },
  { name: 'node', provider: createNodeProvider() },
  { name: 'noble', provider: createNobleProvider() },
  { name: 'fast', provider: createFastProvider() },
  { name: 'fast, keys at rest', provider: createFastProvider(true) },
];

/** The portable algorithms that are for hosts. */
export const MORE_PORTABLE: Provider = createPortable([aesGcm, aesCmac], null);

/** The AEADs, with a nonce and ICV length that all providers take. */
export const AEADS = [
  { alg: ALG_AES_CCM, name: 'AES-CCM', keyLength: 16, nonceLength: 11, icvLength: 8 },
  { alg: ALG_AES_CCM, name: 'AES-CCM', keyLength: 16, nonceLength: 11, icvLength: 16 },
  { alg: ALG_AES_GCM, name: 'AES-GCM', keyLength: 16, nonceLength: 12, icvLength: 16 },
  { alg: ALG_CHACHA20_POLY1305, name: 'ChaCha20-Poly1305', keyLength: 32, nonceLength: 12, icvLength: 16 },
];

/** Octets of a hexadecimal text; blanks are ignored. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

/** Hexadecimal text of octets. */
export function toHex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

// Octets around a packet that no operation may touch.
const MARGIN = 5;
const MARK = 0xa5;

function withMargins(octets: Uint8Array, more: number): Uint8Array {
  const buffer = new Uint8Array(octets.length + more + 2 * MARGIN).fill(MARK);
  buffer.set(octets, MARGIN);
  return buffer;
}

function inside(buffer: Uint8Array): Uint8Array {
  const around = [...buffer.subarray(0, MARGIN), ...buffer.subarray(buffer.length - MARGIN)];
  if (around.some((octet) => octet !== MARK)) throw new Error('octets outside the packet were changed');
  return buffer.slice(MARGIN, buffer.length - MARGIN);
}

/** What an AEAD takes, of whole arrays. */
export function aeadOf(nonce: Uint8Array, aad: Uint8Array, icvLength: number): Aead {
  return { nonce, nonceLength: nonce.length, aad, aadLength: aad.length, icvLength };
}

/** Seals `text` between guarded octets: cipher text and ICV. */
export function seal(
  provider: Provider,
  alg: number,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  text: Uint8Array,
  icvLength: number,
): Uint8Array {
  const k = provider.key(alg, key);
  const buffer = withMargins(text, icvLength);
  provider.seal(k, aeadOf(nonce, aad, icvLength), buffer, MARGIN, text.length);
  provider.wipe(k);
  return inside(buffer);
}

/** Opens `sealed` between guarded octets: the text, or null; throws when a refused packet does not stay as it was. */
export function open(
  provider: Provider,
  alg: number,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
  icvLength: number,
): Uint8Array | null {
  const k = provider.key(alg, key);
  const buffer = withMargins(sealed, 0);
  const length = sealed.length - icvLength;
  const verified = provider.open(k, aeadOf(nonce, aad, icvLength), buffer, MARGIN, length);
  provider.wipe(k);
  const result = inside(buffer);
  if (verified) return result.subarray(0, length);
  if (toHex(result) !== toHex(sealed)) throw new Error('open returned false and changed the packet');
  return null;
}

const root = resolve(import.meta.dirname, '../..');

/** A file of Project Wycheproof, or null where the directory is absent. */
export function wycheproof(file: string): { testGroups: Record<string, unknown>[] } | null {
  const path = join(process.env['WYCHEPROOF_DIR'] ?? resolve(root, '../shared/wycheproof'), file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}
