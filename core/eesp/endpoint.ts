// The EESP side of an endpoint: a look-up of its own, because ESP and EESP choose SPIs apart, and what packets share. Counters
// and scratch are those of the ESP endpoint, so that a host shows one of each.

import { refuse } from '../base/refuse.ts';
import type { Aead } from '../crypto/provider.ts';
import type { Endpoint } from '../esp/endpoint.ts';
import type { SaTable } from '../esp/sa-table.ts';
import { EESP_BASE, EESP_OPTIONS_MAX, EESP_SN_SIZE } from './format.ts';
import { createHeader, type EespHeader } from './header.ts';
import type { EespSa, SubSa } from './sa.ts';

/** One end of any number of SAs of EESP. */
export interface EespEndpoint {
  /** Parts, cryptography, counters and scratch. */
  esp: Endpoint;
  /** Inbound SAs of EESP; change it with `addInboundEesp` and `removeInboundEesp`. */
  table: SaTable;
  /** @internal */
  header: EespHeader;
  /** @internal */
  aead: Aead;
}

/** Octets of an explicit IV. */
const IV_MAX = 8;

/** Makes the EESP side of `esp`, without SAs. */
export function createEespEndpoint(esp: Endpoint): EespEndpoint {
  return {
    esp: esp,
    table: esp.parts.table(),
    header: createHeader(),
    aead: {
      nonce: new Uint8Array(12),
      nonceLength: 0,
      aad: new Uint8Array(EESP_BASE + EESP_OPTIONS_MAX + EESP_SN_SIZE + IV_MAX),
      aadLength: 0,
      icvLength: 0,
    },
  };
}

/** Adds an inbound SA. Throws when its SPI is taken in its scope. */
export function addInboundEesp(e: EespEndpoint, sa: EespSa): void {
  if (e.table.conflict(sa, sa.spi, 32) !== null) refuse('eesp_spi', sa.spi, 'an SA has it already');
  e.table.insert(sa);
}

/** Takes an inbound SA out without destroying it. */
export function removeInboundEesp(e: EespEndpoint, sa: EespSa): void {
  e.table.remove(sa);
}

/**
 * Sets the AEAD's input for a packet: the additional data are all octets from the EESP header to the ciphertext
 * [draft-ietf-ipsecme-eesp-03 §3.2]; the nonce is the salt, then the explicit IV, or the sequence number [RFC 8750 §4].
 */
export function setAead(e: EespEndpoint, sub: SubSa, buffer: Uint8Array, start: number, text: number): void {
  const suite = sub.form.suite;
  const aead = e.aead;
  const nonce = aead.nonce;
  const aad = aead.aad;
  const from = sub.base + sub.form.saltAt;
  for (let i = 0; i < suite.saltLength; i++) nonce[i] = sub.octets[from + i];
  // An explicit IV and a sequence number both end where the ciphertext begins.
  for (let i = 0; i < 8; i++) nonce[suite.saltLength + i] = buffer[text - 8 + i];
  for (let i = start; i < text; i++) aad[i - start] = buffer[i];
  aead.nonceLength = suite.saltLength + 8;
  aead.aadLength = text - start;
  aead.icvLength = suite.icvLength;
}
