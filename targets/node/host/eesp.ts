// EESP beside ESP on a host's port for NAT [draft-ietf-ipsecme-eesp-03 §3.5]: EESP packets begin with a 1 bit, ESP's own inbound
// SPIs with a 0 bit, IKE with four zero octets.

import { refuse } from '../../../core/base/refuse.ts';
import type { EespEndpoint } from '../../../core/eesp/endpoint.ts';
import { outboundEesp } from '../../../core/eesp/outbound.ts';
import { type EespSa, isEesp } from '../../../core/eesp/sa.ts';
import { outboundCoap } from '../../../core/esp/coap.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import type { Scoped } from '../../../core/esp/sa-table.ts';
import { allocateSpi } from '../../../core/esp/spi.ts';
import { eespNumbers, type PrivateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { createEesp, type Eesp, type EespUpper } from '../../../core/ike/ext/eesp.ts';
import type { Extension } from '../../../core/ike/state/ike.ts';
import { SPI_MIN } from '../../../core/wire/esp.ts';

const TRIES = 1000;

/** True for what begins like EESP. */
export function isEespPacket(octets: Uint8Array, offset: number, length: number): boolean {
  return length > 0 && octets[offset] >= 0x80;
}

/**
 * An SPI that neither an SA of ESP nor one of EESP has in this scope, because the peer may choose either. Its first bit is 0,
 * whether EESP is on or not: so it can be switched on beside SAs that are there.
 */
export function allocateBothSpi(e: EespEndpoint, scope: Scoped): number {
  for (let n = 0; n < TRIES; n++) {
    const spi = allocateSpi(e.esp, scope, [32]) % 0x80000000;
    const isTaken = [e.esp.table, e.table].some((table) => table.conflict(scope, spi, 32) !== null);
    if (spi >= SPI_MIN && !isTaken) return spi;
  }
  return refuse('esp_spi', TRIES, 'no SPI is free in this scope');
}

/** Protects packet[0..length) with an SA of either, into `outer`: as `outbound`. */
export function protectAny(
  e: EespEndpoint,
  sa: Sa,
  packet: Uint8Array,
  length: number,
  outer: Uint8Array,
  now: number,
): number {
  return isEesp(sa)
    ? outboundEesp(e, sa as EespSa, packet, 0, length, outer, 0, now)
    : outboundCoap(e.esp, sa, packet, 0, length, outer, 0, now);
}

/** EESP of a host's endpoint, with the numbers of its file. */
export function hostEesp(numbers: PrivateNumbers, upper: EespUpper): Eesp {
  return createEesp({ ...eespNumbers(), ...numbers }, upper);
}

/** Its extension among the others: behind the Vendor ID, which is the first. */
export function amongExtensions(list: Extension[], { extension }: Eesp): Extension[] {
  return [list[0], extension, ...list.slice(1)];
}
