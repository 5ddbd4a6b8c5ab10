// Support for tests of `dietesp sensor` as a process: gateways and servers in this process, sensors that take commands.

import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { generate, parse } from 'coap-packet';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import { addressText } from '../../targets/node/host/addresses.ts';
import { readDatagram } from '../../targets/node/host/datagram.ts';
import { readEcho, writeEcho } from '../../targets/node/host/icmp.ts';
import { DIETESP } from '../support/command.ts';
import { ROOT, scratch } from './run.ts';

export const { file, path } = scratch();
export const PSK = 'a key for tests, and nothing else';
export const SERVER = '2001:db8:2::1';
export const NOBODY = '2001:db8:2::dead';
export const cleanups: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

export type Line = Record<string, unknown> & { event?: string; cmd?: string; ok?: boolean };

/** A CoAP server that answers each POST; the payloads it got. */
export async function coapServer(): Promise<{ port: number; got: string[] }> {
  const socket: Socket = createSocket('udp4');
  const got: string[] = [];
  socket.on('message', (octets, from) => {
    const { messageId, token, payload } = parse(octets);
    got.push(payload.toString());
    socket.send(generate({ ack: true, code: '2.04', messageId, token }), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanups.push(() => void socket.close());
  return { port: socket.address().port, got };
}

/** Answers pings to inner addresses behind the gateway; datagrams are listed as text. */
export function hostBehind(gateway: Gateway): string[] {
  const datagrams: string[] = [];
  const packet = new Uint8Array(1280);
  gateway.on('packet', (octets) => {
    const echo = readEcho(octets, octets.length);
    if (echo?.isRequest && addressText(echo.destination) !== NOBODY) {
      const length = writeEcho(packet, {
        ...echo,
        isRequest: false,
        source: echo.destination,
        destination: echo.source,
      });
      gateway.send(packet.slice(0, length));
      return;
    }
    const datagram = readDatagram(octets, octets.length);
    if (datagram !== null) datagrams.push(Buffer.from(datagram.payload).toString());
  });
  return datagrams;
}

export async function gatewayOf(text: string): Promise<Gateway> {
  const gateway = await createGateway(readGateway('gateway.yaml', text).config);
  cleanups.push(() => gateway.close());
  return gateway;
}

export const CONNECTION = `connection:
  localId: fqdn:gateway.example
  auth: { psk: "${PSK}" }
  ike: { announceAuth: true }
`;

export async function udpGateway(flows = '', address = '127.0.0.1') {
  const gateway = await gatewayOf(
    `udp: [{ address: "${address}", port: 0, natPort: 0 }]\npool: ["2001:db8:1::/64", "10.9.0.0/24"]\n${flows}${CONNECTION}`,
  );
  const { port, natPort } = gateway.metrics().udp[0];
  return { gateway, datagrams: hostBehind(gateway), port, natPort };
}

interface Ends {
  port: number;
  natPort: number;
}

export function sensorFile(
  name: string,
  { port, natPort }: Ends,
  { psk = PSK, request = 'ipv6', remote = '2001:db8:2::/64', address = '127.0.0.1', more = '' } = {},
): string {
  return file(
    name,
    `udp: { address: "${address}" }
gateway: { address: "${address}", port: ${port}, natPort: ${natPort} }
connection:
  localId: fqdn:sensor1.example
  remoteId: fqdn:gateway.example
  auth: { psk: "${psk}" }
  requestAddress: ${request}
  child: { local: [dynamic], remote: ["${remote}"] }
${more}`,
  );
}

export const READINGS = `server: { address: "${SERVER}", path: r }\ninterval: 0.05\n`;

/** A sensor that obeys. */
export function obedient(config: string, ...args: string[]) {
  const child: ChildProcess = spawn(
    process.execPath,
    [...DIETESP, 'sensor', '--config', config, '--control', ...args],
    { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  cleanups.push(() => void child.kill('SIGKILL'));
  const lines: Line[] = [];
  const waiting: { wanted: (line: Line) => boolean; found: (line: Line) => void }[] = [];
  createInterface({ input: child.stdout! }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    for (const one of waiting.filter(({ wanted }) => wanted(line))) {
      waiting.splice(waiting.indexOf(one), 1);
      one.found(line);
    }
  });
  const line = (wanted: (line: Line) => boolean): Promise<Line> => {
    const old = lines.find(wanted);
    return old !== undefined ? Promise.resolve(old) : new Promise((found) => void waiting.push({ wanted, found }));
  };
  let id = 0;
  return {
    lines,
    child,
    exited: once(child, 'exit') as Promise<[number | null, string | null]>,
    event: (name: string) => line((one) => one.event === name),
    tell(cmd: string, more: object = {}): Promise<Line> {
      const own = ++id;
      child.stdin!.write(JSON.stringify({ id: own, cmd, ...more }) + '\n');
      return line((one) => one.id === own);
    },
  };
}
