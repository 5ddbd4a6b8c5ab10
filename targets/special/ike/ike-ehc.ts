// Diet-ESP by EHC_SUPPORTED, for gateways that have no other notify [draft-ietf-ipsecme-ikev2-diet-esp-extension-00]: masks of
// values. As core/ike/child/ehc.ts.

import { u16 } from '../../../core/base/bytes.ts';
import { PAYLOAD_NOTIFY } from '../../../core/ike/codec/numbers.ts';
import { putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { chain, foundAt, foundSize, seek, W } from './payloads.ts';

declare const P: Profile;

/** True when the parameters at [at..end) have the profile's masks. Not named: any bit but the fifth in an offer, 1 in an answer. */
function fitsMasks(at: number, end: number, isAnswer: boolean): boolean {
  let foreign = 0;
  let diet = 0;
  let isStrange = false;
  let seen = 0;
  let good = 0;
  putHex(W, 0, P.ehcMasks);
  for (; end - at >= 4; at += 4) {
    const type = u16(chain, at) - 0x8000;
    const value = u16(chain, at + 2);
    if (type < 0 || ((seen >>> type) & 1) === 1) return false;
    if (type === 0) {
      if (value === 0) diet++;
      else foreign++;
    } else if (type > 4) isStrange = true;
    else {
      // Alignment and flow have two bits, the others five.
      const known = value & (type === 1 || type === 4 ? 3 : 31);
      seen |= 1 << type;
      if (isAnswer ? known === W[type - 1] : (known & W[type - 1]) !== 0) good |= 1 << type;
    }
  }
  for (let type = 1; type < 5; type++) {
    const isNamed = ((seen >>> type) & 1) === 1;
    if (!isNamed && (isAnswer ? W[type - 1] === 1 : W[type - 1] < 16)) good |= 1 << type;
  }
  if (at !== end || good !== 30) return false;
  if (isAnswer) return !isStrange && diet < 2 && foreign === 0;
  // Context IDs are alternatives.
  return foreign === 0 ? !isStrange : diet > 0;
}

/** True when the chain has Diet-ESP with the profile's values. */
export function fitsEhc(isAnswer: boolean): boolean {
  if (!seek(PAYLOAD_NOTIFY, P.hcpType, 0)) return false;
  const end = foundAt + foundSize;
  let at = foundAt;
  if (isAnswer) {
    // It may be wrapped in a proposal.
    const isWrapped = foundSize > 1 && chain[at] < 0x80;
    if (isWrapped && u16(chain, at) !== foundSize - 2) return false;
    return fitsMasks(isWrapped ? at + 2 : at, end, true);
  }
  // None at all: every value.
  if (at === end) return fitsMasks(at, end, false);
  while (end - at >= 2) {
    const next = at + 2 + u16(chain, at);
    if (next > end) return false;
    if (fitsMasks(at + 2, next, false)) return true;
    at = next;
  }
  return false;
}
