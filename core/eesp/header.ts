// The base header of EESP with its options [draft-ietf-ipsecme-eesp-03 §2]:
//
//   1 | version 4 | R 3 | Opt Len 8 | Session ID 16 | SPI 32 | options: type 8, length 8, data
//
// Then the peer header: sequence number, explicit IV; both as the SA says, so they are not read here.

import { put16, put32, u16 } from '../base/bytes.ts';
import { DROP_OPTION, DROP_SHORT, DROP_VERSION } from '../base/drop.ts';
import { fill } from '../base/spans.ts';
import { EESP_BASE, EESP_FIRST, OPTION_CRYPT_OFFSET, OPTION_PAD1, OPTION_PADN } from './format.ts';

/** What `checkEesp` reads. */
export interface EespHeader {
  /** Octets of the options. */
  optionsSize: number;
  /** Session ID: the Sub SA, where an SSKDF was agreed. */
  session: number;
  /** Crypt Offset option, from the EESP header to the payload, in octets; -1: the option is absent. */
  payloadOffset: number;
  /** From there to the first encrypted octet, in octets; -1: absent. */
  cryptOffset: number;
}

/** Makes a record for `checkEesp`. One is enough for any number of packets. */
export function createHeader(): EespHeader {
  return { optionsSize: 0, session: 0, payloadOffset: -1, cryptOffset: -1 };
}

/** Reads the options buffer[from..end): 0, or DROP_OPTION. */
function readOptions(buffer: Uint8Array, from: number, end: number, out: EespHeader): number {
  let at = from;
  while (at < end) {
    const type = buffer[at];
    if (type === OPTION_PAD1) {
      at++;
      continue;
    }
    if (end - at < 2) return DROP_OPTION;
    const size = buffer[at + 1];
    const data = at + 2;
    if (size > end - data) return DROP_OPTION;
    if (type === OPTION_PADN) {
      for (let i = 0; i < size; i++) if (buffer[data + i] !== 0) return DROP_OPTION;
    } else {
      // Others say how to read the rest, and the private ones mean nothing without an agreement.
      if (type !== OPTION_CRYPT_OFFSET || size !== 2 || out.cryptOffset >= 0) return DROP_OPTION;
      const value = u16(buffer, data);
      if ((value & 15) !== 0) return DROP_OPTION;
      out.payloadOffset = (value >>> 10) * 4;
      out.cryptOffset = ((value >>> 4) & 63) * 4;
    }
    at = data + size;
  }
  return 0;
}

/**
 * Checks the base header at `offset` of a packet that ends at `end`. After 0 the header and its options are there, whole and
 * known; `out` has what they say. Else DROP_SHORT, DROP_VERSION (another version, or a reserved bit), or DROP_OPTION.
 */
export function checkEesp(buffer: Uint8Array, offset: number, end: number, out: EespHeader): number {
  out.payloadOffset = -1;
  out.cryptOffset = -1;
  if (end - offset < EESP_BASE) return DROP_SHORT;
  if (buffer[offset] !== EESP_FIRST) return DROP_VERSION;
  const options = offset + EESP_BASE;
  out.optionsSize = buffer[offset + 1];
  out.session = u16(buffer, offset + 2);
  if (options + out.optionsSize > end) return DROP_SHORT;
  return readOptions(buffer, options, options + out.optionsSize, out);
}

/** Writes a base header whose options are `optionsSize` octets of padding, 0 to 255. */
export function putEesp(buffer: Uint8Array, offset: number, optionsSize: number, session: number, spi: number): void {
  buffer[offset] = EESP_FIRST;
  buffer[offset + 1] = optionsSize;
  put16(buffer, offset + 2, session);
  put32(buffer, offset + 4, spi);
  if (optionsSize === 0) return;
  fill(buffer, offset + EESP_BASE, optionsSize, 0);
  if (optionsSize === 1) return;
  buffer[offset + EESP_BASE] = OPTION_PADN;
  buffer[offset + EESP_BASE + 1] = optionsSize - 2;
}
