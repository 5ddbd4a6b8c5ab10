// Outbound processing [RFC 4303 §3.3; draft-ietf-ipsecme-diet-esp §4]: IIPC, CTEC, encryption with the full SPI and SN,
// EEC, outer header. With iipc_not_compressed, a mandatory trailer and 32 + 32 bits this is standard ESP, octet for octet.

import { putBits } from '../base/bits.ts';
import { copy, put32 } from '../base/bytes.ts';
import { DROP_DUMMY, DROP_EXHAUSTED, DROP_LIFETIME, DROP_SELECTOR, DROP_SHORT, DROP_TOO_LONG } from '../base/drop.ts';
import { putTrailer } from '../dietesp/ctec.ts';
import { iipcCompress, select } from '../dietesp/iipc.ts';
import { PROTO_ESP, PROTO_NONE } from '../wire/esp.ts';
import { type Network, SLOT_FLOW } from '../wire/header.ts';
import { drop, type Endpoint } from './endpoint.ts';
import { countPacket, isExpired, type Sa } from './sa.ts';

/** Most octets that ESP can add to a packet: outer header, ESP header, IV, padding, trailer and ICV. */
export const OUTBOUND_ROOM = 128;

export function refused(endpoint: Endpoint, sa: Sa, code: number): number {
  if (code === DROP_LIFETIME || code === DROP_EXHAUSTED) sa.dropLifetime++;
  else if (code === DROP_SELECTOR) sa.dropSelector++;
  else sa.dropRefused++;
  return drop(endpoint, code);
}

/** Writes the IV before the text: the test's, a counter for AEADs [RFC 4106 §3.1], random for CBC [RFC 3602 §3]. */
function putIv(endpoint: Endpoint, sa: Sa, hi: number, lo: number, buffer: Uint8Array, offset: number): void {
  const length = sa.form.suite.ivLength;
  if (length === 0) return;
  if (endpoint.fixedIv.length > 0) copy(buffer, offset, endpoint.fixedIv, 0, length);
  else if (length === 8) {
    put32(buffer, offset, hi);
    put32(buffer, offset + 4, lo);
  } else endpoint.provider.random(buffer, offset, length);
}

/** Outer header of `packet` octets for the inner packet at `src`: its own header in transport mode. */
export function putOuter(
  endpoint: Endpoint,
  sa: Sa,
  src: Uint8Array,
  srcOffset: number,
  dst: Uint8Array,
  dstOffset: number,
  packet: number,
): void {
  const outer: Network = sa.form.outer;
  if (!sa.form.shape.tunnel) {
    copy(dst, dstOffset, src, srcOffset, outer.headerSize(src, srcOffset));
    dst[dstOffset + outer.protocol] = PROTO_ESP;
    outer.putLengths(dst, dstOffset, dstOffset + packet);
    outer.putChecksums(dst, dstOffset, dstOffset + packet, dstOffset);
    return;
  }
  // DSCP, ECN and hop limit are the inner ones: "lower" restores them from here (HOPLIMIT).
  const slots = endpoint.slots;
  sa.form.shape.network.read(src, srcOffset, slots);
  copy(dst, dstOffset + outer.src, sa.octets, sa.base + sa.form.sourceAt, outer.addressSize);
  copy(dst, dstOffset + outer.dst, sa.octets, sa.base + sa.form.destinationAt, outer.addressSize);
  let flow = 0;
  if (sa.form.flowLower) flow = slots[SLOT_FLOW];
  else if (sa.form.df !== null) flow = sa.form.df.identification(sa.snLo, src, srcOffset);
  outer.emit(dst, dstOffset, packet, PROTO_ESP, slots, flow);
}

/**
 * The first of `sas` whose selectors match the IP packet buffer[offset..offset+length), or null [RFC 4301 §5.1]. An SA that
 * has ended at `now` (ms), or whose rule does not fit the packet (DSCP, flow label), is taken only if no other is left
 * (CKSUM-VERIFY and others in dietesp/README.md); `outbound` then says why.
 */
export function choose(sas: readonly Sa[], buffer: Uint8Array, offset: number, length: number, now: number): Sa | null {
  const end = offset + length;
  let last: Sa | null = null;
  for (let i = 0; i < sas.length; i++) {
    const sa = sas[i];
    if (sa.ended !== 0 || sa.form.shape.network.verify(buffer, offset, end, offset) < 0) continue;
    const code = select(sa, buffer, offset, end);
    if (code === 0 && !isExpired(sa, now) && !sa.form.counter.last(sa.snHi, sa.snLo)) return sa;
    if (code !== DROP_SELECTOR && last === null) last = sa;
  }
  return last;
}

/**
 * Protects the IP packet src[srcOffset..srcOffset+srcLength) with `sa`; in transport mode its own IP header becomes the outer
 * one. Writes the outer IP packet to dst[dstOffset..), which needs srcLength + OUTBOUND_ROOM octets and must not overlap.
 * `now` is in milliseconds, for lifetimes. Returns the packet's length, or a drop code, counted; the SA's state is then
 * unchanged.
 */
export function outbound(
  endpoint: Endpoint,
  sa: Sa,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
  now: number,
): number {
  const suite = sa.form.suite;
  if (isExpired(sa, now)) return refused(endpoint, sa, DROP_LIFETIME);
  if (sa.form.counter.last(sa.snHi, sa.snLo)) return refused(endpoint, sa, DROP_EXHAUSTED);
  if (srcLength < 1) return refused(endpoint, sa, DROP_SHORT);
  if (dstOffset + srcLength + OUTBOUND_ROOM > dst.length) return refused(endpoint, sa, DROP_TOO_LONG);
  const headerSize = sa.form.shape.tunnel ? sa.form.outer.size : sa.form.outer.headerSize(src, srcOffset);
  const esp = dstOffset + headerSize;
  const iv = esp + sa.form.headerSize;
  const text = iv + suite.ivLength;
  const end = srcOffset + srcLength;
  const plain = iipcCompress(sa, src, srcOffset, end, dst, text);
  if (plain < 0) return refused(endpoint, sa, plain);
  const proto = src[srcOffset + sa.form.shape.network.protocol];
  // If the segment's protocol is sent as Next Header, this value would make a dummy packet [RFC 4303 §2.6].
  if (sa.form.trailer.next === 0 && proto === PROTO_NONE) return refused(endpoint, sa, DROP_DUMMY);
  const length = putTrailer(sa.form.trailer, proto, dst, text, plain);
  const packet = text + length + suite.icvLength - dstOffset;
  if (packet > 65535) return refused(endpoint, sa, DROP_TOO_LONG);

  const lo = (sa.snLo + 1) % (65536 * 65536);
  const hi = lo === 0 ? sa.snHi + 1 : sa.snHi;
  putIv(endpoint, sa, hi, lo, dst, iv);
  suite.seal(endpoint.provider, sa, hi, lo, dst, iv, length);
  sa.snHi = hi;
  sa.snLo = lo;
  putBits(dst, esp * 8, sa.form.spiLsb, sa.spi);
  putBits(dst, iv * 8 - sa.form.snLsb, sa.form.snLsb, lo);
  putOuter(endpoint, sa, src, srcOffset, dst, dstOffset, packet);
  countPacket(sa, srcLength, now);
  endpoint.sent++;
  return packet;
}
