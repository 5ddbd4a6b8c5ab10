// Checks an SA's configuration before anything is set up: ranges, combinations that the draft forbids
// [draft-ietf-ipsecme-diet-esp §5, §9], and the abilities of the build and the provider. Field names are the draft's.

import { compare } from '../base/bytes.ts';
import { refuse } from '../base/refuse.ts';
import type { Provider } from '../crypto/provider.ts';
import {
  CDA_GENERATED,
  CDA_LOWER,
  CDA_SA,
  CDA_ZERO,
  IIPC_DIET_ESP,
  MODE_TRANSPORT,
  MODE_TUNNEL,
} from '../dietesp/attributes.ts';
import { SPI_MIN } from '../wire/esp.ts';
import type { Parts } from './parts.ts';
import type { SaConfig } from './sa.ts';
import { INTEGRITY_ALG } from './suites.ts';

/** `value` is an integer from `low` to `high`. */
function inRange(field: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high && Math.floor(value) === value))
    refuse(field, value, 'must be ' + low + '..' + high);
}

function hasLength(field: string, octets: Uint8Array, length: number): void {
  if (octets.length !== length) refuse(field, octets.length + ' octets', 'must be ' + length + ' octets');
}

function hasVersion(parts: Parts, field: string, version: number): void {
  for (let i = 0; i < parts.networks.length; i++) if (parts.networks[i].version === version) return;
  refuse(field, 'IPv' + version, 'not in this build');
}

function addressRange(field: string, start: Uint8Array, end: Uint8Array, length: number): void {
  hasLength(field, start, length);
  hasLength(field, end, length);
  if (compare(start, 0, end, 0, length) > 0) refuse(field, 'start above end', 'must be start <= end');
}

function portRange(field: string, start: number, end: number, proto: number): void {
  inRange(field, start, 0, 65535);
  inRange(field, end, 0, 65535);
  if (start > end) refuse(field, start + '..' + end, 'must be start <= end (OPAQUE is not supported)');
  const any = start === 0 && end === 65535;
  const ports = proto === 17 || proto === 6 || proto === 132 || proto === 136;
  if (!any && !ports) refuse(field, start + '..' + end, 'must be 0..65535 when ts_proto has no ports');
}

function lifetime(field: string, soft: number, hard: number): void {
  if (!(soft >= 0 && hard >= 0)) refuse(field, soft, 'must be 0 or more');
  if (hard > 0 && soft > hard) refuse(field, soft, 'must not exceed the hard lifetime ' + hard);
}

function checkWidths(config: SaConfig): void {
  const a = config.attributes;
  inRange('esp_spi', a.espSpi, SPI_MIN, 65536 * 65536 - 1);
  inRange('esp_spi_lsb', a.espSpiLsb, 0, 32);
  inRange('esp_sn_lsb', a.espSnLsb, 0, 32);
  if ((a.espSpiLsb + a.espSnLsb) % 8 !== 0) {
    refuse('esp_sn_lsb', a.espSnLsb, 'esp_spi_lsb + esp_sn_lsb must be a multiple of 8');
  }
}

function checkAddresses(config: SaConfig, parts: Parts): void {
  const a = config.attributes;
  inRange('ipsec_mode', a.ipsecMode, MODE_TUNNEL, MODE_TRANSPORT);
  if (a.tsIpVersion !== 4 && a.tsIpVersion !== 6) refuse('ts_ip_version', a.tsIpVersion, 'must be 4 or 6');
  hasVersion(parts, 'ts_ip_version', a.tsIpVersion);
  const size = a.tsIpVersion === 6 ? 16 : 4;
  addressRange('ts_ip_src', a.tsIpSrcStart, a.tsIpSrcEnd, size);
  addressRange('ts_ip_dst', a.tsIpDstStart, a.tsIpDstEnd, size);
}

function checkPorts(config: SaConfig): void {
  const a = config.attributes;
  inRange('ts_proto', a.tsProto, 0, 255);
  portRange('ts_port_src', a.tsPortSrcStart, a.tsPortSrcEnd, a.tsProto);
  portRange('ts_port_dst', a.tsPortDstStart, a.tsPortDstEnd, a.tsProto);
}

function checkActions(config: SaConfig): void {
  const a = config.attributes;
  inRange('dscp_cda', a.dscpCda, 0, CDA_SA);
  inRange('ecn_cda', a.ecnCda, 0, CDA_LOWER);
  inRange('flow_label_cda', a.flowLabelCda, 0, CDA_ZERO);
  // Attributes from elsewhere may have any value, whatever their types say.
  if ((a.flowLabelCda as number) === CDA_SA)
    refuse('flow_label_cda', 'sa', 'must be not_compressed, lower, generated or zero');
  if (a.dscpCda === CDA_SA && a.dscpList.length === 0)
    refuse('dscp_list', 'empty', 'must name a value for dscp_cda sa');
  for (let i = 0; i < a.dscpList.length; i++) inRange('dscp_list', a.dscpList[i], 0, 63);
  if (a.flowLabelCda === CDA_GENERATED && a.iipcProfile !== IIPC_DIET_ESP) {
    refuse('flow_label_cda', 'generated', 'needs iipc_diet-esp');
  }
}

function checkRule(config: SaConfig): void {
  const a = config.attributes;
  if (a.alignment !== 8 && a.alignment !== 16 && a.alignment !== 32 && a.alignment !== 64) {
    refuse('alignment', a.alignment, 'must be 8, 16, 32 or 64');
  }
  inRange('esp_trailer', a.espTrailer, 0, 1);
  inRange('iipc_profile', a.iipcProfile, 0, 1);
  inRange('rule_id', a.iipcRuleId, -1, 255);
  if (a.iipcRuleId >= 0 && a.iipcProfile !== IIPC_DIET_ESP) {
    refuse('rule_id', a.iipcRuleId, 'needs iipc_diet-esp');
  }
}

function checkTunnel(config: SaConfig, parts: Parts): void {
  const a = config.attributes;
  if (a.ipsecMode === MODE_TUNNEL) {
    if (a.tunnelSrc.length !== 4) hasLength('tunnel_ip', a.tunnelSrc, 16);
    hasLength('tunnel_ip', a.tunnelDst, a.tunnelSrc.length);
    hasVersion(parts, 'tunnel_ip', a.tunnelSrc.length === 16 ? 6 : 4);
  }
}

function checkNumbers(config: SaConfig, parts: Parts): void {
  const a = config.attributes;
  inRange('esn', a.esn, 0, 1);
  let counter = false;
  for (let i = 0; i < parts.counters.length; i++) if (parts.counters[i].esn === a.esn) counter = true;
  if (!counter) refuse('esn', a.esn, 'not in this build');
  inRange('esp_sn', config.snLo, 0, 65536 * 65536 - 1);
  inRange('esp_sn', config.snHi, 0, a.esn * (65536 * 65536 - 1));
}

function checkWindow(config: SaConfig, parts: Parts): void {
  const window = config.replayWindow;
  let power = 32;
  while (power < window) power *= 2;
  if (window !== 0 && (window !== power || window > parts.window.max)) {
    refuse('replay_window', window, 'must be 0 or a power of two from 32 to ' + parts.window.max);
  }
}

function checkLifetimes(config: SaConfig): void {
  lifetime('lifetime.soft_packets', config.softPackets, config.hardPackets);
  lifetime('lifetime.soft_bytes', config.softBytes, config.hardBytes);
  lifetime('lifetime.soft_seconds', config.softTime, config.hardTime);
}

function checkKey(config: SaConfig, _parts: Parts, provider: Provider): void {
  const suite = config.suite;
  if (suite.alg !== 0) {
    if (!provider.has(suite.alg, suite.keyLength)) refuse('esp_encr', suite.name, 'not in this provider');
    if (!provider.has(suite.alg, config.key.length)) {
      refuse('key', config.key.length + ' octets', 'not a key length of ' + suite.name + ' in this provider');
    }
  }
}

function checkAuthKey(config: SaConfig, _parts: Parts, provider: Provider): void {
  const suite = config.suite;
  hasLength('salt', config.salt, suite.saltLength);
  if (suite.authKeyLength > 0 && !provider.has(INTEGRITY_ALG, suite.authKeyLength)) {
    refuse('esp_encr', suite.name, 'its HMAC is not in this provider');
  }
  hasLength('akey', config.authKey, suite.authKeyLength);
}

/** What is checked of a configuration, each of fields of its own: it throws a Refusal at the first that is wrong. */
export const SA_CHECKS: readonly ((config: SaConfig, parts: Parts, provider: Provider) => void)[] = [
  checkWidths,
  checkAddresses,
  checkPorts,
  checkActions,
  checkRule,
  checkTunnel,
  checkNumbers,
  checkWindow,
  checkLifetimes,
  checkKey,
  checkAuthKey,
];

/** Throws `Error('field: value: limit')` at the first fault. */
export function checkConfig(parts: Parts, provider: Provider, config: SaConfig): void {
  for (let i = 0; i < SA_CHECKS.length; i++) SA_CHECKS[i](config, parts, provider);
}
