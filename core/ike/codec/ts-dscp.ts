// The traffic selector TS_DSCP, which lists DSCP values [draft-mglt-ipsecme-ts-dscp-03]. It stands beside the address selectors
// of TSi and narrows them:
//   TS Type(1) | 0 (1) | Selector Length(2) = 4 + n | n DSCP values 0..63, strictly increasing, n >= 1
// selectors.ts skips it as an unknown type. Absent, it means every value; an empty list is impossible.

import { put16, u16 } from '../../base/bytes.ts';
import { hasDscp, writeDscp } from './dscp.ts';
import { endPayload, findPayload, type Writer, write8, write16 } from './message.ts';
import {
  N_INVALID_SYNTAX,
  N_TS_UNACCEPTABLE,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  TS_IPV4_ADDR_RANGE,
  TS_IPV6_ADDR_RANGE,
} from './numbers.ts';
import type { Message } from './payloads.ts';

const GENERIC_HEADER = 4;
const TS_HEADER = 4;
const SELECTOR_HEADER = 4;

/**
 * Adds the selector to the TSi payload that was written last and whose generic header is at `at`. `type` is the private
 * number. An empty list adds nothing.
 */
export function appendTsDscp(w: Writer, at: number, type: number, list: number[]): void {
  if (list.length === 0) return;
  const begin = w.at;
  write8(w, type);
  write8(w, 0);
  write16(w, 0);
  writeDscp(w, list);
  if (!w.full) {
    put16(w.buffer, begin + 2, w.at - begin);
    w.buffer[at + GENERIC_HEADER]++;
  }
  endPayload(w, at);
}

/**
 * Reads the selector out of a TS payload's body and appends its values to `list`, which stays empty where there is none.
 * To be called for TSi and then TSr with the same list: there may be one in both together. 0, N_INVALID_SYNTAX (octets
 * that are no selectors) or N_TS_UNACCEPTABLE (two, no address beside it, no or wrong values).
 */
export function readTsDscp(buffer: Uint8Array, at: number, size: number, type: number, list: number[]): number {
  const end = at + size;
  if (size < TS_HEADER) return N_INVALID_SYNTAX;
  let addresses = 0;
  let found = false;
  let result = 0;
  let left = buffer[at];
  let next = at + TS_HEADER;
  for (; left > 0; left--) {
    if (end - next < SELECTOR_HEADER) return N_INVALID_SYNTAX;
    const length = u16(buffer, next + 2);
    if (length < SELECTOR_HEADER || length > end - next) return N_INVALID_SYNTAX;
    const tsType = buffer[next];
    if (tsType === TS_IPV4_ADDR_RANGE || tsType === TS_IPV6_ADDR_RANGE) addresses++;
    if (tsType === type) {
      found = true;
      if (list.length > 0 || length === SELECTOR_HEADER) result = N_TS_UNACCEPTABLE;
      let last = -1;
      for (let i = SELECTOR_HEADER; i < length; i++) {
        const dscp = buffer[next + i];
        if (dscp <= last || dscp > 63) result = N_TS_UNACCEPTABLE;
        last = dscp;
        if (result === 0) list.push(dscp);
      }
    }
    next += length;
  }
  if (next !== end) return N_INVALID_SYNTAX;
  return found && addresses === 0 ? N_TS_UNACCEPTABLE : result;
}

/** True when each value is in `limits`; for an answer, `limits` is the offer. An empty list is every value. */
export function tsDscpWithin(list: number[], limits: number[]): boolean {
  if (limits.length === 0) return true;
  for (let i = 0; i < list.length; i++) if (!hasDscp(limits, list[i])) return false;
  return list.length > 0;
}

/**
 * What of the peer's list is allowed here; an empty `allowed` is every value. An empty result for a list that is not
 * empty: N_TS_UNACCEPTABLE. A peer without the selector is answered without it.
 */
export function narrowTsDscp(offered: number[], allowed: number[]): number[] {
  const list: number[] = [];
  for (let i = 0; i < offered.length; i++) {
    if (allowed.length === 0 || hasDscp(allowed, offered[i])) list.push(offered[i]);
  }
  return list;
}

/** The values of TS_DSCP in a message, in `list`: 0, or the error of `readTsDscp`. */
export function tsDscpIn(
  m: Message,
  type: number,
  list: number[],
): 0 | typeof N_INVALID_SYNTAX | typeof N_TS_UNACCEPTABLE {
  const p = m.payloads;
  for (let side = PAYLOAD_TSI; side <= PAYLOAD_TSR; side++) {
    const i = findPayload(p, side, 0);
    const code = i < 0 ? 0 : readTsDscp(m.buffer, p.at[i], p.size[i], type, list);
    if (code === N_INVALID_SYNTAX) return N_INVALID_SYNTAX;
    if (code !== 0) return N_TS_UNACCEPTABLE;
  }
  return 0;
}
