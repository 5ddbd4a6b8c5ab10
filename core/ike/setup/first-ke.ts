// Nothing protects INVALID_KE_PAYLOAD in IKE_SA_INIT: with it an attacker may ask an initiator for the weakest method that it has on
// offer. The whole offer comes again [RFC 7296 §1.2], and AUTH covers that. So a responder does not go by the KE payload where the
// offer has a method in front of it that is as good here: the initiator would have begun with that, had nobody asked it not to.

import { u16 } from '../../base/bytes.ts';
import type { KeMethod } from '../../crypto/asymmetric.ts';
import { TRANSFORM_KE } from '../codec/numbers.ts';
import type { Choice } from '../codec/proposals.ts';
import type { Ike } from '../state/ike.ts';

/** The first method of the chosen proposal, which `chooseSa` has read in the buffer, that is in `own` and can be had here; else what was chosen. */
export function firstKe(ike: Ike, buffer: Uint8Array, choice: Choice, own: (KeMethod | 0)[]): KeMethod | 0 {
  const at = choice.spiAt - 8;
  let t = choice.spiAt + choice.spiSize;
  for (let left = buffer[at + 7]; left > 0; left--) {
    const id = u16(buffer, t + 6) as KeMethod;
    if (buffer[t + 4] === TRANSFORM_KE && own.indexOf(id) >= 0 && ike.asymmetric.hasKe(id)) return id;
    t += u16(buffer, t + 2);
  }
  return choice.ke;
}
