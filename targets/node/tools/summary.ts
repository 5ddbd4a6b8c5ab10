// The content of a checked file in a few lines: `--check` of the command line.

import type { LoadedGateway } from '../gateway/file.ts';
import { addressText } from '../host/addresses.ts';
import { identityText } from '../host/config/ike-names.ts';
import type { Connection } from '../host/config/ike-policy.ts';
import { keNames } from '../host/config/ke-names.ts';
import type { LoadedSa } from '../host/config/sa.ts';
import type { RadioConfig } from '../host/radio/config.ts';
import { KINDS, kindOf } from '../host/radio/kinds.ts';
import type { LoadedSensor } from '../sensor/file.ts';

function connectionLines(connection: Connection): string[] {
  const { policy } = connection;
  const { child } = policy;
  const auth = [policy.localAuth, policy.remoteAuth].map((method) =>
    method === 2 ? 'PSK' : policy.signatures === undefined ? 'Ed25519' : 'signature',
  );
  const peer = policy.remoteId === null ? 'any identity' : identityText(policy.remoteId.type, policy.remoteId.data);
  const compression =
    child.notify === null ? 'plain ESP' : `${child.notify.name}${child.compression?.required ? ', required' : ''}`;
  return [
    `peer ${connection.name}: ${peer}, ${auth.join(' and ')}${policy.ppk === null ? '' : ', PPK'}`,
    `  IKE ${policy.ciphers.map((cipher) => cipher.name).join(', ')}; ${keNames(policy.ike)}`,
    `  ESP ${child.suites.map((suite) => suite.name).join(', ')}; ${compression}`,
  ];
}

/** `ZEP port 17754, PAN abcd` */
function radioText(radio: RadioConfig): string {
  const kind = kindOf(radio);
  const pan = `PAN ${radio.panId.toString(16).padStart(4, '0')}`;
  return kind === undefined ? pan : `${KINDS[kind].text(radio)}, ${pan}`;
}

/** What a gateway's file says. */
export function gatewaySummary(loaded: LoadedGateway): string {
  const { config } = loaded;
  const { ike } = config;
  const radios = config.radios.map((radio, index) => {
    return `radio ${radio.name ?? `radio${index}`}: ${radioText(radio)}`;
  });
  const lines = [
    `${loaded.file}: good`,
    ...radios,
    ...(config.addresses ?? []).map((address) => `address ${address}`),
    ...ike.udp.map(({ address, port, natPort }) => `UDP ${address}: ports ${port} and ${natPort}`),
    ...(ike.tcp ?? []).map(({ address, port }) => `TCP ${address}: port ${port}`),
    ...(ike.esp === undefined || ike.esp === 'udp' ? [] : [`ESP: ${ike.esp}`]),
    ...(ike.mtu === undefined ? [] : ['MTU detection']),
    ...ike.connections.flatMap(connectionLines),
    ...(ike.named === undefined ? [] : [`${ike.named.size} peers from ${ike.named.from}`]),
    ...ike.pool.map(([first, last]) => `pool ${addressText(first)} to ${addressText(last)}`),
    ...(config.flows ?? []).map(({ destination, port, to }) => `flow ${destination} port ${port} to ${to}`),
    ...(config.tun === undefined ? [] : [`TUN ${config.tun.name}: ${config.tun.addresses.join(', ')}`]),
    ...(config.pcap === undefined ? [] : [`captures, with packets in clear: ${config.pcap.path}`]),
    ...(config.sas.length === 0 ? [] : [`${config.sas.length} manual SAs`]),
  ];
  return lines.join('\n') + '\n';
}

/** What a sensor's file says. */
export function sensorSummary(loaded: LoadedSensor): string {
  const { radio, udp, address, gateway, server, connection, transport, esp } = loaded;
  const to = addressText(gateway.address);
  const lines = [
    `${loaded.file}: good`,
    radio === null
      ? `UDP from ${udp!.address} to ${to}: ports ${gateway.port} and ${gateway.natPort}`
      : `radio: ${radioText(radio)}, from ${addressText(address!)} to ${to}`,
    ...(radio !== null || transport === 'udp' ? [] : [`IKE: ${transport}, TCP port ${loaded.tcpPort}`]),
    ...(radio !== null || esp === 'udp' ? [] : [`ESP: ${esp}`]),
    ...(loaded.mtu === undefined ? [] : ['MTU detection']),
    ...connectionLines(connection),
    ...(server === null ? [] : [`readings to ${addressText(server.address)} port ${server.port}, /${server.path}`]),
  ];
  return lines.join('\n') + '\n';
}

/** What an SA file says. */
export function saSummary(file: string, sas: LoadedSa[]): string {
  const lines = sas.map(({ name, attributes, config }) => {
    return `SA ${name}: SPI ${attributes.espSpi.toString(16).padStart(8, '0')}, ${config.suite.name}`;
  });
  return [`${file}: good`, ...lines].join('\n') + '\n';
}
