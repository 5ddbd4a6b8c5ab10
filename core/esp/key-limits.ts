// What one key of a cipher bears. A counter of 32 bits ends before that with short packets; with long ones, with extended numbers
// and with many counters under one key it does not. Hosts with room lower an SA's lifetimes to it when they install the SA.
//
// The limits keep the advantage of an attacker on confidentiality below 2^-57, as RFC 9001 Appendix B does, by the bounds of
// draft-irtf-cfrg-aead-limits, for any mix of lengths. A packet of n octets has n / 16 + 1.3 blocks at most, because of trailer and
// padding. With s blocks in q packets:
//
//   AES-GCM  (s + q + 1)^2 / 2^129        s <= 2^35 + 1.3 q, q <= 2^33: 2^-57.6
//   AES-CCM  (2 s + 3 q)^2 / 2^128        s <= 2^33 + 1.3 q, q <= 2^32: 2^-57.4. Each block is used twice, and the additional
//                                         data, the first block and the one of the tag come on top
//   AES-CBC  s^2 / 2^129                  s <= 2^35 + 1.3 q, q <= 2^34: 2^-57.5
//   ChaCha20-Poly1305                     no limit below that of its counters
//
// SP 800-38D's 2^32 invocations are for random IVs; those of ESP are counted (its §8.2.1 and §8.3). The integrity that an ICV of
// 8 octets has is another matter: no lifetime helps against guessing.

import { ALG_AES_CBC, ALG_AES_CCM, ALG_AES_GCM } from '../crypto/provider.ts';
import type { SaConfig } from './sa.ts';

/** 2^32. */
const WORD = 65536 * 65536;

/** The lower of two limits, of which 0 is none. */
function lower(a: number, b: number): number {
  return a === 0 ? b : b === 0 ? a : Math.min(a, b);
}

/**
 * Lowers the lifetimes of an SA, in packets and in octets, to what one key of its cipher bears, whatever its counters bear: of
 * all counters together. Soft lifetimes are three quarters of it.
 */
export function limitKey(config: SaConfig): void {
  const alg = config.suite.alg;
  let packets = 0;
  let bytes = 0;
  if (alg === ALG_AES_GCM) {
    packets = 2 * WORD;
    bytes = 128 * WORD;
  } else if (alg === ALG_AES_CCM) {
    packets = WORD;
    bytes = 32 * WORD;
  } else if (alg === ALG_AES_CBC) {
    packets = 4 * WORD;
    bytes = 128 * WORD;
  }
  config.hardPackets = lower(config.hardPackets, packets);
  config.hardBytes = lower(config.hardBytes, bytes);
  config.softPackets = lower(config.softPackets, Math.floor((packets / 4) * 3));
  config.softBytes = lower(config.softBytes, Math.floor((bytes / 4) * 3));
}
