// ICMPv6 echo [RFC 4443 §4.1, §4.2]: Type, Code, Checksum, Identifier, Sequence Number, data. Used by a device to
// answer pings; Diet-ESP itself carries ICMPv6 as payload.

import { put16, u16 } from '../base/bytes.ts';
import { pseudoSum, putChecksum, sumsToZero } from '../base/checksum.ts';
import { DROP_CHECKSUM, DROP_SHORT, DROP_UNSUPPORTED } from '../base/drop.ts';

/** Echo messages of ICMPv6 [RFC 4443 §4]: octets of the header, offsets of its fields, types. */
export const ICMPV6_SIZE = 8;
export const ICMPV6_TYPE = 0;
export const ICMPV6_CHECKSUM = 2;
export const ICMPV6_IDENTIFIER = 4;
export const ICMPV6_SEQUENCE = 6;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
/** Protocol number of ICMPv6. */
export const PROTO_ICMPV6 = 58;

/** Checks an echo message that ends at `end`. After 0 all its fields can be read and the checksum is right. */
export function checkEcho(buffer: Uint8Array, offset: number, end: number, ip: number): number {
  const length = end - offset;
  if (length < ICMPV6_SIZE) return DROP_SHORT;
  const type = buffer[offset + ICMPV6_TYPE];
  if ((type !== ICMPV6_ECHO_REQUEST && type !== ICMPV6_ECHO_REPLY) || buffer[offset + 1] !== 0) return DROP_UNSUPPORTED;
  return sumsToZero(buffer, offset, length, pseudoSum(buffer, ip, PROTO_ICMPV6, length)) ? 0 : DROP_CHECKSUM;
}

/** Writes the echo header in front of data that ends at `end`; the IP addresses are there already. */
export function emitEcho(
  buffer: Uint8Array,
  offset: number,
  end: number,
  ip: number,
  type: number,
  identifier: number,
  sequence: number,
): void {
  buffer[offset] = type;
  buffer[offset + 1] = 0;
  put16(buffer, offset + ICMPV6_IDENTIFIER, identifier);
  put16(buffer, offset + ICMPV6_SEQUENCE, sequence);
  const length = end - offset;
  putChecksum(buffer, offset + ICMPV6_CHECKSUM, offset, length, pseudoSum(buffer, ip, PROTO_ICMPV6, length), 0);
}

/** The Identifier of a checked echo message. */
export function echoIdentifier(buffer: Uint8Array, offset: number): number {
  return u16(buffer, offset + ICMPV6_IDENTIFIER);
}

/** The Sequence Number of a checked echo message. */
export function echoSequence(buffer: Uint8Array, offset: number): number {
  return u16(buffer, offset + ICMPV6_SEQUENCE);
}
