// Turns the file of `dietesp sensor` into the sensor's configuration. It reads, checks and converts the whole file before
// anything starts, and reports all errors at once: `file:line: field: value: limit`.

import type { PrivateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import type { GatewayName } from '../../../core/ike/ext/redirect.ts';
import { addressText, zoneOf } from '../host/addresses.ts';
import type { Initial } from '../host/config/child-policy.ts';
import { addressOf, type Common, commonOf, socketAddressOf, udpOf } from '../host/config/common.ts';
import {
  attempt,
  checkText,
  entriesOf,
  type Field,
  fieldError,
  filled,
  inside,
  keepError,
  type Values,
} from '../host/config/field.ts';
import { SENSOR_PROPERTIES, SENSOR_SCHEMA } from '../host/config/ike-files.ts';
import { hex } from '../host/config/ike-names.ts';
import { type Connection, readConnection } from '../host/config/ike-policy.ts';
import { checkRadioKe } from '../host/config/ke-names.ts';
import { checkMobility, gatewayNameOf } from '../host/config/mobility.ts';
import { mtuOf } from '../host/config/mtu.ts';
import { readText } from '../host/document.ts';
import type { MtuSettings } from '../host/mtu/paths.ts';
import { checkContexts, checkRadio, type RadioConfig } from '../host/radio/config.ts';
import type { UdpAddress } from '../host/udp.ts';
import type { Transport } from './transports.ts';

/** Where readings go. */
export interface LoadedServer {
  /** Inner address. */
  address: Uint8Array;
  /** Its UDP port. */
  port: number;
  /** Own UDP port. */
  sourcePort: number;
  /** Path of the resource, without the slash in front. */
  path: string;
  /** ACK_TIMEOUT in milliseconds, and MAX_RETRANSMIT [RFC 7252 §4.8]. */
  ackTimeout: number;
  /** Repetitions of a reading at most. */
  maxRetransmit: number;
}

/** Where the gateway of a sensor is. */
export interface LoadedPeer {
  /** Outer address. */
  address: Uint8Array;
  /** Zone of that address, `%eth0`, or ''; without a radio. */
  zone: string;
  /** Link-layer address; null: without a radio. */
  link: Uint8Array | null;
  /** UDP port of IKE. */
  port: number;
  /** UDP port of IKE and ESP with NAT. */
  natPort: number;
}

/** What a sensor starts with. Addresses are octets. */
export interface LoadedSensor extends Common {
  /** The gateway as IKE peer. */
  connection: Connection;
  /** One of the two. */
  radio: RadioConfig | null;
  /** Sockets; null: a radio. */
  udp: UdpAddress | null;
  /** Own outer address; with a radio. */
  address: Uint8Array | null;
  /** Where the gateway is. */
  gateway: LoadedPeer;
  /** `fd00::/64`, `fd00::/64 C=0`: 6LoWPAN contexts 0, 1, ... */
  contexts: string[];
  /** Own inner address; null: the gateway gives one. */
  innerAddress: Uint8Array | null;
  /** CoAP server for readings; null: none. */
  server: LoadedServer | null;
  /** Milliseconds between readings, and their number (0: without end). */
  interval: number;
  /** Readings to post, 0: without end. */
  count: number;
  /** MTU detection, without a radio; undefined: off. */
  mtu?: MtuSettings;
  /** Numbers that IANA has not assigned. */
  numbers: PrivateNumbers;
  /** Octets of the largest IKE message. */
  maxMessage: number;
  /** What carries IKE, without a radio. */
  transport: Transport;
  /** What carries ESP, without a radio. */
  esp: 'udp' | 'auto' | 'raw';
  /** TCP port of the gateway. */
  tcpPort: number;
  /** The IKE SA may move [RFC 4555]. */
  mobike: boolean;
  /** Other addresses of the gateway. */
  others: Uint8Array[];
  /** Gateways to which it may be sent [RFC 5685]; null: it follows nobody. */
  redirect: GatewayName[] | null;
}

/** A sensor's own UDP ports are the system's choice. */
const SENSOR_UDP = { address: '::', port: 0, natPort: 0 };
const NOWHERE = new Uint8Array(16);

/** The octets of an optional address; null: absent. Keeps errors in the document. */
function optionalAddress(field: Field, size?: number): Uint8Array | null {
  return field.value === undefined ? null : attempt(field, () => addressOf(field, size), NOWHERE);
}

/** The field has to be there. */
function require(field: Field): void {
  if (field.value === undefined) keepError(field, fieldError(field, 'is required'));
}

/** Options of `readSensor` and `loadSensorFile`. */
export interface ReadOptions {
  /** For a board: its radio needs no ZEP. */
  onBoard?: boolean;
  /** The SA is for pings: any protocol, to the server or to this inner address, where the file does not say. */
  pings?: boolean;
  /** Inner address that pings go to. */
  pingTo?: Uint8Array;
}

/** Reads a sensor's file from its text. Throws a FieldError, or FieldErrors with all that is wrong. */
export function readSensor(file: string, text: string, options: ReadOptions = {}): LoadedSensor {
  const root = checkText(file, text, SENSOR_SCHEMA, 'sensor');
  const values = filled(root.value, SENSOR_PROPERTIES);
  const common = commonOf(root, values);
  const radio = inside(root, 'radio');
  const udp = inside(root, 'udp');
  const isRadio = radio.value !== undefined;
  if (isRadio === (udp.value !== undefined)) {
    const field = { ...radio, value: isRadio ? 'radio and udp' : 'none' };
    keepError(root, fieldError(field, 'must have one of `radio` and `udp`'));
  }
  const own = inside(root, 'address');
  const gateway = inside(root, 'gateway');
  const link = inside(gateway, 'link');
  const to = inside(gateway, 'address');
  if (isRadio) for (const field of [own, link]) require(field);
  const contexts = (values.contexts ?? []) as string[];
  for (const name of ['transport', 'esp']) {
    const field = inside(root, name);
    if (isRadio && field.value !== undefined && field.value !== 'udp') {
      keepError(root, fieldError(field, 'must be udp with a radio'));
    }
  }
  if (isRadio) {
    const checked = {
      ...(options.onBoard === true ? { zep: {} } : {}),
      ...(radio.value as Values),
    } as unknown as RadioConfig;
    attempt(root, () => checkRadio(checked, ['radio'], 'radio'), null);
    attempt(root, () => checkContexts(contexts), NOWHERE);
  }
  const gatewayValues = filled(gateway.value, SENSOR_PROPERTIES.gateway.properties!);
  const server = inside(root, 'server');
  const serverValues = filled(server.value, SENSOR_PROPERTIES.server.properties!);
  const serverAddress = optionalAddress(inside(server, 'address'));
  const innerAddress = optionalAddress(inside(root, 'innerAddress'));
  const innerText = innerAddress === null ? 'dynamic' : addressText(innerAddress);
  const udpTo = (ip: unknown, ports: unknown) => ({ ip, proto: 'udp', ports });
  const selectors = (): Initial => {
    const pinged = options.pingTo ?? serverAddress;
    if (options.pings === true && pinged !== null) return { local: innerText, remote: addressText(pinged) };
    if (serverAddress === null) return { local: innerText, remote: 'any' };
    // Where there is one server, the SA is for it alone: then all of its headers are elided.
    return {
      local: udpTo(innerText, serverValues.sourcePort),
      remote: udpTo(addressText(serverAddress), serverValues.port),
    };
  };
  const connection = readConnection(inside(root, 'connection'), null, 'gateway', { ...selectors(), isDev: true });
  if (isRadio) {
    const ke = inside(root, 'connection', 'ike', 'ke');
    const { ike, fragmentSize } = connection.policy;
    attempt(ke, () => checkRadioKe(ke, ike, fragmentSize), undefined);
  }
  const mtu = mtuOf(inside(root, 'mtu'));
  const isElsewhere = ['transport', 'esp'].some((name) => (inside(root, name).value ?? 'udp') !== 'udp');
  if (connection.eesp !== null && (isRadio || isElsewhere)) {
    keepError(
      root,
      fieldError({ ...inside(root, 'connection', 'child', 'eesp'), value: 'on' }, 'EESP goes over UDP only'),
    );
  }
  checkMobility(root, isRadio || isElsewhere);
  const redirect = inside(root, 'redirect');
  const loaded: LoadedSensor = {
    ...common,
    ...(mtu === undefined ? {} : { mtu }),
    connection,
    radio: isRadio ? (radio.value as RadioConfig) : null,
    udp: isRadio ? null : udpOf({ ...udp, value: { ...SENSOR_UDP, ...(udp.value as Values | undefined) } }),
    address: isRadio ? optionalAddress(own, 16) : null,
    gateway: {
      address:
        to.value === undefined
          ? NOWHERE
          : attempt(to, () => (isRadio ? addressOf(to, 16) : socketAddressOf(to)), NOWHERE),
      zone: isRadio ? '' : zoneOf(String(to.value)),
      link: link.value === undefined ? null : hex(String(link.value)),
      port: gatewayValues.port as number,
      natPort: gatewayValues.natPort as number,
    },
    contexts,
    innerAddress,
    server:
      serverAddress === null
        ? null
        : {
            address: serverAddress,
            port: serverValues.port as number,
            sourcePort: serverValues.sourcePort as number,
            path: serverValues.path as string,
            ackTimeout: (serverValues.ackTimeout as number) * 1000,
            maxRetransmit: serverValues.maxRetransmit as number,
          },
    interval: (values.interval as number) * 1000,
    count: values.count as number,
    transport: values.transport as Transport,
    esp: values.esp as LoadedSensor['esp'],
    tcpPort: gatewayValues.tcpPort as number,
    mobike: values.mobike === true,
    others: entriesOf(inside(gateway, 'others')).map((one) => attempt(one, () => addressOf(one), NOWHERE)),
    redirect: redirect.value === undefined ? null : entriesOf(redirect).map(gatewayNameOf),
  };
  root.document.finish();
  return loaded;
}

/** Loads the file of `dietesp sensor --config FILE`. Throws like readSensor. */
export function loadSensorFile(file: string, options: ReadOptions = {}): LoadedSensor {
  return readSensor(file, readText(file), options);
}
