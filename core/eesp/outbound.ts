// Outbound processing of EESP [draft-ietf-ipsecme-eesp-03 §3.2]: base header | sequence number, IV | [payload info] | payload |
// padding | ICV. A tunnel has the optimized format: the inner packet tells its family and length itself.

import { copy, put32 } from '../base/bytes.ts';
import { DROP_DUMMY, DROP_EXHAUSTED, DROP_LIFETIME, DROP_SHORT, DROP_TOO_LONG } from '../base/drop.ts';
import { fill } from '../base/spans.ts';
import { iipcCompress } from '../dietesp/iipc.ts';
import { OUTBOUND_ROOM, putOuter, refused } from '../esp/outbound.ts';
import { countPacket, isExpired } from '../esp/sa.ts';
import { classSubspace } from '../esp/subspaces.ts';
import { PROTO_NONE } from '../wire/esp.ts';
import { type EespEndpoint, setAead } from './endpoint.ts';
import { EESP_BASE, EESP_INFO_SIZE, EESP_SN_SIZE, PROTO_EESP } from './format.ts';
import { putEesp } from './header.ts';
import { createSub, type EespSa, findSub, keepSub, noteNumber, type SubSa } from './sa.ts';

/** The Sub SA that sends, made on use. */
function senderOf(e: EespEndpoint, sa: EespSa): SubSa {
  let sub = findSub(sa, sa.session);
  if (sub === null) {
    sub = createSub(e.esp.provider, sa, sa.session);
    keepSub(sa, sub);
  }
  sa.last = sub;
  return sub;
}

/**
 * Protects the IP packet src[srcOffset..srcOffset+srcLength) with `sa`, under its Session ID. Writes the outer IP packet to
 * dst[dstOffset..), which needs srcLength + OUTBOUND_ROOM octets and must not overlap. `now` is in milliseconds. Returns the
 * packet's length, or a drop code, counted; no number has been used then.
 */
export function outboundEesp(
  e: EespEndpoint,
  sa: EespSa,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
  now: number,
): number {
  const endpoint = e.esp;
  const form = sa.form;
  const suite = form.suite;
  const isTunnel = form.shape.tunnel;
  if (isExpired(sa, now)) return refused(endpoint, sa, DROP_LIFETIME);
  if (srcLength < 1) return refused(endpoint, sa, DROP_SHORT);
  // Queues that keep classes apart reorder packets of different classes: each has a window.
  if (sa.perClass) sa.session = classSubspace(src, srcOffset, sa.maxId + 1);
  const sub = senderOf(e, sa);
  if (form.counter.last(sub.snHi, sub.snLo)) return refused(endpoint, sa, DROP_EXHAUSTED);
  if (dstOffset + srcLength + OUTBOUND_ROOM > dst.length) return refused(endpoint, sa, DROP_TOO_LONG);
  const start = dstOffset + (isTunnel ? form.outer.size : form.outer.headerSize(src, srcOffset));
  const text = start + sa.headerSize;
  const info = isTunnel ? 0 : EESP_INFO_SIZE;
  const plain = iipcCompress(sa, src, srcOffset, srcOffset + srcLength, dst, text + info);
  if (plain < 0) return refused(endpoint, sa, plain);
  const padding = (4 - ((sa.headerSize + info + plain) & 3)) & 3;
  const length = info + plain + padding;
  const packet = text + length + suite.icvLength - dstOffset;
  if (packet > 65535) return refused(endpoint, sa, DROP_TOO_LONG);
  fill(dst, text + info + plain, padding, 0);
  if (!isTunnel) {
    const proto = src[srcOffset + form.shape.network.protocol];
    if (proto === PROTO_NONE) return refused(endpoint, sa, DROP_DUMMY);
    dst[text] = 0;
    dst[text + 1] = 0;
    dst[text + 2] = proto;
    dst[text + 3] = padding;
  }
  const lo = (sub.snLo + 1) % (65536 * 65536);
  const hi = lo === 0 ? sub.snHi + 1 : sub.snHi;
  putEesp(dst, start, sa.optionsSize, sub.id, sa.spi);
  let at = start + EESP_BASE + sa.optionsSize;
  if (sa.hasSn) {
    put32(dst, at, hi);
    put32(dst, at + 4, lo);
    at += EESP_SN_SIZE;
  }
  if (suite.ivLength > 0) {
    // A counter of its own under each key [RFC 4106 §3.1].
    put32(dst, at, hi);
    put32(dst, at + 4, lo);
    if (endpoint.fixedIv.length > 0) copy(dst, at, endpoint.fixedIv, 0, suite.ivLength);
  }
  setAead(e, sub, dst, start, text);
  endpoint.provider.seal(sub.key, e.aead, dst, text, length);
  sub.snHi = hi;
  sub.snLo = lo;
  noteNumber(sa, hi, lo);
  putOuter(endpoint, sa, src, srcOffset, dst, dstOffset, packet);
  dst[dstOffset + form.outer.protocol] = PROTO_EESP;
  form.outer.putChecksums(dst, dstOffset, dstOffset + packet, dstOffset);
  countPacket(sa, srcLength, now);
  endpoint.sent++;
  return packet;
}
