// Hosts with IKE for the gateway's tests: on a virtual medium, or on UDP sockets.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Provider } from '../../core/crypto/provider.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import type { GatewayConfig, GatewayIkeConfig } from '../../targets/node/gateway/config.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { policyFor } from '../../targets/node/host/config/ike-policy.ts';
import { readDatagram, writeDatagram } from '../../targets/node/host/datagram.ts';
import { fullIke } from '../../targets/node/host/full-ike.ts';
import type { Medium } from '../../targets/node/lab/medium.ts';
import { type LoadedSensor, readSensor } from '../../targets/node/sensor/file.ts';
import type { IkeHost } from '../../targets/node/sensor/host.ts';
import { createRadioHost } from '../../targets/node/sensor/radio-host.ts';
import { createUdpHost } from '../../targets/node/sensor/udp-host.ts';
import { openUdpSockets } from '../../targets/node/sensor/udp-link.ts';
import { contextsOf, GATEWAY, hex, outerOf, PAN, PORT, SERVER, seeded } from './support.ts';

export interface IkeSensor {
  host: IkeHost;
  /** Payloads that came in, and what IKE told: `up`, `down deleted`, ... */
  heard: string[];
  told: string[];
  /** The newest IKE SA. */
  sa(): IkeSa | null;
  /** Inner address. */
  address(): Uint8Array;
  /** Sends a datagram to the server's port. */
  send(text: string): number;
}

/** What the gateway's file says about IKE; `more` is indented into its connection. */
export function ikeOf(more = '', top = ''): GatewayIkeConfig {
  const file = `radios: [{ zep: { port: 0 }, panId: 1 }]
pool: ["2001:db8:1::/64"]
${top}connection:
  localId: fqdn:gateway
  auth: { psk: secret }
${more}`;
  return readGateway('gateway.yaml', file).config.ike;
}

/** A gateway's configuration for peers on UDP; the ports are the system's choice. */
export function udpConfig(address: string): GatewayConfig {
  const ike = ikeOf('', `udp: [{ address: "${address}", port: 0, natPort: 0 }]\n`);
  return { radios: [], sas: [], ike };
}

function finish(
  loaded: LoadedSensor,
  make: (common: ReturnType<typeof commonOf>) => IkeHost,
  now: () => number,
  retry = 0,
): IkeSensor {
  const common = commonOf(loaded, now, retry);
  const host = make(common);
  const server = addressOctets(SERVER)!;
  const packet = new Uint8Array(1280);
  return {
    host,
    heard: common.heard,
    told: common.told,
    sa: () => host.uplink.current(),
    address: () => host.uplink.current()?.address ?? new Uint8Array(0),
    send(text) {
      const source = host.uplink.current()!.address;
      const payload = Buffer.from(text);
      const length = writeDatagram(packet, {
        source,
        sourcePort: PORT,
        destination: server,
        destinationPort: PORT,
        payload,
      });
      return host.send(packet, length);
    },
  };
}

function commonOf(loaded: LoadedSensor, now: () => number, retry: number) {
  const heard: string[] = [];
  const told: string[] = [];
  return {
    heard,
    told,
    config: {
      ike: {
        ...fullIke(),
        policy: policyFor(loaded.connection, new Uint8Array(0), loaded.gateway.address, loaded.udp !== null),
        numbers: loaded.numbers,
        keylog: false,
        retryTime: retry,
        retryMax: 8 * retry,
        events: {
          connecting: () => {},
          established: () => void told.push('up'),
          ended: (_sa: IkeSa, outcome: number) => void told.push(`down ${outcome}`),
          replaced: () => void told.push('rekeyed'),
          installed: () => void told.push('child'),
          removed: () => {},
          childFailed: (_sa: IkeSa, outcome: number) => void told.push(`child failed ${outcome}`),
          keys: () => {},
        },
      },
      inner: (octets: Uint8Array, length: number) => {
        const datagram = readDatagram(octets, length);
        if (datagram !== null) heard.push(Buffer.from(datagram.payload).toString());
      },
      now,
    },
  };
}

/**
 * A host on a medium; `link`: its short address, else its number; `id`: the number in its identity; `outer`: its outer
 * address; `request`: which inner address it asks for; `top`, `ike`: more of its connection, and
 * of what that says about IKE.
 */
export function ikeSensorOn(
  medium: Medium,
  index: number,
  options: {
    link?: number;
    psk?: string;
    dpd?: number;
    id?: number;
    outer?: string;
    request?: string;
    top?: string;
    ike?: string;
    provider?: Provider;
    retry?: number;
  } = {},
) {
  const loaded = readSensor(
    'sensor.yaml',
    `radio: { zep: {}, panId: ${PAN}, shortAddress: ${options.link ?? index} }
address: ${options.outer ?? outerOf(index)}
gateway: { address: "${GATEWAY}", link: 0000 }
server: { address: "${SERVER}", port: ${PORT}, sourcePort: ${PORT} }
connection:
  localId: keyid:${hex(options.id ?? index)}
  remoteId: fqdn:gateway
  requestAddress: ${options.request ?? 'ipv6'}
  auth: { psk: ${options.psk ?? 'secret'} }
  ike: { nat: off, dpd: ${options.dpd ?? 300}${options.ike ?? ''} }
${options.top ?? ''}`,
  );
  const radio = medium.radio();
  const sensor = finish(
    loaded,
    ({ config }) =>
      createRadioHost({
        ...config,
        provider: options.provider ?? seeded(700 + index + (options.link ?? 0)),
        local: loaded.address!,
        remote: loaded.gateway.address,
        wake() {},
        radio,
        settings: { ...loaded.radio!, zep: undefined },
        link: loaded.gateway.link!,
        contexts: contextsOf(),
      }),
    () => medium.now,
    options.retry,
  );
  medium.attach(radio, sensor.host);
  return { ...sensor, radio };
}

/** A socket in whose place another can come, as a NAT does it. */
async function movable() {
  let socket: Socket;
  const listeners: ((octets: Buffer, from: RemoteInfo) => void)[] = [];
  async function rebind(): Promise<void> {
    socket?.close();
    socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (octets, from) => listeners.forEach((listener) => void listener(octets, from)));
  }
  await rebind();
  const nat = {
    address: () => socket.address(),
    send: (octets: Uint8Array, port: number, address: string, sent: () => void) =>
      socket.send(octets, port, address, sent),
    on: (name: string, listener: (octets: Buffer, from: RemoteInfo) => void) => {
      if (name === 'message') listeners.push(listener);
    },
    close: (done: () => void) => socket.close(done),
  };
  return { nat: nat as unknown as Socket, rebind };
}

/** A host on UDP sockets of the loopback, driven by the test, and `rebind`, which gives it another port for ESP. */
export async function udpSensor(
  peer: { port: number; natPort: number },
  wake: () => void,
  more = '',
): Promise<IkeSensor & { rebind(): Promise<void> }> {
  const loaded = readSensor(
    'sensor.yaml',
    `udp: { address: "127.0.0.1" }
gateway: { address: "127.0.0.1" }
server: { address: "${SERVER}", port: ${PORT}, sourcePort: ${PORT} }
connection:
  localId: fqdn:pump
  requestAddress: ipv6
  auth: { psk: secret }
${more}`,
  );
  const remote = loaded.gateway.address;
  const sockets = await openUdpSockets('127.0.0.1', loaded.udp!, remote, peer);
  sockets.nat.close();
  const { nat, rebind } = await movable();
  const sensor = finish(
    loaded,
    ({ config }) =>
      createUdpHost({
        ...config,
        provider: seeded(900),
        local: sockets.local,
        remote,
        wake,
        sockets: { ...sockets, nat },
        peer,
      }),
    () => performance.now(),
  );
  return { ...sensor, rebind };
}
