// What a profile's SAs make known: widths, trailer, window, and the templates of inner headers, all by the rules of core/dietesp.

import { refuse } from '../../../core/base/refuse.ts';
import { type Attributes, CDA_LOWER, CDA_SA, IIPC_DIET_ESP, MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import { iipcCompress, putValues, shapeOf, valuesSize } from '../../../core/dietesp/iipc.ts';
import { headerFields } from '../../../core/dietesp/rules.ts';
import { CDA_LSB, CDA_MAPPING_SENT, CDA_VALUE_SENT, indexBits } from '../../../core/schc/model.ts';
import { FID_IPV4_FLAGS } from '../../../core/wire/fid.ts';
import {
  FIELD_STRIDE,
  type Header,
  type Network,
  ROLE_COMPUTE,
  ROLE_DSCP,
  ROLE_ECN,
  ROLE_FLOW,
  ROLE_HOPS,
} from '../../../core/wire/header.ts';
import { PROTO_ICMPV6 } from '../../../core/wire/icmpv6.ts';
import { ipv4 } from '../../../core/wire/ipv4.ts';
import { ipv6 } from '../../../core/wire/ipv6.ts';
import { udp } from '../../../core/wire/udp.ts';
import { udplite } from '../../../core/wire/udplite.ts';
import type { DataField, Facts } from './layout.ts';
import { type SaInput, saFacts } from './sa-facts.ts';

/** A pair of ports that payloads go between. */
export interface Flow {
  ownPort: number;
  peerPort: number;
}

/** What a specialised device's ESP is made from. */
export interface EspInput extends SaInput {
  /** Inner addresses of the device and of its peer. */
  own: Uint8Array;
  peer: Uint8Array;
  /** One or more. */
  flows: readonly Flow[];
  /** Octets of the longest payload. */
  maxPayload: number;
}

const HOPS = 64;
const NETWORKS: readonly Network[] = [ipv6, ipv4];
const TRANSPORTS: readonly Header[] = [udp, udplite];

function networkOf(a: Attributes): Network {
  return a.tsIpVersion === 6 ? ipv6 : ipv4;
}

/** The transport header that a profile's packets have. */
export function transportOf(a: Attributes): Header {
  const found = TRANSPORTS.find(({ proto }) => proto === (a.tsProto === 0 ? udp.proto : a.tsProto));
  return found ?? refuse('ts_proto', a.tsProto, 'must be 17, 136 or 0 in a specialised device (build with --general)');
}

/** The DSCP of packets out: 0 where the SA takes it. */
export function dscpOf(a: Attributes): number {
  if (a.dscpCda !== CDA_SA || a.dscpList.includes(0)) return 0;
  return Math.min(...a.dscpList);
}

/** An inner packet without payload, with the SA's DSCP. */
function packetOf(a: Attributes, source: Uint8Array, destination: Uint8Array, from: number, to: number): Uint8Array {
  const network = networkOf(a);
  const transport = transportOf(a);
  const packet = new Uint8Array(network.size + transport.size);
  packet.set(source, network.src);
  packet.set(destination, network.dst);
  const slots = Int32Array.of(dscpOf(a), 0, 0, HOPS, 0);
  network.emit(packet, 0, packet.length, transport.proto, slots, 0);
  new DataView(packet.buffer).setUint16(network.size, from);
  new DataView(packet.buffer).setUint16(network.size + 2, to);
  transport.putLengths(packet, network.size, packet.length);
  transport.putChecksums(packet, network.size, packet.length, 0);
  return packet;
}

/** An IPv6 header in front of ICMPv6. */
function echoOf(a: Attributes, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const packet = new Uint8Array(ipv6.size);
  packet.set(source, ipv6.src);
  packet.set(destination, ipv6.dst);
  ipv6.emit(packet, 0, packet.length, PROTO_ICMPV6, Int32Array.of(dscpOf(a), 0, 0, HOPS, 0), 0);
  return packet;
}

/** What ESP carries of a packet's headers. Throws where the SA does not take it. */
function templateOf(a: Attributes, packet: Uint8Array, field: string): Uint8Array {
  const shape = shapeOf({}, [...NETWORKS], [...TRANSPORTS], a);
  const octets = new Uint8Array(valuesSize(shape));
  putValues(shape, a, octets, 0);
  const bound = { form: { shape, ruleId: a.iipcRuleId }, octets, base: 0, ranges: new Uint8Array(0), normalised: 0 };
  const out = new Uint8Array(packet.length + 64);
  const length = iipcCompress(bound, packet, 0, packet.length, out, 0);
  if (length < 0) refuse(field, `drop code ${length}`, 'the SA must take the packets of each flow');
  return out.slice(0, length);
}

/** Where the fields of a received header are, in what ESP carries: bits, and whether they are compared. */
interface Place {
  role: number;
  fid: number;
  bits: number;
  /** An index into a list of values: how many. */
  values: number;
}

function placesOf(a: Attributes, isEcho = false): Place[] {
  const isTunnel = a.ipsecMode === MODE_TUNNEL;
  const compressed = a.iipcProfile === IIPC_DIET_ESP;
  const places: Place[] = [];
  if (compressed && a.iipcRuleId >= 0) places.push({ role: -1, fid: -1, bits: 8, values: 0 });
  const transport = isEcho ? [] : [transportOf(a)];
  for (const header of isTunnel ? [networkOf(a), ...transport] : transport) {
    headerFields(a, header, true).forEach((field, i) => {
      const role = header.fields[i * FIELD_STRIDE + 2];
      let bits = field.fl;
      if (compressed) {
        bits = 0;
        if (field.cda === CDA_VALUE_SENT) bits = field.fl;
        else if (field.cda === CDA_LSB) bits = field.fl - field.msb;
        else if (field.cda === CDA_MAPPING_SENT) bits = indexBits(field.tv.length);
      }
      places.push({ role, fid: field.fid, bits, values: field.cda === CDA_MAPPING_SENT ? field.tv.length : 0 });
    });
  }
  return places;
}

/** Bits of a received header that are compared with the template. */
function maskOf(places: readonly Place[], size: number): Uint8Array {
  const mask = new Uint8Array(size);
  let bit = 0;
  for (const { role, fid, bits } of places) {
    const isFree =
      role === ROLE_DSCP || role === ROLE_ECN || role === ROLE_FLOW || role === ROLE_HOPS || role === ROLE_COMPUTE;
    for (let i = 0; i < bits; i++) {
      // Don't Fragment may be set.
      if (!isFree && !(fid === FID_IPV4_FLAGS && i === 1)) mask[(bit + i) >>> 3] |= 0x80 >>> ((bit + i) & 7);
    }
    bit += bits;
  }
  return mask;
}

function bitOf(places: readonly Place[], role: number): number {
  let bit = 0;
  for (const place of places) {
    if (place.role === role) return place.bits > 0 ? bit : -1;
    bit += place.bits;
  }
  return -1;
}

/** Constants and templates. Throws a Refusal for what a specialised device does not have. */
export function espFacts(input: EspInput): Facts {
  const { out, in: back, flows, own, peer } = input;
  const a = out.attributes;
  const common = saFacts(input);
  if (flows.length === 0) refuse('flows', 'none', 'must have one or more');
  const isTunnel = a.ipsecMode === MODE_TUNNEL;
  const isWhole = a.iipcProfile !== IIPC_DIET_ESP;
  const outs = flows.map(({ ownPort, peerPort }) => templateOf(a, packetOf(a, own, peer, ownPort, peerPort), 'out'));
  const b = back.attributes;
  const ins = flows.map(({ ownPort, peerPort }) => templateOf(b, packetOf(b, peer, own, peerPort, ownPort), 'in'));
  const places = placesOf(b);
  const dscp = places.find(({ role, values }) => role === ROLE_DSCP && values > 1);
  const fields: DataField[] = [
    { name: 'Out', octets: Buffer.concat(outs) },
    { name: 'In', octets: Buffer.concat(ins) },
    { name: 'Mask', octets: ins[0].length > 0 ? maskOf(places, ins[0].length) : new Uint8Array(0) },
    { name: 'Own', octets: own },
    { name: 'Peer', octets: peer },
  ];
  // ICMPv6 goes through SAs for any protocol; in a tunnel, its residue tells it from UDP.
  const isEcho = isTunnel && a.tsIpVersion === 6 && a.tsProto === 0 && b.tsProto === 0;
  const echoOut = isEcho ? templateOf(a, echoOf(a, own, peer), 'out') : new Uint8Array(0);
  const echoIn = isEcho ? templateOf(b, echoOf(b, peer, own), 'in') : new Uint8Array(0);
  fields.push({ name: 'EchoOut', octets: echoOut }, { name: 'EchoIn', octets: echoIn });
  fields.push({ name: 'EchoMask', octets: isEcho ? maskOf(placesOf(b, true), echoIn.length) : echoIn });
  const seesEcn = isTunnel && (isWhole || b.ecnCda !== CDA_LOWER);
  return {
    constants: {
      ...common,
      nextHeader: common.nextHeader === 0 ? transportOf(a).proto : common.nextHeader,
      packets: false,
      echo: isEcho,
      echoOutSize: echoOut.length,
      echoInSize: echoIn.length,
      df: 0,
      generates: false,
      nativeGcm: false,
      maxPayload: input.maxPayload,
      flows: flows.length,
      outSize: outs[0].length,
      inSize: ins[0].length,
      whole: isWhole,
      ipSize: isTunnel ? networkOf(a).size : 0,
      transport: transportOf(a).proto,
      addressSize: own.length,
      ecnBit: seesEcn ? bitOf(places, ROLE_ECN) : -1,
      dscpBit: dscp === undefined ? 0 : bitOf(places, ROLE_DSCP),
      dscpBits: dscp?.bits ?? 0,
      dscpCount: dscp?.values ?? 0,
    },
    fields,
  };
}
