// The demo's network as its users would write it down: a gateway's file, and one for each sensor, for IKEv2 with a
// pre-shared key. Every run has keys of its own; with a seed they follow from it, so that a run can be repeated: such
// keys are no secret.

import { createHash } from 'node:crypto';
import { createContexts, setContext } from '../../../../core/wire/sixlowpan.ts';
import { addressOctets } from '../../host/addresses.ts';
import type { SensorPlan } from './messages.ts';

export const PAN_ID = 0xabcd;
export const GATEWAY_LINK = 0;
/** Interface identifiers made from the short addresses: 6LoWPAN leaves the outer addresses out. */
const PREFIX = 'fd00::';
const CONTEXT = `${PREFIX}/64`;
const GATEWAY_ADDRESS = 'fd00::ff:fe00:0';
const SERVER_ADDRESS = '2001:db8:2::1';
const COAP_PORT = 5683;
/** Identities are short: they cost air. Sensors are called as their Uri-Path. */
const GATEWAY_ID = 'keyid:00';
/** Uri-Path of a sensor: one character each. */
const NAMES = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
export const SENSORS_MAX = 32;
/** Milliseconds: UDP between processes is slower than the air. */
export const ACK_WAIT = 25;
/** Octets of a pre-shared key. */
const PSK_SIZE = 32;

/** What both sides say about IKE. Nothing is negotiated that a sensor of the demo has no use for: it costs air. */
const COMMON = {
  privateAlways: true,
  resumption: 0,
  ike: {
    proposals: ['aes-ccm-8'],
    ke: ['x25519'],
    nameRemote: false,
    downgradePrevention: true,
    initialContact: false,
    fragmentSize: 0,
    nonceSize: 16,
    // An answer takes milliseconds here: a lost frame is the reason when there is none.
    retransmit: 0.5,
    tries: 4,
  },
};
const CHILD = { esp: ['aes-ccm-8-iiv'], mode: 'tunnel' };
/** The gateway's choice, where sensors leave it open. */
const COMPRESSION = {
  dscp_cda: 'lower',
  ecn_cda: 'lower',
  flow_label_cda: 'zero',
  alignment: 8,
  esp_spi_lsb: 8,
  esp_sn_lsb: 8,
  esp_trailer: 'Optional',
};

/** The contexts of the link, as the core takes them. */
export function demoContexts(): Uint8Array {
  const contexts = createContexts(1);
  setContext(contexts, 0, addressOctets(PREFIX)!, 0, 64);
  return contexts;
}

/** The plans of sensors 1..count; `secret` makes the keys. */
export function planSensors(count: number, secret: string): SensorPlan[] {
  return Array.from({ length: count }, (_value, i) => {
    const index = i + 1;
    return {
      index,
      name: NAMES[i],
      outer: `fd00::ff:fe00:${index.toString(16)}`,
      inner: `2001:db8:1::${index.toString(16)}`,
      psk: createHash('sha256')
        .update(`dietesp demo ${secret} psk ${index}`)
        .digest('hex')
        .slice(0, 2 * PSK_SIZE),
    };
  });
}

function identityOf({ name }: SensorPlan): string {
  return `keyid:${Buffer.from(name).toString('hex')}`;
}

/** The gateway's file. `coapPort`: UDP port of the CoAP server on the loopback. */
export function gatewayFile(plans: SensorPlan[], coapPort: number): string {
  const udp = (ip: string) => [{ ip, proto: 'udp', ports: COAP_PORT }];
  const file = {
    radios: [{ name: 'zep', zep: { port: 0 }, panId: PAN_ID, shortAddress: GATEWAY_LINK, ackWait: ACK_WAIT }],
    addresses: [GATEWAY_ADDRESS],
    contexts: [CONTEXT],
    flows: [{ destination: SERVER_ADDRESS, port: COAP_PORT, to: `127.0.0.1:${coapPort}` }],
    connection: {
      ...COMMON,
      localId: GATEWAY_ID,
      child: {
        ...CHILD,
        local: udp(SERVER_ADDRESS),
        compression: { notify: 'hcp', required: true, proposals: [COMPRESSION] },
      },
    },
    peers: plans.map((plan) => ({
      name: `sensor ${plan.name}`,
      remoteId: identityOf(plan),
      auth: { pskHex: plan.psk },
      child: { remote: udp(plan.inner) },
    })),
  };
  return JSON.stringify(file, null, 2);
}

/** A sensor's file. `zepPort`: UDP port of the gateway's radio. */
export function sensorFile(plan: SensorPlan, zepPort: number): string {
  const file = {
    radio: {
      zep: { port: 0, peers: [{ address: '127.0.0.1', port: zepPort }] },
      panId: PAN_ID,
      shortAddress: plan.index,
      ackWait: ACK_WAIT,
    },
    address: plan.outer,
    contexts: [CONTEXT],
    gateway: { address: GATEWAY_ADDRESS, link: GATEWAY_LINK.toString(16).padStart(4, '0') },
    innerAddress: plan.inner,
    server: { address: SERVER_ADDRESS, port: COAP_PORT, sourcePort: COAP_PORT, path: plan.name },
    connection: {
      ...COMMON,
      localId: identityOf(plan),
      remoteId: GATEWAY_ID,
      auth: { pskHex: plan.psk },
      // One proposal that leaves every value to the gateway is the smallest offer.
      child: { ...CHILD, compression: { notify: 'hcp', required: true, proposals: [{}] } },
    },
  };
  return JSON.stringify(file, null, 2);
}
