// Inner packets of one profile that are whole IP packets (stands in for inner.ts): they are compressed and restored by the
// functions that packet-rules.ts stands for.

import { copy, u16, u32 } from '../../core/base/bytes.ts';
import { DROP_DUMMY, DROP_ECN, DROP_TOO_LONG } from '../../core/base/drop.ts';
import { SLOT_COUNT, SLOT_DSCP, SLOT_ECN, SLOT_FLOW, SLOT_GENERATED, SLOT_HOPS } from '../../core/wire/header.ts';
import { putIpv4Checksum } from '../../core/wire/ipv4.ts';
import { espLow, espSpi } from './esp-sa.ts';
import { packetCompress, packetRestore } from './packet-rules.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

const NEXT_NONE = 59;
/** Octets that `innerPut` wrote, or its drop code. */
export let innerSize = 0;
/** Values of the outer header of the packet that comes in. */
const packetSlots: Int32Array = /* @__PURE__ */ new Int32Array(SLOT_COUNT);
/** The 8 octets before the IV, where suites with HMAC work. */
const packetSpare: Uint8Array = /* @__PURE__ */ new Uint8Array(P.nullHmac ? 8 : 0);
// Where packets go: the array, and the first octet.
let packetTo: Uint8Array = packetSpare;
let packetAt = 0;
// The outer header of the packet that comes in: array, first octet, octets, end of the packet.
let packetFrom: Uint8Array = packetSpare;
let packetOuter = 0;
let packetHeader = 0;
let packetEnd = 0;

/** Octets of the IP header of version `version` at `offset`. */
export function ipSize(version: number, buffer: Uint8Array, offset: number): number {
  return version === 6 ? 40 : (buffer[offset] & 15) * 4;
}

/** Compresses the packet buffer[offset..offset + length); `innerSize` tells the octets written, or a drop code. */
export function innerPut(
  _flow: number,
  packet: Uint8Array,
  offset: number,
  length: number,
  buffer: Uint8Array,
  at: number,
): void {
  innerSize = packetCompress(packet, offset, offset + length, buffer, at);
  if (innerSize < 0) return;
  const tail = innerSize + (P.padded ? 1 : 0) + (P.sendsNext ? 1 : 0);
  const over = P.padded ? tail % P.alignment : 0;
  const clear = over === 0 ? tail : tail + P.alignment - over;
  const outer = P.tunnel ? (P.outerVersion === 6 ? 40 : 20) : ipSize(P.innerVersion, packet, offset);
  if (outer + P.headerSize + P.ivSize + clear + P.icvSize > 65535) innerSize = DROP_TOO_LONG;
  // The segment's protocol as Next Header would make a dummy packet [RFC 4303 §2.6].
  if (P.nextHeader === 0 && packet[offset + (P.innerVersion === 6 ? 6 : 9)] === NEXT_NONE) innerSize = DROP_DUMMY;
}

/**
 * Before a packet comes in: its outer header is at from[outer..), ESP begins `header` octets behind and goes up to `end`. The
 * inner packet goes to to[at..).
 */
export function packetBegin(
  from: Uint8Array,
  outer: number,
  header: number,
  end: number,
  to: Uint8Array,
  at: number,
): void {
  packetFrom = from;
  packetOuter = outer;
  packetHeader = header;
  packetEnd = end;
  packetTo = to;
  packetAt = at;
  if (P.nullHmac) copy(packetSpare, 0, from, outer + header + P.headerSize + P.ivSize - 8, 8);
}

/** Puts back the octets that the cipher suite used. */
export function packetMend(): void {
  if (P.nullHmac) copy(packetFrom, packetOuter + packetHeader + P.headerSize + P.ivSize - 8, packetSpare, 0, 8);
}

/** Restores the packet whose clear text is buffer[at..at + length). Returns its length, or a drop code. */
export function innerFlow(buffer: Uint8Array, at: number, length: number, _ecn: number): number {
  packetMend();
  if (P.tunnel) {
    if (P.outerVersion === 6) {
      const word = u32(packetFrom, packetOuter);
      packetSlots[SLOT_DSCP] = (word >>> 22) & 0x3f;
      packetSlots[SLOT_ECN] = (word >>> 20) & 3;
      packetSlots[SLOT_FLOW] = word & 0xfffff;
      packetSlots[SLOT_HOPS] = packetFrom[packetOuter + 7];
    } else {
      packetSlots[SLOT_DSCP] = packetFrom[packetOuter + 1] >>> 2;
      packetSlots[SLOT_ECN] = packetFrom[packetOuter + 1] & 3;
      packetSlots[SLOT_FLOW] = u16(packetFrom, packetOuter + 4);
      packetSlots[SLOT_HOPS] = packetFrom[packetOuter + 8];
    }
    // A label per SA, from the SPI, which is random [RFC 6437 §3]; an Identification per packet [RFC 6864 §4.2].
    if (P.generates) packetSlots[SLOT_GENERATED] = P.innerVersion === 4 ? espLow & 0xffff : espSpi & 0xfffff;
  } else {
    if (packetAt + packetHeader > packetTo.length) return DROP_TOO_LONG;
    copy(packetTo, packetAt, packetFrom, packetOuter, packetHeader);
    packetTo[packetAt + (P.innerVersion === 6 ? 6 : 9)] =
      P.nextHeader !== 0 ? P.nextHeader : buffer[packetEnd - P.icvSize - 1];
  }
  const size = packetRestore(buffer, at, length, packetSlots, packetTo, packetAt);
  if (P.combinesEcn && size > 0) {
    const outer = packetSlots[SLOT_ECN];
    const octet = packetTo[packetAt + 1];
    const inner = P.innerVersion === 6 ? (octet >>> 4) & 3 : octet & 3;
    // [RFC 6040 §4.2] Congestion that a packet cannot carry on.
    if (outer === 3 && inner === 0) return DROP_ECN;
    const combined = outer === 3 ? 3 : inner === 2 && outer === 1 ? 1 : inner;
    if (combined !== inner) {
      if (P.innerVersion === 6) packetTo[packetAt + 1] = (octet & 0xcf) | (combined << 4);
      else {
        packetTo[packetAt + 1] = (octet & 0xfc) | combined;
        putIpv4Checksum(packetTo, packetAt);
      }
    }
  }
  return size;
}
