// The files of a gateway and its sensors, ready to use: each sensor has a key and an identity of its own.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { addressOctets, addressText } from '../host/addresses.ts';
import { makeFolders } from '../host/append.ts';
import { addressRange } from '../host/config/ike-names.ts';
import { CommandError } from '../host/errors.ts';
import { newKeyPair, newPsk, writeSecret } from './keys.ts';

export interface InitOptions {
  /** IEEE 802.15.4 frames in UDP on this host, or IKE and ESP in UDP. */
  over: 'radio' | 'udp';
  auth: 'psk' | 'ed25519';
  sensors: number;
  /** Prefix or range of the sensors' inner addresses. */
  inner: string;
  /** IP address of the gateway's host. */
  gateway: string;
  /** UDP port of the radio's frames; or of IKE, and the next of IKE and ESP with NAT. */
  port: number;
  /** Where the readings come out: `127.0.0.1:5683`. */
  server: string;
}

export const SENSORS_MAX = 250;

/** A file to write: its name in the folder, and its text. */
export interface NewFile {
  name: string;
  text: string;
}

const PAN = '0xabcd';
const LINK_PREFIX = 'fd00::ff:fe00:';
const SERVERS: Record<number, string> = { 4: '10.8.0.1', 16: '2001:db8:2::1' };
const COAP_PORT = 5683;

const sensorName = (index: number): string => `sensor${index}`;

/** The credentials of a pair: what stands in the gateway's file and in the sensor's, and the key files. */
function credentials(options: InitOptions): { files: NewFile[]; gateway: string[]; sensors: string[] } {
  const indexes = Array.from({ length: options.sensors }, (_, index) => index + 1);
  if (options.auth === 'psk') {
    const lines = indexes.map(() => `{ pskHex: "${newPsk().toString('hex')}" }`);
    return { files: [], gateway: lines, sensors: lines };
  }
  const pairOf = (name: string): NewFile[] => {
    const { privatePem, publicPem } = newKeyPair();
    return [
      { name: `${name}.key`, text: privatePem },
      { name: `${name}.pub`, text: publicPem },
    ];
  };
  return {
    files: ['gateway', ...indexes.map(sensorName)].flatMap(pairOf),
    gateway: indexes.map((index) => `{ privateKey: gateway.key, publicKey: ${sensorName(index)}.pub }`),
    sensors: indexes.map((index) => `{ privateKey: ${sensorName(index)}.key, publicKey: gateway.pub }`),
  };
}

function gatewayText(options: InitOptions, auth: string[], server: string): string {
  const { over, port, gateway } = options;
  const link =
    over === 'radio'
      ? `radios: [{ zep: { address: "${gateway}", port: ${port} }, panId: ${PAN}, shortAddress: 0 }]
addresses: ["${LINK_PREFIX}0"]
contexts: ["fd00::/64"]`
      : `udp: [{ address: "${gateway}", port: ${port}, natPort: ${port + 1} }]`;
  const peers = auth.map((line, index) => {
    const name = sensorName(index + 1);
    return `  - { name: ${name}, remoteId: "fqdn:${name}", auth: ${line} }`;
  });
  return `# A gateway. ${options.auth === 'psk' ? 'Keys are in it: it is for its owner alone.' : 'Its key is in gateway.key.'}
# Every field: dietesp schema gateway --markdown
${link}
# Inner addresses for sensors.
pool: ["${options.inner}"]
# Readings for the inner address come out at a CoAP server.
flows: [{ destination: "${server}", port: ${COAP_PORT}, to: "${options.server}" }]
connection: { localId: "fqdn:gateway" }
peers:
${peers.join('\n')}
`;
}

function sensorText(options: InitOptions, index: number, auth: string, server: string): string {
  const { over, port, gateway } = options;
  const name = sensorName(index);
  const own = addressText(addressOctets(LINK_PREFIX + index.toString(16))!);
  const link =
    over === 'radio'
      ? `radio:
  zep: { port: 0, peers: [{ address: "${gateway}", port: ${port} }] }
  panId: ${PAN}
  shortAddress: ${index}
address: "${own}"
contexts: ["fd00::/64"]
gateway: { address: "${LINK_PREFIX}0", link: "0000" }`
      : `udp: { address: "${gateway.includes(':') ? '::' : '0.0.0.0'}" }
gateway: { address: "${gateway}", port: ${port}, natPort: ${port + 1} }`;
  return `# A sensor. ${options.auth === 'psk' ? 'Its key is in it: it is for its owner alone.' : `Its key is in ${name}.key.`}
# Every field: dietesp schema sensor --markdown
${link}
connection:
  localId: "fqdn:${name}"
  remoteId: "fqdn:gateway"
  auth: ${auth}
  requestAddress: ${server.includes(':') ? 'ipv6' : 'ipv4'}
# Where readings go, inside the tunnel.
server: { address: "${server}", port: ${COAP_PORT}, path: ${name} }
interval: 5
`;
}

/** The files of a gateway and its sensors. Throws a CommandError (wrong use) for what cannot be. */
export function initFiles(options: InitOptions): NewFile[] {
  const range = addressRange(options.inner);
  if (range === undefined) {
    throw new CommandError(`--inner: ${options.inner}: must be PREFIX/LENGTH or FIRST-LAST`, 2);
  }
  if (addressOctets(options.gateway) === undefined) {
    throw new CommandError(`--gateway: ${options.gateway}: must be an IP address`, 2);
  }
  if (!/^(\[[^\]]+\]|[^:[\]]+):\d{1,5}$/.test(options.server)) {
    throw new CommandError(`--server: ${options.server}: must be HOST:PORT`, 2);
  }
  const server = SERVERS[range[0].length];
  const { files, gateway, sensors } = credentials(options);
  return [
    { name: 'gateway.yaml', text: gatewayText(options, gateway, server) },
    ...sensors.map((auth, index) => ({
      name: `${sensorName(index + 1)}.yaml`,
      text: sensorText(options, index + 1, auth, server),
    })),
    ...files,
  ];
}

/** Writes the files into a folder, which is made where it is missing; refuses when one of them is there. */
export function writeFolder(folder: string, files: NewFile[]): void {
  try {
    makeFolders(folder);
  } catch (error) {
    throw CommandError.from(folder, error);
  }
  const there = files.find(({ name }) => existsSync(join(folder, name)));
  if (there !== undefined) throw new CommandError(`${join(folder, there.name)}: exists already; nothing was written`);
  for (const { name, text } of files) writeSecret(join(folder, name), text);
}
