// Answers ICMPv6 echo requests [RFC 4443 §4.2]. A board that wants to answer pings gives `answerEcho` to its device.

import { DROP_SHORT, DROP_UNSUPPORTED } from '../base/drop.ts';
import {
  checkEcho,
  echoIdentifier,
  echoSequence,
  emitEcho,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  PROTO_ICMPV6,
} from './icmpv6.ts';
import { IPV6_DST, IPV6_HOP_LIMIT, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from './ipv6.ts';

/**
 * Turns the echo request packet[0..length), a verified IPv6 packet, into its reply. Returns `length`, or a drop code
 * for anything else.
 */
export function answerEcho(packet: Uint8Array, length: number): number {
  if (packet[IPV6_NEXT_HEADER] !== PROTO_ICMPV6) return DROP_UNSUPPORTED;
  if (length < IPV6_SIZE) return DROP_SHORT;
  const code = checkEcho(packet, IPV6_SIZE, length, 0);
  if (code < 0) return code;
  if (packet[IPV6_SIZE] !== ICMPV6_ECHO_REQUEST) return DROP_UNSUPPORTED;
  for (let i = 0; i < 16; i++) {
    const octet = packet[IPV6_SRC + i];
    packet[IPV6_SRC + i] = packet[IPV6_DST + i];
    packet[IPV6_DST + i] = octet;
  }
  packet[IPV6_HOP_LIMIT] = 64;
  const identifier = echoIdentifier(packet, IPV6_SIZE);
  emitEcho(packet, IPV6_SIZE, length, 0, ICMPV6_ECHO_REPLY, identifier, echoSequence(packet, IPV6_SIZE));
  return length;
}
