// The private iipc_profile `coap`: packets of SAs whose peers have the same rules for CoAP (dietesp/coap-rules.ts). The UDP payload
// of an inner packet is compressed before IIPC, and restored after it. Everything else is as in outbound.ts and inbound.ts:
// other protocols and fragments too.
//
// The first rule goes without RuleID. The sequence number says so, at no cost: odd numbers mean the first rule, even ones that a
// RuleID is there. A number of the other kind is left out, as senders may [RFC 4303 §3.3.3]. The ICV covers the number whole,
// though few of its bits are on the wire: nobody can change what a packet means.

import { copy } from '../base/bytes.ts';
import { DROP_TOO_LONG } from '../base/drop.ts';
import { packCoap, unpackCoap } from '../dietesp/coap-rules.ts';
import type { Header } from '../wire/header.ts';
import { PROTO_UDP, UDP_SIZE } from '../wire/udp.ts';
import { drop, type Endpoint } from './endpoint.ts';
import { inbound } from './inbound.ts';
import { outbound } from './outbound.ts';
import type { Sa } from './sa.ts';

const TWO_32 = 65536 * 65536;
/** Longest packet. */
const PACKET_MAX = 65535;

/** The header that the SA's rules compress as UDP, or null. */
function udpOf(sa: Sa): Header | null {
  const transports = sa.form.shape.transports;
  for (let i = 0; i < transports.length; i++) if (transports[i].proto === PROTO_UDP) return transports[i];
  return null;
}

/**
 * Offset of the payload of the UDP packet at `ip`, when it is one that the profile covers: whole, its UDP header behind an IP
 * header that IIPC compresses too (HDR-EXTENT). -1: it stays as it is.
 */
function payloadOf(sa: Sa, udp: Header, buffer: Uint8Array, ip: number, end: number): number {
  const shape = sa.form.shape;
  const network = shape.network;
  if (network.verify(buffer, ip, end, ip) < 0 || buffer[ip + network.protocol] !== PROTO_UDP) return -1;
  const size = network.headerSize(buffer, ip);
  if (network.fragment(buffer, ip) !== 0 || (shape.tunnel && size !== network.size)) return -1;
  // A checksum that is wrong must not be made right.
  return udp.verify(buffer, ip + size, end, ip) < 0 ? -1 : ip + size + UDP_SIZE;
}

/** Lengths and checksums of a packet whose payload has changed. */
function complete(sa: Sa, udp: Header, buffer: Uint8Array, ip: number, payload: number, end: number): void {
  const network = sa.form.shape.network;
  udp.putLengths(buffer, payload - UDP_SIZE, end);
  network.putLengths(buffer, ip, end);
  udp.putChecksums(buffer, payload - UDP_SIZE, end, ip);
  network.putChecksums(buffer, ip, end, ip);
}

/** Leaves a sequence number out, if the next one is not odd (or even). Behind the last one there is none. */
function align(sa: Sa, isOdd: boolean): void {
  if (((sa.snLo + 1) & 1) === (isOdd ? 1 : 0) || sa.form.counter.last(sa.snHi, sa.snLo)) return;
  sa.snLo = (sa.snLo + 1) % TWO_32;
  if (sa.snLo === 0) sa.snHi++;
}

/**
 * `outbound` for any SA: where it has rules for CoAP (`Sa.coap`), with the UDP payload compressed. The same arguments and
 * results; the counters of the SA are those of the packet as it was given.
 */
export function outboundCoap(
  endpoint: Endpoint,
  sa: Sa,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
  now: number,
): number {
  const rules = sa.coap === undefined ? null : sa.coap;
  const udp = rules === null ? null : udpOf(sa);
  const end = srcOffset + srcLength;
  const payload = udp === null ? -1 : payloadOf(sa, udp, src, srcOffset, end);
  if (rules === null || udp === null || payload < 0) {
    return outbound(endpoint, sa, src, srcOffset, srcLength, dst, dstOffset, now);
  }
  const packet = rules.packet;
  const head = payload - srcOffset;
  if (srcLength >= packet.length) {
    sa.dropRefused++;
    return drop(endpoint, DROP_TOO_LONG);
  }
  copy(packet, 0, src, srcOffset, head);
  const size = packCoap(rules, src, payload, end - payload, packet, head);
  complete(sa, udp, packet, 0, head, head + size);
  const hi = sa.snHi;
  const lo = sa.snLo;
  align(sa, rules.context.isImplied);
  const result = outbound(endpoint, sa, packet, 0, head + size, dst, dstOffset, now);
  if (result < 0) {
    sa.snHi = hi;
    sa.snLo = lo;
  } else sa.bytes += srcLength - head - size;
  return result;
}

/**
 * What remains to be done with a packet that `inbound` restored to dst[dstOffset..dstOffset + size), before another one comes
 * in: its payload is restored, too, where its SA has rules for CoAP. Returns the packet's length, or a drop code, counted.
 */
export function restoreCoap(endpoint: Endpoint, dst: Uint8Array, dstOffset: number, size: number): number {
  const sa = endpoint.sa;
  const rules = sa === null || sa.coap === undefined ? null : sa.coap;
  const udp = sa === null || rules === null ? null : udpOf(sa);
  if (sa === null || rules === null || udp === null) return size;
  const end = dstOffset + size;
  const payload = payloadOf(sa, udp, dst, dstOffset, end);
  if (payload < 0) return size;
  const isImplied = (endpoint.sn.lo & 1) === 1;
  const scratch = rules.packet;
  let length = unpackCoap(rules, isImplied, dst, payload, end - payload, scratch, 0);
  const total = payload - dstOffset + length;
  if (length >= 0 && (total > PACKET_MAX || dstOffset + total > dst.length)) length = DROP_TOO_LONG;
  if (length < 0) {
    // Only a peer with other rules makes such a packet. It is not one that was accepted.
    sa.packets--;
    sa.bytes -= size;
    sa.dropMalformed++;
    endpoint.received--;
    return drop(endpoint, length);
  }
  copy(dst, payload, scratch, 0, length);
  complete(sa, udp, dst, dstOffset, payload, payload + length);
  sa.bytes += total - size;
  return total;
}

/** `inbound` for any SA, with the UDP payload restored where it has rules for CoAP. The same arguments and results. */
export function inboundCoap(
  endpoint: Endpoint,
  src: Uint8Array,
  srcOffset: number,
  srcLength: number,
  dst: Uint8Array,
  dstOffset: number,
  now: number,
): number {
  const size = inbound(endpoint, src, srcOffset, srcLength, dst, dstOffset, now);
  return size < 0 ? size : restoreCoap(endpoint, dst, dstOffset, size);
}
