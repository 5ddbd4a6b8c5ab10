// IP packets of one profile: to ESP in an outer IP packet and back, as `outbound` and `inbound` of core/esp.

import { copy, equal, u16, u32 } from '../../core/base/bytes.ts';
import { DROP_NO_SA, DROP_SHORT, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import { checkIpv4 } from '../../core/wire/ipv4.ts';
import { checkIpv6 } from '../../core/wire/ipv6.ts';
import { D } from './data.ts';
import { espSend, espSent } from './esp.ts';
import { espReceive, espReceived } from './esp-in.ts';
import { addPair, espIn, espOut, SN_MAX, SN_MAX_ESN } from './esp-sa.ts';
import { ipSize, packetBegin, packetMend } from './packet-inner.ts';
import { linkBegin, linkLength } from './packet-link.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

const PACKET_ESP = 50;
/** Octets that ESP can add to a packet. */
const PACKET_ROOM = 128;

let packetIsReady = false;

export { isAgeing, isSuspect, newSpi, removePair, retirePair } from './esp-sa.ts';

/**
 * Takes the octets of this device: its addresses. They have no keys. False: they are not whole, or for another profile; until they
 * are, packets are dropped.
 */
export function start(octets: Uint8Array): boolean {
  packetIsReady = octets.length === P.dataSize && u32(octets, 0) === P.profileHigh && u32(octets, 4) === P.profileLow;
  if (packetIsReady) copy(D, 0, octets, 0, P.dataSize);
  return packetIsReady;
}

/** True when the octets are there. */
function holds(octets: Uint8Array, offset: number, length: number): boolean {
  return offset >= 0 && length >= 0 && offset + length <= octets.length;
}

/**
 * Adds a pair of SAs; packets go out under it from now on. KEYMAT (key, salt) of the outbound SA is at keys[outAt..), of the
 * inbound one at keys[inAt..); the caller wipes it. Where numbers are reserved ahead, the last one that may have been used (8
 * octets) is behind each, and `upper.reserve` (PacketHooks) stores the next.
 */
export function addSas(spiOut: number, spiIn: number, keys: Uint8Array, outAt: number, inAt: number): void {
  addPair(spiOut, spiIn, keys, outAt, inAt, true);
}

/** Continues the newest pair: the last number that was used, and the highest that was accepted. */
export function resumeSas(out: number, back: number): void {
  const most = P.esn ? SN_MAX_ESN : SN_MAX;
  espOut[0].sn = Math.min(most, out);
  const sa = espIn[0];
  sa.sn = Math.min(most, back);
  sa.recent = back > 0 ? 4294967295 : 0;
  sa.older = back > 0 ? 4294967295 : 0;
}

/**
 * Protects the IP packet src[offset..offset + length): writes the outer packet to dst[at..), which needs 128 octets more and
 * must not overlap. Returns its length, or a drop code.
 */
export function outbound(
  src: Uint8Array,
  offset: number,
  length: number,
  dst: Uint8Array,
  at: number,
  now: number,
): number {
  if (!packetIsReady) return DROP_NO_SA;
  if (!holds(src, offset, length)) return DROP_SHORT;
  if (at + length + PACKET_ROOM > dst.length) return DROP_TOO_LONG;
  linkBegin(src, offset, dst, at);
  const code = espSend(0, src, offset, length, now);
  return code < 0 ? code : linkLength;
}

/**
 * Opens the outer IP packet src[offset..offset + length), in place, and writes the inner packet to dst[at..). Returns its
 * length, or a drop code.
 */
export function inbound(
  src: Uint8Array,
  offset: number,
  length: number,
  dst: Uint8Array,
  at: number,
  now: number,
): number {
  if (!packetIsReady) return DROP_NO_SA;
  if (length < 1 || !holds(src, offset, length)) return DROP_SHORT;
  const code = P.outerVersion === 6 ? checkIpv6(src, offset, length) : checkIpv4(src, offset, length);
  if (code !== 0) return code;
  if (src[offset + (P.outerVersion === 6 ? 6 : 9)] !== PACKET_ESP) return DROP_UNSUPPORTED;
  // ESP of fragments cannot be processed before reassembly [RFC 4303 §3.4.1].
  if (P.outerVersion === 4 && (u16(src, offset + 6) & 0x3fff) !== 0) return DROP_UNSUPPORTED;
  const header = ipSize(P.outerVersion, src, offset);
  const esp = offset + header;
  const end = offset + length;
  const size = P.outerVersion === 6 ? 16 : 4;
  if (
    (P.scope < 2 && !equal(src, offset + (P.outerVersion === 6 ? 24 : 16), D, P.atOuterDstIn, size)) ||
    (P.scope < 1 && !equal(src, offset + (P.outerVersion === 6 ? 8 : 12), D, P.atOuterSrcIn, size))
  ) {
    return end === esp ? DROP_SHORT : DROP_NO_SA;
  }
  packetBegin(src, offset, header, end, dst, at);
  const result = espReceive(src, esp, end, 0, now);
  packetMend();
  return result;
}

/** Packets sent, packets accepted. */
export function counter(which: number): number {
  return which === 0 ? espSent : espReceived;
}
