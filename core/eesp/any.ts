// For hosts with ESP and EESP side by side: each of these does what the function of ESP or that of EESP does, as the SA is.

import { addInbound, removeInbound } from '../esp/endpoint.ts';
import { createSa, destroySa, type Sa, type SaConfig } from '../esp/sa.ts';
import { addInboundEesp, type EespEndpoint, removeInboundEesp } from './endpoint.ts';
import { createEespSa, destroyEespSa, type EespConfig, type EespSa, isEesp } from './sa.ts';

/** True for the configuration of an SA of EESP. */
export function isEespConfig(config: SaConfig): boolean {
  return (config as EespConfig).eesp !== undefined;
}

/** createSa or createEespSa. */
export function createAnySa(e: EespEndpoint, config: SaConfig): Sa {
  const endpoint = e.esp;
  if (isEespConfig(config)) return createEespSa(endpoint.parts, endpoint.provider, config as EespConfig);
  return createSa(endpoint.parts, endpoint.provider, config);
}

/** destroySa or destroyEespSa. */
export function destroyAnySa(e: EespEndpoint, sa: Sa): void {
  if (isEesp(sa)) destroyEespSa(e.esp.provider, sa as EespSa);
  else destroySa(e.esp.provider, sa);
}

/** addInbound or addInboundEesp. */
export function addAnyInbound(e: EespEndpoint, sa: Sa): void {
  if (isEesp(sa)) addInboundEesp(e, sa as EespSa);
  else addInbound(e.esp, sa);
}

/** removeInbound or removeInboundEesp. */
export function removeAnyInbound(e: EespEndpoint, sa: Sa): void {
  if (isEesp(sa)) removeInboundEesp(e, sa as EespSa);
  else removeInbound(e.esp, sa);
}
