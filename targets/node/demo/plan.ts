// The demo's network: addresses, selectors and keys. Every run has keys of its own; with a seed they follow from it, so
// that a run can be repeated: such keys are no secret.

import { createHash } from 'node:crypto';
import { createContexts, setContext } from '../../../core/wire/sixlowpan.ts';
import { addressOctets } from '../config/addresses.ts';
import { suiteNamed, toAttributes, toConfig } from '../config/sa.ts';
import type { GatewaySa } from '../gateway/config.ts';
import type { SaValues, SensorPlan } from './messages.ts';

export const PAN_ID = 0xabcd;
export const GATEWAY_LINK = 0;
/** Interface identifiers made from the short addresses: 6LoWPAN leaves the outer addresses out. */
export const CONTEXT = 'fd00::/64';
export const GATEWAY_ADDRESS = 'fd00::ff:fe00:0';
export const SERVER_ADDRESS = '2001:db8:2::1';
export const COAP_PORT = 5683;
const SUITE = 'AES_CCM_8_IIV';
/** Uri-Path of a sensor: one character each. */
const NAMES = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
export const SENSORS_MAX = 32;
/** Milliseconds: UDP between processes is slower than the air. */
export const ACK_WAIT = 25;

/** The contexts of the link, as the core takes them. */
export function demoContexts(): Uint8Array {
  const contexts = createContexts(1);
  setContext(contexts, 0, addressOctets('fd00::')!, 0, 64);
  return contexts;
}

function keyOf(secret: string, label: string, length: number): string {
  return createHash('sha256')
    .update(`dietesp demo ${secret} ${label}`)
    .digest('hex')
    .slice(0, 2 * length);
}

function saValues(index: number, inner: string, outer: string, up: boolean, secret: string): SaValues {
  const label = `${index} ${up ? 'up' : 'down'}`;
  const suite = suiteNamed(SUITE);
  const [src, dst] = up ? [inner, SERVER_ADDRESS] : [SERVER_ADDRESS, inner];
  return {
    name: label,
    ipsec_mode: 'tunnel',
    tunnel_ip: up ? [outer, GATEWAY_ADDRESS] : [GATEWAY_ADDRESS, outer],
    esp_spi: (0x1000 + 2 * index + (up ? 0 : 1)).toString(16),
    esp_spi_lsb: 8,
    esp_sn: '1',
    esp_sn_lsb: 8,
    esp_encr: SUITE,
    key: keyOf(secret, `key ${label}`, suite.keyLength),
    salt: keyOf(secret, `salt ${label}`, suite.saltLength),
    akey: '',
    dscp_cda: 'lower',
    ecn_cda: 'lower',
    flow_label_cda: 'zero',
    ts_ip_src: [src, src],
    ts_ip_dst: [dst, dst],
    ts_proto: 17,
    ts_port_src: [COAP_PORT, COAP_PORT],
    ts_port_dst: [COAP_PORT, COAP_PORT],
    alignment: 8,
    esp_trailer: 'Optional',
  };
}

/** The plans of sensors 1..count; `secret` makes the keys. */
export function planSensors(count: number, secret: string): SensorPlan[] {
  return Array.from({ length: count }, (_value, i) => {
    const index = i + 1;
    const outer = `fd00::ff:fe00:${index.toString(16)}`;
    const inner = `2001:db8:1::${index.toString(16)}`;
    return {
      index,
      name: NAMES[i],
      outer,
      inner,
      up: saValues(index, inner, outer, true, secret),
      down: saValues(index, inner, outer, false, secret),
    };
  });
}

/** The SA of checked values, as the gateway and the device take it. */
export function saOf(values: SaValues): GatewaySa {
  return { name: String(values.name), config: toConfig(toAttributes(values), values) };
}
