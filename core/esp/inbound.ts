// Inbound processing [RFC 4303 §3.4; draft-ietf-ipsecme-diet-esp §4]: SA look-up, EEC (full SPI and SN), replay check,
// ICV and decryption, CTEC, IIPC, selector check. No state changes before the ICV has verified.

import { getBits } from '../base/bits.ts';
import { copy } from '../base/bytes.ts';
import {
  DROP_ECN,
  DROP_ICV,
  DROP_LIFETIME,
  DROP_NO_SA,
  DROP_REPLAY,
  DROP_SELECTOR,
  DROP_SEQUENCE,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_UNSUPPORTED,
  DROP_VERSION,
} from '../base/drop.ts';
import { takeTrailer, trailerProto } from '../dietesp/ctec.ts';
import { iipcRestore } from '../dietesp/iipc.ts';
import { PROTO_ESP } from '../wire/esp.ts';
import { type Network, SLOT_ECN, SLOT_GENERATED } from '../wire/header.ts';
import { drop, type Endpoint } from './endpoint.ts';
import { countPacket, isExpired, type Sa } from './sa.ts';
import { SEARCH_FAILURES, SEARCH_GOOD } from './search.ts';

export function rejected(endpoint: Endpoint, sa: Sa, code: number): number {
  if (code === DROP_ICV) sa.dropIcv++;
  else if (code === DROP_REPLAY) sa.dropReplay++;
  else if (code === DROP_SELECTOR) sa.dropSelector++;
  else if (code === DROP_LIFETIME) sa.dropLifetime++;
  else sa.dropMalformed++;
  return drop(endpoint, code);
}

/**
 * Opens the ESP payload with `sa`; on success the window has moved. It tries the sequence numbers that are `first` to `last`
 * times 2^k above the likely one (recoverSn), in this order. -1 instead asks whether the likely one was a replay: then
 * DROP_REPLAY, when the ICV is right. Returns 0, or why the first number failed.
 */
function open(
  endpoint: Endpoint,
  sa: Sa,
  buffer: Uint8Array,
  esp: number,
  end: number,
  first: number,
  last: number,
): number {
  const suite = sa.form.suite;
  const iv = esp + sa.form.headerSize;
  const length = end - iv - suite.ivLength - suite.icvLength;
  if (length < 0) return DROP_SHORT;
  const low = getBits(buffer, iv * 8 - sa.form.snLsb, sa.form.snLsb);
  const sn = endpoint.sn;
  const window = endpoint.parts.window;
  // Suites with HMAC use the 8 octets before the IV, and subspaces have their number there.
  copy(endpoint.spare, 0, buffer, iv - 8, 8);
  let code = DROP_ICV;
  for (let skip = first; skip <= last; skip++) {
    let seen = sa.form.counter.recover(sa, low, Math.max(0, skip), sn, endpoint.spare);
    if (seen === 0) seen = window.check(sa, sn.hi, sn.lo);
    if (skip === 0 && seen !== 0) code = seen;
    // No higher number is left.
    if (seen === DROP_SEQUENCE) break;
    if (seen !== (skip < 0 ? DROP_REPLAY : 0)) continue;
    endpoint.trials++;
    if (!suite.open(endpoint.provider, sa, sn.hi, sn.lo, buffer, iv, length)) continue;
    code = seen;
    break;
  }
  copy(buffer, iv - 8, endpoint.spare, 0, 8);
  if (code === 0) {
    window.update(sa, sn.hi, sn.lo);
    if (sa.search !== null) sa.search[SEARCH_FAILURES] = 0;
  }
  return code;
}

/** Multiples of 2^k that every packet may try: one more than the likely one, unless the whole number is on the wire. */
function retries(sa: Sa): number {
  return sa.previous === null && sa.form.snLsb < 32 ? 1 : 0;
}

/** Searches further up for the number of a packet that failed under `sa` and `previous`. The SA that opened it, or null. */
function searched(endpoint: Endpoint, sa: Sa, buffer: Uint8Array, esp: number, end: number, now: number): Sa | null {
  const search = endpoint.parts.search;
  if (search === null) return null;
  const trials = endpoint.trials;
  const previous = sa.previous !== null && !isExpired(sa.previous, now) ? sa.previous : null;
  // Duplicates need no search, and tell of no loss.
  if (open(endpoint, sa, buffer, esp, end, -1, -1) === DROP_REPLAY) return null;
  if (previous !== null && open(endpoint, previous, buffer, esp, end, -1, -1) === DROP_REPLAY) return null;
  if (sa.search === null) sa.search = search.create();
  sa.search[SEARCH_FAILURES]++;
  const last = search.allow(endpoint, sa, now);
  if (last === 0) return null;
  let by: Sa | null = null;
  if (open(endpoint, sa, buffer, esp, end, retries(sa) + 1, last) === 0) by = sa;
  else if (previous !== null && open(endpoint, previous, buffer, esp, end, 1, last) === 0) by = previous;
  search.book(endpoint, sa, endpoint.trials - trials, by !== null);
  return by;
}

/**
 * Passes the outer ECN field of a tunnel on to the inner packet of `size` octets at dst[dstOffset..): congestion marks from the way.
 * Returns the size, or DROP_ECN [RFC 6040 §4.2].
 */
export function passEcn(
  sa: Sa,
  slots: Int32Array,
  ecn: number,
  dst: Uint8Array,
  dstOffset: number,
  size: number,
): number {
  const inner = sa.form.shape.network;
  inner.read(dst, dstOffset, slots);
  const own = slots[SLOT_ECN];
  if (ecn === 3 && own === 0) return DROP_ECN;
  if (ecn === 3 ? own !== 3 : ecn === 1 && own === 2) {
    inner.putEcn(dst, dstOffset, ecn);
    inner.putChecksums(dst, dstOffset, dstOffset + size, dstOffset);
  }
  return size;
}

export function outerOf(endpoint: Endpoint, version: number): Network | null {
  const networks = endpoint.parts.networks;
  for (let i = 0; i < networks.length; i++) if (networks[i].version === version) return networks[i];
  return null;
}

/**
 * Opens the outer IP packet src[srcOffset..srcOffset+srcLength), whose protocol must be ESP. It decrypts the packet in place;
 * when it drops the packet before that, `src` is unchanged. It writes the restored packet to dst[dstOffset..), up to the end
 * of `dst`. The two must not overlap; srcOffset must be 0 or more, with an outer header before ESP. Returns the packet's
 * length, or a drop code, counted at the endpoint and, when `endpoint.sa` is set, at that SA.
 */
export function inbound(
  endpoint: Endpoint,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
  now: number,
): number {
  endpoint.sa = null;
  if (srcLength < 1) return drop(endpoint, DROP_SHORT);
  const outer = outerOf(endpoint, src[srcOffset] >>> 4);
  if (outer === null) return drop(endpoint, DROP_VERSION);
  const end = srcOffset + srcLength;
  let code = outer.verify(src, srcOffset, end, srcOffset);
  if (code < 0) return drop(endpoint, code);
  // ESP of fragments cannot be processed before reassembly [RFC 4303 §3.4.1].
  if (src[srcOffset + outer.protocol] !== PROTO_ESP || outer.fragment(src, srcOffset) !== 0) {
    return drop(endpoint, DROP_UNSUPPORTED);
  }
  const headerSize = outer.headerSize(src, srcOffset);
  const esp = srcOffset + headerSize;
  const from = srcOffset + outer.src;
  const to = srcOffset + outer.dst;
  let sa = endpoint.table.find(src, from, to, outer.addressSize, esp, end - esp);
  if (sa === null || sa.form.outer !== outer) return drop(endpoint, end === esp ? DROP_SHORT : DROP_NO_SA);
  endpoint.sa = sa;
  if (isExpired(sa, now)) return rejected(endpoint, sa, DROP_LIFETIME);
  // Two trials at first. During a rekey without SPI bits the second is with the old SA, whatever the new one returned (REKEY).
  const previous = sa.previous;
  code = open(endpoint, sa, src, esp, end, 0, retries(sa));
  if (code !== 0) {
    let by: Sa | null = null;
    if (previous !== null && !isExpired(previous, now) && open(endpoint, previous, src, esp, end, 0, 0) === 0) {
      by = previous;
    } else if (code === DROP_ICV || code === DROP_REPLAY) by = searched(endpoint, sa, src, esp, end, now);
    if (by === null) return rejected(endpoint, sa, code);
    sa = by;
    endpoint.sa = by;
  }
  if (sa.search !== null) sa.search[SEARCH_GOOD] = now;

  const text = esp + sa.form.headerSize + sa.form.suite.ivLength;
  const clear = end - sa.form.suite.icvLength - text;
  const length = takeTrailer(sa.form.trailer, src, text, clear);
  if (length < 0) return rejected(endpoint, sa, length);
  const slots = endpoint.slots;
  outer.read(src, srcOffset, slots);
  const ecn = slots[SLOT_ECN];
  if (sa.form.shape.tunnel) {
    // "generated": a label per SA, from the SPI, which is random [RFC 6437 §3]; an Identification per packet, from its
    // sequence number [RFC 6864 §4.2].
    slots[SLOT_GENERATED] = sa.form.shape.network.version === 4 ? endpoint.sn.lo & 0xffff : sa.spi & 0xfffff;
  } else {
    if (dstOffset + headerSize > dst.length) return rejected(endpoint, sa, DROP_TOO_LONG);
    copy(dst, dstOffset, src, srcOffset, headerSize);
    dst[dstOffset + outer.protocol] = trailerProto(sa.form.trailer, src, text, clear);
  }
  let size = iipcRestore(sa, src, text, length, slots, dst, dstOffset);
  if (size >= 0 && sa.form.shape.tunnel && !sa.form.ecnLower) size = passEcn(sa, slots, ecn, dst, dstOffset, size);
  if (size < 0) return rejected(endpoint, sa, size);
  countPacket(sa, size, now);
  endpoint.received++;
  return size;
}
