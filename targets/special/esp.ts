// ESP of one profile [RFC 4303; draft-ietf-ipsecme-diet-esp]: what core/esp does for any SA, with everything known but keys,
// SPIs, sequence numbers and the octets of the device. Inner packets are UDP (or UDP-Lite) of a few flows: what Diet-ESP sends
// of their headers is a template, which the host computed with the rules of core/dietesp.

import { putBits } from '../../core/base/bits.ts';
import { copy, u32 } from '../../core/base/bytes.ts';
import { DROP_EXHAUSTED, DROP_LIFETIME, DROP_QUEUE, DROP_SELECTOR, DROP_TOO_LONG } from '../../core/base/drop.ts';
import { type EspSa, espCount, espCrypt, espIsExpired, espOut, SN_MAX, SN_MAX_ESN } from './esp-sa.ts';
import { onReserve } from './events.ts';
import { innerPut, innerSize } from './inner.ts';
import { linkIsBusy, linkTake } from './link.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

/** An outgoing packet, from ESP to ICV. Suites with HMAC need room in front for the whole ESP header. */
const espBuffer: Uint8Array = /* @__PURE__ */ new Uint8Array(
  (P.nullHmac ? 8 : 0) + P.headerSize + P.ivSize + P.outSize + P.maxPayload + P.alignment + 2 + 4 + P.icvSize,
);
/** Packets sent. */
export let espSent = 0;

/**
 * Sends a UDP payload of flow `flow`. Returns 1, and `onSent` tells the end, or a drop code: then no number was used. A
 * packet that waits for the radio must have gone out.
 */
export function espSend(flow: number, payload: Uint8Array, offset: number, length: number, now: number): number {
  if (length < 0 || length > P.maxPayload) return DROP_TOO_LONG;
  if (linkIsBusy()) return DROP_QUEUE;
  let sa: EspSa | null = null;
  let code = DROP_SELECTOR;
  for (let i = 0; sa === null && i < espOut.length; i++) {
    const one = espOut[i];
    if (P.ike && one.isOver) continue;
    if (espIsExpired(one, now)) code = DROP_LIFETIME;
    else if (one.sn >= (P.esn ? SN_MAX_ESN : SN_MAX)) code = DROP_EXHAUSTED;
    else sa = one;
  }
  if (sa === null) return code;
  const sn = sa.sn + 1;
  const at = P.nullHmac ? 8 : 0;
  const iv = at + P.headerSize;
  const text = iv + P.ivSize;
  innerPut(flow, payload, offset, length, espBuffer, text);
  let n = P.packets ? innerSize : (P.echo && flow === P.flows ? P.echoOutSize : P.outSize) + length;
  if (P.packets && n < 0) return n;
  if (P.padded) {
    const over = (n + (P.sendsNext ? 2 : 1)) % P.alignment;
    const padding = over === 0 ? 0 : P.alignment - over;
    for (let k = 1; k <= padding; k++) espBuffer[text + n++] = k;
    espBuffer[text + n++] = padding;
  }
  if (P.sendsNext) {
    espBuffer[text + n++] = P.nextHeader > 0 ? P.nextHeader : payload[offset + (P.ipVersion === 6 ? 6 : 9)];
  }
  if (P.reserve > 0 && sn > sa.reserved) {
    // Storage first: where it fails, no number is used. None is above the largest.
    const reserved = Math.min(P.esn ? SN_MAX_ESN : SN_MAX, sa.sn + P.reserve);
    onReserve(reserved, -1);
    sa.reserved = reserved;
  }
  espCrypt(1, sa, sn, espBuffer, iv, n);
  sa.sn = sn;
  if (P.spiLsb % 8 === 0) {
    // A call for one octet costs more than the octet.
    if (P.spiLsb === 8) espBuffer[at] = sa.aad[3];
    else if (P.spiLsb > 0) copy(espBuffer, at, sa.aad, 4 - P.spiLsb / 8, P.spiLsb / 8);
    if (P.snLsb === 8) espBuffer[at + P.spiLsb / 8] = sa.aad[P.esn ? 11 : 7];
    else if (P.snLsb > 0) copy(espBuffer, at + P.spiLsb / 8, sa.aad, (P.esn ? 12 : 8) - P.snLsb / 8, P.snLsb / 8);
  } else {
    putBits(espBuffer, at * 8, P.spiLsb, sa.spi);
    putBits(espBuffer, at * 8 + P.spiLsb, P.snLsb, u32(sa.aad, P.esn ? 8 : 4));
  }
  espCount(sa, now);
  espSent++;
  linkTake(espBuffer, at, P.headerSize + P.ivSize + n + P.icvSize, false, now);
  return 1;
}
