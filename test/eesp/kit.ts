// SAs of EESP for the tests of this folder.

import { dropName } from '../../core/base/drop-name.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import {
  type Attributes,
  CDA_NOT_COMPRESSED,
  IIPC_NOT_COMPRESSED,
  MODE_TRANSPORT,
  MODE_TUNNEL,
  TRAILER_MANDATORY,
} from '../../core/dietesp/attributes.ts';
import { addInboundEesp, createEespEndpoint, type EespEndpoint } from '../../core/eesp/endpoint.ts';
import { PROTO_EESP } from '../../core/eesp/format.ts';
import { inboundEesp } from '../../core/eesp/inbound.ts';
import { outboundEesp } from '../../core/eesp/outbound.ts';
import { createEespSa, type EespConfig, type EespOptions, type EespSa } from '../../core/eesp/sa.ts';
import { hkdfSha256 } from '../../core/eesp/sskdf.ts';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { OUTBOUND_ROOM } from '../../core/esp/outbound.ts';
import { defaultConfig, type SaConfig } from '../../core/esp/sa.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { outerPacket, outerSize } from '../../targets/node/host/udp.ts';
import { packet, udp } from '../naive/packets.ts';

export const ROOT = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
export const SPI = 0x01020304;
export const provider = createNodeProvider();

export interface Kind {
  /** Name of the suite. */
  suite: string;
  version: 4 | 6;
  tunnel: boolean;
  eesp?: Partial<EespOptions>;
  /** Key and salt without an SSKDF. */
  keys?: Uint8Array;
  change?: Partial<SaConfig>;
  provider?: Provider;
}

const NONE = new Uint8Array(0);
const octets = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);
export const LEFT = Uint8Array.from(Buffer.from('20010db8000000000000000000000001', 'hex'));
export const RIGHT = Uint8Array.from(Buffer.from('20010db8000000000000000000000002', 'hex'));

function attributes(version: 4 | 6, tunnel: boolean): Attributes {
  const size = version === 6 ? 16 : 4;
  return {
    iipcProfile: IIPC_NOT_COMPRESSED,
    iipcRuleId: -1,
    dscpCda: CDA_NOT_COMPRESSED,
    ecnCda: CDA_NOT_COMPRESSED,
    flowLabelCda: CDA_NOT_COMPRESSED,
    dscpList: [],
    tsIpVersion: version,
    tsIpSrcStart: octets(size, 0),
    tsIpSrcEnd: octets(size, 255),
    tsIpDstStart: octets(size, 0),
    tsIpDstEnd: octets(size, 255),
    tsProto: 0,
    tsPortSrcStart: 0,
    tsPortSrcEnd: 65535,
    tsPortDstStart: 0,
    tsPortDstEnd: 65535,
    alignment: 32,
    espTrailer: TRAILER_MANDATORY,
    ipsecMode: tunnel ? MODE_TUNNEL : MODE_TRANSPORT,
    tunnelSrc: tunnel ? LEFT : NONE,
    tunnelDst: tunnel ? RIGHT : NONE,
    espSpi: SPI,
    espSpiLsb: 32,
    espSnLsb: 32,
    esn: 1,
  };
}

/** The configuration of one direction. */
export function configOf(kind: Kind): EespConfig {
  const wanted = (kind.keys?.length ?? 0) > 20 && !kind.suite.includes('CHACHA') ? 32 : undefined;
  const suite = ALL_SUITES.find(({ name }) => name === kind.suite)!;
  const eesp: EespOptions = {
    sskdf: kind.keys === undefined ? hkdfSha256 : null,
    keyLength: wanted ?? suite.keyLength,
    hasSn: true,
    maxId: kind.keys === undefined ? 7 : 0,
    session: 0,
    ...kind.eesp,
  };
  const key = kind.keys?.slice(0, eesp.keyLength) ?? Uint8Array.from(ROOT);
  const salt = kind.keys?.slice(eesp.keyLength) ?? NONE;
  const base = defaultConfig(attributes(kind.version, kind.tunnel), suite);
  return { ...base, key, salt, replayWindow: eesp.hasSn ? 64 : 0, ...kind.change, eesp };
}

export function saOf(kind: Kind): EespSa {
  return createEespSa(FULL_PARTS, kind.provider ?? provider, configOf(kind));
}

/** An endpoint with this inbound SA, if any. */
export function endpointOf(sa: EespSa | null = null, own: Provider = provider): EespEndpoint {
  const e = createEespEndpoint(createEndpoint(FULL_PARTS, own));
  if (sa !== null) addInboundEesp(e, sa);
  return e;
}

/** Both ends of an SA. */
export function pairOf(kind: Kind): { sender: EespSa; receiver: EespSa; from: EespEndpoint; to: EespEndpoint } {
  const receiver = saOf(kind);
  const own = kind.provider ?? provider;
  return { sender: saOf(kind), receiver, from: endpointOf(null, own), to: endpointOf(receiver, own) };
}

/** The EESP packet for an inner one, without its outer header; or the name of the drop code. */
export function send(e: EespEndpoint, sa: EespSa, inner: Uint8Array, now = 0): Uint8Array | string {
  const dst = new Uint8Array(inner.length + OUTBOUND_ROOM);
  const length = outboundEesp(e, sa, inner, 0, inner.length, dst, 0, now);
  return length < 0 ? dropName(length) : dst.slice(sa.form.outer.headerSize(dst, 0), length);
}

/** What comes of an EESP packet behind an outer header from `source`. */
export function receive(
  e: EespEndpoint,
  eesp: Uint8Array,
  source: Uint8Array = LEFT,
  destination: Uint8Array = RIGHT,
  now = 0,
): Uint8Array | string {
  const outer = new Uint8Array(outerSize(source.length) + eesp.length);
  const size = outerPacket(outer, eesp, source, destination, PROTO_EESP);
  const dst = new Uint8Array(eesp.length + 200);
  const length = inboundEesp(e, outer, 0, size, dst, 0, now);
  return length < 0 ? dropName(length) : dst.slice(0, length);
}

/** An inner packet with `size` octets of UDP payload. */
export function innerOf(version: 4 | 6, size: number): Buffer {
  const ip = version === 6 ? { src: '2001:db8:1::1', dst: '2001:db8:2::2' } : { src: '10.0.0.1', dst: '10.0.0.2' };
  return packet(ip, udp(40000, 5683, Buffer.alloc(size, 0x61)));
}
