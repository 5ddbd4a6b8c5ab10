// Inbound processing of EESP [draft-ietf-ipsecme-eesp-03 §3.3]: header, SA look-up, Sub SA, replay check, ICV and decryption,
// payload, selector check. Nothing changes before the ICV has verified; a Sub SA that a packet asks for is kept after that.

import { copy, u32 } from '../base/bytes.ts';
import {
  DROP_CRYPT_OFFSET,
  DROP_DUMMY,
  DROP_ICV,
  DROP_LENGTH,
  DROP_LIFETIME,
  DROP_NO_SA,
  DROP_SEQUENCE,
  DROP_SESSION,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_TRAILER,
  DROP_UNSUPPORTED,
  DROP_VERSION,
} from '../base/drop.ts';
import { iipcRestore } from '../dietesp/iipc.ts';
import { drop } from '../esp/endpoint.ts';
import { outerOf, passEcn, rejected } from '../esp/inbound.ts';
import { countPacket, isExpired } from '../esp/sa.ts';
import { PROTO_NONE } from '../wire/esp.ts';
import { SLOT_ECN } from '../wire/header.ts';
import { type EespEndpoint, setAead } from './endpoint.ts';
import { EESP_BASE, EESP_INFO_SIZE, EESP_SN_SIZE, PROTO_EESP } from './format.ts';
import { checkEesp } from './header.ts';
import { createSub, type EespSa, findSub, keepSub, noteNumber, type SubSa, wipeSub } from './sa.ts';

/** The Sub SA of a Session ID that is allowed; one that is not in use yet is a trial. */
function receiverOf(e: EespEndpoint, sa: EespSa, session: number): SubSa {
  const known = findSub(sa, session);
  if (known !== null) return known;
  if (sa.trial !== null && sa.trial.id === session) return sa.trial;
  if (sa.trial !== null) wipeSub(e.esp.provider, sa.trial);
  sa.trial = createSub(e.esp.provider, sa, session);
  return sa.trial;
}

/**
 * Verifies and decrypts the EESP packet buffer[start..end) in place, `header` octets in front of the ciphertext. 0, or a drop
 * code: nothing has changed then.
 */
function open(e: EespEndpoint, sa: EespSa, buffer: Uint8Array, start: number, end: number, header: number): number {
  const endpoint = e.esp;
  const window = endpoint.parts.window;
  const text = start + header;
  const length = end - sa.form.suite.icvLength - text;
  if (length < 0) return DROP_SHORT;
  // The padding ends the ciphertext at a multiple of four octets.
  if (((header + length) & 3) !== 0) return DROP_LENGTH;
  const sn = endpoint.sn;
  const at = start + EESP_BASE + e.header.optionsSize;
  sn.hi = sa.hasSn ? u32(buffer, at) : 0;
  sn.lo = sa.hasSn ? u32(buffer, at + 4) : 0;
  if (sa.hasSn && sn.hi === 0 && sn.lo === 0) return DROP_SEQUENCE;
  // Without Sub SAs the Session ID says nothing [draft-ietf-ipsecme-eesp-03 §2.1].
  const sub = sa.sskdf === null ? sa.last : receiverOf(e, sa, e.header.session);
  const seen = sa.hasSn ? window.check(sub, sn.hi, sn.lo) : 0;
  if (seen !== 0) return seen;
  endpoint.trials++;
  setAead(e, sub, buffer, start, text);
  if (!endpoint.provider.open(sub.key, e.aead, buffer, text, length)) return DROP_ICV;
  if (sub === sa.trial) keepSub(sa, sub);
  sa.last = sub;
  if (!sa.hasSn) return 0;
  window.update(sub, sn.hi, sn.lo);
  noteNumber(sa, sn.hi, sn.lo);
  return 0;
}

/** Reads the Payload Info header at `at` and the padding before `end`: Pad Length, or a drop code. */
function readInfo(buffer: Uint8Array, at: number, end: number): number {
  if (end - at < EESP_INFO_SIZE) return DROP_SHORT;
  if (buffer[at] >>> 4 !== 0) return DROP_VERSION;
  if (buffer[at + 2] === PROTO_NONE) return DROP_DUMMY;
  const padding = buffer[at + 3];
  if (padding > end - at - EESP_INFO_SIZE) return DROP_TRAILER;
  for (let i = end - padding; i < end; i++) if (buffer[i] !== 0) return DROP_TRAILER;
  return padding;
}

/**
 * Opens the outer IP packet src[srcOffset..srcOffset+srcLength), whose protocol must be EESP. It decrypts in place; when it drops
 * the packet before that, `src` is unchanged. It writes the restored packet to dst[dstOffset..); the two must not overlap.
 * Returns the packet's length, or a drop code, counted at the endpoint and, when its `sa` is set, at that SA.
 */
export function inboundEesp(
  e: EespEndpoint,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
  now: number,
): number {
  const endpoint = e.esp;
  endpoint.sa = null;
  if (srcLength < 1) return drop(endpoint, DROP_SHORT);
  const outer = outerOf(endpoint, src[srcOffset] >>> 4);
  if (outer === null) return drop(endpoint, DROP_VERSION);
  const packetEnd = srcOffset + srcLength;
  let code = outer.verify(src, srcOffset, packetEnd, srcOffset);
  if (code < 0) return drop(endpoint, code);
  // What is cut into fragments cannot be processed before reassembly.
  if (src[srcOffset + outer.protocol] !== PROTO_EESP || outer.fragment(src, srcOffset) !== 0) {
    return drop(endpoint, DROP_UNSUPPORTED);
  }
  const outerSize = outer.headerSize(src, srcOffset);
  const start = srcOffset + outerSize;
  const header = e.header;
  code = checkEesp(src, start, packetEnd, header);
  if (code < 0) return drop(endpoint, code);
  const found = e.table.find(
    src,
    srcOffset + outer.src,
    srcOffset + outer.dst,
    outer.addressSize,
    start + 4,
    packetEnd - start - 4,
  );
  if (found === null || found.form.outer !== outer) return drop(endpoint, DROP_NO_SA);
  const sa = found as EespSa;
  endpoint.sa = sa;
  if (isExpired(sa, now)) return rejected(endpoint, sa, DROP_LIFETIME);
  if (header.cryptOffset >= 0) return rejected(endpoint, sa, DROP_CRYPT_OFFSET);
  if (sa.sskdf !== null && header.session > sa.maxId) return rejected(endpoint, sa, DROP_SESSION);
  const size = EESP_BASE + header.optionsSize + (sa.hasSn ? EESP_SN_SIZE : 0) + sa.form.suite.ivLength;
  code = open(e, sa, src, start, packetEnd, size);
  if (code !== 0) return rejected(endpoint, sa, code);

  const end = packetEnd - sa.form.suite.icvLength;
  let text = start + size;
  let length = end - text;
  const slots = endpoint.slots;
  outer.read(src, srcOffset, slots);
  const ecn = slots[SLOT_ECN];
  if (!sa.form.shape.tunnel) {
    const padding = readInfo(src, text, end);
    if (padding < 0) return rejected(endpoint, sa, padding);
    if (dstOffset + outerSize > dst.length) return rejected(endpoint, sa, DROP_TOO_LONG);
    copy(dst, dstOffset, src, srcOffset, outerSize);
    dst[dstOffset + outer.protocol] = src[text + 2];
    text += EESP_INFO_SIZE;
    length -= EESP_INFO_SIZE + padding;
  }
  let restored = iipcRestore(sa, src, text, length, slots, dst, dstOffset);
  if (restored >= 0 && sa.form.shape.tunnel) restored = passEcn(sa, slots, ecn, dst, dstOffset, restored);
  if (restored < 0) return rejected(endpoint, sa, restored);
  countPacket(sa, restored, now);
  endpoint.received++;
  return restored;
}
