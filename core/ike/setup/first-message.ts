// The first request of an IKE SA may be on its way twice: as it was sent first, and with the COOKIE that it was asked for. AUTH covers
// the one that the initiator sent last [RFC 7296 §2.15]. The responder may have answered the other, which came late, and may get
// IKE_AUTH before the last one. So it takes both for the same request, and answers either. It knows what it asked for, and
// lets AUTH tell which request it was.

import { put32 } from '../../base/bytes.ts';
import { DROP_DUPLICATE } from '../../base/drop.ts';
import { copy, equal } from '../../base/spans.ts';
import { IKE_LENGTH, IKE_NEXT, IKE_SIZE, IKE_SPI_I, notifyType, parsePayloads } from '../codec/message.ts';
import { N_COOKIE, PAYLOAD_NONCE, PAYLOAD_NOTIFY } from '../codec/numbers.ts';
import { NONE, take } from '../codec/octets.ts';
import { bodyOf } from '../codec/payloads.ts';
import { COUNT_ANSWERED_AGAIN, count, dropped } from '../exchange/registry.ts';
import { transmitAll } from '../exchange/send.ts';
import type { Ike } from '../state/ike.ts';
import type { IkeSa } from '../state/sa.ts';
import type { Setup } from '../state/setup.ts';
import { hasCookie, recentCookies } from './cookie.ts';
import type { Desk } from './half-open.ts';

/** Where the payloads behind a leading COOKIE begin, in octets from `at`; IKE_SIZE: there is none. */
function behindCookie(buffer: Uint8Array, at: number, length: number): number {
  const first = at + IKE_SIZE;
  if (buffer[at + IKE_NEXT] !== PAYLOAD_NOTIFY || length < IKE_SIZE + 8) return IKE_SIZE;
  const size = buffer[first + 2] * 256 + buffer[first + 3];
  const isWhole = size >= 8 && IKE_SIZE + size <= length && notifyType(buffer, first + 4) === N_COOKIE;
  return isWhole ? IKE_SIZE + size : IKE_SIZE;
}

/** The type of the payload there. */
function typeBehind(buffer: Uint8Array, at: number, behind: number): number {
  return behind === IKE_SIZE ? buffer[at + IKE_NEXT] : buffer[at + IKE_SIZE];
}

/** True when the request at buffer[at..at+length) is `first`, or differs from it in a leading COOKIE alone. */
function isSameRequest(first: Uint8Array, buffer: Uint8Array, at: number, length: number): boolean {
  const a = behindCookie(first, 0, first.length);
  const b = behindCookie(buffer, at, length);
  if (first.length - a !== length - b || first.length < IKE_SIZE) return false;
  // SPIs; version, exchange, flags and Message ID; then what is behind the COOKIE.
  return (
    typeBehind(first, 0, a) === typeBehind(buffer, at, b) &&
    equal(first, 0, buffer, at, IKE_NEXT) &&
    equal(first, IKE_NEXT + 1, buffer, at + IKE_NEXT + 1, IKE_LENGTH - IKE_NEXT - 1) &&
    equal(first, a, buffer, at + b, length - b)
  );
}

/** The request `first` with this COOKIE in front of its other payloads. */
function withCookie(first: Uint8Array, cookie: Uint8Array): Uint8Array {
  const behind = behindCookie(first, 0, first.length);
  const size = 8 + cookie.length;
  const length = IKE_SIZE + size + first.length - behind;
  const out = new Uint8Array(length);
  copy(out, 0, first, 0, IKE_SIZE);
  out[IKE_NEXT] = PAYLOAD_NOTIFY;
  put32(out, IKE_LENGTH, length);
  out[IKE_SIZE] = typeBehind(first, 0, behind);
  out[IKE_SIZE + 3] = size;
  out[IKE_SIZE + 6] = N_COOKIE >>> 8;
  out[IKE_SIZE + 7] = N_COOKIE & 0xff;
  copy(out, IKE_SIZE + 8, cookie, 0, cookie.length);
  copy(out, IKE_SIZE + size, first, behind, first.length - behind);
  return out;
}

/** The requests that the initiator may have sent last, if not the one that was answered: with a COOKIE that it was asked for. */
export function otherRequests(desk: Desk, ike: Ike, sa: IkeSa): Uint8Array[] {
  const setup = sa.setup!;
  const cookies = recentCookies(ike, desk.cookies, sa.path, take(sa.spis, 0, 8), setup.kx.nonceI, ike.incoming.now);
  const out: Uint8Array[] = [];
  for (let i = 0; i < cookies.length; i++) out.push(withCookie(setup.message1, cookies[i]));
  return out;
}

/** True when the request that was answered is in ike.incoming, with a COOKIE of ours. */
function isSame(desk: Desk, ike: Ike, setup: Setup): boolean {
  const d = ike.incoming;
  const m = ike.message;
  const at = d.offset;
  if (!isSameRequest(setup.message1, d.buffer, at, d.length)) return false;
  m.buffer = d.buffer;
  if (parsePayloads(m.payloads, d.buffer, d.buffer[at + IKE_NEXT], at + IKE_SIZE, at + d.length) !== 0) return false;
  const spi = take(d.buffer, at + IKE_SPI_I, 8);
  return hasCookie(ike, desk.cookies, d.path, m, spi, bodyOf(m, PAYLOAD_NONCE));
}

/** Handles a request of an asker with a half-open SA: a repetition is answered again. */
export function answerAgain(desk: Desk, ike: Ike, known: IkeSa): number {
  const d = ike.incoming;
  const setup = known.setup;
  const first = setup === null ? NONE : setup.message1;
  const isAgain = first.length === d.length && equal(first, 0, d.buffer, d.offset, d.length);
  if (!isAgain && (setup === null || !isSame(desk, ike, setup))) return dropped(ike, DROP_DUPLICATE);
  count(ike, COUNT_ANSWERED_AGAIN);
  if (setup !== null) transmitAll(ike, known, setup.message2, d.now);
  return 0;
}
