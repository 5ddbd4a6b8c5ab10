// Shared by the tests of the core: SAs of the naive implementation as SAs of the core, and snapshots of SA state.

import { dropName } from '../../core/base/drop-name.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../core/esp/outbound.ts';
import type { Parts } from '../../core/esp/parts.ts';
import { createSa, type Sa, type SaConfig } from '../../core/esp/sa.ts';
import { toAttributes, toConfig } from '../../targets/node/host/config/sa.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { makeSa } from '../naive/make-sa.ts';
import type { Sa as NaiveSa } from '../naive/types.ts';

export const provider = createNodeProvider();

export const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
export const octetsOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** The core's configuration of a naive SA; `esp_sn` is the number of its next packet. */
export function configOf(sa: NaiveSa, change: Partial<SaConfig> = {}): SaConfig {
  const values = { ...sa, replay_window: 64 } as unknown as Record<string, unknown>;
  if (sa.esp_encr.startsWith('NULL')) values['key'] = '';
  // The naive implementation has no use for the RuleID without IIPC; the core refuses it.
  if (!sa.iipc_enabled) values['rule_id'] = null;
  for (const field of ['ts_ip_src', 'ts_ip_dst', 'tunnel_ip', 'key', 'salt', 'akey']) {
    if (values[field] === null || values[field] === undefined) delete values[field];
  }
  const attributes = toAttributes(values);
  return { ...toConfig(attributes, values), ...change };
}

export function saOf(sa: NaiveSa, change: Partial<SaConfig> = {}): Sa {
  return createSa(FULL_PARTS, provider, configOf(sa, change));
}

/** An SA with the defaults of makeSa, ready to use. */
export function easySa(
  version: 4 | 6,
  proto: number,
  naive: Partial<NaiveSa> = {},
  change: Partial<SaConfig> = {},
): Sa {
  return saOf(makeSa(version, proto, naive), change);
}

/** An endpoint with these inbound SAs. */
export function endpointOf(...sas: Sa[]): Endpoint {
  const endpoint = createEndpoint(FULL_PARTS, provider);
  for (const sa of sas) addInbound(endpoint, sa);
  return endpoint;
}

/** All parts but the search for lost sequence numbers: two trials a packet. */
export const UNSEARCHED: Parts = { ...FULL_PARTS, search: null };

/** An endpoint without that search. */
export function plainEndpointOf(...sas: Sa[]): Endpoint {
  const endpoint = createEndpoint(UNSEARCHED, provider);
  for (const sa of sas) addInbound(endpoint, sa);
  return endpoint;
}

/** What `outbound` makes: the packet, or the name of the drop code. */
export function send(endpoint: Endpoint, sa: Sa, inner: Uint8Array, now = 0): Uint8Array | string {
  const dst = new Uint8Array(inner.length + OUTBOUND_ROOM);
  const length = outbound(endpoint, sa, inner, 0, inner.length, dst, 0, now);
  return length < 0 ? dropName(length) : dst.slice(0, length);
}

/** What `inbound` makes of a copy of `wire`: the packet, or the name of the drop code. */
export function receive(endpoint: Endpoint, wire: Uint8Array, now = 0): Uint8Array | string {
  const dst = new Uint8Array(wire.length + 200);
  const length = inbound(endpoint, wire.slice(), 0, wire.length, dst, 0, now);
  return length < 0 ? dropName(length) : dst.slice(0, length);
}

/** A packet that must have been made. */
export function packetOf(result: Uint8Array | string): Uint8Array {
  if (typeof result === 'string') throw new Error('dropped: ' + result);
  return result;
}

/** Everything of an SA that a dropped packet must not move, as text: all but the drop counters and the search's. */
export function stateOf(sa: Sa): string {
  const state: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(sa)) {
    if (name.startsWith('drop') || name === 'previous' || name === 'form' || name === 'search') continue;
    // What a provider keeps with a key (contexts, tables) is its own, and may be made by the first packet.
    if (name === 'key' || name === 'authKey') continue;
    if (name === 'octets') state[name] = hex(sa.octets.subarray(sa.base, sa.base + sa.form.size));
    else if (!ArrayBuffer.isView(value)) state[name] = value;
    else state[name] = hex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
  return JSON.stringify(state);
}

/** The octets of an SA's salt. */
export function saltOf(sa: Sa): Uint8Array {
  const at = sa.base + sa.form.saltAt;
  return sa.octets.subarray(at, at + sa.form.suite.saltLength);
}

export function dropsOf(sa: Sa): number {
  return sa.dropIcv + sa.dropReplay + sa.dropSelector + sa.dropMalformed + sa.dropRefused + sa.dropLifetime;
}

/** A plain-ESP variant of an SA: nothing compressed, ordinary trailer and header. */
export const ORDINARY: Partial<NaiveSa> = {
  iipc_enabled: false,
  alignment: 32,
  esp_trailer: 'Mandatory',
  esp_spi_lsb: 32,
  esp_sn_lsb: 32,
};
