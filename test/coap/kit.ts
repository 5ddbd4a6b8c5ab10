// Both ends of an SA whose peers have the same rules for CoAP, for tests.

import { createHash } from 'node:crypto';
import { udpAttributes } from '../../core/dietesp/attributes.ts';
import { type CoapRules, createCoapRules } from '../../core/dietesp/coap-rules.ts';
import { coapRuleSet } from '../../core/dietesp/coap-set.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createSa, defaultConfig, type Sa } from '../../core/esp/sa.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { canonicalRules } from '../../core/schc/canonical.ts';
import type { Rule } from '../../core/schc/model.ts';
import { emitIpv6, IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../core/wire/ipv6.ts';
import { emitUdp, PROTO_UDP, UDP_SIZE } from '../../core/wire/udp.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';

export const HEAD = IPV6_SIZE + UDP_SIZE;
export const PORT = 5683;
const ROOM = 4096;
const address = (last: number): Uint8Array => Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);
export const DEVICE = address(1);
export const SERVER = address(2);
export const provider = await createFastProvider();

export const hashOf = (rules: Rule[]): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(canonicalRules(rules)).digest().subarray(0, 8));

export function rulesOf(paths: string[], isDev: boolean, room = ROOM): CoapRules {
  const rules = coapRuleSet(paths.map((path) => Uint8Array.from(Buffer.from(path))));
  return createCoapRules(rules, hashOf(rules), isDev, room);
}

/** An IPv6 and UDP packet of the device, or of the server. */
export function packetOf(payload: Uint8Array, isDev: boolean): Uint8Array {
  const packet = new Uint8Array(HEAD + payload.length);
  packet.set(isDev ? DEVICE : SERVER, IPV6_SRC);
  packet.set(isDev ? SERVER : DEVICE, IPV6_DST);
  packet.set(payload, HEAD);
  emitIpv6(packet, 0, 0, 0, UDP_SIZE + payload.length, PROTO_UDP, 64);
  emitUdp(packet, IPV6_SIZE, packet.length, 0, PORT, PORT);
  return packet;
}

export interface End {
  endpoint: Endpoint;
  sa: Sa;
}

export interface Settings {
  key: Uint8Array;
  salt: Uint8Array;
  spi: number;
  spiLsb: number;
  snLsb: number;
}

/** An SA from the device to the server, or back: its outbound end with `out`, its inbound end with `back`. */
export function endsOf(isDev: boolean, out: CoapRules | undefined, back: CoapRules | undefined, s: Settings) {
  const [from, to] = isDev ? [DEVICE, SERVER] : [SERVER, DEVICE];
  const attributes = {
    ...udpAttributes(from, PORT, to, PORT),
    tunnelSrc: from,
    tunnelDst: to,
    espSpi: s.spi,
    espSpiLsb: s.spiLsb,
    espSnLsb: s.snLsb,
  };
  const config = { ...defaultConfig(attributes, aesCcm8Iiv), key: s.key, salt: s.salt };
  const ends = [out, back].map((rules): End => {
    const endpoint = createEndpoint(FULL_PARTS, provider);
    const sa = createSa(FULL_PARTS, provider, { ...config, key: s.key.slice(), salt: s.salt.slice() });
    if (rules !== undefined) sa.coap = rules;
    return { endpoint, sa };
  });
  addInbound(ends[1].endpoint, ends[1].sa);
  return { outgoing: ends[0], incoming: ends[1] };
}
