// The gateway's configuration and its check. Everything is checked before anything starts. An error is a FieldError that names
// the field as written, `radios[0].panId`.

import type { Provider } from '../../../core/crypto/provider.ts';
import { MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import type { SaConfig } from '../../../core/esp/sa.ts';
import type { PrivateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { addressLimit, addressOctets } from '../host/addresses.ts';
import type { CaptureConfig } from '../host/capture/settings.ts';
import { hexOf, inRange, integerIn, refuseAt } from '../host/check.ts';
import type { Connection } from '../host/config/ike-policy.ts';
import type { NamedPeers } from '../host/config/named-peers.ts';
import { FieldError, type FieldPath } from '../host/errors.ts';
import type { UdpIo } from '../host/io/datagrams.ts';
import type { KeyLog } from '../host/keylog.ts';
import type { Log } from '../host/log.ts';
import type { MtuSettings } from '../host/mtu/paths.ts';
import { type CheckedRadio, checkContexts, checkRadio, type RadioConfig } from '../host/radio/config.ts';
import type { Pollable, Radio } from '../host/radio/radio.ts';
import type { StateStore } from '../host/state/store.ts';
import type { UdpAddress } from '../host/udp.ts';
import type { RedirectConfig } from './mobility.ts';
import type { OpenSocket } from './socket.ts';
import type { TcpAddress } from './tcp.ts';

/** An SA: from loadSaFile, or made by a program. */
export interface GatewaySa {
  /** Names the SA in metrics, events and errors. */
  name: string;
  /** What `createSa` takes. */
  config: SaConfig;
  /** Default: `in` when the outer destination is an address of the gateway, `out` when the source is. */
  direction?: 'in' | 'out';
  /** Places an error of the core in a file. */
  locate?: (error: unknown) => Error;
}

/** Where a peer is reached. Peers that are not listed are learned from their first authenticated packet. */
export interface PeerConfig {
  /** Outer IPv6 address. */
  address: string;
  /** Name of a radio; default the first. */
  radio?: string;
  /** Link-layer address, 4 or 16 hexadecimal digits. Given here it stays; a learned one follows the peer. */
  link: string;
}

/** Datagrams to an inner address and port go to a UDP server; its answers go back. */
export interface FlowConfig {
  /** Inner destination, IPv4 or IPv6. */
  destination: string;
  /** Inner destination port, 1..65535. */
  port: number;
  /** `127.0.0.1:5683`, `[::1]:5683`, `host:5683`. */
  to: string;
}

/** What runs the radios: real time by default. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Has `node` polled when its nextTimeout comes; `wake` tells that it may have changed. */
  run(node: Pollable, radio: Radio): { wake(): void; stop(): void };
}

/** The network interface for inner packets that no flow takes. */
export interface TunConfig {
  /** Name of the interface. */
  name: string;
  /** Its addresses, `2001:db8:1::1/64`, and prefixes that go into it. */
  addresses: string[];
  /** Prefixes that the system sends into it. */
  routes: string[];
  /** Octets of the largest packet through it. */
  mtu: number;
  /** False: each packet crosses the system alone. Default: packets of a flow as one, where the system can. */
  offload?: boolean;
}

/** What carries ESP: UDP; IP protocol 50; or that where no NAT is found. */
export type EspCarrier = 'udp' | 'auto' | 'raw';

/** The IKEv2 responder. */
export interface GatewayIkeConfig {
  /** Who may connect: the first whose remoteId fits. */
  connections: Connection[];
  /** Very many named peers, from files (`peersFrom`). They come before a connection that takes any identity. */
  named?: NamedPeers;
  /** UDP sockets, for peers that are not on a radio. */
  udp: UdpAddress[];
  /** Where IKE and ESP over TCP are heard [RFC 9329]. Absent: nowhere. */
  tcp?: TcpAddress[];
  /** What carries ESP of peers at sockets, default udp. */
  esp?: EspCarrier;
  /** Peers at UDP sockets may move by MOBIKE [RFC 4555]; absent: off. */
  mobike?: boolean;
  /** Another gateway to which peers are sent that follow [RFC 5685]; absent: none. */
  redirect?: RedirectConfig;
  /** TCP connections at a time, 4..65535, default 4096. */
  tcpConnections?: number;
  /** Inner addresses for peers that ask for one: first and last of each range. */
  pool: [Uint8Array, Uint8Array][];
  /** Numbers that IANA has not assigned. */
  numbers: PrivateNumbers;
  /** Largest IKE message in octets, 1280..65535. */
  maxMessage: number;
  /** Half-open IKE SAs at a time, and from how many a COOKIE is asked for. */
  halfOpenMax: number;
  /** Half-open IKE SAs from which on a COOKIE is required [RFC 7296 §2.6]. */
  cookieThreshold: number;
  /** Attempts a second of one source that may end without a proof of identity. Default 50. */
  attemptsPerSource?: number;
  /** The same of all sources together. Default 500. */
  attempts?: number;
  /** 16 octets, the same after a restart, so that tickets stay good; null: made at the start. */
  ticketKey: Uint8Array | null;
  /** MTU detection; absent: off. */
  mtu?: MtuSettings;
  /** Gets the keys of IKE and ESP, to decrypt captures. They are secrets. */
  keylog?: KeyLog;
}

/** Options of `createGateway`; a wrong one throws `field: value: limit`. */
export interface GatewayConfig {
  /** One or more; none is enough where `ike.udp` or `ike.tcp` has one. */
  radios: RadioConfig[];
  /** The gateway's outer IPv6 addresses. */
  addresses?: string[];
  /** 6LoWPAN contexts 0, 1, ...: `fd00::/64`, or `fd00::/64 C=0` for decompression only [RFC 6775 §4.2]. */
  contexts?: string[];
  /** SAs keyed by hand; may be empty. */
  sas: GatewaySa[];
  /** Devices whose link-layer address is known before they send. */
  peers?: PeerConfig[];
  /** UDP servers behind the gateway. */
  flows?: FlowConfig[];
  /** Default: the fast one. */
  provider?: Provider;
  /** Sets up SAs with peers that ask for it. */
  ike?: GatewayIkeConfig;
  /**
   * Where SAs survive a restart (`openLevelStore`); it belongs to the gateway from here on. Absent: nowhere, and every peer
   * has to set its SAs up anew.
   */
  store?: StateStore;
  /** A network interface for inner packets that no flow takes; its packets go to the peers. */
  tun?: TunConfig;
  /** Capture files; absent: none. */
  pcap?: CaptureConfig;
  /** Octets of the buffers of UDP sockets, each way, default 4194304. Asked for here, a smaller one is a warning. */
  socketBuffer?: number;
  /**
   * Threads, 0..16, for packets of SAs in UDP beside this one; default 0. They need `tun` and Linux; flows, `pcap`, MTU detection and
   * a store of several gateways do not go with them.
   */
  workers?: number;
  /** How UDP sockets of IKE and ESP cross the system: `auto`, in bursts where it can be, or `node`, by node:dgram. */
  udpIo?: UdpIo;
  /** UDP sockets at a time, 1..65535, default 16384. */
  sessions?: number;
  /** Milliseconds until an idle socket closes, default 300000. */
  idle?: number;
  /** Failed packets in a row after which a peer counts as lost, default 3. */
  lostAfter?: number;
  /** Where it writes what happens; default: nowhere. */
  log?: Log;
  /** Milliseconds and timers; default those of Node. Tests give virtual time. */
  clock?: Clock;
  /** Milliseconds since 1970, for what outlives the process; default those of the system, with a `clock` that. */
  wall?: () => number;
  /** For tests: how sockets are opened. */
  openSocket?: OpenSocket;
  /** For tests: the program of a worker. */
  workerProgram?: URL;
}

/** Threads beside the first. */
const WORKERS_MAX = 16;

/** True where somebody may connect by IKE. */
export function hasPeers({ ike }: GatewayConfig): boolean {
  return ike !== undefined && (ike.connections.length > 0 || ike.named !== undefined);
}

export type Direction = 'in' | 'out';

/** What the check leaves: everything converted. */
export interface CheckedConfig {
  radios: CheckedRadio[];
  /** Own outer addresses. */
  addresses: Uint8Array[];
  contexts: Uint8Array;
  directions: Direction[];
  peers: { address: Uint8Array; radio: number; link: Uint8Array }[];
  flows: { destination: Uint8Array; port: number; host: string; hostPort: number; field: string }[];
}

/** The list in a field that may be absent; with `objects`, of objects. */
function listIn<Value>(field: string, value: Value[] | undefined, objects: boolean): Value[] {
  const list = value ?? [];
  if (!Array.isArray(list)) refuseAt([field], typeof list, 'must be a list');
  list.forEach((entry, index) => {
    if (objects && (typeof entry !== 'object' || entry === null)) refuseAt([field, index], entry, 'must be an object');
  });
  return list;
}

function ipv6Of(path: FieldPath, text: unknown): Uint8Array {
  const octets = typeof text === 'string' ? addressOctets(text) : undefined;
  if (octets?.length !== 16) refuseAt(path, text, addressLimit(text, 'an IPv6 address'));
  return octets!;
}

function directionOf(sa: GatewaySa, index: number, addresses: Uint8Array[]): Direction {
  const a = sa.config.attributes;
  const tunnel = a.ipsecMode === MODE_TUNNEL;
  const fail = (field: string, value: string, limit: string): never => {
    const error = new FieldError({ file: '', line: 0, path: [field], value, limit });
    throw sa.locate?.(error) ?? new FieldError({ ...error, path: ['sas', index, field] });
  };
  if (tunnel ? a.tunnelSrc.length !== 16 : a.tsIpVersion !== 6) {
    fail(tunnel ? 'tunnel_ip' : 'ts_ip_version', 'IPv4', 'must be IPv6 on IEEE 802.15.4');
  }
  if (sa.direction !== undefined) return sa.direction;
  const own = (start: Uint8Array, end: Uint8Array): boolean =>
    addresses.some((one) => Buffer.compare(one, start) === 0 && Buffer.compare(one, end) === 0);
  const isIn = tunnel ? own(a.tunnelDst, a.tunnelDst) : own(a.tsIpDstStart, a.tsIpDstEnd);
  const isOut = tunnel ? own(a.tunnelSrc, a.tunnelSrc) : own(a.tsIpSrcStart, a.tsIpSrcEnd);
  if (isIn === isOut) {
    fail(tunnel ? 'tunnel_ip' : 'ts_ip_src', sa.name, 'one end must be in `addresses`, or `direction` be given');
  }
  return isIn ? 'in' : 'out';
}

/** Splits `host:port` and `[host]:port`. */
function hostPort(path: FieldPath, text: unknown): { host: string; hostPort: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(String(text));
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) refuseAt(path, text, 'must be HOST:PORT');
  return { host: match![1] ?? match![2], hostPort: port };
}

/** What does not go with workers. */
function checkWorkers(config: GatewayConfig): void {
  const workers = config.workers ?? 0;
  integerIn(['workers'], workers, 0, WORKERS_MAX);
  if (workers === 0) return;
  const refuse = (why: string): void => refuseAt(['workers'], workers, why);
  if (config.tun === undefined) refuse('must be 0 without tun');
  if ((config.ike?.udp ?? []).length === 0) refuse('must be 0 without udp');
  if (config.udpIo === 'node') refuse('must be 0 with udpIo: node');
  if ((config.flows ?? []).length > 0) refuse('must be 0 with flows');
  if (config.pcap !== undefined) refuse('must be 0 with pcap');
  if (config.ike?.mtu !== undefined) refuse('must be 0 with mtu');
  if (config.store?.shared !== undefined) refuse('must be 0 in a cluster');
}

/** Checks a whole configuration and gives errors to `keep`. The result is valid only without errors. */
export function inspectGatewayConfig(config: GatewayConfig, keep: (error: unknown) => void): CheckedConfig {
  let good = true;
  const part = <Value>(read: () => Value, instead: Value): Value => {
    try {
      return read();
    } catch (error) {
      good = false;
      keep(error);
      return instead;
    }
  };
  const each = <Value, Checked>(list: Value[], read: (value: Value, index: number) => Checked): Checked[] =>
    list.flatMap((value, index) => part(() => [read(value, index)], []));
  const listOf = <Value>(field: string, value: Value[] | undefined, objects: boolean): Value[] =>
    part(() => listIn(field, value, objects), []);
  const unique = (field: string, keys: string[]): void => {
    keys.forEach((key, index) => {
      if (keys.indexOf(key) < index) part(() => refuseAt([field, index], key, 'is there twice'), undefined);
    });
  };

  if (
    !Array.isArray(config.radios) ||
    (config.radios.length === 0 && (config.ike?.udp ?? []).length + (config.ike?.tcp ?? []).length === 0)
  ) {
    part(() => refuseAt(['radios'], 'none', 'must be one or more'), undefined);
  }
  if (!Array.isArray(config.sas)) part(() => refuseAt(['sas'], typeof config.sas, 'must be a list'), undefined);
  const sas = Array.isArray(config.sas) ? listOf('sas', config.sas, true) : [];
  each(sas, (sa, index) => {
    if (sa.config?.attributes === undefined) refuseAt(['sas', index, 'config'], typeof sa.config, 'must be an SA');
  });
  part(() => integerIn(['sessions'], config.sessions ?? 1, 1, 65535), undefined);
  part(() => integerIn(['socketBuffer'], config.socketBuffer ?? 65536, 4096, 1073741824), undefined);
  part(() => integerIn(['tcpConnections'], config.ike?.tcpConnections ?? 4, 4, 65535), undefined);
  if (config.pcap !== undefined) {
    const { path, maxMiB, files } = config.pcap;
    if (typeof path !== 'string' || path.trim() === '') {
      part(() => refuseAt(['pcap', 'path'], path, 'must be the name of a folder'), undefined);
    }
    part(() => integerIn(['pcap', 'maxMiB'], maxMiB ?? 1, 1, 65536), undefined);
    part(() => integerIn(['pcap', 'files'], files ?? 2, 2, 1000), undefined);
  }
  part(() => checkWorkers(config), undefined);
  part(() => inRange(['idle'], config.idle ?? 1, 1, 86400000), undefined);
  part(() => integerIn(['lostAfter'], config.lostAfter ?? 1, 1, 1000000), undefined);
  const radios = each(listOf('radios', config.radios, true), (radio, index) =>
    checkRadio(radio, ['radios', index], `radio${index}`),
  );
  const names = radios.map((radio) => radio.name);
  unique('radios', names);
  const addresses = each(listOf('addresses', config.addresses, false), (text, index) =>
    ipv6Of(['addresses', index], text),
  );
  const hasAddresses = good;
  const peers = each(listOf('peers', config.peers, true), (peer, index) => {
    const radio = peer.radio === undefined ? Math.min(0, names.length - 1) : names.indexOf(peer.radio);
    if (radio < 0 && good) refuseAt(['peers', index, 'radio'], peer.radio, `must be one of ${names.join(', ')}`);
    const address = ipv6Of(['peers', index, 'address'], peer.address);
    return { address, radio, link: hexOf(['peers', index, 'link'], peer.link, [4, 16]) };
  });
  const flows = each(listOf('flows', config.flows, true), (flow, index) => {
    const at = ['flows', index];
    const destination = addressOctets(String(flow.destination));
    if (destination === undefined)
      refuseAt([...at, 'destination'], flow.destination, addressLimit(flow.destination, 'an IP address'));
    integerIn([...at, 'port'], flow.port, 1, 65535);
    const to = hostPort([...at, 'to'], flow.to);
    return { destination: destination!, port: flow.port, field: `flows[${index}].to`, ...to };
  });
  unique(
    'peers',
    peers.map((peer) => Buffer.from(peer.address).toString('hex')),
  );
  unique(
    'flows',
    flows.map((flow) => `${Buffer.from(flow.destination).toString('hex')} ${flow.port}`),
  );
  const contexts = part(() => checkContexts(listIn('contexts', config.contexts, false)), new Uint8Array(0));
  // The addresses tell an SA's direction.
  const directions = hasAddresses ? each(sas, (sa, index) => directionOf(sa, index, addresses)) : [];
  return { radios, addresses, contexts, directions, peers, flows };
}

/** Checks a configuration as a whole; throws a FieldError at the first error. */
export function checkGatewayConfig(config: GatewayConfig): CheckedConfig {
  return inspectGatewayConfig(config, (error) => {
    throw error;
  });
}
