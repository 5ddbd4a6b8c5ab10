// 6LoWPAN framing [RFC 4944 §5, RFC 6282 §3.2]: dispatch octets, fragment headers, interface identifiers made from
// link-layer addresses, and the table of contexts. Header compression is in sixlowpan-iphc.ts, UDP in
// sixlowpan-udp.ts.
// Not supported: mesh and broadcast headers, page switch (RFC 8025), HC1, BC0, compressed extension headers.
//
//  FRAG1  11000 size(11) | tag(16)                 FRAGN  11100 size(11) | tag(16) | offset(8), in units of 8 octets

import type { Address } from '../base/address.ts';
import { copy, fill, put16 } from '../base/bytes.ts';
import { checkRange } from '../base/refuse.ts';

/** An uncompressed IPv6 header follows [RFC 4944 §5.1]. */
export const DISPATCH_IPV6 = 0x41;
/** High five bits of a fragment header's first octet. */
export const DISPATCH_FRAG1 = 0xc0;
export const DISPATCH_FRAGN = 0xe0;
/** Octets of the fragment headers. */
export const FRAG1_SIZE = 4;
/** Octets of a later fragment's header. */
export const FRAGN_SIZE = 5;
/** Largest datagram_size: 11 bits. */
export const DATAGRAM_MAX = 2047;

/** Octets of one context: prefix length in bits (0: not set), the prefix, 1 where it is for decompression only. */
export const CONTEXT_STRIDE = 18;
/** Where in a context that is. */
export const CONTEXT_PASSIVE = 17;

/**
 * Writes a fragment header and returns its octets: FRAG1 where `position` (octets of the uncompressed datagram before
 * this fragment, a multiple of 8) is 0, else FRAGN.
 */
export function emitFragment(buffer: Uint8Array, offset: number, size: number, tag: number, position: number): number {
  put16(buffer, offset, size | ((position > 0 ? DISPATCH_FRAGN : DISPATCH_FRAG1) << 8));
  put16(buffer, offset + 2, tag);
  if (position === 0) return FRAG1_SIZE;
  buffer[offset + 4] = position >>> 3;
  return FRAGN_SIZE;
}

/**
 * Writes the 8-octet interface identifier of a link-layer address: a short one gives 0000:00ff:fe00:XXXX, an EUI-64
 * itself with the U/L bit turned over [RFC 6282 §3.2.2, RFC 4291 Appendix A].
 */
export function putInterfaceId(buffer: Uint8Array, offset: number, address: Address): void {
  fill(buffer, offset, 8, 0);
  copy(buffer, offset + 8 - address.size, address.octets, address.at, address.size);
  if (address.size > 2) {
    buffer[offset] ^= 2;
  } else {
    buffer[offset + 3] = 0xff;
    buffer[offset + 4] = 0xfe;
  }
}

/** A table for contexts 0..count-1, none set. The wire can name at most 16. */
export function createContexts(count: number): Uint8Array {
  checkRange('contexts', count, 0, 16);
  return new Uint8Array(count * CONTEXT_STRIDE);
}

/** Sets a context to the first `bits` (1..128) of a prefix; 0 bits unsets it. Later bits are stored as zero. It compresses, too. */
export function setContext(
  contexts: Uint8Array,
  id: number,
  prefix: Uint8Array,
  prefixOffset: number,
  bits: number,
): void {
  const at = id * CONTEXT_STRIDE;
  checkRange('context', id, 0, contexts.length / CONTEXT_STRIDE - 1);
  checkRange('context prefix length', bits, 0, 128);
  contexts[at] = bits;
  contexts[at + CONTEXT_PASSIVE] = 0;
  for (let i = 0; i < 16; i++) {
    const kept = bits - 8 * i;
    const mask = kept >= 8 ? 0xff : kept > 0 ? 0xff & ~(0xff >>> kept) : 0;
    contexts[at + 1 + i] = prefix[prefixOffset + i] & mask;
  }
}

/**
 * Uses a context that is set for decompression only: its C flag is 0 [RFC 6775 §4.2]. So a prefix is brought in or taken
 * back before, and until, all neighbours know that.
 */
export function setDecompressOnly(contexts: Uint8Array, id: number): void {
  checkRange('context', id, 0, contexts.length / CONTEXT_STRIDE - 1);
  contexts[id * CONTEXT_STRIDE + CONTEXT_PASSIVE] = 1;
}
