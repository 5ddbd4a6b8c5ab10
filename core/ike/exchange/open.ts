// Opens messages under SK and assembles their fragments [RFC 7296 §3.14, RFC 7383 §2.6].

import { DROP_ICV, DROP_NO_SA } from '../../base/drop.ts';
import { copy } from '../../base/spans.ts';
import { findPayload, IKE_SIZE } from '../codec/message.ts';
import { PAYLOAD_SK, PAYLOAD_SKF } from '../codec/numbers.ts';
import { openMessage } from '../crypto/sk.ts';
import type { Ike } from '../state/ike.ts';
import type { IkeSa } from '../state/sa.ts';

/**
 * Opens the SK or SKF payload of the message at `offset`, whose payloads are in ike.outer: 1 when the payloads inside
 * are in ike.message, not yet listed, or a drop code. `isAgain`: an answered request, whose keys may have been replaced
 * since by IKE_INTERMEDIATE.
 */
export function openProtected(ike: Ike, sa: IkeSa, buffer: Uint8Array, offset: number, isAgain: boolean): number {
  const p = ike.outer;
  let i = findPayload(p, PAYLOAD_SK, 0);
  if (i < 0) i = findPayload(p, PAYLOAD_SKF, 0);
  if (i < 0 || sa.skIn === null) return DROP_NO_SA;
  const opened = ike.opened;
  let code = openMessage(ike.provider, sa.skIn, buffer, offset, p, i, opened);
  const earlier = sa.setup === null ? null : sa.setup.earlierIn;
  if (code < 0 && isAgain && earlier !== null) {
    code = openMessage(ike.provider, earlier, buffer, offset, p, i, opened);
  }
  if (code < 0) return code;
  copy(ike.header, 0, buffer, offset, IKE_SIZE);
  const message = ike.message;
  message.buffer = buffer;
  message.first = opened.first;
  message.at = opened.at;
  message.size = opened.size;
  return 1;
}

/** Adds the fragment that was just opened (requests and responses count their IDs apart): 1 when the message is complete (in ike.message), 0, or a drop code. */
export function reassemble(ike: Ike, sa: IkeSa, messageId: number, isResponse: boolean): number {
  const opened = ike.opened;
  const message = ike.message;
  if (opened.total === 0) return 1;
  if (ike.reassembly === null || !sa.fragmentation) return DROP_ICV;
  if (sa.fragments === null) sa.fragments = ike.reassembly.create(ike.maxMessage);
  const size = ike.reassembly.add(sa.fragments, 2 * messageId + (isResponse ? 1 : 0), opened, message.buffer);
  if (size <= 0) return size;
  message.buffer = sa.fragments.buffer;
  message.first = sa.fragments.first;
  message.at = 0;
  message.size = size;
  sa.fragments = null;
  return 1;
}
