// Addresses of an IKE SA in messages: NAT detection [RFC 7296 §2.23], and the notifies of MOBIKE that carry addresses, or
// hashes of them [RFC 4555 §3.6, §3.9, §4].

import { put16, put32, u32 } from '../../base/bytes.ts';
import { copy } from '../../base/spans.ts';
import { sha1 } from '../../crypto/sha1.ts';
import { findNotify, notifyDataAt, notifyDataSize, notifyType, type Writer } from '../codec/message.ts';
import {
  N_ADDITIONAL_IP4_ADDRESS,
  N_ADDITIONAL_IP6_ADDRESS,
  N_NAT_DETECTION_DESTINATION_IP,
  N_NAT_DETECTION_SOURCE_IP,
  N_NO_ADDITIONAL_ADDRESSES,
  N_NO_NATS_ALLOWED,
  PAYLOAD_NOTIFY,
} from '../codec/numbers.ts';
import { join, NONE, same } from '../codec/octets.ts';
import { addStatus, dataOf, type Message } from '../codec/payloads.ts';
import { noteOf, setNote } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import { type Path, samePath } from '../state/path.ts';
import { NAT_FORCE } from '../state/policy.ts';
import { type IkeSa, STATE_HALF_OPEN } from '../state/sa.ts';

/** Most addresses that are kept of a peer, or told. */
const ADDRESSES_MAX = 8;
/** Moves of the peer: second in which they began to be counted, and how many; most of them in so many seconds. */
const MOVES = 'mobike-moves';
const MOVES_MAX = 12;
const MOVES_TIME = 60;

/** SHA-1(SPIi | SPIr | address | port): 20 octets. */
export function natHash(sa: IkeSa, isRequest: boolean, address: Uint8Array, port: number): Uint8Array {
  const size = 16 + address.length + 2;
  const data = new Uint8Array(size);
  copy(data, 0, sa.spis, 0, isRequest ? 8 : 16);
  copy(data, 16, address, 0, address.length);
  put16(data, size - 2, port);
  const out = new Uint8Array(20);
  sha1(data, 0, size, out, 0);
  return out;
}

/** Follows a peer to whom a NAT gave another address or port; its authenticated messages show that [RFC 7296 §2.23]. */
export function followNat(sa: IkeSa, path: Path): void {
  if (path.encapsulated && (!sa.behindNat || sa.state === STATE_HALF_OPEN) && !samePath(sa.path, path)) sa.path = path;
}

/** NO_NATS_ALLOWED: source and destination address, and their ports. */
function addressPair(path: Path): Uint8Array {
  const ports = new Uint8Array(4);
  put16(ports, 0, path.remotePort);
  put16(ports, 2, path.localPort);
  return join([path.remote, path.local, ports]);
}

/** True when the peer forbids NATs, and there is one. */
export function forbids(ike: Ike, m: Message): boolean {
  const said = dataOf(m, N_NO_NATS_ALLOWED);
  return said !== null && !same(said, addressPair(ike.incoming.path));
}

/**
 * The peer's list of addresses, each behind its length, which takes the place of the one before [RFC 4555 §3.6]; null: the message
 * has none.
 */
export function readList(m: Message): Uint8Array | null {
  const p = m.payloads;
  const parts: Uint8Array[] = [];
  let isThere = findNotify(p, m.buffer, N_NO_ADDITIONAL_ADDRESSES) >= 0;
  for (let i = 0; i < p.count; i++) {
    const type = p.type[i] === PAYLOAD_NOTIFY ? notifyType(m.buffer, p.at[i]) : 0;
    if (type !== N_ADDITIONAL_IP4_ADDRESS && type !== N_ADDITIONAL_IP6_ADDRESS) continue;
    const size = type === N_ADDITIONAL_IP4_ADDRESS ? 4 : 16;
    isThere = true;
    if (notifyDataSize(m.buffer, p.at[i], p.size[i]) !== size || parts.length === ADDRESSES_MAX) continue;
    const one = new Uint8Array(1 + size);
    one[0] = size;
    copy(one, 1, m.buffer, notifyDataAt(m.buffer, p.at[i]), size);
    parts.push(one);
  }
  return isThere ? join(parts) : null;
}

/** Writes this side's list of addresses. `always`: also that there is none. */
export function addList(list: Uint8Array[], w: Writer, always: boolean): void {
  const count = Math.min(list.length, ADDRESSES_MAX);
  for (let i = 0; i < count; i++) {
    addStatus(w, list[i].length === 4 ? N_ADDITIONAL_IP4_ADDRESS : N_ADDITIONAL_IP6_ADDRESS, list[i]);
  }
  if (count === 0 && always) addStatus(w, N_NO_ADDITIONAL_ADDRESSES, NONE);
}

/** NAT detection outside of IKE_SA_INIT: both SPIs are known. */
export function addNat(sa: IkeSa, path: Path, w: Writer): void {
  const source = natHash(sa, false, path.local, path.localPort);
  if (sa.policy.nat === NAT_FORCE) source[0] ^= 0xff;
  addStatus(w, N_NAT_DETECTION_SOURCE_IP, source);
  addStatus(w, N_NAT_DETECTION_DESTINATION_IP, natHash(sa, false, path.remote, path.remotePort));
}

/** Counts a move of the peer. False: it moves too often. */
export function mayMove(sa: IkeSa, now: number): boolean {
  const second = Math.floor(now / 1000);
  const before = noteOf(sa.notes, MOVES);
  const note = new Uint8Array(5);
  const isNew = before.length === 0 || second - u32(before, 0) >= MOVES_TIME;
  put32(note, 0, isNew ? second : u32(before, 0));
  note[4] = isNew ? 1 : before[4] + 1;
  if (note[4] > MOVES_MAX) return false;
  setNote(sa.notes, MOVES, note);
  return true;
}
