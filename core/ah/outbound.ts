// Outbound processing of AH [RFC 4302 §3.3]: IP header and extension headers | AH | the rest. The ICV is computed over a copy in which
// mutable fields are zero.

import { copy, fill, put16, put32 } from '../base/bytes.ts';
import { DROP_EXHAUSTED, DROP_LIFETIME, DROP_SHORT, DROP_TOO_LONG, DROP_VERSION } from '../base/drop.ts';
import { select } from '../dietesp/iipc.ts';
import { outerOf } from '../esp/inbound.ts';
import { OUTBOUND_ROOM, putOuter, refused } from '../esp/outbound.ts';
import { countPacket, isExpired } from '../esp/sa.ts';
import { AH_SIZE, emitAh, PROTO_AH, SCOPE_IP } from '../wire/ah.ts';
import type { Network } from '../wire/header.ts';
import type { AhEndpoint } from './endpoint.ts';
import { zeroMutable } from './mutable.ts';
import { placeAh } from './place.ts';
import { type AhSa, ahSizeOf, NUMBERS_64 } from './sa.ts';

/** True when no number, or no IV, is left. */
function isLast(sa: AhSa): boolean {
  if (sa.form.counter.last(sa.snHi, sa.snLo)) return true;
  // 48 bits of the IV are each sender's own.
  return sa.sender > 0 && sa.form.suite.ivLength > 0 && sa.snHi === 65535 && sa.snLo === 65536 * 65536 - 1;
}

/** Writes the IV: the sender, and the counter. */
function putIv(e: AhEndpoint, sa: AhSa, hi: number, lo: number, buffer: Uint8Array, at: number): void {
  const length = sa.form.suite.ivLength;
  if (length === 0) return;
  put32(buffer, at, hi);
  put32(buffer, at + 4, lo);
  if (sa.sender > 0) put16(buffer, at, sa.sender);
  if (e.esp.fixedIv.length > 0) copy(buffer, at, e.esp.fixedIv, 0, length);
}

/** Writes IV, ICV and padding of the packet in `dst` at e.place, whose AH has `size` octets. 0, or a drop code. */
function seal(e: AhEndpoint, sa: AhSa, dst: Uint8Array, size: number, hi: number, lo: number): number {
  const work = e.work;
  const ip = e.place.ip;
  const at = e.place.at - ip;
  const icv = e.place.at + AH_SIZE;
  fill(dst, icv, size - AH_SIZE, 0);
  putIv(e, sa, hi, lo, dst, icv);
  let length = e.place.end - ip;
  copy(work, 0, dst, ip, length);
  const code = zeroMutable(e.place.network!, work, 0, at);
  if (code !== 0) return code;
  if (sa.numbers === NUMBERS_64) {
    put32(work, length, hi);
    length += 4;
  }
  sa.form.suite.seal(e.esp.provider, sa, hi, lo, work, at + AH_SIZE, length);
  copy(dst, icv, work, at + AH_SIZE, size - AH_SIZE);
  return 0;
}

/** Finds the place for AH in the packet src[ip..end), which the SA must take: 0, with e.place, or a drop code. */
function take(e: AhEndpoint, sa: AhSa, network: Network, src: Uint8Array, ip: number, end: number): number {
  let code = network.verify(src, ip, end, ip);
  if (code < 0) return code;
  if (sa.scope === SCOPE_IP) code = select(sa, src, ip, end);
  if (code < 0) return code;
  if (!sa.form.shape.tunnel) return placeAh(network, src, ip, end, sa.scope === SCOPE_IP, e.place);
  // In front of all of it.
  e.place.network = network;
  e.place.ip = ip;
  e.place.end = end;
  e.place.at = ip;
  return 0;
}

/**
 * Writes the packet of `src` at e.place with its AH to dst[dstOffset..), where e.place is then. Returns its length, or a drop code; no
 * number has been used then.
 */
function write(e: AhEndpoint, sa: AhSa, src: Uint8Array, dst: Uint8Array, dstOffset: number): number {
  const place = e.place;
  const isTunnel = sa.form.shape.tunnel;
  const network = place.network!;
  const outer = isTunnel ? sa.form.outer : network;
  const size = ahSizeOf(sa.form.suite, outer.version);
  const from = place.at;
  const rest = place.end - from;
  const front = isTunnel ? outer.size : from - place.ip;
  const packet = front + size + rest;
  if (packet > 65535) return DROP_TOO_LONG;
  const next = isTunnel ? network.proto : src[place.nextAt];
  if (isTunnel) putOuter(e.esp, sa, src, place.ip, dst, dstOffset, packet);
  else copy(dst, dstOffset, src, place.ip, front);
  place.nextAt = isTunnel ? dstOffset + outer.protocol : place.nextAt - place.ip + dstOffset;
  place.network = outer;
  place.ip = dstOffset;
  place.end = dstOffset + packet;
  place.at = dstOffset + front;
  const lo = (sa.snLo + 1) % (65536 * 65536);
  const hi = lo === 0 ? sa.snHi + 1 : sa.snHi;
  dst[place.nextAt] = PROTO_AH;
  emitAh(dst, place.at, next, size, sa.scope, sa.spi, lo);
  copy(dst, place.at + size, src, from, rest);
  outer.putLengths(dst, dstOffset, place.end);
  outer.putChecksums(dst, dstOffset, place.end, dstOffset);
  const code = seal(e, sa, dst, size, hi, lo);
  if (code !== 0) return code;
  sa.snHi = hi;
  sa.snLo = lo;
  return packet;
}

/**
 * Protects the IP packet src[srcOffset..srcOffset+srcLength) with `sa`; in transport mode AH goes behind its IP header and the
 * extension headers that routers look at. Writes the packet to dst[dstOffset..), which needs srcLength + OUTBOUND_ROOM octets and
 * must not overlap. `now` is in milliseconds. Returns the packet's length, or a drop code, counted; no number has been used then.
 */
export function outboundAh(
  e: AhEndpoint,
  sa: AhSa,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
  now: number,
): number {
  const endpoint = e.esp;
  if (isExpired(sa, now)) return refused(endpoint, sa, DROP_LIFETIME);
  if (isLast(sa)) return refused(endpoint, sa, DROP_EXHAUSTED);
  if (srcLength < 1) return refused(endpoint, sa, DROP_SHORT);
  if (dstOffset + srcLength + OUTBOUND_ROOM > dst.length) return refused(endpoint, sa, DROP_TOO_LONG);
  const network = sa.scope === SCOPE_IP ? sa.form.shape.network : outerOf(endpoint, src[srcOffset] >>> 4);
  if (network === null) return refused(endpoint, sa, DROP_VERSION);
  let packet = take(e, sa, network, src, srcOffset, srcOffset + srcLength);
  if (packet === 0) packet = write(e, sa, src, dst, dstOffset);
  if (packet < 0) return refused(endpoint, sa, packet);
  countPacket(sa, srcLength, now);
  endpoint.sent++;
  return packet;
}
