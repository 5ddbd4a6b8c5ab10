// IPHC, the compressed IPv6 header of 6LoWPAN [RFC 6282 §3].
//
//  011 TF(2) NH(1) HLIM(2) | CID(1) SAC(1) SAM(2) M(1) DAC(1) DAM(2) | SCI(4) DCI(4) if CID | inline fields
//
// An address mode is the number SAC|SAM (0..7) or M|DAC|DAM (0..12). Compressor and decompressor share one function that
// rebuilds an address from its mode. The compressor tries modes from the shortest and takes the first that rebuilds the
// address, so the other side reads the same. The result is never longer than the IPv6 header.

import { copy, equal, fill, put16, u16 } from '../base/bytes.ts';
import { DROP_DISPATCH, DROP_SHORT, DROP_TOO_LONG } from '../base/drop.ts';
import { IPV6_DST, IPV6_HOP_LIMIT, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH, IPV6_SIZE, IPV6_SRC } from './ipv6.ts';
import { CONTEXT_PASSIVE, CONTEXT_STRIDE } from './sixlowpan.ts';

/** First octet of IPHC: the bits 011. */
export const DISPATCH_IPHC = 0x60;
/** NH: the next header is compressed too. */
const IPHC_NH = 4;
/** Most octets of a compressed header. */
export const IPHC_MAX = 41;

/** Compression of the header after IPv6; sixlowpan-udp.ts has UDP's. */
export interface NextHeaderCompression {
  /** Next Header value that it stands for. */
  proto: number;
  /** Octets of the header that it replaces. */
  size: number;
  /**
   * Compresses the header that follows the IPv6 header at `offset`; `length` counts the IPv6 packet. Returns the
   * octets written at `to`, or 0 when this header cannot be compressed: then Next Header goes inline.
   */
  compress(packet: Uint8Array, offset: number, length: number, to: Uint8Array, toOffset: number): number;
  /**
   * Rebuilds the header behind the IPv6 header at toOffset and copies the payload. `size` is the datagram's, 0 when
   * it is not fragmented. At most the rest of `to` is written. Returns the octets of IPv6 header, header and payload, or a drop code.
   */
  decompress(from: Uint8Array, offset: number, length: number, to: Uint8Array, toOffset: number, size: number): number;
}

/** The knowledge that both ends of a hop share, and that compression uses. */
export interface Iphc {
  /** Table of contexts, see createContexts. */
  contexts: Uint8Array;
  /** Interface identifiers of the link-layer source (0..7) and destination (8..15), see putInterfaceId. */
  iids: Uint8Array;
  /** The header after IPv6, or null. */
  nhc: NextHeaderCompression | null;
}

/** Inline octets per TF value. */
const TF_SIZES = [4, 3, 1, 0];
/** Inline octets per address mode; mode 4 is the unspecified address (source only), 13..15 are reserved. */
const SIZES = [16, 8, 2, 0, 0, 8, 2, 0, 16, 6, 4, 1, 6];
/** How many of them are the address's octets from 1 on; the rest are its last octets. */
const HEADS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 2];
/** Modes to try, shortest first: source from index 0, destination from 1, multicast destination from 8. */
const ORDER = [4, 3, 7, 2, 6, 1, 5, 0, 11, 10, 9, 12, 8];
const ORDER_UNICAST = 1;
const ORDER_MULTICAST = 8;
const HOPS = [0, 1, 64, 255];

/** Inline octets of an address, and the address that they give. */
const scratch = /* @__PURE__ */ new Uint8Array(32);

/** Writes the inline octets of an address in `mode`; returns how many. */
function shrink(to: Uint8Array, at: number, mode: number, address: Uint8Array, offset: number): number {
  const head = HEADS[mode];
  const rest = SIZES[mode] - head;
  copy(to, at, address, offset + 1, head);
  copy(to, at + head, address, offset + 16 - rest, rest);
  return SIZES[mode];
}

/**
 * Rebuilds the address at `to` [RFC 6282 §3.1.1, §3.2] from a `choice` (mode * 16 + context): inline octets from `from`,
 * an elided interface identifier from iids[iid..iid+8), and the context's bits over all of it. False when the context is
 * needed and not set.
 */
function expand(
  iphc: Iphc,
  choice: number,
  iid: number,
  from: Uint8Array,
  fromOffset: number,
  to: Uint8Array,
  at: number,
): boolean {
  const contexts = iphc.contexts;
  const mode = choice >>> 4;
  const head = HEADS[mode];
  const rest = SIZES[mode] - head;
  const entry = (choice & 15) * CONTEXT_STRIDE;
  const contextual = (mode & 4) !== 0 && mode !== 4;
  if (contextual && !(entry < contexts.length && contexts[entry] > 0)) return false;
  fill(to, at, 16, 0);
  if (mode > 7) {
    to[at] = 0xff;
    to[at + 1] = 2;
  }
  copy(to, at + 1, from, fromOffset, head);
  copy(to, at + 16 - rest, from, fromOffset + head, rest);
  if (mode === 12) {
    // Unicast-prefix-based multicast [RFC 3306]: prefix length and 64 bits of prefix come from the context.
    copy(to, at + 3, contexts, entry, 9);
  } else if (mode < 8) {
    const kind = mode & 3;
    if (kind === 2) {
      to[at + 11] = 0xff;
      to[at + 12] = 0xfe;
    } else if (kind === 3) copy(to, at + 8, iphc.iids, iid, 8);
    if (contextual) {
      const bits = contexts[entry];
      const whole = bits >>> 3;
      copy(to, at, contexts, entry + 1, whole);
      if ((bits & 7) > 0) {
        to[at + whole] = contexts[entry + 1 + whole] | (to[at + whole] & (0xff >>> (bits & 7)));
      }
    } else if (mode > 0 && mode < 4) {
      to[at] = 0xfe;
      to[at + 1] = 0x80;
    }
  }
  return true;
}

/** The shortest mode for an address with contexts 0..limit-1, as mode * 16 + context; modes as in ORDER from `first`. */
function choose(iphc: Iphc, iid: number, address: Uint8Array, offset: number, first: number, limit: number): number {
  const contexts = iphc.contexts;
  const octet = address[offset];
  for (let i = first; ; i++) {
    const mode = ORDER[i];
    // The first octet rules out some modes: the unspecified address, link-local addresses.
    if (mode < 5 && mode > 0 && octet !== (mode < 4 ? 0xfe : 0)) continue;
    shrink(scratch, 0, mode, address, offset);
    for (let context = 0; context < limit; context++) {
      const entry = context * CONTEXT_STRIDE;
      if (mode > 4 && mode < 8 && contexts[entry] > 7 && contexts[entry + 1] !== octet) continue;
      if (mode > 4 && (mode & 4) !== 0 && contexts[entry + CONTEXT_PASSIVE] === 1) continue;
      const choice = mode * 16 + context;
      if (expand(iphc, choice, iid, scratch, 0, scratch, 16) && equal(scratch, 16, address, offset, 16)) return choice;
      // Without a context one try is enough.
      if ((mode & 4) === 0) break;
    }
  }
}

/**
 * Compresses the IPv6 header of a packet that checkIpv6 accepted, and with `iphc.nhc` the header after it. Writes at most IPHC_MAX octets plus the next header's; returns how many. How many octets of the packet they stand
 * for says `iphcCovers`.
 */
export function compressIphc(
  iphc: Iphc,
  packet: Uint8Array,
  offset: number,
  length: number,
  to: Uint8Array,
  toOffset: number,
): number {
  const nhc = iphc.nhc;
  const src = offset + IPV6_SRC;
  const dst = offset + IPV6_DST;
  const first = packet[dst] === 0xff ? ORDER_MULTICAST : ORDER_UNICAST;
  const count = iphc.contexts.length / CONTEXT_STRIDE;
  let source = 0;
  let destination = 0;
  // Try only context 0 first: the others cost the CID octet, once for both addresses.
  for (let limit = 1, best = 99; limit > 0; limit = limit < count && best > 1 ? count : 0) {
    const a = choose(iphc, 0, packet, src, 0, limit);
    const b = choose(iphc, 8, packet, dst, first, limit);
    const octets = SIZES[a >>> 4] + SIZES[b >>> 4] + (limit > 1 ? 1 : 0);
    if (octets < best) {
      best = octets;
      source = a;
      destination = b;
    }
  }
  let at = toOffset + 2;
  const ids = ((source & 15) << 4) | (destination & 15);
  if (ids !== 0) to[at++] = ids;
  const trafficClass = ((packet[offset] << 4) | (packet[offset + 1] >>> 4)) & 0xff;
  // ECN comes first here, unlike in IPv6 [RFC 6282 §3.1.1].
  const ecnDscp = (trafficClass >>> 2) | ((trafficClass & 3) << 6);
  const flowHigh = packet[offset + 1] & 15;
  const flow = flowHigh + u16(packet, offset + 2) > 0;
  const tf = (flow ? 0 : 2) + ((ecnDscp & (flow ? 0x3f : 0xff)) > 0 ? 0 : 1);
  if (tf < 3) to[at++] = tf === 1 ? ecnDscp | flowHigh : ecnDscp;
  if (tf === 0) to[at++] = flowHigh;
  if (flow) {
    copy(to, at, packet, offset + 2, 2);
    at += 2;
  }
  const next = packet[offset + IPV6_NEXT_HEADER];
  const hops = packet[offset + IPV6_HOP_LIMIT];
  let hlim = 3;
  while (hlim > 0 && HOPS[hlim] !== hops) hlim--;
  // The next header follows the addresses, but is tried first, because Next Header depends on it.
  const end = at + (hlim > 0 ? 0 : 1) + SIZES[source >>> 4] + SIZES[destination >>> 4];
  const after = nhc !== null && nhc.proto === next ? nhc.compress(packet, offset, length, to, end) : 0;
  if (after === 0) to[at++] = next;
  if (hlim === 0) to[at++] = hops;
  at += shrink(to, at, source >>> 4, packet, src);
  at += shrink(to, at, destination >>> 4, packet, dst);
  to[toOffset] = DISPATCH_IPHC | (tf << 3) | (after > 0 ? IPHC_NH : 0) | hlim;
  to[toOffset + 1] = (ids > 0 ? 0x80 : 0) | (source & 0x70) | (destination >>> 4);
  return at + after - toOffset;
}

/** Octets of the packet that a header written by compressIphc stands for. */
export function iphcCovers(iphc: Iphc, buffer: Uint8Array, offset: number): number {
  const nhc = iphc.nhc;
  return IPV6_SIZE + ((buffer[offset] & IPHC_NH) !== 0 && nhc !== null ? nhc.size : 0);
}

/**
 * Rebuilds the packet, or its first fragment, from IPHC and what follows, `length` octets in all: any octets are
 * accepted as input. `size` is the datagram's, or 0 when it is not fragmented; from it come the length fields.
 * At most the rest of `to` is written, from toOffset on. Returns how many, or a drop code. The buffers must not overlap.
 */
export function decompressIphc(
  iphc: Iphc,
  from: Uint8Array,
  offset: number,
  length: number,
  to: Uint8Array,
  toOffset: number,
  size: number,
): number {
  const nhc = iphc.nhc;
  if (length < 2) return DROP_SHORT;
  const low = from[offset];
  const high = from[offset + 1];
  const source = (high >>> 4) & 7;
  const destination = high & 15;
  const compressed = (low & IPHC_NH) !== 0;
  const tf = (low >>> 3) & 3;
  const cid = high >>> 7;
  const hlim = low & 3;
  if (low >>> 5 !== 3 || destination === 4 || destination > 12 || (compressed && nhc === null)) return DROP_DISPATCH;
  const at = offset + 2 + cid;
  const next = at + TF_SIZES[tf];
  const addresses = next + (compressed ? 0 : 1) + (hlim > 0 ? 0 : 1);
  const payload = addresses + SIZES[source] + SIZES[destination];
  const rest = offset + length - payload;
  if (rest < 0) return DROP_SHORT;
  if (toOffset + IPV6_SIZE + rest > to.length) return DROP_TOO_LONG;
  const ids = cid > 0 ? from[offset + 2] : 0;
  if (
    !expand(iphc, source * 16 + (ids >>> 4), 0, from, addresses, to, toOffset + IPV6_SRC) ||
    !expand(iphc, destination * 16 + (ids & 15), 8, from, addresses + SIZES[source], to, toOffset + IPV6_DST)
  ) {
    return DROP_DISPATCH;
  }
  to[toOffset + IPV6_NEXT_HEADER] = compressed && nhc !== null ? nhc.proto : from[next];
  to[toOffset + IPV6_HOP_LIMIT] = hlim > 0 ? HOPS[hlim] : from[addresses - 1];
  fill(to, toOffset, 4, 0);
  if (tf < 2) {
    to[toOffset + 1] = from[at + 1 - tf] & 15;
    copy(to, toOffset + 2, from, at + 2 - tf, 2);
  }
  // TF 01 has ECN and no DSCP: the low bits of its octet are flow label.
  const ecnDscp = tf === 3 ? 0 : from[at] & (tf === 1 ? 0xc0 : 0xff);
  const trafficClass = (ecnDscp >>> 6) | ((ecnDscp << 2) & 0xff);
  to[toOffset] = 0x60 | (trafficClass >>> 4);
  to[toOffset + 1] |= (trafficClass & 15) << 4;
  let total = IPV6_SIZE + rest;
  if (compressed && nhc !== null) {
    total = nhc.decompress(from, payload, rest, to, toOffset, size);
    if (total < 0) return total;
  } else copy(to, toOffset + IPV6_SIZE, from, payload, rest);
  put16(to, toOffset + IPV6_PAYLOAD_LENGTH, (size > 0 ? size : total) - IPV6_SIZE);
  return total;
}
