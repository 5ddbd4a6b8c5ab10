// Finds, retires and removes Child SAs of an IKE SA [RFC 7296 §1.4.1].

import { PROTOCOL_ESP } from '../codec/numbers.ts';
import { CHILD_DELETED, type ChildSa, retire } from '../state/child.ts';
import type { Ike, SecurityProtocol } from '../state/ike.ts';
import type { ChildPolicy } from '../state/policy.ts';
import type { IkeSa } from '../state/sa.ts';
import { due } from './schedule.ts';

/** Takes a Child SA out of its IKE SA and ends it at the host. */
export function removeChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  for (let i = 0; i < sa.children.length; i++) {
    if (sa.children[i] !== child) continue;
    sa.children[i] = sa.children[sa.children.length - 1];
    sa.children.pop();
    // Don't keep a chain of all earlier SAs.
    for (let j = 0; j < sa.children.length; j++) if (sa.children[j].replaces === child) sa.children[j].replaces = null;
    ike.upper.remove(sa, child, now);
    return;
  }
}

/** Stops its outgoing packets; late packets still come in for a while. */
export function retireChild(ike: Ike, sa: IkeSa, child: ChildSa, now: number): void {
  if (child.retired < CHILD_DELETED) ike.upper.retire(sa, child, now);
  retire(child, CHILD_DELETED);
  child.rekeyAt = -1;
  child.removeAt = now + ike.linger;
  due(ike, sa, child.removeAt);
}

/** The Child SA of a Security Protocol with the inbound SPI `spi` at the peer, or null. */
export function findChild(sa: IkeSa, protocol: number, spi: number): ChildSa | null {
  for (let i = 0; i < sa.children.length; i++) {
    const child = sa.children[i];
    if (child.spiOut === spi && child.protocol === protocol && child.removeAt < 0) return child;
  }
  return null;
}

/** The Security Protocol of a policy's Child SA. */
export function protocolOf(policy: ChildPolicy): number {
  return policy.esp[0].protocol;
}

/** The part of the endpoint for a Security Protocol beside ESP, or null. */
export function securityOf(ike: Ike, protocol: number): SecurityProtocol | null {
  for (let i = 0; i < ike.protocols.length; i++) if (ike.protocols[i].protocol === protocol) return ike.protocols[i];
  return null;
}

/** Octets of the SPIs of a Security Protocol; 0: it is not known here. */
export function spiSizeOf(ike: Ike, protocol: number): number {
  if (protocol === PROTOCOL_ESP) return 4;
  const security = securityOf(ike, protocol);
  return security === null ? 0 : security.spiSize;
}
