// workers.test.ts runs this in a network namespace of its own: a gateway with two workers, sensors at other addresses of the
// loopback, and a host behind the gateway's interface that answers readings. It prints what it saw as one line of JSON.
//   workers-child.ts PROGRAM DIRECTORY      PROGRAM: that of a worker; DIRECTORY: for a store

import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { type Started, startGateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { policyFor } from '../../targets/node/host/config/ike-policy.ts';
import { readDatagram, writeDatagram } from '../../targets/node/host/datagram.ts';
import { fullIke } from '../../targets/node/host/full-ike.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { openLevelStore } from '../../targets/node/host/state/level-store.ts';
import { numberOf } from '../../targets/node/host/state/reserve.ts';
import { classify, UDP_ESP } from '../../targets/node/host/udp.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import type { IkeHost } from '../../targets/node/sensor/host.ts';
import { createUdpHost } from '../../targets/node/sensor/udp-host.ts';

const [program, directory] = process.argv.slice(2);
const GATEWAY = '127.0.0.1';
const SERVER = '10.1.0.1';
const [SERVICE, READER] = [5683, 5684];
const COUNT = 4;
const LIMIT = 10000;
/** Readings on their way: the buffers of the test's own sockets are small. */
const WINDOW = 64;

const outer = (n: number): string => `127.0.0.${10 + n}`;
const inner = (n: number): string => `10.2.0.${10 + n}`;
const now = (): number => performance.now();

/** Waits until `look` is true. */
async function until(what: string, look: () => boolean): Promise<void> {
  const end = now() + LIMIT;
  while (!look()) {
    if (now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function connection(n: number, isGateway: boolean): object {
  const [own, other] = isGateway ? ['gateway', `sensor${n}`] : [`sensor${n}`, 'gateway'];
  const nets = isGateway ? [`${SERVER}/32`, `${inner(n)}/32`] : [`${inner(n)}/32`, `${SERVER}/32`];
  return {
    localId: `fqdn:${own}`,
    remoteId: `fqdn:${other}`,
    auth: { psk: 'a secret of the test' },
    ike: { dpd: 0 },
    child: {
      esp: [n % 2 === 0 ? 'aes-gcm-16' : 'aes-ccm-8-iiv'],
      local: [nets[0]],
      remote: [nets[1]],
      compression: n % 2 === 0 ? { notify: 'none' } : { required: true },
    },
  };
}

async function open(port: number, address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** Sequence numbers of the gateway's packets, by SPI; `twice`: those that came once more. */
const numbers = new Map<string, Set<string>>();
const twice: string[] = [];

class Sensor {
  readonly index: number;
  host!: IkeHost;
  isUp = false;
  rekeys = 0;
  /** Readings that were answered. */
  readonly answered = new Set<number>();
  /** The last ESP datagram that it sent. */
  last: Buffer = Buffer.alloc(0);
  ended = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly real: Socket[] = [];
  private readonly fake = [0, 1].map((at) => {
    const socket = new EventEmitter() as EventEmitter & Record<string, unknown>;
    socket.address = () => ({ address: outer(this.index), port: at === 0 ? 500 : 4500, family: 'IPv4' });
    socket.send = (octets: Uint8Array, port: number, address: string) => {
      if (at === 1 && classify(octets, true) === UDP_ESP) this.last = Buffer.from(octets);
      this.real[at].send(octets, port, address);
    };
    socket.close = (done?: () => void) => done?.();
    return socket;
  });
  private readonly packet = new Uint8Array(2048);

  constructor(index: number) {
    this.index = index;
  }

  private listen(socket: Socket, at: number): void {
    this.real[at]?.close();
    this.real[at] = socket;
    socket.on('message', (octets, from) => {
      if (at === 1 && classify(octets, true) === UDP_ESP && octets.length > 8) {
        // The number is whole where there is no compression.
        const spi = octets.toString('hex', 0, 4);
        const known = numbers.get(spi) ?? new Set();
        numbers.set(spi, known);
        const number = octets.toString('hex', 4, 8);
        if (this.index % 2 === 0 && known.has(number)) twice.push(`${spi} ${number}`);
        known.add(number);
      }
      this.fake[at].emit('message', octets, { address: from.address, port: at === 0 ? 500 : 4500 });
    });
  }

  async connect(): Promise<void> {
    this.listen(await open(500, outer(this.index)), 0);
    this.listen(await open(4500, outer(this.index)), 1);
    const text = JSON.stringify({
      udp: { address: outer(this.index) },
      gateway: { address: GATEWAY },
      innerAddress: inner(this.index),
      connection: connection(this.index, false),
    });
    const loaded = readSensor('sensor.json', text);
    const wake = (): void => {
      clearTimeout(this.timer);
      this.host.poll(now());
      const next = this.host.nextTimeout();
      if (next >= 0) this.timer = setTimeout(wake, Math.max(0, next - now()));
    };
    this.host = createUdpHost({
      ike: {
        ...fullIke(),
        policy: policyFor(loaded.connection, addressOctets(SERVER)!, addressOctets(GATEWAY)!, true),
        numbers: loaded.numbers,
        keylog: false,
        retryTime: 0,
        retryMax: 0,
        events: {
          connecting() {},
          established: () => {
            this.isUp = true;
          },
          ended: () => {
            this.ended++;
            this.isUp = false;
          },
          replaced() {},
          installed: () => {
            this.rekeys++;
          },
          removed() {},
          childFailed() {},
          keys() {},
        },
      },
      inner: (octets, length) => {
        const datagram = readDatagram(octets.slice(0, length), length);
        if (datagram !== null) this.answered.add(Buffer.from(datagram.payload).readUInt32BE());
      },
      now,
      provider: createFastProvider(),
      local: addressOctets(outer(this.index))!,
      remote: addressOctets(GATEWAY)!,
      wake: () => setImmediate(wake),
      sockets: {
        ike: this.fake[0] as unknown as Socket,
        nat: this.fake[1] as unknown as Socket,
        local: addressOctets(outer(this.index))!,
      },
      peer: { port: 500, natPort: 4500 },
    });
    this.host.uplink.connect(null, now());
    wake();
    await until(`sensor ${this.index} up`, () => this.isUp);
  }

  /** Sends one reading. */
  send(number: number): void {
    const payload = Buffer.alloc(12);
    payload.writeUInt32BE(number);
    const length = writeDatagram(this.packet, {
      source: addressOctets(inner(this.index))!,
      sourcePort: READER,
      destination: addressOctets(SERVER)!,
      destinationPort: SERVICE,
      payload,
    });
    const code = this.host.send(this.packet, length);
    if (code < 0) throw new Error(`not sent: ${code}`);
  }

  /** Sends a reading, as a sensor does again until it is answered; how often it was sent. */
  async read(number: number): Promise<number> {
    for (let times = 1; times <= 50; times++) {
      this.send(number);
      const end = now() + 200;
      while (!this.answered.has(number) && now() < end) await new Promise((resolve) => setTimeout(resolve, 1));
      if (this.answered.has(number)) return times;
    }
    throw new Error(`sensor ${this.index}: reading ${number} was never answered`);
  }

  /** Datagrams of it come from another port from now on. */
  async move(): Promise<void> {
    this.listen(await open(0, outer(this.index)), 1);
  }

  close(): void {
    clearTimeout(this.timer);
    for (const socket of this.real) socket.close();
  }
}

const server = createSocket('udp4');
let readings = 0;

async function start(hasStore: boolean): Promise<Started> {
  const text = JSON.stringify({
    udp: [{ address: GATEWAY }],
    tun: { name: 'w0', addresses: [`${SERVER}/24`], routes: ['10.2.0.0/16'], mtu: 1400 },
    peers: Array.from({ length: COUNT }, (_, n) => ({ name: `sensor${n}`, ...connection(n, true) })),
    workers: 2,
  });
  const { config } = readGateway('gateway.json', text);
  const store = hasStore ? await openLevelStore({ directory, kind: 'gateway', sync: false }) : undefined;
  const log =
    process.env.DIETESP_TRACE === undefined
      ? undefined
      : (_level: string, _name: string, text: unknown) => console.error(typeof text === 'function' ? text() : text);
  return startGateway({ ...config, store, workerProgram: new URL(program), log: log as never });
}

/** Readings of all sensors at once, each sent once, a few on their way; how many were answered. */
async function flood(sensors: Sensor[], first: number, count: number): Promise<number> {
  const all = sensors.length * count;
  const before = sensors.reduce((sum, { answered }) => sum + answered.size, 0);
  const answered = (): number => sensors.reduce((sum, one) => sum + one.answered.size, 0) - before;
  let end = now() + LIMIT;
  for (let n = 0; n < all; n++) {
    while (n - answered() >= WINDOW && now() < end) await new Promise((resolve) => setImmediate(resolve));
    sensors[n % sensors.length].send(first + Math.floor(n / sensors.length));
  }
  end = Math.min(end, now() + 3000);
  while (answered() < all && now() < end) await new Promise((resolve) => setImmediate(resolve));
  return answered();
}

const result: Record<string, unknown> = {};
let started = await start(true);
server.bind(SERVICE, SERVER);
await once(server, 'listening');
server.on('message', (octets, from) => {
  readings++;
  server.send(octets, from.port, from.address);
});
const sensors = Array.from({ length: COUNT }, (_, n) => new Sensor(n));
for (const sensor of sensors) await sensor.connect();
for (const sensor of sensors) await sensor.read(1);
result.flood = await flood(sensors, 1000, 400);
// Counters come a little later.
await until('counters', () => {
  const { sent, received } = started.gateway.metrics().esp;
  return Math.min(sent, received) >= COUNT * 401;
});
result.workers = started.gateway.metrics().workers.map(({ cpu: _, ...rest }) => rest);

// What came once does not come again.
const before = readings;
const [zero] = sensors;
const replay = createSocket('udp4');
replay.send(zero.last, 4500, GATEWAY);
const drops = (): number => started.gateway.metrics().esp.drops['replay'] ?? 0;
await until('replay', () => drops() > 0);
result.replayed = { drops: drops(), readings: readings - before };
replay.close();

// Rekeys of both kinds, from this side, while readings flow.
const installed = (): number => sensors.reduce((sum, { rekeys }) => sum + rekeys, 0);
const rekeyed = installed();
const flowing = flood(sensors, 2000, 400);
for (const { id } of started.gateway.ikeSas()) started.gateway.askIke(id, 'rekey-child');
result.rekeyFlood = await flowing;
await until('Child SAs rekeyed', () => installed() === rekeyed + COUNT);
for (const { id } of started.gateway.ikeSas()) started.gateway.askIke(id, 'rekey-ike');
await until('IKE SAs rekeyed', () => (started.gateway.metrics().ike?.rekeyedIke ?? 0) === COUNT);
for (const sensor of sensors) await sensor.read(3);
result.afterRekey = started.gateway.metrics().workers.reduce((sum, { sas }) => sum + sas, 0);

// A NAT gives a sensor another port.
await zero.move();
result.moved = await zero.read(4);

// What sensors fell silent about is given back: a restart costs them nothing.
const isNarrow = (): boolean =>
  [...started.sas.all()].every(({ kept, direction, sa }) => {
    const reserve = direction === 'out' ? kept!.out! : kept!.in!;
    return reserve.asked <= numberOf(sa.snHi, sa.snLo) + 1;
  });
await until('numbers given back', isNarrow);

// The process is gone without a word, and comes again with its store.
await started.gateway.close();
started = await start(true);
for (const sensor of sensors) await sensor.read(5);
result.restored = started.gateway.metrics().workers.reduce((sum, { sas }) => sum + sas, 0);
result.restartFlood = await flood(sensors, 4000, 100);

// A worker dies.
await started.crew!.kill(1);
for (const sensor of sensors) await sensor.read(6);
result.deathFlood = await flood(sensors, 5000, 100);
result.dead = started.gateway.metrics().workers.map(({ alive }) => alive);

await started.gateway.leave(3000);
await until('Deletes', () => sensors.every(({ ended }) => ended > 0));
result.twice = twice;
result.spis = numbers.size;
for (const sensor of sensors) sensor.close();
server.close();
process.stdout.write(JSON.stringify(result) + '\n');
process.exit(0);
