// A line of the key log's SA file as what the core takes. The lines are written by host/config/sa-values.ts, which leaves out what
// has the default of the schema.

import * as A from '../../core/dietesp/attributes.ts';
import type { EespConfig } from '../../core/eesp/sa.ts';
import { ALL_SSKDFS } from '../../core/eesp/sskdf.ts';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { defaultConfig, type SaConfig } from '../../core/esp/sa.ts';
import { createSubspaceSuite } from '../../core/esp/subspaces.ts';

/** Fields of an SA file. */
export interface SaValues {
  name?: string;
  ipsec_mode?: string;
  tunnel_ip?: string[];
  esp_spi?: string;
  esp_spi_lsb?: number;
  esp_sn?: string;
  esp_sn_lsb?: number;
  esn?: boolean;
  esp_encr?: string;
  key?: string;
  salt?: string;
  akey?: string;
  iipc_enabled?: boolean;
  rule_id?: number;
  dscp_cda?: string;
  dscp_list?: number[];
  ecn_cda?: string;
  flow_label_cda?: string;
  ts_ip_version?: number;
  ts_ip_src?: string[];
  ts_ip_dst?: string[];
  ts_proto?: number;
  ts_port_src?: number[];
  ts_port_dst?: number[];
  alignment?: number;
  esp_trailer?: string;
  subspaces?: number;
  eesp?: { sskdf: string; key_length: number; sn: boolean; max_id: number };
}

const NONE = new Uint8Array(0);

function hexOctets(text: string): Uint8Array {
  const octets = new Uint8Array(Math.floor(text.length / 2));
  for (let i = 0; i < octets.length; i++) octets[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return octets;
}

/** Octets of an address as `addressText` writes it. */
export function octetsOfAddress(text: string): Uint8Array {
  if (!text.includes(':')) {
    const parts = text.split('.');
    const four = new Uint8Array(4);
    for (let i = 0; i < 4; i++) four[i] = Number.parseInt(parts[i], 10);
    return four;
  }
  const octets = new Uint8Array(16);
  const gap = text.indexOf('::');
  const head = gap < 0 ? text : text.slice(0, gap);
  const tail = gap < 0 ? '' : text.slice(gap + 2);
  const first = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  for (let i = 0; i < first.length + last.length; i++) {
    const isFirst = i < first.length;
    const value = Number.parseInt(isFirst ? first[i] : last[i - first.length], 16);
    const at = isFirst ? 2 * i : 16 - 2 * (last.length - (i - first.length));
    octets[at] = value >>> 8;
    octets[at + 1] = value & 0xff;
  }
  return octets;
}

function range(pair: string[] | undefined, version: number, isEnd: boolean): Uint8Array {
  if (pair !== undefined) return octetsOfAddress(pair[isEnd ? 1 : 0]);
  const octets = new Uint8Array(version === 4 ? 4 : 16);
  if (isEnd) for (let i = 0; i < octets.length; i++) octets[i] = 255;
  return octets;
}

function orElse<T>(value: T | undefined, other: T): T {
  return value === undefined ? other : value;
}

function cdaOf(name: string | undefined): number {
  if (name === 'lower') return A.CDA_LOWER;
  if (name === 'sa') return A.CDA_SA;
  if (name === 'generated') return A.CDA_GENERATED;
  if (name === 'zero') return A.CDA_ZERO;
  return A.CDA_NOT_COMPRESSED;
}

/** Throws an error where a field is missing that must be there, or the cipher is unknown. */
export function configOf(v: SaValues): SaConfig {
  const version = orElse(v.ts_ip_version, 6);
  const suite = ALL_SUITES.find((one) => one.name === v.esp_encr);
  if (suite === undefined) throw new Error('esp_encr: unknown');
  if (v.esp_spi === undefined || v.key === undefined) throw new Error('esp_spi, key: missing');
  const source = orElse(v.ts_port_src, [0, 65535]);
  const destination = orElse(v.ts_port_dst, [0, 65535]);
  const tunnel = v.ipsec_mode !== 'transport';
  if (tunnel && v.tunnel_ip === undefined) throw new Error('tunnel_ip: missing');
  const outer = orElse(v.tunnel_ip, ['', '']);
  const attributes: A.Attributes = {
    iipcProfile: v.iipc_enabled === false ? A.IIPC_NOT_COMPRESSED : A.IIPC_DIET_ESP,
    iipcRuleId: orElse(v.rule_id, -1),
    dscpCda: cdaOf(v.dscp_cda) as A.Attributes['dscpCda'],
    ecnCda: cdaOf(v.ecn_cda) as A.Attributes['ecnCda'],
    flowLabelCda: cdaOf(v.flow_label_cda) as A.Attributes['flowLabelCda'],
    dscpList: orElse(v.dscp_list, []),
    tsIpVersion: version as A.IpVersion,
    tsIpSrcStart: range(v.ts_ip_src, version, false),
    tsIpSrcEnd: range(v.ts_ip_src, version, true),
    tsIpDstStart: range(v.ts_ip_dst, version, false),
    tsIpDstEnd: range(v.ts_ip_dst, version, true),
    tsProto: orElse(v.ts_proto, 0),
    tsPortSrcStart: source[0],
    tsPortSrcEnd: source[1],
    tsPortDstStart: destination[0],
    tsPortDstEnd: destination[1],
    alignment: orElse(v.alignment, 64) as A.Alignment,
    espTrailer: v.esp_trailer === 'Mandatory' ? A.TRAILER_MANDATORY : A.TRAILER_OPTIONAL,
    ipsecMode: tunnel ? A.MODE_TUNNEL : A.MODE_TRANSPORT,
    tunnelSrc: tunnel ? octetsOfAddress(outer[0]) : NONE,
    tunnelDst: tunnel ? octetsOfAddress(outer[1]) : NONE,
    espSpi: Number.parseInt(v.esp_spi, 16),
    espSpiLsb: orElse(v.esp_spi_lsb, 32),
    espSnLsb: orElse(v.esp_sn_lsb, 32),
    esn: v.esn === true ? 1 : 0,
  };
  const config = defaultConfig(attributes, suite);
  config.key = hexOctets(v.key);
  config.salt = hexOctets(orElse(v.salt, ''));
  config.authKey = hexOctets(orElse(v.akey, ''));
  const next = orElse(v.esp_sn, '1').padStart(16, '0');
  const low = Number.parseInt(next.slice(8), 16);
  config.snHi = Number.parseInt(next.slice(0, 8), 16) - (low === 0 ? 1 : 0);
  config.snLo = low === 0 ? 0xffffffff : low - 1;
  // Captures have packets twice: on the radio, again after a lost acknowledgement, on two interfaces.
  config.replayWindow = 0;
  if (v.subspaces !== undefined) config.suite = createSubspaceSuite(suite, v.subspaces);
  const eesp = v.eesp;
  if (eesp === undefined) return config;
  const sskdf = ALL_SSKDFS.find((one) => one.name === eesp.sskdf);
  if (sskdf === undefined && eesp.sskdf !== '') throw new Error('eesp.sskdf: unknown');
  (config as EespConfig).eesp = {
    sskdf: sskdf === undefined ? null : sskdf,
    keyLength: eesp.key_length,
    hasSn: eesp.sn,
    maxId: eesp.max_id,
    session: 0,
  };
  return config;
}
