// What ESP carried in octets, and what ESP of RFC 4303 would have taken for the same packets: a few additions a packet.

import type { SaForm } from '../../../core/esp/sa.ts';
import { IPV6_SIZE } from '../../../core/wire/ipv6.ts';

/** Octets of one direction. The outer IP header, and UDP or TCP around ESP, are not in them. */
export interface TrafficMetrics {
  /** Inner IP packets. */
  inner: number;
  /** ESP packets, from the SPI to the ICV. */
  esp: number;
  /** The same packets as ESP without compression, with the same suite [RFC 4303 §2]. */
  uncompressed: number;
}

/** SPI and sequence number; Pad Length and Next Header; the alignment of what is encrypted, at least. */
const HEADER = 8;
const TRAILER = 2;
const ALIGNMENT = 4;

/** Octets of packet[0..length) as ESP without compression. */
function uncompressedSize({ shape, suite }: SaForm, packet: Uint8Array, length: number): number {
  const header = shape.tunnel ? 0 : packet[0] >>> 4 === 6 ? IPV6_SIZE : 4 * (packet[0] & 15);
  const alignment = Math.max(ALIGNMENT, suite.blockSize);
  const clear = Math.ceil((length - header + TRAILER) / alignment) * alignment;
  return HEADER + suite.ivLength + clear + suite.icvLength;
}

/** Counts the inner packet packet[0..length) that is, or was, `esp` octets of ESP. */
export function countTraffic(
  traffic: TrafficMetrics,
  form: SaForm,
  packet: Uint8Array,
  length: number,
  esp: number,
): void {
  traffic.inner += length;
  traffic.esp += esp;
  traffic.uncompressed += uncompressedSize(form, packet, length);
}
