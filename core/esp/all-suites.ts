// Every suite of the core, for gateways and tools. Boards import the ones they use.

import {
  aesCbcHmacSha256,
  aesCcm8,
  aesCcm8Iiv,
  aesCcm16,
  aesGcm16,
  aesGcm16Iiv,
  chacha20Poly1305,
  chacha20Poly1305Iiv,
  nullHmacSha256,
  type Suite,
} from './suites.ts';

/** Every ESP suite here, the shortest overhead first: what an IKE policy or a file may name. */
export const ALL_SUITES: Suite[] = [
  aesCcm8Iiv,
  aesGcm16Iiv,
  chacha20Poly1305Iiv,
  aesCcm8,
  aesCcm16,
  aesGcm16,
  chacha20Poly1305,
  aesCbcHmacSha256,
  nullHmacSha256,
];
