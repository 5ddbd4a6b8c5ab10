// The parts of IKE_AUTH that both sides share: identities, and addresses by CP [RFC 7296 §1.2, §3.5, §3.15].

import { u16 } from '../../base/bytes.ts';
import { copy, equal } from '../../base/spans.ts';
import { beginPayload, endPayload, findPayload, type Writer, write8, write16, writeOctets } from './message.ts';
import {
  type AddressType,
  CP_INTERNAL_IP4_ADDRESS,
  CP_INTERNAL_IP6_ADDRESS,
  type CP_REPLY,
  type CP_REQUEST,
  type IdType,
  PAYLOAD_CP,
  type PAYLOAD_IDI,
  type PAYLOAD_IDR,
} from './numbers.ts';
import { NONE, take } from './octets.ts';
import type { Message } from './payloads.ts';

/** An identity: ID_* and its octets [RFC 7296 §3.5]. */
export interface Identity {
  /** ID_*. */
  type: IdType;
  /**
   * Its octets, in the form that `type` says: a domain name in ASCII, 4 or 16 octets of an address, any octets of a key
   * identifier.
   */
  data: Uint8Array;
}

/** CFG Types that are understood. */
export type CpKind = typeof CP_REQUEST | typeof CP_REPLY;

/** The body of an ID payload: type, three octets reserved, data. */
export function idBody(id: Identity): Uint8Array {
  const out = new Uint8Array(4 + id.data.length);
  out[0] = id.type;
  copy(out, 4, id.data, 0, id.data.length);
  return out;
}

/** Writes an Identification payload [RFC 7296 §3.5]. */
export function addId(w: Writer, payload: typeof PAYLOAD_IDI | typeof PAYLOAD_IDR, id: Identity): void {
  const body = idBody(id);
  const at = beginPayload(w, payload);
  writeOctets(w, body, 0, body.length);
  endPayload(w, at);
}

/** True when `body`, of an ID payload, is the identity. */
export function isId(body: Uint8Array, id: Identity): boolean {
  return isIdOf(body, id.type, id.data);
}

/** True when `body`, of an ID payload, has this type and data. */
export function isIdOf(body: Uint8Array, type: number, data: Uint8Array): boolean {
  return body[0] === type && body.length === 4 + data.length && equal(body, 4, data, 0, data.length);
}

/** CP with one address attribute: empty in a request; an IPv6 address has its prefix length 128 behind it. */
export function addCp(w: Writer, kind: CpKind, type: AddressType, address: Uint8Array): void {
  const at = beginPayload(w, PAYLOAD_CP);
  const six = type === CP_INTERNAL_IP6_ADDRESS && address.length > 0;
  write8(w, kind);
  write8(w, 0);
  write16(w, 0);
  write16(w, type);
  write16(w, address.length + (six ? 1 : 0));
  writeOctets(w, address, 0, address.length);
  if (six) write8(w, 128);
  endPayload(w, at);
}

/**
 * Appends the address attributes of the message's CP payloads of `kind`, in their order, to `types` and `addresses`
 * (empty: the request leaves the choice) [RFC 7296 §3.15.1]. What is cut short ends its payload.
 */
export function readCp(m: Message, kind: CpKind, types: AddressType[], addresses: Uint8Array[]): void {
  const p = m.payloads;
  for (let i = findPayload(p, PAYLOAD_CP, 0); i >= 0; i = findPayload(p, PAYLOAD_CP, i + 1)) {
    if (m.buffer[p.at[i]] !== kind) continue;
    const end = p.at[i] + p.size[i];
    let next = p.at[i] + 4;
    while (next + 4 <= end) {
      const at = next;
      const type = u16(m.buffer, at) & 0x7fff;
      const size = u16(m.buffer, at + 2);
      next = at + 4 + size;
      if (next > end) break;
      if (type !== CP_INTERNAL_IP4_ADDRESS && type !== CP_INTERNAL_IP6_ADDRESS) continue;
      const width = type === CP_INTERNAL_IP4_ADDRESS ? 4 : 16;
      types.push(type);
      addresses.push(size >= width ? take(m.buffer, at + 4, width) : NONE);
    }
  }
}
