// Counts the stacks that are built here: the core compresses and encrypts a UDP packet and sends it through its 6LoWPAN; the
// octets of the frames are added up.

import { dropName } from '../../../../core/base/drop-name.ts';
import type { Provider } from '../../../../core/crypto/provider.ts';
import * as A from '../../../../core/dietesp/attributes.ts';
import type { CoapRules } from '../../../../core/dietesp/coap-rules.ts';
import { outboundCoap } from '../../../../core/esp/coap.ts';
import { createEndpoint } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { createSa, defaultConfig } from '../../../../core/esp/sa.ts';
import { aesCcm8, aesCcm8Iiv, aesGcm16, type Suite } from '../../../../core/esp/suites.ts';
import { emitIpv6, IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../../../core/wire/ipv6.ts';
import { emitUdp, PROTO_UDP, UDP_SIZE } from '../../../../core/wire/udp.ts';
import { addressOctets } from '../../host/addresses.ts';
import { type Cost, costOf, PHY_OCTETS } from '../../host/radio/air-time.ts';
import { plainAttributes } from '../convert/convert.ts';
import { createFrameSender, type LinkPlan, linkPlan } from '../convert/frames.ts';
import { type Addressing, modelRows, type Row } from './model.ts';

/** NON POST, one token octet, one Uri-Path of one character, payload marker [RFC 7252 §3]. */
export const COAP_HEADER: readonly number[] = [0x51, 0x02, 0x00, 0x01, 0x0a, 0xb1, 0x74, 0xff];

const SENSOR = addressOctets('fd00::1')!;
const SERVER = addressOctets('fd00::2')!;
const INNER_SENSOR = addressOctets('2001:db8:1::1')!;
const INNER_SERVER = addressOctets('2001:db8:2::2')!;
const PORT = 5683;

export interface Stack {
  stack: string;
  suite?: Suite;
  mode?: number;
  /** Changes to the attributes; undefined: Diet-ESP off. */
  diet?: Partial<A.Attributes>;
  /** Rules for CoAP that both sides have. */
  coap?: CoapRules;
}

export const DIET = { espTrailer: A.TRAILER_OPTIONAL } as const;

/** In the order of the published table. */
const STACKS: Stack[] = [
  { stack: 'clear UDP (6LoWPAN)' },
  { stack: 'ESP transport, CCM-8', suite: aesCcm8, mode: A.MODE_TRANSPORT },
  { stack: 'ESP transport, CCM-8 IIV', suite: aesCcm8Iiv, mode: A.MODE_TRANSPORT },
  { stack: 'ESP transport, GCM-16', suite: aesGcm16, mode: A.MODE_TRANSPORT },
  { stack: 'ESP tunnel, CCM-8', suite: aesCcm8, mode: A.MODE_TUNNEL },
  { stack: 'ESP tunnel, CCM-8 IIV', suite: aesCcm8Iiv, mode: A.MODE_TUNNEL },
  {
    stack: 'Diet-ESP, SPI 8 + SN 8, trailer kept, CCM-8 IIV',
    suite: aesCcm8Iiv,
    diet: { espSpiLsb: 8, espSnLsb: 8, espTrailer: A.TRAILER_MANDATORY },
  },
  { stack: 'Diet-ESP, SPI 8 + SN 8, CCM-8 IIV', suite: aesCcm8Iiv, diet: { ...DIET, espSpiLsb: 8, espSnLsb: 8 } },
  { stack: 'Diet-ESP, SPI 0 + SN 8, CCM-8 IIV', suite: aesCcm8Iiv, diet: { ...DIET, espSpiLsb: 0, espSnLsb: 8 } },
  {
    stack: 'Diet-ESP, SPI 0 + SN 0 (floor), CCM-8 IIV',
    suite: aesCcm8Iiv,
    diet: { ...DIET, espSpiLsb: 0, espSnLsb: 0 },
  },
];

function attributesOf(stack: Stack): A.Attributes {
  const tunnel = stack.mode !== A.MODE_TRANSPORT;
  const src = tunnel ? INNER_SENSOR : SENSOR;
  const dst = tunnel ? INNER_SERVER : SERVER;
  const base: A.Attributes = {
    ...A.udpAttributes(src, PORT, dst, PORT),
    ipsecMode: tunnel ? A.MODE_TUNNEL : A.MODE_TRANSPORT,
    tunnelSrc: tunnel ? SENSOR : new Uint8Array(0),
    tunnelDst: tunnel ? SERVER : new Uint8Array(0),
    espSpi: 0x1001,
    espSpiLsb: 32,
    espSnLsb: 32,
  };
  return stack.diet === undefined ? plainAttributes(base) : { ...base, ...stack.diet };
}

/** An IPv6/UDP packet with `payload`. */
function udpPacket(src: Uint8Array, dst: Uint8Array, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(IPV6_SIZE + UDP_SIZE + payload.length);
  packet.set(src, IPV6_SRC);
  packet.set(dst, IPV6_DST);
  packet.set(payload, IPV6_SIZE + UDP_SIZE);
  emitIpv6(packet, 0, 0, 0, UDP_SIZE + payload.length, PROTO_UDP, 64);
  emitUdp(packet, IPV6_SIZE, packet.length, 0, PORT, PORT);
  return packet;
}

/** The IP packet that a stack hands to 6LoWPAN. */
export function datagramOf(stack: Stack, payload: Uint8Array, provider: Provider): Uint8Array {
  if (stack.suite === undefined) return udpPacket(SENSOR, SERVER, payload);
  const attributes = attributesOf(stack);
  const packet = udpPacket(attributes.tsIpSrcStart, attributes.tsIpDstStart, payload);
  const config = defaultConfig(attributes, stack.suite);
  config.key = new Uint8Array(stack.suite.keyLength);
  config.salt = new Uint8Array(stack.suite.saltLength);
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const out = new Uint8Array(packet.length + 256);
  const sa = createSa(FULL_PARTS, provider, config);
  sa.coap = stack.coap;
  const length = outboundCoap(endpoint, sa, packet, 0, packet.length, out, 0, 0);
  if (length < 0) throw new Error(`${stack.stack}: ${dropName(length)}`);
  return out.subarray(0, length);
}

export function count(datagram: Uint8Array, plan: LinkPlan, addressing: Addressing): { cost: Cost; l3: number } {
  const mac = addressing === 'short' ? 11 : 23;
  let octets = 0;
  let l3 = 0;
  const frames = createFrameSender(plan).send(datagram, 0, datagram.length, 0, (_frame, length) => {
    octets += length + PHY_OCTETS;
    l3 += length - mac;
  });
  if (frames < 0) throw new Error(`6LoWPAN: ${dropName(frames)}`);
  return { cost: costOf(frames, octets), l3: frames === 1 ? l3 : l3 - 5 * frames + 1 };
}

/** Nodes with short addresses. */
export function shortPlan(): LinkPlan {
  return linkPlan({ pan: 'abcd' }, [SENSOR]);
}

/** Rows of the stacks that are built here, for `payload` as UDP payload. */
export function countedRows(payload: Uint8Array, provider: Provider): Row[] {
  const short = shortPlan();
  const extended: LinkPlan = {
    ...short,
    linkAddress: (ip, offset) => Uint8Array.of(2, 0, 0, 0, 0, 0, ip[offset + 14], ip[offset + 15]),
  };
  return STACKS.map((stack) => {
    const datagram = datagramOf(stack, payload, provider);
    const withShort = count(datagram, short, 'short');
    const withExtended = count(datagram, extended, 'extended');
    return {
      stack: stack.stack,
      l3: withShort.l3,
      short: withShort.cost,
      extended: withExtended.cost,
      source: 'counted',
    };
  });
}

/** Rows of all stacks for `payload` octets as UDP payload, or behind a CoAP header: counted ones first, then the model's. */
export function budgetRows(payload: number, coap: boolean, provider: Provider): Row[] {
  const body = Uint8Array.from([...(coap ? COAP_HEADER : []), ...new Uint8Array(payload).fill(0x30)]);
  return [...countedRows(body, provider), ...modelRows(body.length)];
}
