// A network for boards that run on this machine: a shared radio link, a gateway that answers IKE, and a CoAP server behind
// the gateway. Each node has its own keys, and a file for `dietesp sensor` and `dietesp provision`.

import { readGateway } from '../../gateway/file.ts';
import { createGateway, type Gateway } from '../../gateway/gateway.ts';
import type { Log } from '../../host/log.ts';
import { type Bridge, type BridgePort, createBridge } from '../../host/radio/bridge.ts';
import type { CaptureWriter } from '../../host/radio/pcap.ts';
import { createZep } from '../../host/radio/zep.ts';
import { type LoadedSensor, readSensor } from '../../sensor/file.ts';
import { startCoapServer } from '../coap-server.ts';
import { gatewayFile, type NetworkStyle, NODES_MAX, nodeFile, planNodes } from '../network.ts';

/** Milliseconds to wait for an acknowledgement: an emulated board on a machine that does much else. */
const ACK_WAIT = 100;
/** The same where nothing is to be repeated. */
const PATIENT_WAIT = 10000;

export interface LabConfig {
  /** Boards and sensors, 1..32. */
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
  /** Seconds that a ticket for resumption lives, default 0: none. */
  resumption?: number;
  /** Nothing is repeated for tens of seconds: a run without loss is the same frames on the slowest machine. */
  patient?: boolean;
  /** Files for specialised devices. */
  isSpecial?: boolean;
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

/** The network's style, and the times of a board's application. */
function styleOf({ patient, retransmit, resumption, isSpecial }: LabConfig): {
  style: NetworkStyle;
  board: Record<string, number>;
} {
  const isPatient = patient === true;
  const ike = {
    retransmit: isPatient ? 60 : (retransmit ?? 0.5),
    // A board that restarts has forgotten its SAs: the gateway forgets them with the next handshake.
    initialContact: true,
    // A gateway that restarts is found out after a few seconds, also by a node that has nothing to send.
    dpd: isPatient ? 0 : 5,
  };
  return {
    style: {
      node: 'node',
      ackWait: isPatient ? PATIENT_WAIT : ACK_WAIT,
      ike,
      resumption: resumption ?? 0,
      ...(isSpecial === true ? { isFixed: true } : {}),
    },
    board: { ackTimeout: isPatient ? 60 : 1, maxRetransmit: 4, retry: 0.5, retryMax: 4 },
  };
}

/** Starts air, gateway and server. */
export async function createLab(config: LabConfig): Promise<Lab> {
  if (!(config.nodes >= 1 && config.nodes <= NODES_MAX)) {
    throw new Error(`lab.nodes: ${config.nodes}: must be 1..${NODES_MAX}`);
  }
  const { seed, loss, capture } = config;
  const bridge = createBridge({ seed, loss, ...(capture === undefined ? {} : { capture }) });
  const nodes: LabNode[] = [];
  const server = await startCoapServer((path, text) => {
    const node = nodes.find(({ name }) => name === path);
    node?.readings.push(text);
    if (node !== undefined) config.onReading?.(node, text);
  });
  // For sensors that are other programs, or other parts of this one.
  const zep = createZep({ port: 0, relay: true });
  const zepPort = await zep.ready;
  bridge.join('zep', zep);
  const plans = planNodes(config.nodes, `board ${config.secret}`);
  const { style, board } = styleOf(config);
  for (const plan of plans) {
    const file = nodeFile(plan, zepPort, style, { count: config.count, interval: config.interval, board });
    const { index, name, inner, identity } = plan;
    nodes.push({ index, name, inner, identity, file, loaded: readSensor(`node ${name}`, file), readings: [] });
  }
  const loaded = readGateway('the gateway', gatewayFile(plans, server.port, style));

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
