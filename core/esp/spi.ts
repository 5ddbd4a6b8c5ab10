// Choice of SPIs for inbound SAs [RFC 4303 §2.1; SPI-LOOKUP].

import { power } from '../base/bits.ts';
import { u32 } from '../base/bytes.ts';
import { refuse } from '../base/refuse.ts';
import { SPI_MIN } from '../wire/esp.ts';
import type { Endpoint } from './endpoint.ts';
import type { Scoped } from './sa-table.ts';

/** True when `bits` of `spi` on the wire match no other SA's in the scope. */
function isFree(endpoint: Endpoint, scope: Scoped, spi: number, bits: number, bare: boolean): boolean {
  const other = endpoint.table.conflict(scope, spi, bits);
  if (other === null) return true;
  // Without SPI bits on the wire an SA takes over from its like (REKEY), so the peer must choose none again.
  return bare && other.form.spiLsb === 0 && other.form.scope === scope.form.scope && other.previous === null;
}

/**
 * A random SPI for an inbound SA with this scope (`scopeOf`). Its bits on the wire match no other SA's for any number of bits
 * in `offers`, as the peer may choose any of them. Throws when none is free.
 */
export function allocateSpi(endpoint: Endpoint, scope: Scoped, offers: number[]): number {
  const octets = endpoint.spare;
  let fewest = 32;
  for (let i = 0; i < offers.length; i++) fewest = Math.min(fewest, offers[i]);
  endpoint.provider.random(octets, 0, 4);
  let spi = u32(octets, 0);
  const tries = Math.min(power(fewest), 65536) + SPI_MIN;
  for (let n = 0; n < tries; n++) {
    let free = spi >= SPI_MIN;
    for (let i = 0; i < offers.length && free; i++) free = isFree(endpoint, scope, spi, offers[i], fewest === 0);
    if (free) return spi;
    // The step is odd, so that n low bits take all their values in 2^n steps. It is large, so that the upper bits, with which
    // the bits on the wire begin, change as well.
    spi = ((spi + 40503 * 65537) & 0xffffffff) >>> 0; // wide
  }
  return refuse('esp_spi_lsb', fewest, 'no SPI is free in this scope');
}
