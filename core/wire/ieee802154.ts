// IEEE 802.15.4 MAC frames, data and acknowledgement, of frame versions 2003 and 2006, without security
// [IEEE 802.15.4-2006 §7.2]. All integers and addresses are sent least significant octet first. This project keeps link-layer
// addresses in canonical order (EUI-64 as printed), so writing and reading reverse them.
//
//  | Frame Control (2) | Sequence (1) | Dst PAN (0/2) | Dst (0/2/8) | Src PAN (0/2) | Src (0/2/8) | payload | FCS (2) |
//
// Frame Control: type(3) security pending ack-request pan-compression reserved(3) dst-mode(2) version(2) src-mode(2).

import type { Address } from '../base/address.ts';
import { DROP_FCS, DROP_NOT_FOR_US, DROP_SHORT, DROP_TOO_LONG, DROP_UNSUPPORTED, DROP_VERSION } from '../base/drop.ts';
import { frameFcs } from '../base/spans.ts';

export { frameFcs };

/** aMaxPHYPacketSize: octets of the longest frame, FCS included. */
export const FRAME_MAX = 127;
/** Octets of the FCS. */
export const FCS_SIZE = 2;
/** Octets of an acknowledgement, FCS included. */
export const ACK_SIZE = 5;

/** Frame Control, low octet: frame types. */
export const FRAME_DATA = 1;
export const FRAME_ACK = 2;
/** Frame Control, low octet: flags. */
export const FRAME_SECURITY = 0x08;
export const FRAME_PENDING = 0x10;
export const FRAME_ACK_REQUEST = 0x20;
export const FRAME_PAN_COMPRESSION = 0x40;
/** Frame Control, high octet in bits 8..15: frame version 2006. */
export const FRAME_VERSION_2006 = 0x1000;

/** Offset in a frame of the Destination PAN Identifier (2 octets, then the address), where there is a destination. */
export const FRAME_DST = 3;

/** Octets of an address per addressing mode; mode 1 is reserved. */
const SIZES = [0, 0, 2, 8];

/** Octets of the destination address: 0, 2 or 8. */
export function frameDstLength(buffer: Uint8Array, offset: number): number {
  return SIZES[(buffer[offset + 1] >>> 2) & 3];
}

/** Octets of the source address: 0, 2 or 8. */
export function frameSrcLength(buffer: Uint8Array, offset: number): number {
  return SIZES[buffer[offset + 1] >>> 6];
}

/** Offset of the Destination PAN Identifier, see FRAME_DST. */
export function frameDst(_buffer: Uint8Array, offset: number): number {
  return offset + FRAME_DST;
}

/** Offset of the Source Address; valid only with a source. Its PAN, unless compressed, is the 2 octets before. */
export function frameSrc(buffer: Uint8Array, offset: number): number {
  const dst = frameDstLength(buffer, offset);
  return offset + 3 + (dst > 0 ? dst + 2 : 0) + ((buffer[offset] & FRAME_PAN_COMPRESSION) !== 0 ? 0 : 2);
}

/** Octets of the MHR, which precedes the payload. */
export function frameHeaderLength(buffer: Uint8Array, offset: number): number {
  const src = frameSrcLength(buffer, offset);
  const dst = frameDstLength(buffer, offset);
  return src > 0 ? frameSrc(buffer, offset) - offset + src : dst > 0 ? dst + 5 : 3;
}

/**
 * Checks a frame of `length` octets, MHR to FCS. After 0 it is a data or acknowledgement frame, without security, of
 * version 2003 or 2006, its FCS is right, and all accessors above, the PAN identifiers they speak of, the sequence
 * number and the FCS are within `length`.
 */
export function checkFrame(buffer: Uint8Array, offset: number, length: number): number {
  if (length < ACK_SIZE) return DROP_SHORT;
  if (length > FRAME_MAX) return DROP_TOO_LONG;
  if (frameFcs(buffer, offset, length) !== 0) return DROP_FCS;
  const low = buffer[offset];
  const high = buffer[offset + 1];
  const type = low & 7;
  if (type !== FRAME_DATA && type !== FRAME_ACK) return DROP_NOT_FOR_US;
  // Version 2 (802.15.4-2015) moves fields; mode 1 is reserved; compression needs both addresses [§7.2.1.1.5].
  const dst = (high >>> 2) & 3;
  const src = high >>> 6;
  if ((high & 0x20) !== 0 || dst === 1 || src === 1) return DROP_VERSION;
  if ((low & FRAME_PAN_COMPRESSION) !== 0 && dst * src === 0) return DROP_VERSION;
  if ((low & FRAME_SECURITY) !== 0) return DROP_UNSUPPORTED;
  return frameHeaderLength(buffer, offset) + FCS_SIZE > length ? DROP_SHORT : 0;
}

/** Copies an address and reverses it: from the order on air to canonical order, or back. */
export function copyReversed(
  to: Uint8Array,
  toOffset: number,
  from: Uint8Array,
  fromOffset: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) to[toOffset + i] = from[fromOffset + length - 1 - i];
}

/** Writes a 16-bit integer, least significant octet first. */
export function put16Le(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value & 0xff;
  buffer[offset + 1] = (value >>> 8) & 0xff;
}

/**
 * Writes an MHR and returns its octets. `control`: type, flags and version (FRAME_*); addressing modes are added from
 * the sizes (0, 2 or 8), PAN ID compression where both addresses are there: both are then in `pan` [§7.2.1.1.5].
 * Addresses are in canonical order. Not supported: frames from one PAN to another.
 */
export function emitHeader(
  buffer: Uint8Array,
  offset: number,
  control: number,
  sequence: number,
  pan: number,
  dst: Address,
  src: Address,
): number {
  put16Le(
    buffer,
    offset,
    control |
      (dst.size * src.size > 0 ? FRAME_PAN_COMPRESSION : 0) |
      ((dst.size > 2 ? 3 : dst.size) << 10) |
      ((src.size > 2 ? 3 : src.size) << 14),
  );
  buffer[offset + 2] = sequence & 0xff;
  // In all forms the PAN follows the sequence number.
  const header = frameHeaderLength(buffer, offset);
  if (header > 3) put16Le(buffer, offset + 3, pan);
  copyReversed(buffer, offset + 5, dst.octets, dst.at, dst.size);
  copyReversed(buffer, offset + header - src.size, src.octets, src.at, src.size);
  return header;
}

/** Writes the FCS after `length` octets of MHR and payload. Returns the octets of the whole frame. */
export function putFcs(buffer: Uint8Array, offset: number, length: number): number {
  put16Le(buffer, offset + length, frameFcs(buffer, offset, length));
  return length + FCS_SIZE;
}

/** Writes an acknowledgement of ACK_SIZE octets; `control` is 0 or FRAME_PENDING. */
export function emitAck(buffer: Uint8Array, offset: number, control: number, sequence: number): void {
  put16Le(buffer, offset, FRAME_ACK | control);
  buffer[offset + 2] = sequence & 0xff;
  putFcs(buffer, offset, 3);
}
