// A network for boards that run on this machine: an air that they share, a gateway on it that answers IKE, and a CoAP
// server behind the gateway. Each node has its own keys; its file is what `dietesp sensor` and `dietesp provision` read.

import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import coap from 'coap';
import { readGateway } from '../../gateway/file.ts';
import { createGateway, type Gateway } from '../../gateway/gateway.ts';
import type { Log } from '../../host/log.ts';
import { type Bridge, type BridgePort, createBridge } from '../../host/radio/bridge.ts';
import type { CaptureWriter } from '../../host/radio/pcap.ts';
import { createZep } from '../../host/radio/zep.ts';
import { type LoadedSensor, readSensor } from '../../sensor/file.ts';

export const LAB_PAN = 0xabcd;
export const LAB_CONTEXT = 'fd00::/64';
const GATEWAY_LINK = 0;
const GATEWAY_ADDRESS = 'fd00::ff:fe00:0';
const GATEWAY_ID = 'keyid:00';
const SERVER_ADDRESS = '2001:db8:2::1';
const COAP_PORT = 5683;
/** Uri-Path of a node: one character each. */
const NAMES = 'abcdefghijklmnopqrstuvwxyz';
export const LAB_NODES_MAX = NAMES.length;
/** Milliseconds to wait for an acknowledgement: an emulated board on a machine that does much else. */
const ACK_WAIT = 100;
/** The same where nothing is to be repeated. */
const PATIENT_WAIT = 10000;

/** What both sides say about IKE: the smallest offer, as in the demo. */
const COMMON = {
  privateAlways: true,
  resumption: 0,
  ike: {
    proposals: ['aes-ccm-8'],
    ke: ['x25519'],
    nameRemote: false,
    downgradePrevention: true,
    fragmentSize: 0,
    nonceSize: 16,
    retransmit: 0.5,
    tries: 4,
    // A board that restarts has forgotten its SAs: the gateway forgets them with the next handshake.
    initialContact: true,
    // A gateway that restarts is found out after a few seconds, also by a node that has nothing to send.
    dpd: 5,
  },
};
const CHILD = { esp: ['aes-ccm-8-iiv'], mode: 'tunnel' };
const COMPRESSION = {
  dscp_cda: 'lower',
  ecn_cda: 'lower',
  flow_label_cda: 'zero',
  alignment: 8,
  esp_spi_lsb: 8,
  esp_sn_lsb: 8,
  esp_trailer: 'Optional',
};

export interface LabConfig {
  /** Boards and sensors, 1..26. */
  nodes: number;
  /** Losses follow from it. */
  seed: number;
  /** Chance, 0..1, that a node misses a frame. */
  loss: number;
  /** The keys follow from it. */
  secret: string;
  /** Readings of each node, 0: without end; seconds between them. */
  count: number;
  interval: number;
  /** Seconds until a request of IKE is repeated, default 0.5: more for nodes that compute for seconds. */
  retransmit?: number;
  /** Nothing is repeated for tens of seconds: a run without loss is the same frames on the slowest machine. */
  patient?: boolean;
  capture?: CaptureWriter;
  log?: Log;
  onReading?: (node: LabNode, text: string) => void;
}

export interface LabNode {
  /** 1, 2, ...: also its short address. */
  index: number;
  /** Its Uri-Path. */
  name: string;
  inner: string;
  /** `keyid:61`. */
  identity: string;
  /** The text of its file, and what that stands for. */
  file: string;
  loaded: LoadedSensor;
  /** Payloads that the server took, in order. */
  readings: string[];
}

export interface Lab {
  bridge: Bridge;
  nodes: LabNode[];
  gateway(): Gateway;
  /** The gateway's place on the air. */
  port(): BridgePort;
  /** Ends the gateway, as a crash does (0) or with Deletes that have `leave` milliseconds, and starts another one. */
  restartGateway(leave: number): Promise<void>;
  close(): Promise<void>;
}

function planOf(index: number, secret: string) {
  const name = NAMES[index - 1];
  return {
    index,
    name,
    outer: `fd00::ff:fe00:${index.toString(16)}`,
    inner: `2001:db8:1::${index.toString(16)}`,
    identity: `keyid:${Buffer.from(name).toString('hex')}`,
    psk: createHash('sha256').update(`dietesp board ${secret} psk ${index}`).digest('hex'),
  };
}

type Plan = ReturnType<typeof planOf>;

/** COMMON, and the times of a node's MAC and application. */
function timesOf({ patient, retransmit }: LabConfig) {
  const isPatient = patient === true;
  const ike = isPatient
    ? { ...COMMON.ike, retransmit: 60, dpd: 0 }
    : { ...COMMON.ike, retransmit: retransmit ?? COMMON.ike.retransmit };
  return {
    common: { ...COMMON, ike },
    ackWait: isPatient ? PATIENT_WAIT : ACK_WAIT,
    board: { ackTimeout: isPatient ? 60 : 1, maxRetransmit: 4, retry: 0.5, retryMax: 4 },
  };
}

function gatewayFile(plans: Plan[], coapPort: number, config: LabConfig): string {
  const { common, ackWait } = timesOf(config);
  const udp = (ip: string) => [{ ip, proto: 'udp', ports: COAP_PORT }];
  return JSON.stringify({
    radios: [{ name: 'air', zep: { port: 0 }, panId: LAB_PAN, shortAddress: GATEWAY_LINK, ackWait }],
    addresses: [GATEWAY_ADDRESS],
    contexts: [LAB_CONTEXT],
    flows: [{ destination: SERVER_ADDRESS, port: COAP_PORT, to: `127.0.0.1:${coapPort}` }],
    connection: {
      ...common,
      localId: GATEWAY_ID,
      child: {
        ...CHILD,
        local: udp(SERVER_ADDRESS),
        compression: { notify: 'hcp', required: true, proposals: [COMPRESSION] },
      },
    },
    peers: plans.map(({ name, identity, psk, inner }) => ({
      name: `node ${name}`,
      remoteId: identity,
      auth: { pskHex: psk },
      child: { remote: udp(inner) },
    })),
  });
}

function nodeFile(plan: Plan, zepPort: number, config: LabConfig): string {
  const { count, interval } = config;
  const { common, ackWait, board } = timesOf(config);
  const file = {
    radio: {
      zep: { port: 0, peers: [{ address: '127.0.0.1', port: zepPort }] },
      panId: LAB_PAN,
      shortAddress: plan.index,
      // An individual, locally administered one [RFC 4291 Appendix A].
      extendedAddress: `02000000000000${plan.index.toString(16).padStart(2, '0')}`,
      ackWait,
    },
    address: plan.outer,
    contexts: [LAB_CONTEXT],
    gateway: { address: GATEWAY_ADDRESS, link: GATEWAY_LINK.toString(16).padStart(4, '0') },
    innerAddress: plan.inner,
    server: { address: SERVER_ADDRESS, port: COAP_PORT, sourcePort: COAP_PORT, path: plan.name },
    count,
    interval,
    board,
    connection: {
      ...common,
      localId: plan.identity,
      remoteId: GATEWAY_ID,
      auth: { pskHex: plan.psk },
      // One proposal that leaves every value to the gateway is the smallest offer.
      child: { ...CHILD, compression: { notify: 'hcp', required: true, proposals: [{}] } },
    },
  };
  return JSON.stringify(file, null, 2);
}

/** A CoAP server on a port of its own, for readings as POST to /a, /b, ... */
async function startServer(take: (path: string, text: string) => void): Promise<{ port: number; close(): void }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const server = coap.createServer((request, response) => {
    if (request.method !== 'POST') response.code = '4.05';
    else {
      take(request.url.slice(1), request.payload.toString());
      response.code = '2.04';
    }
    response.end();
  });
  server.listen(socket);
  return {
    port: socket.address().port,
    close() {
      server.close();
      socket.close();
    },
  };
}

/** Starts air, gateway and server. */
export async function createLab(config: LabConfig): Promise<Lab> {
  if (!(config.nodes >= 1 && config.nodes <= LAB_NODES_MAX)) {
    throw new Error(`lab.nodes: ${config.nodes}: must be 1..${LAB_NODES_MAX}`);
  }
  const { seed, loss, capture } = config;
  const bridge = createBridge({ seed, loss, ...(capture === undefined ? {} : { capture }) });
  const nodes: LabNode[] = [];
  const server = await startServer((path, text) => {
    const node = nodes.find(({ name }) => name === path);
    node?.readings.push(text);
    if (node !== undefined) config.onReading?.(node, text);
  });
  // For sensors that are other programs, or other parts of this one.
  const zep = createZep({ port: 0, relay: true });
  const zepPort = await zep.ready;
  bridge.join('zep', zep);
  const plans = Array.from({ length: config.nodes }, (_value, i) => planOf(i + 1, config.secret));
  for (const plan of plans) {
    const file = nodeFile(plan, zepPort, config);
    const { index, name, inner, identity } = plan;
    nodes.push({ index, name, inner, identity, file, loaded: readSensor(`node ${name}`, file), readings: [] });
  }
  const loaded = readGateway('the gateway', gatewayFile(plans, server.port, config));

  async function start(): Promise<{ gateway: Gateway; port: BridgePort }> {
    const radio = bridge.radio('gateway');
    const port = bridge.ports().at(-1)!;
    const [{ zep: _none, ...settings }] = loaded.config.radios;
    const log = config.log === undefined ? {} : { log: config.log };
    return { gateway: await createGateway({ ...loaded.config, ...log, radios: [{ ...settings, radio }] }), port };
  }
  let current = await start();
  return {
    bridge,
    nodes,
    gateway: () => current.gateway,
    port: () => current.port,
    async restartGateway(leave) {
      await (leave > 0 ? current.gateway.leave(leave) : current.gateway.close());
      current = await start();
    },
    async close() {
      await current.gateway.close();
      bridge.close();
      await zep.closed;
      server.close();
    },
  };
}
