// AH [RFC 4302 §2], with the Scope of RISAV [draft-xu-ipsecme-risav-04] in the second octet of RESERVED:
//
//   Next Header 8 | Payload Len 8 | RESERVED 8 | Scope 8
//   SPI 32 | Sequence Number 32 | ICV, padding

import { put32 } from '../base/bytes.ts';
import { DROP_LENGTH, DROP_SHORT } from '../base/drop.ts';

/** Protocol number of AH [RFC 4302]. */
export const PROTO_AH = 51;
/** Octets in front of the ICV; offsets of the fields. */
export const AH_SIZE = 12;
export const AH_NEXT = 0;
export const AH_LENGTH = 1;
export const AH_SCOPE = 3;
export const AH_SPI = 4;
export const AH_SN = 8;

/** Scope: between hosts or security gateways, as in RFC 4302, where the octet is reserved and 0. */
export const SCOPE_IP = 0;
/** Scope: between two ASes, whatever the addresses in them. */
export const SCOPE_AS = 1;

/** Octets of the header at `offset`, as its Payload Len says. */
export function ahSize(buffer: Uint8Array, offset: number): number {
  return 4 * (buffer[offset + AH_LENGTH] + 2);
}

/** Checks the header at `offset` of a packet that ends at `end`. After 0 the whole of it can be read. */
export function checkAh(buffer: Uint8Array, offset: number, end: number): number {
  if (end - offset < AH_SIZE) return DROP_SHORT;
  const size = ahSize(buffer, offset);
  if (size < AH_SIZE) return DROP_LENGTH;
  return size > end - offset ? DROP_SHORT : 0;
}

/** Writes the header in front of the ICV; `size`: octets of all of AH, a multiple of 4. */
export function emitAh(
  buffer: Uint8Array,
  offset: number,
  next: number,
  size: number,
  scope: number,
  spi: number,
  sn: number,
): void {
  buffer[offset + AH_NEXT] = next;
  buffer[offset + AH_LENGTH] = size / 4 - 2;
  buffer[offset + 2] = 0;
  buffer[offset + AH_SCOPE] = scope;
  put32(buffer, offset + AH_SPI, spi);
  put32(buffer, offset + AH_SN, sn);
}
