// A cluster on the loopback: NATS servers, gateways as processes, sensors in this process, and in front of the gateways what a
// load balancer does: it sends the datagrams of each sensor to one of them. ESP is plain, so that the front sees whole SPIs and
// sequence numbers.

import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket as Stream } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';
import { ROOT } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';
import { freePorts } from '../support/free-ports.ts';

const PSK = 'a key for tests, and nothing else';
const TOKEN = 'a-token-of-this-test-0123456789';
const SERVER = '2001:db8:2::1';
const PORT = 7000;

export async function until(what: string, holds: () => boolean | Promise<boolean>, limit = 60000): Promise<number> {
  const begin = performance.now();
  while (!(await holds())) {
    if (performance.now() - begin > limit) throw new Error(`not within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - begin;
}

export interface Nats {
  /** `nats://127.0.0.1:PORT` of each. */
  urls: string[];
  children: ChildProcess[];
  close(): Promise<void>;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGCONT');
  child.kill(signal);
  await closed;
}

/** One NATS server, or three that are a cluster. `more`: lines of their configuration. */
export async function openNatsServers(folder: string, count = 1, more = ''): Promise<Nats> {
  const lowest = await freePorts(2 * count);
  const ports = Array.from({ length: 2 * count }, (_, index) => lowest + index);
  const routes = ports.slice(count).map((port) => `nats://127.0.0.1:${port}`);
  const children = ports.slice(0, count).map((port, index) => {
    const own = join(folder, `nats${index}`);
    mkdirSync(own, { recursive: true });
    const cluster =
      count === 1
        ? ''
        : `cluster { name: c, listen: "127.0.0.1:${ports[count + index]}", routes: [${routes.join(', ')}] }\n`;
    const text = `server_name: n${index}\nlisten: "127.0.0.1:${port}"\njetstream { store_dir: "${own}" }\n${cluster}${more}`;
    const file = join(own, 'nats.conf');
    writeFileSync(file, text);
    return spawn('nats-server', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
  const logs = children.map(() => '');
  children.forEach((child, index) => {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      logs[index] += text;
    });
  });
  await until('NATS', () => logs.every((text) => text.includes('Server is ready')));
  if (count > 1) await until('a leader of JetStream', () => logs.some((text) => text.includes('metadata leader')));
  return {
    urls: ports.slice(0, count).map((port) => `nats://127.0.0.1:${port}`),
    children,
    async close() {
      await Promise.all(children.map((child) => ended(child, 'SIGKILL')));
    },
  };
}

/** A way to a NATS server that can be cut. */
export interface Cable {
  url: string;
  cut(): void;
  mend(): void;
  /** What the server says comes so many ms later from now on. */
  delay(time: number): void;
  close(): void;
}

export async function openCable(url: string): Promise<Cable> {
  const target = Number(url.split(':')[2]);
  const streams = new Set<Stream>();
  let isCut = false;
  let delay = 0;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      streams.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        streams.delete(one);
        other.destroy();
      });
    }
    near.on('data', (octets) => void (isCut || far.write(octets)));
    const late: Buffer[] = [];
    far.on('data', (octets) => {
      late.push(octets);
      // Whichever timer is first: what came first goes first.
      setTimeout(() => void (isCut || near.destroyed || near.write(late.shift()!)), delay);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    // Nothing comes through any more, and nobody is told.
    cut() {
      isCut = true;
    },
    delay(time) {
      delay = time;
    },
    mend() {
      isCut = false;
      for (const one of streams) one.destroy();
    },
    close() {
      server.close();
      for (const one of streams) one.destroy();
    },
  };
}

export interface GatewayProcess {
  child: ChildProcess;
  log: string[];
  /** Where IKE is heard. */
  port: number;
  /** An answer of the control channel. */
  ask(command: object): Promise<Record<string, unknown>>;
  /** Status of `/readyz`, and the metric of the lease. */
  readiness(): Promise<{ status: number; text: string; lease: string }>;
  end(signal: NodeJS.Signals): Promise<void>;
}

export async function startGateway(file: string, port: number): Promise<GatewayProcess> {
  const args = ['gateway', '--config', file, '--control', '--log', 'info'];
  const child = spawn(process.execPath, [...DIETESP, ...args], { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
  const log: string[] = [];
  const answers: ((answer: Record<string, unknown>) => void)[] = [];
  let rest = '';
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    const lines = (rest + part).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const answer = JSON.parse(line) as Record<string, unknown>;
      if (answer.ok !== undefined) answers.shift()?.(answer);
    }
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      log.push(...part.trimEnd().split('\n'));
      if (part.includes('stop: Ctrl-C')) resolve();
    });
    child.once('exit', (code, signal) => reject(new Error(`the gateway ended: ${signal ?? code}\n${log.join('\n')}`)));
  });
  return {
    child,
    log,
    port,
    ask(command) {
      return new Promise((resolve) => {
        answers.push(resolve);
        child.stdin.write(`${JSON.stringify(command)}\n`);
      });
    },
    async readiness() {
      const found = (): string => /HTTP: (http:\S+)/.exec(log.join('\n'))?.[1] ?? '';
      await until('HTTP', () => found() !== '');
      const url = found().replace(/\/?$/, '/');
      const answer = await fetch(`${url}readyz`);
      const text = await answer.text();
      const metrics = await fetch(`${url}metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
      return {
        status: answer.status,
        text: text.trim(),
        lease: /^dietesp_cluster_lease_held (\d)$/m.exec(await metrics.text())?.[1] ?? '',
      };
    },
    end: (signal) => ended(child, signal),
  };
}

/** The relay in front of the gateways. */
export interface Front {
  port: number;
  natPort: number;
  /** Which gateway gets what the sensor at this address sends. */
  route: (address: string) => number;
  /** Packets with an SPI and sequence number that another one had; must stay empty. */
  twice: string[];
  /** ESP packets to sensors, by gateway. */
  down: number[];
  close(): void;
}

export async function socketAt(port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

export async function openFront(ports: number[]): Promise<Front> {
  const sockets: Socket[] = [];
  const seen = new Map<string, string>();
  const front: Front = {
    port: 0,
    natPort: 0,
    route: () => 0,
    twice: [],
    down: ports.map(() => 0),
    close() {
      for (const socket of sockets) socket.close();
    },
  };
  function watch(way: string, octets: Buffer): boolean {
    if (octets.length < 8 || octets.readUInt32BE(0) === 0) return false;
    const key = `${way} ${octets.toString('hex', 0, 8)}`;
    const text = octets.toString('latin1');
    const before = seen.get(key);
    if (before !== undefined && before !== text) front.twice.push(key);
    seen.set(key, text);
    return true;
  }
  async function relay(add: number): Promise<number> {
    const near = await socketAt();
    sockets.push(near);
    const fars = new Map<string, Socket>();
    near.on('message', (octets: Buffer, from: RemoteInfo) => {
      if (add === 1) watch('up', octets);
      const sender = `${from.address}:${from.port}`;
      let far = fars.get(sender);
      if (far === undefined) {
        far = createSocket('udp4');
        fars.set(sender, far);
        sockets.push(far);
        far.on('message', (answer: Buffer, gateway: RemoteInfo) => {
          if (add === 1 && watch('down', answer)) front.down[ports.indexOf(gateway.port - 1)]++;
          near.send(answer, from.port, from.address);
        });
        far.on('error', () => {});
      }
      far.send(octets, ports[front.route(from.address)] + add, '127.0.0.1');
    });
    return near.address().port;
  }
  front.port = await relay(0);
  front.natPort = await relay(1);
  return front;
}

export interface ClusterStage {
  folder: string;
  front: Front;
  gateways: GatewayProcess[];
  /** Starts gateway `index` (again). */
  start(index: number): Promise<GatewayProcess>;
  /** Opens a sensor; resolves when its SA is up. */
  sensor(): Promise<TestSensor>;
  /** Numbers that came to the server, in order. */
  delivered: number[];
  close(): Promise<void>;
}

export interface TestSensor {
  sensor: Sensor;
  echoed: Set<number>;
  /** Handshakes so far. */
  ups(): number;
  send(): number;
}

/** `urls`: of NATS, of each gateway; `more`: fields of `cluster`. */
export async function openStage(
  urls: string[][],
  replicas: number,
  more: object = {},
  pool = '2001:db8:1::/64',
): Promise<ClusterStage> {
  const folder = await mkdtemp(join(tmpdir(), 'dietesp-cluster-'));
  const delivered: number[] = [];
  const server = await socketAt();
  server.on('message', (octets, from) => {
    delivered.push(octets.readUInt32BE(0));
    server.send(octets, from.port, from.address);
  });
  writeFileSync(join(folder, 'seal.key'), Buffer.alloc(32, 7), { mode: 0o600 });
  const first = await freePorts(2 * urls.length);
  const ports = urls.map((_, index) => first + 2 * index);
  const files = urls.map((servers, index) => {
    const file = join(folder, `gateway${index}.yaml`);
    const config = {
      udp: [{ address: '127.0.0.1', port: ports[index], natPort: ports[index] + 1 }],
      flows: [{ destination: SERVER, port: PORT, to: `127.0.0.1:${server.address().port}` }],
      pool: [pool],
      stateKey: 'seal.key',
      http: { port: 0, token: TOKEN },
      cluster: { servers, name: `gateway${index}`, replicas, ...more },
      connection: {
        localId: 'fqdn:gateway.example',
        auth: { psk: PSK },
        child: { compression: { notify: 'none' } },
      },
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  });
  const front = await openFront(ports);
  const sensors: Sensor[] = [];
  const to = addressOctets(SERVER)!;
  let number = 0;
  let places = 0;

  const stage: ClusterStage = {
    folder,
    front,
    gateways: [],
    delivered,
    async start(index) {
      const gateway = await startGateway(files[index], ports[index]);
      stage.gateways[index] = gateway;
      return gateway;
    },
    async sensor() {
      const place = ++places;
      const file = JSON.stringify({
        udp: { address: `127.1.${place >> 8}.${place & 255}`, port: 0, natPort: 0 },
        gateway: { address: '127.0.0.1', port: front.port, natPort: front.natPort },
        connection: {
          localId: `keyid:${place.toString(16).padStart(4, '0')}`,
          auth: { psk: PSK },
          requestAddress: 'ipv6',
          ike: { counterSync: true },
          child: { compression: { notify: 'none' } },
        },
        server: { address: SERVER, port: PORT, sourcePort: PORT, ackTimeout: 0.25 },
      });
      let ups = 0;
      const sensor = await openSensor(readSensor('sensor.yaml', file), {
        provider: createFastProvider(),
        keylog: null,
        echoPort: 0,
        retry: true,
        retryMax: 1000,
        waits: true,
        report: (line) => {
          if (/established/.test(JSON.stringify(line))) ups++;
        },
      });
      sensors.push(sensor);
      const echoed = new Set<number>();
      sensor.inner.listen(PORT, (payload) => {
        echoed.add(Buffer.from(payload.buffer, payload.byteOffset, 4).readUInt32BE(0));
      });
      return {
        sensor,
        echoed,
        ups: () => ups,
        send() {
          const payload = Buffer.alloc(16);
          payload.writeUInt32BE(++number, 0);
          sensor.send(payload, to, PORT, PORT);
          return number;
        },
      };
    },
    async close() {
      await Promise.all(sensors.map((sensor) => sensor.close()));
      await Promise.all(stage.gateways.map((gateway) => gateway?.end('SIGKILL')));
      front.close();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return stage;
}
