// The conversion of `compress`: packets to frames. It handles one packet at a time, in buffers made once, and counts dropped
// packets by reason, as that of `decompress` does.

import { DROP_SELECTOR, DROP_VERSION } from '../../../../core/base/drop.ts';
import { dropName } from '../../../../core/base/drop-name.ts';
import type { Provider } from '../../../../core/crypto/provider.ts';
import * as A from '../../../../core/dietesp/attributes.ts';
import type { CoapRules } from '../../../../core/dietesp/coap-rules.ts';
import { outboundCoap } from '../../../../core/esp/coap.ts';
import { createEndpoint, type Endpoint } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { outbound } from '../../../../core/esp/outbound.ts';
import { createSa, type Sa } from '../../../../core/esp/sa.ts';
import type { Rule } from '../../../../core/schc/model.ts';
import { coapSet } from '../../host/config/coap.ts';
import type { LoadedSa } from '../../host/config/sa.ts';
import { FieldError } from '../../host/errors.ts';
import { PHY_OCTETS } from '../../host/radio/air-time.ts';
import type { CaptureRecord } from '../../host/radio/source.ts';
import { createFrameSender, type FrameSink, type LinkPlan } from './frames.ts';
import { findIp } from './packets.ts';

/** An IP packet and its outer header and ESP. */
export const PACKET_MAX = 65536 + 256;

/** What became of the packets. */
export interface Totals {
  packetsIn: number;
  packetsOut: number;
  framesIn: number;
  framesOut: number;
  /** Octets of the IP packets that were carried. */
  clearOctets: number;
  /** Octets on air, preamble to FCS: as it is, and as it would have been. */
  airOctets: number;
  clearAirOctets: number;
  plainAirOctets: number;
  plainFrames: number;
  clearFrames: number;
  /** Packets that clear 6LoWPAN and plain ESP could carry: IPv4 and the longest ones do not go that way. */
  clearPackets: number;
  plainPackets: number;
  drops: Record<string, number>;
  /** Blocks of the capture that hold no packet, by kind. */
  blocks: Record<string, number>;
}

export function createTotals(): Totals {
  return {
    packetsIn: 0,
    packetsOut: 0,
    framesIn: 0,
    framesOut: 0,
    clearOctets: 0,
    airOctets: 0,
    clearAirOctets: 0,
    plainAirOctets: 0,
    plainFrames: 0,
    clearFrames: 0,
    clearPackets: 0,
    plainPackets: 0,
    drops: {},
    blocks: {},
  };
}

export function countDrop(totals: Totals, reason: string, count = 1): void {
  totals.drops[reason] = (totals.drops[reason] ?? 0) + count;
}

/** The same SA with every compression off: what ordinary ESP would send. For sizes only, nothing of it is sent. */
export function plainAttributes(attributes: A.Attributes): A.Attributes {
  return {
    ...attributes,
    iipcProfile: A.IIPC_NOT_COMPRESSED,
    iipcRuleId: -1,
    dscpCda: A.CDA_NOT_COMPRESSED,
    ecnCda: A.CDA_NOT_COMPRESSED,
    flowLabelCda: A.CDA_NOT_COMPRESSED,
    espTrailer: A.TRAILER_MANDATORY,
    alignment: 32,
    espSpiLsb: 32,
    espSnLsb: 32,
  };
}

/** Makes every SA of a file; an error of the core becomes one with file and line. */
export function createSas(loaded: LoadedSa[], provider: Provider): Sa[] {
  return loaded.map((entry) => {
    try {
      return createSa(FULL_PARTS, provider, entry.config);
    } catch (error) {
      throw entry.locate(error);
    }
  });
}

/** Rules for CoAP on both ends of the SAs of a file: those to the receiver of the first SA are of its direction. */
export interface CoapPlan {
  rules: Rule[];
  /** The first SA is that of the server. */
  fromServer: boolean;
}

function receiverOf({ attributes: a }: LoadedSa): string {
  return Buffer.from(a.ipsecMode === A.MODE_TUNNEL ? a.tunnelDst : a.tsIpDstStart).toString('hex');
}

/** The rules of the side that sends (or, with `isReceiver`, that receives) the packets of each SA. */
export function coapFor(
  loaded: LoadedSa[],
  plan: CoapPlan | undefined,
  isReceiver: boolean,
): (CoapRules | undefined)[] {
  return loaded.map((entry) => {
    if (plan === undefined) return undefined;
    const isUp = (receiverOf(entry) === receiverOf(loaded[0])) !== plan.fromServer;
    return coapSet(plan.rules, isUp !== isReceiver);
  });
}

function fault(field: string, value: string, limit: string): FieldError {
  return new FieldError({ file: '', line: 0, path: [field], value, limit });
}

/** Refuses SAs that 6LoWPAN cannot carry: their outer header is not IPv6. */
export function requireIpv6(loaded: LoadedSa[]): void {
  for (const entry of loaded) {
    const { ipsecMode, tunnelSrc, tsIpVersion } = entry.attributes;
    if (ipsecMode === A.MODE_TUNNEL ? tunnelSrc.length !== 16 : tsIpVersion !== 6) {
      const field = ipsecMode === A.MODE_TUNNEL ? 'tunnel_ip' : 'ts_ip_version';
      throw entry.locate(fault(field, 'IPv4', 'must be IPv6 on IEEE 802.15.4'));
    }
  }
}

/** Refuses two SAs with one SPI to one receiver: it could not tell them apart, and with one key nonces would repeat. */
function requireOwnSpis(loaded: LoadedSa[]): void {
  const seen = new Set<string>();
  for (const entry of loaded) {
    const { attributes: a, locate } = entry;
    const key = `${a.espSpi} ${receiverOf(entry)}`;
    if (seen.has(key))
      throw locate(fault('esp_spi', a.espSpi.toString(16), 'an SA to this destination has it already'));
    seen.add(key);
  }
}

function outboundAny(
  endpoint: Endpoint,
  sas: Sa[],
  data: Uint8Array,
  at: number,
  length: number,
  to: Uint8Array,
  now: number,
) {
  let reason = 'no-sa';
  for (let i = 0; i < sas.length; i++) {
    const result = outboundCoap(endpoint, sas[i], data, at, length, to, 0, now);
    if (result >= 0) return { length: result, index: i, reason: '' };
    if (result !== DROP_SELECTOR && result !== DROP_VERSION) reason = dropName(result);
  }
  return { length: -1, index: -1, reason };
}

/** IP packets -> frames. */
export interface Compressor {
  packet(record: CaptureRecord, sink: FrameSink): void;
  totals: Totals;
}

export function createCompressor(
  loaded: LoadedSa[],
  provider: Provider,
  plan: LinkPlan,
  clear: LinkPlan,
  coap?: CoapPlan,
): Compressor {
  const totals = createTotals();
  const endpoint = createEndpoint(FULL_PARTS, provider);
  requireOwnSpis(loaded);
  const sas = createSas(loaded, provider);
  coapFor(loaded, coap, false).forEach((rules, i) => {
    sas[i].coap = rules;
  });
  const plain = loaded.map((entry) => {
    const config = { ...entry.config, attributes: plainAttributes(entry.attributes) };
    return createSa(FULL_PARTS, provider, config);
  });
  const sender = createFrameSender(plan);
  const measure = createFrameSender(clear);
  const measurePlain = createFrameSender(plan);
  const outer = new Uint8Array(PACKET_MAX);
  let octets = 0;
  const count: FrameSink = (_frame, length) => {
    octets += length + PHY_OCTETS;
  };
  return {
    totals,
    packet(record, sink) {
      totals.packetsIn++;
      const { data } = record;
      const now = record.time * 1000;
      const ip = findIp(record);
      if (ip.problem !== '') return countDrop(totals, ip.problem);
      const sent = outboundAny(endpoint, sas, data, ip.offset, ip.length, outer, now);
      if (sent.index < 0) return countDrop(totals, sent.reason);
      octets = 0;
      const frames = sender.send(outer, 0, sent.length, now, (frame, length) => {
        count(frame, length);
        sink(frame, length);
      });
      if (frames < 0) return countDrop(totals, dropName(frames));
      totals.packetsOut++;
      totals.framesOut += frames;
      totals.clearOctets += ip.length;
      totals.airOctets += octets;
      octets = 0;
      const clearFrames = measure.send(data, ip.offset, ip.length, now, count);
      if (clearFrames > 0) {
        totals.clearPackets++;
        totals.clearFrames += clearFrames;
        totals.clearAirOctets += octets;
      }
      octets = 0;
      const length = outbound(endpoint, plain[sent.index], data, ip.offset, ip.length, outer, 0, now);
      const plainFrames = length > 0 ? measurePlain.send(outer, 0, length, now, count) : 0;
      if (plainFrames > 0) {
        totals.plainPackets++;
        totals.plainFrames += plainFrames;
        totals.plainAirOctets += octets;
      }
    },
  };
}
