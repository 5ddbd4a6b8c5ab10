// Files of `dietesp gateway` and `dietesp sensor` -> what the programs start with. A file is read, checked against its
// schema and converted as a whole before anything starts; the first error stops it: `file:line: field: value: limit`.

import { type PrivateNumbers, privateNumbers } from '../../../../core/ike/codec/private-numbers.ts';
import { checkGatewayConfig, type GatewayConfig, type IkeConfig, type TunConfig } from '../../gateway/config.ts';
import { addressOctets, addressText } from '../addresses.ts';
import { type Path, pathName, readText } from '../document.ts';
import { CommandError, errorText } from '../errors.ts';
import type { LogConfig } from '../log.ts';
import type { RadioConfig } from '../radio/config.ts';
import type { UdpAddress } from '../udp.ts';
import { checkText, entriesOf, type Field, fieldError, fileOf, filled, inside, type Values } from './ike-check.ts';
import { GATEWAY_PROPERTIES, GATEWAY_SCHEMA, SENSOR_PROPERTIES, SENSOR_SCHEMA } from './ike-files.ts';
import { addressRange, hex, identityText } from './ike-names.ts';
import { type Connection, readConnection } from './ike-policy.ts';
import { loadSaFile } from './sa.ts';

/** What both files have. */
interface Common {
  file: string;
  log: LogConfig;
  /** Folder for keys, or null. */
  keylog: string | null;
}

export interface LoadedGateway extends Common {
  /** For createGateway; log and key log are to be added. */
  config: GatewayConfig & { ike: IkeConfig };
  /** Milliseconds between reports of metrics, 0: none. */
  metrics: number;
}

/** What a sensor starts with. Addresses are octets. */
export interface LoadedSensor extends Common {
  connection: Connection;
  /** One of the two. */
  radio: RadioConfig | null;
  udp: UdpAddress | null;
  /** Own outer address; with a radio. */
  address: Uint8Array | null;
  gateway: { address: Uint8Array; link: Uint8Array | null; port: number; natPort: number };
  /** `fd00::/64`, as GatewayConfig.contexts. */
  contexts: string[];
  innerAddress: Uint8Array | null;
  server: { address: Uint8Array; port: number; sourcePort: number; path: string } | null;
  /** Milliseconds between readings, and their number (0: without end). */
  interval: number;
  count: number;
  numbers: PrivateNumbers;
  maxMessage: number;
}

/** A sensor's own UDP ports are the system's choice. */
const SENSOR_UDP = { address: '::', port: 0, natPort: 0 };

/** `radios[0].panId` as a path. */
function pathOf(name: string): Path {
  return name.split(/[.[\]]+/).flatMap((step) => (step === '' ? [] : [/^\d+$/.test(step) ? Number(step) : step]));
}

/** Places an error `field: value: limit` of a check that knows no file. */
function placed(root: Field, error: unknown, names: Record<string, string>): CommandError {
  if (error instanceof CommandError) return error;
  const text = errorText(error);
  const match = /^([A-Za-z]+)([A-Za-z0-9.[\]]*)(?=: )/.exec(text);
  if (match === null) return root.document.error([], text);
  const path = pathOf((names[match[1]] ?? match[1]) + match[2]);
  return root.document.error(path, pathName(path) + text.slice(match[0].length));
}

function addressOf(field: Field, size?: number): Uint8Array {
  const octets = addressOctets(String(field.value));
  if (octets === undefined || (size !== undefined && octets.length !== size)) {
    throw fieldError(field, size === 16 ? 'must be an IPv6 address' : 'must be an IP address');
  }
  return octets;
}

function commonOf(root: Field, values: Values): Common & { numbers: PrivateNumbers; maxMessage: number } {
  const keylog = inside(root, 'keylog');
  return {
    file: root.document.file,
    log: (values.log ?? {}) as LogConfig,
    keylog: keylog.value === undefined ? null : fileOf(keylog),
    numbers: numbersOf(inside(root, 'privateNumbers')),
    maxMessage: values.maxMessage as number,
  };
}

function numbersOf(field: Field): PrivateNumbers {
  const numbers = { ...privateNumbers(), ...(field.value as Partial<PrivateNumbers> | undefined) };
  const notifies = Object.entries(numbers).filter(([name]) => name !== 'tsDscp');
  notifies.forEach(([name, number], index) => {
    const other = notifies.findIndex(([, one]) => one === number);
    if (other !== index) throw fieldError({ ...inside(field, name), value: number }, `is ${notifies[other][0]} too`);
  });
  return numbers;
}

/** A radio of the file, with what only a program can say left out. */
function radioOf(values: Values): RadioConfig {
  return values as unknown as RadioConfig;
}

function udpOf(field: Field): UdpAddress {
  const values = { port: 500, natPort: 4500, ...(field.value as Values) } as unknown as UdpAddress;
  const address = inside(field, 'address');
  if (address.value === undefined) throw fieldError(address, 'is required');
  addressOf(address);
  if (values.port !== 0 && values.port === values.natPort) {
    throw fieldError({ ...inside(field, 'natPort'), value: values.natPort }, 'must not be that of IKE');
  }
  return values;
}

function tunOf(field: Field): TunConfig {
  const { addresses, routes, ...rest } = filled(field.value, GATEWAY_PROPERTIES.tun.properties!);
  for (const name of ['addresses', 'routes']) {
    for (const entry of entriesOf(inside(field, name))) {
      const text = String(entry.value);
      if (!text.includes('/') || addressRange(text) === undefined) throw fieldError(entry, 'must be ADDRESS/LENGTH');
    }
  }
  return { ...rest, addresses: addresses ?? [], routes: routes ?? [] } as unknown as TunConfig;
}

function connectionsOf(root: Field): Connection[] {
  const common = inside(root, 'connection');
  const selectors = { local: 'any', remote: 'dynamic' };
  const peers = entriesOf(inside(root, 'peers'));
  if (peers.length === 0) {
    if (common.value === undefined) return [];
    return [readConnection(common, null, 'peer1', selectors)];
  }
  const names = new Set<string>();
  const earlier: { name: string; remoteId: string }[] = [];
  return peers.map((peer, index) => {
    const name = String(inside(peer, 'name').value ?? `peer${index + 1}`);
    if (names.has(name)) throw fieldError({ ...inside(peer, 'name'), value: name }, 'is there twice');
    names.add(name);
    const connection = readConnection(peer, common.value === undefined ? null : common, name, selectors);
    // The first that fits is taken: another key for the same identity would never count.
    const { remoteId } = connection.policy;
    const id = remoteId === null ? '*' : identityText(remoteId.type, remoteId.data);
    const first = earlier.find((one) => one.remoteId === '*' || one.remoteId === id);
    if (first !== undefined) {
      throw fieldError({ ...inside(peer, 'remoteId'), value: id }, `is taken by ${first.name}, which stands before`);
    }
    earlier.push({ name, remoteId: id });
    return connection;
  });
}

/** Reads a gateway's file from its text. Throws a CommandError at the first error. */
export function readGateway(file: string, text: string): LoadedGateway {
  const root = checkText(file, text, GATEWAY_SCHEMA);
  const values = filled(root.value, GATEWAY_PROPERTIES);
  const { numbers, maxMessage, ...common } = commonOf(root, values);
  const connections = connectionsOf(root);
  const udp = entriesOf(inside(root, 'udp')).map(udpOf);
  if (connections.length === 0 && (udp.length > 0 || values.sas === undefined)) {
    throw fieldError(inside(root, 'connection'), 'is required, or peers');
  }
  const pool = entriesOf(inside(root, 'pool')).map((entry) => {
    const range = addressRange(String(entry.value));
    if (range === undefined) throw fieldError(entry, 'must be PREFIX/LENGTH or FIRST-LAST');
    return range;
  });
  const sas = inside(root, 'sas');
  const config: LoadedGateway['config'] = {
    radios: ((values.radios ?? []) as Values[]).map(radioOf),
    addresses: (values.addresses ?? []) as string[],
    contexts: (values.contexts ?? []) as string[],
    sas: sas.value === undefined ? [] : loadSaFile(fileOf(sas)),
    peers: (values.neighbours ?? []) as NonNullable<GatewayConfig['peers']>,
    flows: (values.flows ?? []) as NonNullable<GatewayConfig['flows']>,
    sessions: values.sessions as number,
    idle: (values.idle as number) * 1000,
    lostAfter: values.lostAfter as number,
    ...(values.tun === undefined ? {} : { tun: tunOf(inside(root, 'tun')) }),
    ike: {
      connections,
      udp,
      pool,
      numbers,
      maxMessage,
      halfOpenMax: values.halfOpenMax as number,
      cookieThreshold: values.cookieThreshold as number,
      ticketKey: values.ticketKey === undefined ? null : hex(String(values.ticketKey)),
    },
  };
  try {
    checkGatewayConfig(config);
  } catch (error) {
    throw placed(root, error, { peers: 'neighbours' });
  }
  return { ...common, config, metrics: (values.metrics as number) * 1000 };
}

/** Reads a sensor's file from its text. Throws a CommandError at the first error. `onBoard`: its radio needs no ZEP. */
export function readSensor(file: string, text: string, onBoard = false): LoadedSensor {
  const root = checkText(file, text, SENSOR_SCHEMA);
  const values = filled(root.value, SENSOR_PROPERTIES);
  const common = commonOf(root, values);
  const radio = inside(root, 'radio');
  const udp = inside(root, 'udp');
  const isRadio = radio.value !== undefined;
  if (isRadio === (udp.value !== undefined)) {
    throw fieldError({ ...radio, value: isRadio ? 'radio and udp' : 'none' }, 'must have one of `radio` and `udp`');
  }
  const size = isRadio ? 16 : undefined;
  const own = inside(root, 'address');
  const gateway = inside(root, 'gateway');
  const link = inside(gateway, 'link');
  for (const field of isRadio ? [own, inside(gateway, 'address'), link] : [inside(gateway, 'address')]) {
    if (field.value === undefined) throw fieldError(field, 'is required');
  }
  const address = isRadio ? addressOf(own, 16) : null;
  const gatewayValues = filled(gateway.value, SENSOR_PROPERTIES.gateway.properties!);
  if (isRadio) {
    const neighbour = { address: addressText(address!), link: '0000' };
    const contexts = (values.contexts ?? []) as string[];
    try {
      const checked = radioOf({ ...(onBoard ? { zep: {} } : {}), ...(radio.value as Values) });
      checkGatewayConfig({ radios: [checked], contexts, sas: [], peers: [neighbour] });
    } catch (error) {
      const text = errorText(error).replace(/^radios\[0\]/, 'radio');
      throw placed(root, new Error(text), {});
    }
  }
  const server = inside(root, 'server');
  const serverAddress = inside(server, 'address');
  if (server.value !== undefined && serverAddress.value === undefined) throw fieldError(serverAddress, 'is required');
  const serverValues = filled(server.value, SENSOR_PROPERTIES.server.properties!);
  const inner = inside(root, 'innerAddress');
  const innerText = inner.value === undefined ? 'dynamic' : addressText(addressOf(inner));
  const udpTo = (ip: unknown, ports: unknown) => ({ ip, proto: 'udp', ports });
  // Where there is one server, the SA is for it alone: then all of its headers are elided.
  const connection = readConnection(
    inside(root, 'connection'),
    null,
    'gateway',
    server.value === undefined
      ? { local: innerText, remote: 'any' }
      : {
          local: udpTo(innerText, serverValues.sourcePort),
          remote: udpTo(addressText(addressOf(serverAddress)), serverValues.port),
        },
  );
  return {
    ...common,
    connection,
    radio: isRadio ? radioOf(radio.value as Values) : null,
    udp: isRadio ? null : udpOf({ ...udp, value: { ...SENSOR_UDP, ...(udp.value as Values) } }),
    address,
    gateway: {
      address: addressOf(inside(gateway, 'address'), size),
      link: link.value === undefined ? null : hex(String(link.value)),
      port: gatewayValues.port as number,
      natPort: gatewayValues.natPort as number,
    },
    contexts: (values.contexts ?? []) as string[],
    innerAddress: inner.value === undefined ? null : addressOf(inner),
    server:
      server.value === undefined
        ? null
        : {
            address: addressOf(serverAddress),
            port: serverValues.port as number,
            sourcePort: serverValues.sourcePort as number,
            path: serverValues.path as string,
          },
    interval: (values.interval as number) * 1000,
    count: values.count as number,
  };
}

/** Loads what `dietesp gateway --config FILE` starts with. */
export function loadGatewayFile(file: string): LoadedGateway {
  return readGateway(file, readText(file));
}

/** Loads what `dietesp sensor --config FILE` starts with. */
export function loadSensorFile(file: string): LoadedSensor {
  return readSensor(file, readText(file));
}

export type { Connection } from './ike-policy.ts';
export { policyFor } from './ike-policy.ts';
