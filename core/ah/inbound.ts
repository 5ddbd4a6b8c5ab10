// Inbound processing of AH [RFC 4302 §3.4]: header, SA look-up, replay check, ICV, then the packet without AH, selector check.
// Nothing changes before the ICV has verified, and the received packet never does.

import { copy, put32, u32 } from '../base/bytes.ts';
import {
  DROP_ICV,
  DROP_LENGTH,
  DROP_LIFETIME,
  DROP_NO_SA,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_UNSUPPORTED,
  DROP_VERSION,
} from '../base/drop.ts';
import { iipcRestore, select } from '../dietesp/iipc.ts';
import { drop } from '../esp/endpoint.ts';
import { outerOf, passEcn, rejected } from '../esp/inbound.ts';
import { countPacket, isExpired } from '../esp/sa.ts';
import { AH_NEXT, AH_SCOPE, AH_SIZE, AH_SN, AH_SPI, ahSize, checkAh, SCOPE_AS, SCOPE_IP } from '../wire/ah.ts';
import { SLOT_ECN } from '../wire/header.ts';
import type { AhEndpoint } from './endpoint.ts';
import { zeroMutable } from './mutable.ts';
import { findAh } from './place.ts';
import { type AhSa, ahSizeOf, NUMBERS_64, NUMBERS_UNSPECIFIED } from './sa.ts';

/** The SA of the packet at e.place, or null. */
function saOf(e: AhEndpoint, src: Uint8Array): AhSa | null {
  const at = e.place.at;
  const outer = e.place.network!;
  const from = e.place.ip + outer.src;
  if (src[at + AH_SCOPE] === SCOPE_IP) {
    const sa = e.table.find(src, from, e.place.ip + outer.dst, outer.addressSize, at + AH_SPI, 4) as AhSa | null;
    return sa === null || sa.form.outer !== outer ? null : sa;
  }
  if (e.asOf === null) return null;
  const as = e.asOf(src, from, outer.addressSize);
  if (as === 0) return null;
  put32(e.key, 0, as);
  copy(e.key, 4, src, at + AH_SPI, 4);
  const entry = e.byAs.find(e.key, 0, 0, 4, 4, 4);
  return entry === null ? null : entry.sa;
}

/** Verifies the packet at e.place: 0, or a drop code; nothing has changed then. */
function verify(e: AhEndpoint, sa: AhSa, src: Uint8Array): number {
  const endpoint = e.esp;
  const sn = endpoint.sn;
  const window = endpoint.parts.window;
  const work = e.work;
  const ip = e.place.ip;
  const at = e.place.at - ip;
  const low = u32(src, e.place.at + AH_SN);
  const isCounted = sa.numbers !== NUMBERS_UNSPECIFIED;
  let code = isCounted ? sa.form.counter.recover(sa, low, 0, sn, e.key) : 0;
  if (code === 0 && isCounted) code = window.check(sa, sn.hi, sn.lo);
  if (code !== 0) return code;
  let length = e.place.end - ip;
  copy(work, 0, src, ip, length);
  code = zeroMutable(e.place.network!, work, 0, at);
  if (code !== 0) return code;
  if (sa.numbers === NUMBERS_64) {
    put32(work, length, sn.hi);
    length += 4;
  }
  endpoint.trials++;
  if (!sa.form.suite.open(endpoint.provider, sa, sn.hi, low, work, at + AH_SIZE, length)) return DROP_ICV;
  if (isCounted) window.update(sa, sn.hi, sn.lo);
  return 0;
}

/**
 * Writes the packet at e.place without its AH to dst[dstOffset..), as it was before AH came in: its length, or DROP_TOO_LONG.
 */
function remove(e: AhEndpoint, src: Uint8Array, dst: Uint8Array, dstOffset: number): number {
  const ip = e.place.ip;
  const at = e.place.at;
  const outer = e.place.network!;
  const behind = at + ahSize(src, at);
  const rest = e.place.end - behind;
  const length = at - ip + rest;
  if (dstOffset + length > dst.length) return DROP_TOO_LONG;
  copy(dst, dstOffset, src, ip, at - ip);
  copy(dst, dstOffset + at - ip, src, behind, rest);
  dst[dstOffset + e.place.nextAt - ip] = src[at + AH_NEXT];
  outer.putLengths(dst, dstOffset, dstOffset + length);
  outer.putChecksums(dst, dstOffset, dstOffset + length, dstOffset);
  return length;
}

/**
 * The Scope of the IP packet src[srcOffset..srcOffset+srcLength) that has AH, or a drop code: DROP_UNSUPPORTED where it has none, or
 * is a fragment. Nothing is counted.
 */
export function scopeOfPacket(e: AhEndpoint, src: Uint8Array, srcOffset: number, srcLength: number): number {
  if (srcLength < 1) return DROP_SHORT;
  const outer = outerOf(e.esp, src[srcOffset] >>> 4);
  if (outer === null) return DROP_VERSION;
  const end = srcOffset + srcLength;
  let code = outer.verify(src, srcOffset, end, srcOffset);
  if (code < 0) return code;
  // So that the copy with what follows it has room.
  if (srcLength > 65535) return DROP_TOO_LONG;
  code = findAh(outer, src, srcOffset, end, e.place);
  if (code === 0) code = checkAh(src, e.place.at, end);
  return code < 0 ? code : src[e.place.at + AH_SCOPE];
}

/**
 * Takes an AH with SCOPE_AS out of the IP packet without looking at its ICV, as a border router does that has no SA for it and still
 * serves what is behind it. Arguments and result as of `inboundAh`; DROP_UNSUPPORTED for another Scope.
 */
export function stripAh(
  e: AhEndpoint,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
): number {
  const scope = scopeOfPacket(e, src, srcOffset, srcLength);
  if (scope < 0) return drop(e.esp, scope);
  if (scope !== SCOPE_AS) return drop(e.esp, DROP_UNSUPPORTED);
  const length = remove(e, src, dst, dstOffset);
  return length < 0 ? drop(e.esp, length) : length;
}

/**
 * Verifies the IP packet src[srcOffset..srcOffset+srcLength), which must have AH behind its IP header or extension headers, and
 * writes it without AH, or in a tunnel the inner packet, to dst[dstOffset..), up to the end of `dst`; the two must not overlap. `src`
 * stays as it is. Returns the packet's length, or a drop code, counted at the endpoint and, when its `sa` is set, at that SA.
 */
export function inboundAh(
  e: AhEndpoint,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
  now: number,
): number {
  const endpoint = e.esp;
  endpoint.sa = null;
  const scope = scopeOfPacket(e, src, srcOffset, srcLength);
  if (scope < 0) return drop(endpoint, scope);
  if (scope > SCOPE_AS) return drop(endpoint, DROP_UNSUPPORTED);
  const outer = e.place.network!;
  const at = e.place.at;
  const sa = saOf(e, src);
  if (sa === null) return drop(endpoint, DROP_NO_SA);
  endpoint.sa = sa;
  if (isExpired(sa, now)) return rejected(endpoint, sa, DROP_LIFETIME);
  const size = ahSize(src, at);
  if (size !== ahSizeOf(sa.form.suite, outer.version)) return rejected(endpoint, sa, DROP_LENGTH);
  const code = verify(e, sa, src);
  if (code !== 0) return rejected(endpoint, sa, code);

  let restored = 0;
  if (sa.form.shape.tunnel) {
    const text = at + size;
    if (src[at + AH_NEXT] !== sa.form.shape.network.proto) return rejected(endpoint, sa, DROP_UNSUPPORTED);
    outer.read(src, srcOffset, endpoint.slots);
    const ecn = endpoint.slots[SLOT_ECN];
    restored = iipcRestore(sa, src, text, e.place.end - text, endpoint.slots, dst, dstOffset);
    if (restored >= 0) restored = passEcn(sa, endpoint.slots, ecn, dst, dstOffset, restored);
  } else {
    restored = remove(e, src, dst, dstOffset);
    if (restored >= 0 && scope === SCOPE_IP) {
      const taken = select(sa, dst, dstOffset, dstOffset + restored);
      if (taken !== 0) restored = taken;
    }
  }
  if (restored < 0) return rejected(endpoint, sa, restored);
  countPacket(sa, restored, now);
  endpoint.received++;
  return restored;
}
