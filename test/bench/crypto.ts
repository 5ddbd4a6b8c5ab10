// Speed of AES-CCM with an 8-octet ICV for packets of 28 and 64 octets of payload, and of AES-GCM and AES-CCM for those of 64 and
// 1,400, which the default provider does with kept contexts of OpenSSL (evp.ts): the default provider, OpenSSL's
// createCipheriv alone (one cipher object, AAD, update, final, ICV, no copy into the packet), and the portable code.
// The best of several rounds, taken in turn, so that another program's load affects all alike.
//   node --import tsx test/bench/crypto.ts

import { createCipheriv } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ALG_AES_CCM, ALG_AES_GCM, ALG_HMAC_SHA256, type Provider } from '../../core/crypto/provider.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';

export interface Figure {
  name: string;
  value: number;
  unit: string;
}

const KEY = new Uint8Array(16).fill(1);
const NONCE = new Uint8Array(11).fill(2);
const AAD = new Uint8Array(8).fill(3);
const AEAD = { nonce: NONCE, nonceLength: 11, aad: AAD, aadLength: 8, icvLength: 8 };
const GCM = { ...AEAD, nonce: new Uint8Array(12).fill(2), nonceLength: 12, icvLength: 16 };
const ROUNDS = 7;

// Microseconds per call of each job: the best round.
function measure(jobs: { run: () => void; calls: number }[]): number[] {
  const best = jobs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [n, { run, calls }] of jobs.entries()) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < calls; i++) run();
      const time = Number(process.hrtime.bigint() - start) / 1000 / calls;
      // The first round warms up.
      if (round > 0) best[n] = Math.min(best[n], time);
    }
  }
  return best;
}

function sealing(provider: Provider, length: number, alg = ALG_AES_CCM): () => void {
  const key = provider.key(alg, KEY);
  const aead = alg === ALG_AES_GCM ? GCM : AEAD;
  const buffer = new Uint8Array(length + aead.icvLength);
  return () => provider.seal(key, aead, buffer, 0, length);
}

function opening(provider: Provider, length: number): () => void {
  const key = provider.key(ALG_AES_CCM, KEY);
  const sealed = new Uint8Array(length + 8);
  const buffer = new Uint8Array(length + 8);
  provider.seal(key, AEAD, sealed, 0, length);
  return () => {
    buffer.set(sealed);
    if (!provider.open(key, AEAD, buffer, 0, length)) throw new Error('open: must verify');
  };
}

function hashing(provider: Provider, length: number): () => void {
  const key = provider.key(ALG_HMAC_SHA256, KEY);
  const buffer = new Uint8Array(length + 32);
  return () => provider.mac(key, buffer, 0, length, buffer, length);
}

function cipherAlone(length: number): () => void {
  const text = new Uint8Array(length);
  return () => {
    const cipher = createCipheriv('aes-128-ccm', KEY, NONCE, { authTagLength: 8 });
    cipher.setAAD(AAD, { plaintextLength: length });
    cipher.update(text);
    cipher.final();
    cipher.getAuthTag();
  };
}

/** The figures: microseconds per packet, and how many times faster than createCipheriv the default provider seals. */
export function benchCrypto(): Figure[] {
  const figures: Figure[] = [];
  const add = (name: string, value: number, unit: string): void => {
    figures.push({ name, value: Number(value.toPrecision(3)), unit });
  };
  const fast = createFastProvider();
  const portable = createPortableProvider();
  for (const length of [28, 64]) {
    const [sealFast, sealCipher, sealPortable, openFast] = measure([
      { run: sealing(fast, length), calls: 20000 },
      { run: cipherAlone(length), calls: 4000 },
      { run: sealing(portable, length), calls: 4000 },
      { run: opening(fast, length), calls: 20000 },
    ]);
    add(`AES-CCM-8 seal ${length} octets, fast`, sealFast, 'us');
    add(`AES-CCM-8 open ${length} octets, fast`, openFast, 'us');
    add(`AES-CCM-8 seal ${length} octets, createCipheriv alone`, sealCipher, 'us');
    add(`AES-CCM-8 seal ${length} octets, portable`, sealPortable, 'us');
    add(`AES-CCM-8 seal ${length} octets, fast against createCipheriv`, sealCipher / sealFast, 'times');
    add(`AES-CCM-8 seal ${length} octets, fast against portable`, sealPortable / sealFast, 'times');
  }
  for (const [alg, name, length] of [
    [ALG_AES_GCM, 'AES-GCM', 64],
    [ALG_AES_GCM, 'AES-GCM', 1400],
    [ALG_AES_CCM, 'AES-CCM-8', 1400],
  ] as const) {
    const [sealFast, sealNode] = measure([
      { run: sealing(fast, length, alg), calls: 10000 },
      { run: sealing(createNodeProvider(), length, alg), calls: 4000 },
    ]);
    add(`${name} seal ${length} octets, fast`, sealFast, 'us');
    add(`${name} seal ${length} octets, node:crypto`, sealNode, 'us');
    add(`${name} seal ${length} octets, fast against node:crypto`, sealNode / sealFast, 'times');
  }
  const [macFast, macNode] = measure([
    { run: hashing(fast, 64), calls: 10000 },
    { run: hashing(createNodeProvider(), 64), calls: 10000 },
  ]);
  add('HMAC-SHA-256 of 64 octets, fast', macFast, 'us');
  add('HMAC-SHA-256 of 64 octets, createHmac', macNode, 'us');
  return figures;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, value, unit } of benchCrypto()) console.log(`${name}: ${value} ${unit}`);
}
