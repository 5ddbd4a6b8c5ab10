// An SA as the fields of an SA file: what `toAttributes` and `toConfig` read.

import * as A from '../../../../core/dietesp/attributes.ts';
import { isEespConfig } from '../../../../core/eesp/any.ts';
import type { EespConfig } from '../../../../core/eesp/sa.ts';
import type { SaConfig } from '../../../../core/esp/sa.ts';
import { addressText } from '../addresses.ts';
import { DSCP_ACTIONS, ECN_ACTIONS, FLOW_LABEL_ACTIONS, toAttributes, toLogged } from './sa.ts';
import { SA_PROPERTIES } from './schema.ts';

type Values = Record<string, unknown>;

function nameIn(actions: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(actions).find((name) => actions[name] === value) ?? '';
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
}

/** The next sequence number, hexadecimal. */
function nextNumber({ snHi, snLo }: SaConfig): string {
  return ((BigInt(snHi) << 32n) + BigInt(snLo) + 1n).toString(16);
}

function allValues(config: SaConfig): Values {
  const { attributes: a, suite } = config;
  return {
    ipsec_mode: a.ipsecMode === A.MODE_TUNNEL ? 'tunnel' : 'transport',
    ...(a.ipsecMode === A.MODE_TUNNEL ? { tunnel_ip: [addressText(a.tunnelSrc), addressText(a.tunnelDst)] } : {}),
    esp_spi: a.espSpi.toString(16).padStart(8, '0'),
    esp_spi_lsb: a.espSpiLsb,
    esp_sn: nextNumber(config),
    esp_sn_lsb: a.espSnLsb,
    esn: a.esn === 1,
    esp_encr: baseName(suite),
    key: hex(config.key),
    salt: hex(config.salt),
    akey: hex(config.authKey),
    iipc_enabled: a.iipcProfile !== A.IIPC_NOT_COMPRESSED,
    rule_id: a.iipcRuleId < 0 ? null : a.iipcRuleId,
    dscp_cda: nameIn(DSCP_ACTIONS, a.dscpCda),
    dscp_list: a.dscpList,
    ecn_cda: nameIn(ECN_ACTIONS, a.ecnCda),
    flow_label_cda: nameIn(FLOW_LABEL_ACTIONS, a.flowLabelCda),
    ts_ip_version: a.tsIpVersion,
    ts_ip_src: [addressText(a.tsIpSrcStart), addressText(a.tsIpSrcEnd)],
    ts_ip_dst: [addressText(a.tsIpDstStart), addressText(a.tsIpDstEnd)],
    ts_proto: a.tsProto,
    ts_port_src: [a.tsPortSrcStart, a.tsPortSrcEnd],
    ts_port_dst: [a.tsPortDstStart, a.tsPortDstEnd],
    alignment: a.alignment,
    esp_trailer: a.espTrailer === A.TRAILER_MANDATORY ? 'Mandatory' : 'Optional',
  };
}

/** The suite without subspaces, by name. */
function baseName({ name, subspaces }: SaConfig['suite']): string {
  return subspaces === undefined ? name : name.slice(0, name.lastIndexOf(', '));
}

/** The fields that only a key log has. */
function loggedValues(config: SaConfig): Values {
  const { subspaces } = config.suite;
  if (!isEespConfig(config)) return subspaces === undefined ? {} : { subspaces };
  const { sskdf, keyLength, hasSn, maxId } = (config as EespConfig).eesp;
  return { eesp: { sskdf: sskdf?.name ?? '', key_length: keyLength, sn: hasSn, max_id: maxId } };
}

/** The SA that a file with these values leads to, as its octets and numbers, in one text. */
function textOf(config: SaConfig): string {
  const { attributes, key, salt, authKey, snHi, snLo, suite } = config;
  const octets = (_name: string, value: unknown): unknown => (value instanceof Uint8Array ? hex(value) : value);
  return JSON.stringify([attributes, key, salt, authKey, snHi, snLo, suite.name, loggedValues(config)], octets);
}

/**
 * The fields of an SA, keys among them, without those that have their default; or a text: why a file of SAs cannot say what it
 * is. Lifetimes, and what else an end has for itself, are left out.
 */
export function saValues(config: SaConfig): Values | string {
  try {
    const entries = Object.entries({ ...allValues(config), ...loggedValues(config) });
    const values = Object.fromEntries(
      entries.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(SA_PROPERTIES[name]?.default)),
    );
    const again = toLogged(toAttributes(values), values);
    if (textOf(again) === textOf(config)) return values;
  } catch {
    // What the file cannot say is told alike.
  }
  return 'its attributes have no names in SA files';
}
