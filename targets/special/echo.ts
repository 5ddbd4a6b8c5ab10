// Answers ICMPv6 echo requests [RFC 4443 §4.2] to the device's address. The reply has the template's traffic class and hop limit.

import { put16, u16 } from '../../core/base/bytes.ts';
import { foldSum } from '../../core/base/checksum.ts';
import { DROP_CHECKSUM, DROP_SHORT, DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import { ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST, PROTO_ICMPV6 } from '../../core/wire/icmpv6.ts';
import { echoWaits } from './echo-waits.ts';
import { espSend } from './esp.ts';
import { innerSum } from './inner.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

/** Answers the ICMPv6 message buffer[at..at + length). Returns 0, or a drop code. */
export function echoAnswer(buffer: Uint8Array, at: number, length: number, now: number): number {
  if (length < 8) return DROP_SHORT;
  if (buffer[at] !== ICMPV6_ECHO_REQUEST || buffer[at + 1] !== 0) return DROP_UNSUPPORTED;
  if (innerSum(PROTO_ICMPV6, buffer, at, length) !== 0) return DROP_CHECKSUM;
  buffer[at] = ICMPV6_ECHO_REPLY;
  // The type is one more, so the sum of its word 256 [RFC 1624 §3].
  put16(buffer, at + 2, foldSum((~u16(buffer, at + 2) & 0xffff) + 256));
  const code = espSend(P.flows, buffer, at, length, now);
  if (code < 0) return code;
  echoWaits[0] = 1;
  return 0;
}
