// A gateway as a process that is killed and started again, a sensor in this process, and a wire between them that is
// watched and that can repeat what it saw. ESP is plain here, so that the wire shows whole SPIs and sequence numbers.

import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';
import { ROOT } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';
import { freePorts } from '../support/free-ports.ts';

const PSK = 'a key for tests, and nothing else';
const SERVER = '2001:db8:2::1';
const PORT = 7000;

async function socketAt(port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** What went over the wire. */
export interface Wire {
  /** Ports that stand for the gateway's. */
  port: number;
  natPort: number;
  /** ESP packets to the gateway, in order. */
  toGateway: Buffer[];
  /** Packets that had an SPI and sequence number of another one; must stay empty. */
  twice: string[];
  /** Sends an old packet to the gateway once more. */
  repeat(packet: Buffer): void;
  close(): void;
}

/** Relays one peer's datagrams to the gateway's two ports and back. */
async function openWire(gatewayPort: number, gatewayNat: number): Promise<Wire> {
  const seen = new Map<string, string>();
  const toGateway: Buffer[] = [];
  const twice: string[] = [];
  const sockets: Socket[] = [];
  let repeatTo: Socket | null = null;

  function watch(way: string, octets: Buffer): void {
    // ESP in UDP: an SPI that is not 0 [RFC 3948 §2.2].
    if (octets.length < 8 || octets.readUInt32BE(0) === 0) return;
    const key = `${way} ${octets.toString('hex', 0, 8)}`;
    const text = octets.toString('hex');
    const before = seen.get(key);
    if (before !== undefined && before !== text) twice.push(key);
    seen.set(key, text);
    if (way === 'up') toGateway.push(Buffer.from(octets));
  }

  async function relay(target: number, isNat: boolean): Promise<number> {
    const near = await socketAt();
    const far = await socketAt();
    sockets.push(near, far);
    let peer: RemoteInfo | null = null;
    near.on('message', (octets, from) => {
      peer = from;
      if (isNat) watch('up', octets);
      far.send(octets, target, '127.0.0.1');
    });
    far.on('message', (octets) => {
      if (isNat) watch('down', octets);
      if (peer !== null) near.send(octets, peer.port, peer.address);
    });
    // Nobody listens while the gateway is down.
    far.on('error', () => {});
    if (isNat) repeatTo = far;
    return near.address().port;
  }

  const port = await relay(gatewayPort, false);
  const natPort = await relay(gatewayNat, true);
  return {
    port,
    natPort,
    toGateway,
    twice,
    repeat: (packet) => repeatTo!.send(packet, gatewayNat, '127.0.0.1'),
    close() {
      for (const socket of sockets) socket.close();
    },
  };
}

export interface Stage {
  wire: Wire;
  sensor: Sensor;
  /** Numbers that came to the server, each time; numbers whose echo came back. */
  delivered: number[];
  echoed: Set<number>;
  /** Lines of the gateway's log. */
  log: string[];
  /** Sends the next number through the tunnel; returns it. */
  send(): number;
  /** Starts the gateway; resolves when it serves. */
  start(): Promise<void>;
  /** Kills it: it can do nothing more. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/**
 * `state`: the gateway's state directory, or `off`. `write`: makes the file of the gateway. `reads`: the sensor posts readings
 * (`sensor.read`) and does not send numbers. `ike`: of its connection.
 */
export async function openStage(
  write: (name: string, text: string) => string,
  state: string,
  reads = false,
  ike: object = {},
): Promise<Stage> {
  const delivered: number[] = [];
  const echoed = new Set<number>();
  const log: string[] = [];
  const server = await socketAt();
  server.on('message', (octets, from) => {
    if (octets[0] >>> 6 === 1) {
      // CoAP: 2.04, with the token.
      const size = octets[0] & 15;
      const head = Buffer.of(0x60 | size, 0x44, octets[2], octets[3]);
      server.send(Buffer.concat([head, octets.subarray(4, 4 + size)]), from.port, from.address);
      return;
    }
    delivered.push(octets.readUInt32BE(0));
    server.send(octets, from.port, from.address);
  });
  const port = await freePorts(2);
  const natPort = port + 1;
  const config = write(
    'gateway.yaml',
    JSON.stringify({
      udp: [{ address: '127.0.0.1', port, natPort }],
      flows: [{ destination: SERVER, port: PORT, to: `127.0.0.1:${server.address().port}` }],
      pool: ['2001:db8:1::/64'],
      connection: {
        localId: 'fqdn:gateway.example',
        auth: { psk: PSK },
        child: { compression: { notify: 'none' } },
      },
    }),
  );
  const wire = await openWire(port, natPort);
  const file = JSON.stringify({
    udp: { address: '127.0.0.1', port: 0, natPort: 0 },
    gateway: { address: '127.0.0.1', port: wire.port, natPort: wire.natPort },
    connection: {
      localId: 'keyid:01',
      auth: { psk: PSK },
      requestAddress: 'ipv6',
      ike,
      child: { compression: { notify: 'none' } },
    },
    server: { address: SERVER, port: PORT, sourcePort: PORT, ackTimeout: 0.25 },
  });
  const sensor = await openSensor(readSensor('sensor.yaml', file), {
    provider: createFastProvider(),
    keylog: null,
    echoPort: 0,
    retry: true,
    retryMax: 1000,
    waits: true,
    report() {},
  });
  const to = addressOctets(SERVER)!;
  if (!reads) {
    sensor.inner.listen(PORT, (payload) => {
      echoed.add(Buffer.from(payload.buffer, payload.byteOffset, 4).readUInt32BE(0));
    });
  }
  let gateway: ChildProcess | null = null;
  let number = 0;

  const stage: Stage = {
    wire,
    sensor,
    delivered,
    echoed,
    log,
    send() {
      const payload = Buffer.alloc(16);
      payload.writeUInt32BE(++number, 0);
      sensor.send(payload, to, PORT, PORT);
      return number;
    },
    start() {
      const args = ['gateway', '--config', config, '--state', state, '--log', 'info'];
      const child = spawn(process.execPath, [...DIETESP, ...args], {
        cwd: ROOT,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      gateway = child;
      let text = '';
      return new Promise((resolve, reject) => {
        child.stderr.setEncoding('utf8').on('data', (part: string) => {
          text += part;
          log.push(...part.trimEnd().split('\n'));
          if (text.includes('stop: Ctrl-C')) resolve();
        });
        child.once('exit', (code, signal) => reject(new Error(`the gateway ended: ${signal ?? code}\n${text}`)));
      });
    },
    async kill() {
      if (gateway === null) return;
      const child = gateway;
      gateway = null;
      child.kill('SIGKILL');
      await once(child, 'close');
    },
    async close() {
      await stage.kill();
      await sensor.close();
      wire.close();
      server.close();
    },
  };
  return stage;
}
