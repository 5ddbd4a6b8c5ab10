// The sensor's SAs of EESP: they are in the same pairs as those of ESP, but are made, found and ended by core/eesp.

import type { Uplink, UplinkEvents } from '../../../core/device/uplink.ts';
import { addAnyInbound, createAnySa, destroyAnySa, isEespConfig } from '../../../core/eesp/any.ts';
import { createEespEndpoint, type EespEndpoint, removeInboundEesp } from '../../../core/eesp/endpoint.ts';
import { type EespSa, isEesp } from '../../../core/eesp/sa.ts';
import { findPair, type Pairs, preferLast } from '../../../core/esp/pairs.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { scopeOf } from '../../../core/esp/sa-table.ts';
import { allocateBothSpi, amongExtensions, hostEesp } from '../host/eesp.ts';

/** Gives EESP to an uplink over UDP; nothing changes for an uplink whose policy has none. */
export function attachEesp(sas: Pairs, uplink: Uplink, events: UplinkEvents): EespEndpoint {
  const { ike } = uplink;
  const e = createEespEndpoint(sas.endpoint);
  const { upper } = ike;
  const { install, retire, remove } = upper;

  /** The pair of a Child SA of EESP, or undefined. */
  function pairOf(spi: number): [outgoing: Sa, incoming: Sa] | undefined {
    const at = findPair(sas, spi);
    return at >= 0 && isEesp(sas.incoming[at]) ? [sas.outgoing[at], sas.incoming[at]] : undefined;
  }

  // Over UDP all bits of an SPI are on the wire.
  upper.allocateSpi = (path) => allocateBothSpi(e, scopeOf(path.local, path.remote, 0));
  upper.install = (owner, child, outgoing, incoming, first, now) => {
    if (!isEespConfig(outgoing)) return install(owner, child, outgoing, incoming, first, now);
    const made: Sa[] = [];
    try {
      made.push(createAnySa(e, outgoing), createAnySa(e, incoming));
      addAnyInbound(e, made[1]);
    } catch {
      for (const sa of made) destroyAnySa(e, sa);
      return false;
    }
    sas.outgoing.push(made[0]);
    sas.incoming.push(made[1]);
    if (first) preferLast(sas);
    events.installed(owner, child, outgoing, incoming, now);
    return true;
  };
  upper.retire = (owner, child, now) => {
    const pair = pairOf(child.spiIn);
    if (pair !== undefined) destroyAnySa(e, pair[0]);
    retire(owner, child, now);
  };
  upper.remove = (owner, child, now) => {
    const pair = pairOf(child.spiIn);
    if (pair !== undefined) {
      removeInboundEesp(e, pair[1] as EespSa);
      for (const sa of pair) destroyAnySa(e, sa);
    }
    remove(owner, child, now);
  };
  const eesp = hostEesp(ike.numbers, { install: (...args) => upper.install(...args) });
  ike.extensions = amongExtensions(ike.extensions, eesp);
  ike.protocols.push(eesp.protocol);
  return e;
}
