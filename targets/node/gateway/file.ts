// Turns the file of `dietesp gateway` into the gateway's configuration. It reads, checks and converts the whole file before
// anything starts, and reports all errors at once: `file:line: field: value: limit`.

import type { CaptureConfig } from '../host/capture/settings.ts';
import type { ClusterConfig } from '../host/cluster/open.ts';
import { clusterOf } from '../host/config/cluster.ts';
import { type Common, commonOf, socketAddressOf, tcpOf, udpOf } from '../host/config/common.ts';
import {
  attempt,
  checkText,
  entriesOf,
  type Field,
  fieldError,
  fileOf,
  filled,
  inside,
  keepError,
  warnOfOthers,
} from '../host/config/field.ts';
import { GATEWAY_PROPERTIES, GATEWAY_SCHEMA } from '../host/config/ike-files.ts';
import { addressRange, hex, identityText } from '../host/config/ike-names.ts';
import { type Connection, readConnection } from '../host/config/ike-policy.ts';
import { checkRadioKe } from '../host/config/ke-names.ts';
import { gatewayNameOf } from '../host/config/mobility.ts';
import { mtuOf } from '../host/config/mtu.ts';
import { loadNamedPeers, type NamedPeers } from '../host/config/named-peers.ts';
import { type LoadedSa, loadSaFile } from '../host/config/sa.ts';
import { readText } from '../host/document.ts';
import { FieldError } from '../host/errors.ts';
import type { UdpIo } from '../host/io/datagrams.ts';
import type { RadioConfig } from '../host/radio/config.ts';
import { type GatewayConfig, type GatewayIkeConfig, inspectGatewayConfig, type TunConfig } from './config.ts';
import { type HttpConfig, isLoopback } from './http/config.ts';

/** A gateway's file, checked. */
export interface LoadedGateway extends Common {
  /** For createGateway; log and key log are to be added. */
  config: GatewayConfig & { ike: GatewayIkeConfig };
  /** Milliseconds between reports of metrics, 0: none. */
  metrics: number;
  /** The cluster that it is in; null: none. */
  cluster: ClusterConfig | null;
  /** Path of the status socket, `off`, or '': the default. */
  socket: string;
  /** Null: no HTTP. */
  http: HttpConfig | null;
  /** SAs keyed by hand are wanted without a store. */
  unsafeVolatile: boolean;
}

function tunOf(field: Field): TunConfig {
  const { addresses, routes, ...rest } = filled(field.value, GATEWAY_PROPERTIES.tun.properties!);
  for (const name of ['addresses', 'routes']) {
    for (const entry of entriesOf(inside(field, name))) {
      const text = String(entry.value);
      if (!text.includes('/') || addressRange(text) === undefined) {
        keepError(entry, fieldError(entry, 'must be ADDRESS/LENGTH'));
      }
    }
  }
  return { ...rest, addresses: addresses ?? [], routes: routes ?? [] } as unknown as TunConfig;
}

const SELECTORS = { local: 'any', remote: 'dynamic' };
/** Files that others may read are named up to this number. */
const WARNED = 3;

/** The peers of files; undefined: there are none, or something is wrong with them. */
function namedOf(root: Field, connections: Connection[]): NamedPeers | undefined {
  const from = inside(root, 'peersFrom');
  const common = inside(root, 'connection');
  const profiles = new Map<string, Connection>();
  for (const profile of entriesOf(inside(root, 'profiles'))) {
    const name = String(inside(profile, 'name').value ?? '');
    if (profiles.has(name)) keepError(profile, fieldError(inside(profile, 'name'), 'is there twice'));
    const defaults = common.value === undefined ? null : common;
    profiles.set(name, readConnection(profile, defaults, name, SELECTORS, false));
  }
  if (from.value === undefined) return undefined;
  if (common.value !== undefined) profiles.set('', readConnection(common, null, 'connection', SELECTORS, false));
  if (profiles.size === 0) keepError(common, fieldError(common, 'is required with peersFrom, or profiles'));
  if (root.document.hasError([])) return undefined;
  const secret: string[] = [];
  const file = fileOf(from);
  const named = attempt(
    from,
    () => loadNamedPeers({ from: file, profiles, peers: connections, secret: (one) => void secret.push(one) }),
    undefined,
  );
  const { warnings } = root.document;
  const before = warnings.length;
  for (const one of secret) warnOfOthers(root.document, one);
  const more = warnings.splice(before + WARNED).length;
  if (more > 0) warnings.push(`${file}: others may read the keys in ${more} more files`);
  if (named?.size === 0) warnings.push(`${file}: no peer is in it`);
  return named;
}

/** Also where its value is wrong: then nothing else is missing. */
function hasPeersFrom(root: Field): boolean {
  return inside(root, 'peersFrom').value !== undefined || root.document.hasError(['peersFrom']);
}

function connectionsOf(root: Field): Connection[] {
  const common = inside(root, 'connection');
  const selectors = SELECTORS;
  const peers = entriesOf(inside(root, 'peers'));
  if (peers.length === 0) {
    if (common.value === undefined || hasPeersFrom(root)) return [];
    return [readConnection(common, null, 'peer1', selectors)];
  }
  const names = new Set<string>();
  const earlier: { name: string; remoteId: string }[] = [];
  return peers.map((peer) => {
    const name = String(inside(peer, 'name').value ?? `peer${Number(peer.path[1]) + 1}`);
    if (names.has(name)) keepError(peer, fieldError({ ...inside(peer, 'name'), value: name }, 'is there twice'));
    names.add(name);
    const connection = readConnection(peer, common.value === undefined ? null : common, name, selectors);
    // The first that fits is taken: another key for the same identity would never count.
    const { remoteId } = connection.policy;
    const id = remoteId === null ? '*' : identityText(remoteId.type, remoteId.data);
    const first = earlier.find((one) => one.remoteId === '*' || one.remoteId === id);
    if (first !== undefined) {
      const field = { ...inside(peer, 'remoteId'), value: id };
      keepError(peer, fieldError(field, `is taken by ${first.name}, which stands before`));
    }
    earlier.push({ name, remoteId: id });
    return connection;
  });
}

/** SAs keyed by hand: their file has keys. */
function manualSas(field: Field): LoadedSa[] {
  const file = fileOf(field);
  const sas = loadSaFile(file);
  warnOfOthers(field.document, file);
  return sas;
}

/** The check of programs' configurations calls the file's `neighbours` peers. */
function keepChecked(root: Field, error: unknown): void {
  if (error instanceof FieldError && error.path[0] === 'peers') {
    const { value, limit, path } = error;
    keepError(root, new FieldError({ file: '', line: 0, path: ['neighbours', ...path.slice(1)], value, limit }));
  } else {
    keepError(root, error);
  }
}

function redirectOf(field: Field): NonNullable<GatewayIkeConfig['redirect']> {
  const { when } = filled(field.value, GATEWAY_PROPERTIES.redirect.properties!);
  return { to: gatewayNameOf(inside(field, 'to')), when: when as 'draining' | 'always' };
}

function captureOf(field: Field): CaptureConfig {
  const values = filled(field.value, GATEWAY_PROPERTIES.pcap.properties!) as unknown as CaptureConfig;
  return { ...values, path: fileOf(inside(field, 'path')) };
}

function socketOf(field: Field): string {
  return field.value === undefined ? '' : field.value === 'off' ? 'off' : fileOf(field);
}

function httpOf(field: Field): HttpConfig {
  const values = filled(field.value, GATEWAY_PROPERTIES.http.properties!) as unknown as HttpConfig;
  const address = inside(field, 'address');
  if (address.value !== undefined) attempt(address, () => socketAddressOf(address), new Uint8Array(0));
  const tokenFile = inside(field, 'tokenFile');
  if (tokenFile.value !== undefined && inside(field, 'token').value !== undefined) {
    keepError(tokenFile, fieldError(tokenFile, 'is there beside token'));
  }
  if (!isLoopback(values.address) && (values.token ?? values.tokenFile) === undefined) {
    keepError(address, fieldError(address, 'other hosts reach it: token or tokenFile is required'));
  }
  return {
    ...values,
    token: values.token ?? '',
    tokenFile: tokenFile.value === undefined ? '' : fileOf(tokenFile),
    hosts: values.hosts ?? [],
  };
}

/** Reads a gateway's file from its text. Throws a FieldError, or FieldErrors with all that is wrong. */
export function readGateway(file: string, text: string): LoadedGateway {
  const root = checkText(file, text, GATEWAY_SCHEMA, 'gateway');
  const values = filled(root.value, GATEWAY_PROPERTIES);
  const { numbers, maxMessage, ...common } = commonOf(root, values);
  const connections = connectionsOf(root);
  const udp = entriesOf(inside(root, 'udp')).map(udpOf);
  const tcp = entriesOf(inside(root, 'tcp')).map(tcpOf);
  const named = namedOf(root, connections);
  if (connections.length === 0 && !hasPeersFrom(root) && (udp.length + tcp.length > 0 || values.sas === undefined)) {
    keepError(root, fieldError(inside(root, 'connection'), 'is required, or peers'));
  }
  // With sockets too a peer there may use what a radio cannot carry.
  if (udp.length + tcp.length === 0 && inside(root, 'radios').value !== undefined) {
    for (const { field, policy } of connections) {
      const own = inside(field, 'ike', 'ke');
      const ke = own.value === undefined ? inside(root, 'connection', 'ike', 'ke') : own;
      attempt(ke, () => checkRadioKe(ke, policy.ike, policy.fragmentSize), undefined);
    }
  }
  const pool = entriesOf(inside(root, 'pool')).map((entry): [Uint8Array, Uint8Array] => {
    const range = addressRange(String(entry.value));
    if (range === undefined) keepError(entry, fieldError(entry, 'must be PREFIX/LENGTH or FIRST-LAST'));
    return range ?? [new Uint8Array(16), new Uint8Array(16)];
  });
  const sas = inside(root, 'sas');
  const cluster = clusterOf(root);
  if (cluster !== null && cluster !== undefined && Number(values.workers) > 0) {
    keepError(root, fieldError(inside(root, 'workers'), 'must be 0 with cluster'));
  }
  const mtu = mtuOf(inside(root, 'mtu'));
  const redirect = inside(root, 'redirect');
  const listed = (name: string): unknown[] => entriesOf(inside(root, name)).map(({ value }) => value);
  const config: LoadedGateway['config'] = {
    radios: listed('radios') as RadioConfig[],
    addresses: listed('addresses') as string[],
    contexts: listed('contexts') as string[],
    sas: sas.value === undefined ? [] : attempt(sas, () => manualSas(sas), []),
    peers: listed('neighbours') as NonNullable<GatewayConfig['peers']>,
    flows: listed('flows') as NonNullable<GatewayConfig['flows']>,
    ...(values.socketBuffer === undefined ? {} : { socketBuffer: values.socketBuffer as number }),
    udpIo: values.udpIo as UdpIo,
    workers: values.workers as number,
    sessions: values.sessions as number,
    idle: (values.idle as number) * 1000,
    lostAfter: values.lostAfter as number,
    ...(values.pcap === undefined ? {} : { pcap: captureOf(inside(root, 'pcap')) }),
    ...(values.tun === undefined ? {} : { tun: tunOf(inside(root, 'tun')) }),
    ike: {
      connections,
      ...(named === undefined ? {} : { named }),
      udp,
      esp: values.esp as GatewayIkeConfig['esp'],
      ...(values.mobike === true ? { mobike: true } : {}),
      ...(redirect.value === undefined ? {} : { redirect: redirectOf(redirect) }),
      ...(tcp.length === 0 ? {} : { tcp, tcpConnections: values.tcpConnections as number }),
      pool,
      numbers,
      ...(mtu === undefined ? {} : { mtu }),
      maxMessage,
      halfOpenMax: values.halfOpenMax as number,
      cookieThreshold: values.cookieThreshold as number,
      attemptsPerSource: values.attemptsPerSource as number,
      attempts: values.attempts as number,
      ticketKey: values.ticketKey === undefined ? null : hex(String(values.ticketKey)),
    },
  };
  inspectGatewayConfig(config, (error) => keepChecked(root, error));
  root.document.finish();
  return {
    ...common,
    config,
    metrics: (values.metrics as number) * 1000,
    cluster: cluster ?? null,
    socket: socketOf(inside(root, 'control', 'socket')),
    http: values.http === undefined ? null : httpOf(inside(root, 'http')),
    unsafeVolatile: values.unsafeVolatile === true,
  };
}

/** Loads the file of `dietesp gateway --config FILE`. Throws like readGateway. */
export function loadGatewayFile(file: string): LoadedGateway {
  return readGateway(file, readText(file));
}
