// ESP that comes in [RFC 4303 §3.4]: SA, sequence number, window, ICV, trailer, inner header; and the search for a number that
// an outage lost (core/esp/search.ts).

import { getBits } from '../../core/base/bits.ts';
import { equal } from '../../core/base/bytes.ts';
import {
  DROP_DUMMY,
  DROP_ICV,
  DROP_LIFETIME,
  DROP_NO_SA,
  DROP_REPLAY,
  DROP_SEQUENCE,
  DROP_SHORT,
  DROP_TRAILER,
} from '../../core/base/drop.ts';
import { randomOctets } from './crypto.ts';
import { echoAnswer } from './echo.ts';
import { type EspSa, espCount, espCrypt, espDice, espIn, espIsExpired, SN_MAX, SN_MAX_ESN } from './esp-sa.ts';
import { onPayload, onReserve } from './events.ts';
import { innerFlow, innerSize } from './inner.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

const NEXT_NONE = 59;
/** Packets accepted. */
export let espReceived = 0;
/** The number that the last packet was opened with; ICVs computed. */
let espSn = 0;
let espTrials = 0;
/** Thousandths of trials of the search that are left, and when they were filled up. */
let espBudget: number = P.searchBudget;
let espFilled = 0;

/** 0, or DROP_REPLAY when the number was seen or lies left of the window [RFC 4303 §3.4.3]. */
function espSeen(sa: EspSa, sn: number): number {
  const distance = sa.sn - sn;
  if (P.window === 0 || distance < 0) return 0;
  if (distance >= P.window) return DROP_REPLAY;
  const bits = P.window > 32 && distance > 31 ? sa.older : sa.recent;
  return ((bits >>> (distance & 31)) & 1) !== 0 ? DROP_REPLAY : 0;
}

/** Marks a number as seen. */
function espMark(sa: EspSa, sn: number): void {
  const step = sn - sa.sn;
  if (step > 0) {
    if (P.window > 32) {
      if (step > 63) sa.older = 0;
      else if (step > 31)
        sa.older = step === 32 ? sa.recent : ((sa.recent << (step - 32)) & 0xffffffff) >>> 0; // wide
      else sa.older = (((sa.older << step) | (sa.recent >>> (32 - step))) & 0xffffffff) >>> 0; // wide
    }
    sa.recent = step > 31 ? 1 : (((sa.recent << step) | 1) & 0xffffffff) >>> 0; // wide
    sa.sn = sn;
  } else if (step > -32)
    sa.recent = ((sa.recent | (1 << -step)) & 0xffffffff) >>> 0; // wide
  else if (P.window > 32 && step > -64) sa.older = ((sa.older | (1 << (-step - 32))) & 0xffffffff) >>> 0; // wide
}

/**
 * Opens ESP at buffer[at..end) with the numbers that are `first` to `last` times 2^k above the likely one (`recoverSn`). -1
 * asks whether the likely one was a replay: then DROP_REPLAY, when the ICV is right. 0, or why the first number failed.
 */
function espTry(sa: EspSa, buffer: Uint8Array, at: number, end: number, first: number, last: number): number {
  const iv = at + P.headerSize;
  const length = end - iv - P.ivSize - P.icvSize;
  if (length < 0) return DROP_SHORT;
  let sn = sa.sn + 1;
  if (P.snLsb > 0) {
    const low =
      P.snLsb === 8 && P.spiLsb % 8 === 0 ? buffer[at + P.spiLsb / 8] : getBits(buffer, at * 8 + P.spiLsb, P.snLsb);
    sn -= P.snBack;
    let distance = (low - sn) % P.snModulus;
    if (distance < 0) distance += P.snModulus;
    sn += distance;
    if (sn < 1) sn += P.snModulus;
  }
  let code = DROP_ICV;
  for (let skip = first; skip <= last; skip++) {
    const tried = sn + Math.max(0, skip) * P.snModulus;
    const seen = tried > (P.esn ? SN_MAX_ESN : SN_MAX) ? DROP_SEQUENCE : espSeen(sa, tried);
    if (skip === 0 && seen !== 0) code = seen;
    if (seen === DROP_SEQUENCE) break;
    if (seen !== (skip < 0 ? DROP_REPLAY : 0)) continue;
    espTrials++;
    if (!espCrypt(0, sa, tried, buffer, iv, length)) continue;
    espSn = tried;
    code = seen;
    break;
  }
  return code;
}

/** Searches further up for the number of a packet that failed, within the budget (core/esp/search.ts). The SA, or null. */
function espSearch(
  sa: EspSa,
  previous: EspSa | null,
  buffer: Uint8Array,
  at: number,
  end: number,
  now: number,
): EspSa | null {
  const before = espTrials;
  // Duplicates need no search, and tell of no loss.
  if (espTry(sa, buffer, at, end, -1, -1) === DROP_REPLAY) return null;
  if (P.spiLsb === 0 && previous !== null && espTry(previous, buffer, at, end, -1, -1) === DROP_REPLAY) return null;
  if (P.ike) sa.failures++;
  espBudget = Math.min(P.searchBudget, espBudget + (now - espFilled) * P.searchRate);
  espFilled = now;
  randomOctets(espDice, 0, 1);
  if (espBudget < P.searchBudget && espDice[0] * P.searchBudget >= espBudget * 256) return null;
  let by: EspSa | null = null;
  if (espTry(sa, buffer, at, end, previous === null ? 2 : 1, P.searchWraps) === 0) by = sa;
  else if (P.spiLsb === 0 && previous !== null && espTry(previous, buffer, at, end, 1, P.searchWraps) === 0)
    by = previous;
  espBudget -= (espTrials - before) * 1000;
  return by;
}

/** Takes ESP at buffer[at..end), with the ECN of the outer header. Returns 0, or a drop code. */
export function espReceive(buffer: Uint8Array, at: number, end: number, ecn: number, now: number): number {
  if (end === at) return DROP_SHORT;
  if ((end - at) * 8 < P.spiLsb) return DROP_NO_SA;
  let sa: EspSa | null = null;
  let previous: EspSa | null = null;
  for (let i = 0; i < espIn.length; i++) {
    const one = espIn[i];
    if (P.spiLsb === 0) {
      // [REKEY] The SA added last, then the one before it.
      if (sa === null) sa = one;
      else if (previous === null && !espIsExpired(one, now)) previous = one;
    } else if (
      P.spiLsb === 8
        ? buffer[at] === one.aad[3]
        : P.spiLsb % 8 === 0
          ? equal(buffer, at, one.aad, 4 - P.spiLsb / 8, P.spiLsb / 8)
          : getBits(buffer, at * 8, P.spiLsb) === getBits(one.aad, 32 - P.spiLsb, P.spiLsb)
    ) {
      sa = one;
    }
  }
  if (sa === null) return DROP_NO_SA;
  if (espIsExpired(sa, now)) return DROP_LIFETIME;
  const more = P.snLsb < 32 && (P.spiLsb > 0 || previous === null) ? 1 : 0;
  const code = espTry(sa, buffer, at, end, 0, more);
  if (code !== 0) {
    if (P.spiLsb === 0 && previous !== null && espTry(previous, buffer, at, end, 0, 0) === 0) sa = previous;
    else if (P.searchWraps > 0 && (code === DROP_ICV || code === DROP_REPLAY)) {
      sa = espSearch(sa, previous, buffer, at, end, now);
      if (sa === null) return code;
    } else return code;
  }
  if (P.reserve > 0 && espSn > sa.reserved) {
    const reserved = Math.min(P.esn ? SN_MAX_ESN : SN_MAX, espSn + P.reserveIn);
    onReserve(-1, reserved);
    sa.reserved = reserved;
  }
  espMark(sa, espSn);
  if (P.ike) {
    sa.failures = 0;
    sa.good = now;
  }
  const text = at + P.headerSize + P.ivSize;
  let n = end - P.icvSize - text;
  if (P.sendsNext) {
    if (n < 1) return DROP_TRAILER;
    n--;
    const next = buffer[text + n];
    if (P.nextHeader !== NEXT_NONE && next === NEXT_NONE) return DROP_DUMMY;
    if (P.nextHeader > 0 && next !== P.nextHeader) return DROP_TRAILER;
  }
  if (P.padded) {
    if (n < 1) return DROP_TRAILER;
    const padding = buffer[text + n - 1];
    n -= 1 + padding;
    if (n < 0) return DROP_TRAILER;
    for (let i = 0; i < padding; i++) if (buffer[text + n + i] !== i + 1) return DROP_TRAILER;
  }
  const flow = innerFlow(buffer, text, n, ecn);
  if (flow < 0) return flow;
  espCount(sa, now);
  espReceived++;
  if (P.echo && flow === P.flows) return echoAnswer(buffer, text + P.echoInSize, innerSize, now);
  return onPayload(buffer, text + P.inSize, innerSize, flow, now);
}
