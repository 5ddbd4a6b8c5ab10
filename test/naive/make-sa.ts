// SA objects with the defaults of the existing vectors. Every vector lists its changes.
import type { Sa, Suite } from './types.ts';

export const SUITE_NAMES: Suite[] = [
  'AES_CCM_8',
  'AES_CCM_8_IIV',
  'AES_CCM_16',
  'AES_GCM_16',
  'AES_GCM_16_IIV',
  'CHACHA20_POLY1305',
  'CHACHA20_POLY1305_IIV',
  'NULL_HMAC_SHA2_256_128',
  'AES_CBC_HMAC_SHA2_256_128',
];

const octets = (first: number, count: number): string =>
  Buffer.from(Array.from({ length: count }, (_, i) => first + i)).toString('hex');

/** Key material of the vectors: 000102.., salt a0a1a2(a3), HMAC key 4041..5f. Test use only. */
export function keysOf(suite: Suite): Pick<Sa, 'key' | 'salt' | 'akey'> {
  if (suite.startsWith('CHACHA')) return { key: octets(0, 32), salt: 'a0a1a2a3' };
  if (suite.startsWith('AES_GCM')) return { key: octets(0, 16), salt: 'a0a1a2a3' };
  if (suite.startsWith('AES_CCM')) return { key: octets(0, 16), salt: 'a0a1a2' };
  return { key: octets(0, 16), akey: octets(0x40, 32) };
}

export const SIX = { src: '2001:db8::1234', dst: '2001:db8::5678' };
export const FOUR = { src: '10.0.0.5', dst: '10.1.2.3' };
export const OUTER_SIX: [string, string] = ['2001:db8:a::1', '2001:db8:a::2'];
export const OUTER_FOUR: [string, string] = ['192.0.2.1', '198.51.100.2'];
export const ANY_PORT: [number, number] = [0, 65535];

/** One protocol's SA: single addresses and ports, everything elidable elided, unless `change` says otherwise. */
export function makeSa(version: 4 | 6, proto: number, change: Partial<Sa> = {}): Sa {
  const hasPorts = [6, 17, 132, 136].includes(proto);
  const suite = change.esp_encr ?? 'AES_GCM_16_IIV';
  const mode = change.ipsec_mode ?? 'tunnel';
  const side = version === 6 ? SIX : FOUR;
  const addresses: Partial<Sa> =
    mode === 'tunnel' ? { ts_ip_src: [side.src, side.src], ts_ip_dst: [side.dst, side.dst], tunnel_ip: OUTER_SIX } : {};
  return {
    ipsec_mode: mode,
    ts_ip_version: version,
    ...addresses,
    ts_proto: proto,
    ts_port_src: hasPorts ? [5001, 5001] : ANY_PORT,
    ts_port_dst: hasPorts ? [4500, 4500] : ANY_PORT,
    dscp_cda: 'lower',
    dscp_list: [],
    ecn_cda: 'lower',
    flow_label_cda: 'lower',
    alignment: 8,
    esp_trailer: 'Optional',
    esp_encr: suite,
    ...keysOf(suite),
    esn: false,
    esp_spi: '112233a7',
    esp_spi_lsb: 8,
    esp_sn: '1',
    esp_sn_lsb: 8,
    iipc_enabled: true,
    rule_id: null,
    ...change,
  };
}
