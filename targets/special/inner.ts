// The inner packets of one profile. A flow is a pair of addresses and ports; what Diet-ESP sends of its headers, residue or the
// whole header, is a template of octets in the device's data. Received headers are compared with the template of a flow, the
// bits that may differ left out (traffic class, hop limit).

import { getBits } from '../../core/base/bits.ts';
import { copy, put16, u16 } from '../../core/base/bytes.ts';
import { foldSum, sumWords } from '../../core/base/checksum.ts';
import { DROP_CHECKSUM, DROP_ECN, DROP_LENGTH, DROP_RESIDUE, DROP_SELECTOR } from '../../core/base/drop.ts';
import { PROTO_UDPLITE } from '../../core/wire/udplite.ts';
import { D } from './data.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

/** Octets of the payload of the packet whose flow was found last. */
export let innerSize = 0;

/** Checksum of a message of `length` octets at `at`, and the pseudo-header of the profile's addresses. */
export function innerSum(proto: number, buffer: Uint8Array, at: number, length: number): number {
  let sum = proto + length;
  sum = sumWords(D, P.atOwn, P.addressSize, sum);
  sum = sumWords(D, P.atPeer, P.addressSize, sum);
  return foldSum(sumWords(buffer, at, length, sum));
}

/** True when the octets at `at` are those at D[template..), in the bits at D[mask..). */
function innerIs(buffer: Uint8Array, at: number, template: number, mask: number, size: number): boolean {
  let difference = 0;
  for (let i = 0; i < size; i++) difference = difference | ((buffer[at + i] ^ D[template + i]) & D[mask + i]);
  return difference === 0;
}

/** Writes what stands before the payload (P.outSize octets, for an echo P.echoOutSize), and the payload. */
export function innerPut(
  flow: number,
  payload: Uint8Array,
  offset: number,
  length: number,
  buffer: Uint8Array,
  at: number,
): void {
  if (P.echo && flow === P.flows) {
    copy(buffer, at, D, P.atEchoOut, P.echoOutSize);
    copy(buffer, at + P.echoOutSize, payload, offset, length);
    if (P.whole) put16(buffer, at + 4, length);
    return;
  }
  if (P.outSize > 0) copy(buffer, at, D, P.atOut + (P.flows > 1 ? flow * P.outSize : 0), P.outSize);
  copy(buffer, at + P.outSize, payload, offset, length);
  if (P.whole) {
    const udp = at + P.ipSize;
    put16(buffer, udp + 4, 8 + length);
    if (P.ipSize > 0 && P.ipVersion === 6) put16(buffer, at + 4, 8 + length);
    if (P.ipSize > 0 && P.ipVersion === 4) {
      put16(buffer, at + 2, 28 + length);
      put16(buffer, at + 10, 0);
      put16(buffer, at + 10, foldSum(sumWords(buffer, at, 20, 0)));
    }
    put16(buffer, udp + 6, 0);
    const sum = innerSum(P.transport, buffer, udp, 8 + length);
    put16(buffer, udp + 6, sum === 0 ? 0xffff : sum);
  }
}

/** The flow of the clear text of `length` octets (P.flows: ICMPv6), or a drop code. */
export function innerFlow(buffer: Uint8Array, at: number, length: number, ecn: number): number {
  if (length < P.inSize) return DROP_RESIDUE;
  // [RFC 6040 §4.2] Congestion that a packet cannot carry on.
  if (P.ecnBit >= 0 && ecn === 3 && getBits(buffer, at * 8 + P.ecnBit, 2) === 0) return DROP_ECN;
  // [draft-ietf-ipsecme-diet-esp §6.1.1] An index into the list of DSCP values.
  if (P.dscpBits > 0 && getBits(buffer, at * 8 + P.dscpBit, P.dscpBits) >= P.dscpCount) return DROP_RESIDUE;
  if (P.echo && innerIs(buffer, at, P.atEchoIn, P.atEchoMask, P.echoInSize)) {
    innerSize = P.whole ? u16(buffer, at + 4) : length - P.echoInSize;
    return innerSize > length - P.echoInSize ? DROP_LENGTH : P.flows;
  }
  innerSize = length - P.inSize;
  if (P.inSize === 0) return 0;
  let found = DROP_SELECTOR;
  for (let flow = 0; flow < P.flows && found < 0; flow++) {
    if (innerIs(buffer, at, P.atIn + flow * P.inSize, P.atMask, P.inSize)) found = flow;
  }
  if (!P.whole || found < 0) return found;
  const udp = at + P.ipSize;
  // Octets behind the inner packet are padding [RFC 4303 §2.7].
  let room = length;
  if (P.ipSize > 0) room = P.ipVersion === 6 ? u16(buffer, at + 4) : u16(buffer, at + 2) - P.ipSize;
  let size = u16(buffer, udp + 4);
  if (P.transport === PROTO_UDPLITE && size === 0) size = room;
  if (room !== size || size < 8 || P.ipSize + size > length) return DROP_LENGTH;
  if (P.ipSize > 0 && P.ipVersion === 4 && foldSum(sumWords(buffer, at, P.ipSize, 0)) !== 0) return DROP_CHECKSUM;
  const isSummed = P.transport === PROTO_UDPLITE || u16(buffer, udp + 6) !== 0;
  if (isSummed && innerSum(P.transport, buffer, udp, size) !== 0) return DROP_CHECKSUM;
  innerSize = size - 8;
  return found;
}

/** Gives the device its inner address, which the gateway assigned: octets[at..). */
export function setInner(octets: Uint8Array, at: number): void {
  copy(D, P.atOwn, octets, at, P.addressSize);
  if (!P.whole || P.ipSize === 0) return;
  if (P.echo) {
    copy(D, P.atEchoOut + 8, octets, at, 16);
    copy(D, P.atEchoIn + 24, octets, at, 16);
  }
  for (let flow = 0; flow < P.flows; flow++) {
    copy(D, P.atOut + flow * P.outSize + (P.ipVersion === 6 ? 8 : 12), octets, at, P.addressSize);
    copy(D, P.atIn + flow * P.inSize + (P.ipVersion === 6 ? 24 : 16), octets, at, P.addressSize);
  }
}
