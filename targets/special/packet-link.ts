// The outer IP header of packets of one profile (stands in for link.ts): what ESP sends goes to an array at once.

import { copy, put16, u16, u32 } from '../../core/base/bytes.ts';
import { emitIpv4, IPV4_NOT_ATOMIC, putIpv4Checksum } from '../../core/wire/ipv4.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { D } from './data.ts';
import { espLow } from './esp-sa.ts';
import { ipSize } from './packet-inner.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

const PROTOCOL_ESP = 50;
const linkNone: Uint8Array = /* @__PURE__ */ new Uint8Array(0);
// The inner packet, and where the outer one goes.
let linkFrom: Uint8Array = linkNone;
let linkOffset = 0;
let linkTo: Uint8Array = linkNone;
let linkAt = 0;
/** Octets of the packet that was written last. */
export let linkLength = 0;

/** Before a packet goes out: it is at from[offset..); the outer packet goes to to[at..). */
export function linkBegin(from: Uint8Array, offset: number, to: Uint8Array, at: number): void {
  linkFrom = from;
  linkOffset = offset;
  linkTo = to;
  linkAt = at;
}

export function linkIsBusy(): boolean {
  return false;
}

/** The outer header of a tunnel. Class, hop limit and label are the inner ones: "lower" restores them from here. */
function linkTunnel(from: Uint8Array, offset: number, to: Uint8Array, at: number, length: number): void {
  const isWide = P.innerVersion === 6;
  const trafficClass = isWide ? (u16(from, offset) >>> 4) & 0xff : from[offset + 1];
  const hops = from[offset + (isWide ? 7 : 8)];
  let flow = 0;
  if (P.flowLower) flow = isWide ? u32(from, offset) & 0xfffff : u16(from, offset + 4);
  else if (P.df === 1 || (P.df === 2 && !isWide && (from[offset + 6] & 0x40) === 0)) {
    // [RFC 6864 §4.2] The sequence number tells packets apart that may be fragmented.
    flow = IPV4_NOT_ATOMIC + (espLow & 0xffff);
  }
  copy(to, at + (P.outerVersion === 6 ? 8 : 12), D, P.atOuterSrc, P.outerVersion === 6 ? 16 : 4);
  copy(to, at + (P.outerVersion === 6 ? 24 : 16), D, P.atOuterDst, P.outerVersion === 6 ? 16 : 4);
  if (P.outerVersion === 6) emitIpv6(to, at, trafficClass, flow, length, PROTOCOL_ESP, hops);
  else {
    // A label of IPv6 can be wider than Identification, so its high bits say nothing.
    emitIpv4(to, at, trafficClass, flow < IPV4_NOT_ATOMIC ? flow & 0xffff : flow, 20 + length, PROTOCOL_ESP, hops);
  }
}

/** Writes the outer header, and ESP behind it. */
export function linkTake(buffer: Uint8Array, start: number, length: number, _isIke: boolean, _now: number): void {
  const header = P.tunnel ? (P.outerVersion === 6 ? 40 : 20) : ipSize(P.innerVersion, linkFrom, linkOffset);
  copy(linkTo, linkAt + header, buffer, start, length);
  linkLength = header + length;
  if (P.tunnel) linkTunnel(linkFrom, linkOffset, linkTo, linkAt, length);
  else {
    copy(linkTo, linkAt, linkFrom, linkOffset, header);
    linkTo[linkAt + (P.outerVersion === 6 ? 6 : 9)] = PROTOCOL_ESP;
    if (P.outerVersion === 6) put16(linkTo, linkAt + 4, length);
    else {
      put16(linkTo, linkAt + 2, header + length);
      putIpv4Checksum(linkTo, linkAt);
    }
  }
}
