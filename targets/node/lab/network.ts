// The network of demo and board runs, as files that a user could write: one for the gateway and one for each node, for IKEv2
// with a pre-shared key, Diet-ESP and readings to one CoAP server. Keys are derived from a secret, so that a run can be
// repeated; the keys are only as secret as that.

import { createHash } from 'node:crypto';

export const PAN_ID = 0xabcd;
export const GATEWAY_LINK = 0;
/** Interface identifiers are made from the short addresses: 6LoWPAN leaves the outer addresses out. */
export const CONTEXT = 'fd00::/64';
const GATEWAY_ADDRESS = 'fd00::ff:fe00:0';
const SERVER_ADDRESS = '2001:db8:2::1';
const COAP_PORT = 5683;
/** Identities are short: they cost air. Nodes are called as their Uri-Path. */
const GATEWAY_ID = 'keyid:00';
/** Uri-Path of a node: one character each. */
const NAMES = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
export const NODES_MAX = 32;

/** What both sides of every network say about IKE. Nothing is negotiated that nobody has a use for: it costs air. */
const IKE = {
  proposals: ['aes-ccm-8'],
  ke: ['x25519'],
  nameRemote: false,
  downgradePrevention: true,
  fragmentSize: 0,
  nonceSize: 16,
  // An answer takes milliseconds here: a lost frame is the reason when there is none.
  retransmit: 0.5,
  tries: 4,
};
const CHILD = { esp: ['aes-ccm-8-iiv'], mode: 'tunnel' };
/** The gateway's choice, where nodes leave it open. */
const COMPRESSION = {
  dscp_cda: 'lower',
  ecn_cda: 'lower',
  flow_label_cda: 'zero',
  alignment: 8,
  esp_spi_lsb: 8,
  esp_sn_lsb: 8,
  esp_trailer: 'Optional',
};

/** What networks differ in. */
export interface NetworkStyle {
  /** Nodes name the values of Diet-ESP that the gateway wants: a specialised device has one set. */
  isFixed?: boolean;
  /** Both sides have rules for CoAP, and no SPI bits are on the wire. */
  hasCoap?: boolean;
  /** What a node is called in the gateway's file: `sensor`, `node`. */
  node: string;
  /** Milliseconds that MACs wait for an acknowledgement. */
  ackWait: number;
  /** Members of `connection.ike` beside those of every network. */
  ike: Record<string, unknown>;
  /** Members of a node's `server` beside those of every network. */
  server?: Record<string, unknown>;
  /** Seconds that a ticket for resumption lives, default 0: none. */
  resumption?: number;
}

/** What both ends know of a node. */
export interface NodePlan {
  /** 1, 2, ...: also its short address. */
  index: number;
  /** One character: its Uri-Path at the server. */
  name: string;
  outer: string;
  inner: string;
  /** `keyid:61`. */
  identity: string;
  /** Pre-shared key of IKE, 32 octets in hexadecimal. */
  psk: string;
}

/** The plans of nodes 1..count; keys follow from `secret`. */
export function planNodes(count: number, secret: string): NodePlan[] {
  return Array.from({ length: count }, (_value, i) => {
    const index = i + 1;
    const name = NAMES[i];
    return {
      index,
      name,
      outer: `fd00::ff:fe00:${index.toString(16)}`,
      inner: `2001:db8:1::${index.toString(16)}`,
      identity: `keyid:${Buffer.from(name).toString('hex')}`,
      psk: createHash('sha256').update(`dietesp ${secret} psk ${index}`).digest('hex'),
    };
  });
}

/** Diet-ESP of a network, and with rules for CoAP those of a node's path. */
function compressionOf(style: NetworkStyle, values: object, path: string) {
  const diet = { notify: 'hcp', required: true, proposals: [values] };
  if (style.hasCoap !== true) return diet;
  return { ...diet, proposals: [{ ...COMPRESSION, esp_spi_lsb: 0 }], coap: { paths: [path], required: true } };
}

function connectionOf({ ike, resumption }: NetworkStyle) {
  return { privateAlways: true, resumption: resumption ?? 0, ike: { ...IKE, ...ike } };
}

/** The gateway's file. `coapPort`: UDP port of the CoAP server on the loopback. */
export function gatewayFile(plans: NodePlan[], coapPort: number, style: NetworkStyle): string {
  const udp = (ip: string) => [{ ip, proto: 'udp', ports: COAP_PORT }];
  const file = {
    radios: [{ name: 'air', zep: { port: 0 }, panId: PAN_ID, shortAddress: GATEWAY_LINK, ackWait: style.ackWait }],
    addresses: [GATEWAY_ADDRESS],
    contexts: [CONTEXT],
    flows: [{ destination: SERVER_ADDRESS, port: COAP_PORT, to: `127.0.0.1:${coapPort}` }],
    connection: {
      ...connectionOf(style),
      localId: GATEWAY_ID,
      child: {
        ...CHILD,
        local: udp(SERVER_ADDRESS),
        ...(style.hasCoap === true ? {} : { compression: compressionOf(style, COMPRESSION, '') }),
      },
    },
    peers: plans.map(({ name, identity, psk, inner }) => ({
      name: `${style.node} ${name}`,
      remoteId: identity,
      auth: { pskHex: psk },
      child: {
        remote: udp(inner),
        ...(style.hasCoap === true ? { compression: compressionOf(style, COMPRESSION, name) } : {}),
      },
    })),
  };
  return JSON.stringify(file, null, 2);
}

/** A node's file; `zepPort`: UDP port of the gateway's radio, `more`: members beside the rest. */
export function nodeFile(
  plan: NodePlan,
  zepPort: number,
  style: NetworkStyle,
  more: Record<string, unknown> = {},
): string {
  const file = {
    radio: {
      zep: { port: 0, peers: [{ address: '127.0.0.1', port: zepPort }] },
      panId: PAN_ID,
      shortAddress: plan.index,
      // An individual, locally administered one [RFC 4291 Appendix A].
      extendedAddress: `02000000000000${plan.index.toString(16).padStart(2, '0')}`,
      ackWait: style.ackWait,
    },
    address: plan.outer,
    contexts: [CONTEXT],
    gateway: { address: GATEWAY_ADDRESS, link: GATEWAY_LINK.toString(16).padStart(4, '0') },
    innerAddress: plan.inner,
    server: { address: SERVER_ADDRESS, port: COAP_PORT, sourcePort: COAP_PORT, path: plan.name, ...style.server },
    ...more,
    connection: {
      ...connectionOf(style),
      localId: plan.identity,
      remoteId: GATEWAY_ID,
      auth: { pskHex: plan.psk },
      // One proposal that leaves every value to the gateway is the smallest offer.
      child: {
        ...CHILD,
        compression: compressionOf(style, style.isFixed === true ? COMPRESSION : {}, plan.name),
      },
    },
  };
  return JSON.stringify(file, null, 2);
}
