// The SAs of a host with few: pairs of an outgoing and an incoming SA [RFC 4301 §4.4.2], in the order in which outgoing
// packets try them.

import type { Provider } from '../crypto/provider.ts';
import { addInbound, type Endpoint, removeInbound } from './endpoint.ts';
import { createSa, destroySa, type Sa, type SaConfig } from './sa.ts';

/** SAs in pairs, one for each direction, in the order in which `choose` tries them. */
export interface Pairs {
  /** Holds the inbound SAs. */
  endpoint: Endpoint;
  /** Outgoing SAs, in the order in which `choose` tries them. */
  outgoing: Sa[];
  /** The other SA of each pair, at the same index. */
  incoming: Sa[];
}

/** Index of the pair whose incoming SA has this SPI, or -1. */
export function findPair(sas: Pairs, inboundSpi: number): number {
  let i = sas.incoming.length - 1;
  while (i >= 0 && sas.incoming[i].spi !== inboundSpi) i--;
  return i;
}

/** Sets up a pair after the existing ones. Throws like createSa and addInbound; nothing has changed then. */
export function addPair(sas: Pairs, outgoing: SaConfig, incoming: SaConfig): void {
  const endpoint = sas.endpoint;
  const provider = endpoint.provider;
  const made: Sa[] = [];
  try {
    made.push(createSa(endpoint.parts, provider, outgoing));
    made.push(createSa(endpoint.parts, provider, incoming));
    addInbound(endpoint, made[1]);
  } catch (error) {
    for (let i = 0; i < made.length; i++) destroySa(provider, made[i]);
    throw error;
  }
  sas.outgoing.push(made[0]);
  sas.incoming.push(made[1]);
}

function moveToFront(list: Sa[]): void {
  const last = list[list.length - 1];
  for (let i = list.length - 1; i > 0; i--) list[i] = list[i - 1];
  list[0] = last;
}

/** Makes the pair added last the first that outgoing packets try. */
export function preferLast(sas: Pairs): void {
  moveToFront(sas.outgoing);
  moveToFront(sas.incoming);
}

/** Stops outgoing packets under this pair; packets still come in. */
export function retirePair(sas: Pairs, inboundSpi: number): void {
  const i = findPair(sas, inboundSpi);
  if (i >= 0) destroySa(sas.endpoint.provider, sas.outgoing[i]);
}

function takeOut(provider: Provider, list: Sa[], index: number): void {
  destroySa(provider, list[index]);
  for (let i = index + 1; i < list.length; i++) list[i - 1] = list[i];
  list.pop();
}

/** Ends a pair: keys are wiped. */
export function removePair(sas: Pairs, inboundSpi: number): void {
  const i = findPair(sas, inboundSpi);
  if (i < 0) return;
  removeInbound(sas.endpoint, sas.incoming[i]);
  takeOut(sas.endpoint.provider, sas.incoming, i);
  takeOut(sas.endpoint.provider, sas.outgoing, i);
}
