// IKE at scale, between real processes on the loopback: 10,000 peers connect, fall silent, are left; floods.
//   npm run bench -- ike-scale

import { type ChildProcess, fork } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { fullExtensions } from '../../core/device/full-extensions.ts';
import { fragmentation } from '../../core/ike/codec/fragments.ts';
import { ID_KEY_ID } from '../../core/ike/codec/numbers.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { createIke, receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { probe } from '../../core/ike/exchange/requests.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { policyFor } from '../../targets/node/host/config/ike-policy.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { MARKER_SIZE, markedIke } from '../../targets/node/host/udp.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import type { Kinds } from './heap-kinds.ts';
import type { Figure } from './ike.ts';
import type { Measured } from './ike-gateway.ts';

/** Peers that connect at the same time. */
const AT_ONCE = 100;
/** Peers before the first look, for what the engine takes once: compiled code, its room for new objects. */
const WARM = 1000;

interface GatewayProcess {
  child: ChildProcess;
  natPort: number;
  measure(): Promise<Measured>;
  kinds(): Promise<Kinds>;
  leave(): Promise<{ took: number; stop: number }>;
}

/** `state`: its state directory; '': none. */
async function startGateway(dpd: number, retransmit = 2, tries = 6, state = ''): Promise<GatewayProcess> {
  const file = new URL('ike-gateway.ts', import.meta.url);
  const child = fork(file, [String(dpd), String(retransmit), String(tries), state], {
    execArgv: ['--import', 'tsx', '--expose-gc'],
  });
  const [{ natPort }] = await once(child, 'message');
  const ask = async (question: string) => {
    child.send(question);
    const [answer] = await once(child, 'message');
    return answer;
  };
  return { child, natPort, measure: () => ask('measure'), kinds: () => ask('kinds'), leave: () => ask('leave') };
}

/** Many peers in one endpoint, behind one socket at an address of the loopback. */
class Peers {
  readonly ike;
  readonly up: IkeSa[] = [];
  ended = 0;
  /** Answers that came, by time of their probe: milliseconds. */
  socket: Socket | null = null;
  isDeaf = false;
  readonly #policy;
  readonly path: Path;
  #timer: NodeJS.Timeout | null = null;
  #next = 0;
  readonly #local: string;
  readonly #prefix: number;

  constructor(natPort: number, local: string, prefix: number) {
    this.#local = local;
    this.#prefix = prefix;
    const loaded = readSensor(
      'sensor.yaml',
      `udp: { address: "${local}" }
gateway: { address: "127.0.0.1" }
server: { address: "2001:db8:2::1", port: 5683, sourcePort: 5683 }
connection:
  localId: keyid:00
  requestAddress: ipv6
  auth: { psk: secret }
  ike: { dpd: 0, nat: force }
`,
    );
    const remote = loaded.gateway.address;
    this.#policy = policyFor(loaded.connection, new Uint8Array(0), remote, true);
    this.path = {
      local: Uint8Array.from(local.split('.').map(Number)),
      localPort: 4500,
      remote,
      remotePort: natPort,
      encapsulated: true,
      port: 0,
      link: new Uint8Array(0),
    };
    let spi = 256;
    this.ike = createIke({
      provider: createFastProvider(),
      asymmetric: createNodeAsymmetric(),
      upper: {
        proved: () => {},
        transmit: (path, _replyTo, buffer, offset, length) => {
          if (this.isDeaf) return;
          this.socket!.send(markedIke(buffer.subarray(offset, offset + length)), path.remotePort, '127.0.0.1');
        },
        allocateSpi: () => ++spi,
        install: () => true,
        retire: () => {},
        remove: () => {},
        established: (sa) => void this.up.push(sa),
        replaced: () => {},
        ended: () => void this.ended++,
        childFailed: () => {},
        refused: () => {},
        keys: () => {},
        address: () => null,
      },
      extensions: fullExtensions(),
      numbers: privateNumbers(),
      responder: null,
      intermediate: createRounds([createIntermediate(null)]),
      resumption: null,
      reassembly: fragmentation,
      maxMessage: 4096,
      keylog: false,
      linger: 1000,
    });
  }

  async open(): Promise<void> {
    this.socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    this.socket.bind(0, this.#local);
    await once(this.socket, 'listening');
    this.socket.on('message', (octets) => {
      if (!this.isDeaf) receiveIke(this.ike, this.path, octets, MARKER_SIZE, octets.length - MARKER_SIZE, now());
    });
    this.#timer = setInterval(() => {
      while (ikeTimeout(this.ike) >= 0 && ikeTimeout(this.ike) <= now()) pollIke(this.ike, now());
    }, 5);
  }

  begin(): IkeSa {
    const n = this.#next++;
    const data = Uint8Array.of(this.#prefix, n >>> 16, n >>> 8, n);
    return connect(this.ike, { ...this.#policy, localId: { type: ID_KEY_ID, data } }, this.path, null, now());
  }

  /** Connects `count` peers, AT_ONCE at a time: milliseconds. */
  async connect(count: number): Promise<number> {
    const start = now();
    const upBefore = this.up.length;
    const endedBefore = this.ended;
    let begun = 0;
    while (this.up.length - upBefore + this.ended - endedBefore < count) {
      const open = begun - (this.up.length - upBefore) - (this.ended - endedBefore);
      for (let i = open; i < AT_ONCE && begun < count; i++, begun++) this.begin();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return now() - start;
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.socket?.close();
  }
}

function now(): number {
  return Math.floor(performance.now());
}

const wait = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));

/** Probes of one SA, `every` milliseconds, until stopped: how many, and how many had no answer within a second. */
function probing(peers: Peers, sa: IkeSa, every: number): () => { sent: number; lost: number; slowest: number } {
  let sent = 0;
  let lost = 0;
  let slowest = 0;
  let since = -1;
  const timer = setInterval(() => {
    if (since >= 0) {
      const took = now() - since;
      if (sa.request.length > 0) {
        if (took >= 1000) {
          lost++;
          since = -1;
        }
        return;
      }
      slowest = Math.max(slowest, took);
    }
    sent++;
    since = now();
    probe(peers.ike, sa, since);
    pollIke(peers.ike, since);
  }, every);
  return () => {
    clearInterval(timer);
    return { sent, lost, slowest };
  };
}

/** Peers of one address, behind a gateway that has just started. */
export async function scene(
  dpd: number,
  retransmit = 2,
  tries = 6,
  state = '',
): Promise<{ gateway: GatewayProcess; peers: Peers }> {
  const gateway = await startGateway(dpd, retransmit, tries, state);
  const peers = new Peers(gateway.natPort, '127.0.0.1', 1);
  await peers.open();
  return { gateway, peers };
}

/** Connecting, memory, the end. */
async function benchConnect(count: number): Promise<Figure[]> {
  const times: number[] = [];
  const figures: Figure[] = [];
  for (const dpd of [0, 30]) {
    const { gateway, peers } = await scene(dpd);
    await peers.connect(WARM);
    const before = await gateway.measure();
    times.push(await peers.connect(count));
    const fresh = await gateway.measure();
    figures.push(
      { name: `${count} peers connect, dpd ${dpd} s`, value: times.at(-1)! / 1000, unit: 's' },
      { name: '  failed', value: peers.ended, unit: 'peers', beside: 'goal 0' },
      { name: '  longest stop of the event loop', value: fresh.stop, unit: 'ms', beside: 'goal 50' },
    );
    if (dpd === 0) {
      figures.push(
        {
          name: '  RSS a peer (IKE SA and pair)',
          value: (fresh.rss - before.rss) / count,
          unit: 'octets',
          beside: 'goal 6,000',
        },
        { name: '  heap a peer', value: (fresh.heap - before.heap) / count, unit: 'octets' },
      );
    } else {
      const seconds = 35;
      await wait(seconds * 1000);
      const probed = await gateway.measure();
      figures.push(
        { name: `  processor time of ${seconds} s with probes`, value: (probed.cpu - fresh.cpu) / 1000, unit: 's' },
        { name: '  longest stop', value: probed.stop, unit: 'ms', beside: 'goal 50' },
        { name: '  peers lost', value: count + WARM - probed.sas, unit: 'peers', beside: 'goal 0' },
      );
    }
    const endedBefore = peers.ended;
    const { took, stop } = await gateway.leave();
    await wait(200);
    figures.push(
      { name: '  SIGTERM: all SAs are gone after', value: took / 1000, unit: 's', beside: 'goal 2' },
      {
        name: '  peers that were told by then',
        value: (100 * (peers.ended - endedBefore)) / (peers.up.length - endedBefore),
        unit: '%',
      },
      { name: '  longest stop meanwhile', value: stop, unit: 'ms', beside: 'goal 50' },
    );
    peers.close();
  }
  figures.push({ name: 'connecting, dpd 30 s : without', value: times[1] / times[0], unit: 'x', beside: 'goal 1.2' });
  return figures;
}

/** All but one fall silent at once. */
async function benchVanish(count: number): Promise<Figure[]> {
  const { gateway, peers } = await scene(20, 0.5, 3);
  const live = new Peers(gateway.natPort, '127.0.0.2', 2);
  await live.open();
  await live.connect(1);
  await peers.connect(count);
  await gateway.measure();
  peers.isDeaf = true;
  const stop = probing(live, live.up[0], 20);
  let left = count + 1;
  let longest = 0;
  for (let i = 0; i < 60 && left > 1; i++) {
    await wait(1000);
    if (i % 20 !== 19 && i < 26) continue;
    const measured = await gateway.measure();
    longest = Math.max(longest, measured.stop);
    left = measured.sas;
  }
  const { sent, lost, slowest } = stop();
  peers.close();
  await gateway.leave();
  live.close();
  return [
    { name: `${count} peers vanish: longest stop of the event loop`, value: longest, unit: 'ms', beside: 'goal 50' },
    { name: '  IKE SAs left', value: left, unit: 'SAs', beside: 'goal 1' },
    { name: `  lost of ${sent} probes of a live peer`, value: lost, unit: 'probes', beside: 'goal 0' },
    { name: '  slowest of its answers', value: slowest, unit: 'ms' },
  ];
}

/** IKE_SA_INIT of one host, 500 a second from 200 ports, cookies returned; other sensors, each from its own address. */
async function benchFlood(): Promise<Figure[]> {
  const gateway = await startGateway(0);
  const before = await gateway.measure();
  const flood = new Peers(gateway.natPort, '127.0.0.9', 9);
  await flood.open();
  const sockets: Socket[] = [];
  for (let i = 0; i < 200; i++) {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.9');
    await once(socket, 'listening');
    sockets.push(socket);
  }
  let port = 0;
  let sent = 0;
  const calm = flood.ike.upper;
  // Nothing but IKE_SA_INIT, each attempt from another port.
  flood.ike.upper = {
    ...calm,
    transmit: (path, _replyTo, buffer, offset, length) => {
      if (buffer[offset + 18] !== 34) return;
      const socket = sockets[port++ % sockets.length];
      sent++;
      socket.send(markedIke(buffer.subarray(offset, offset + length)), path.remotePort, '127.0.0.1');
    },
  };
  for (const socket of sockets) {
    socket.on('message', (octets) => {
      receiveIke(flood.ike, flood.path, octets, MARKER_SIZE, octets.length - MARKER_SIZE, now());
    });
  }
  const timer = setInterval(() => {
    for (let i = 0; i < 5; i++) flood.begin();
  }, 10);
  await wait(1000);
  const times: number[] = [];
  for (let i = 0; i < 40; i++) {
    const sensor = new Peers(gateway.natPort, `127.0.1.${i + 1}`, 100 + i);
    await sensor.open();
    const start = now();
    sensor.begin();
    while (sensor.up.length === 0 && now() - start < 10000) await wait(5);
    times.push(now() - start);
    sensor.close();
    await wait(400);
  }
  clearInterval(timer);
  const after = await gateway.measure();
  flood.close();
  for (const socket of sockets) socket.close();
  gateway.child.kill();
  const good = times.filter((time) => time <= 5000).length;
  return [
    {
      name: 'flood from one host: other sensors that connect within 5 s',
      value: (100 * good) / times.length,
      unit: '%',
      beside: 'goal 100',
    },
    { name: '  slowest of them', value: Math.max(...times), unit: 'ms' },
    { name: '  messages of the flood', value: sent, unit: 'messages' },
    { name: '  processor time of the gateway', value: (after.cpu - before.cpu) / 1000, unit: 's' },
  ];
}

/** `--peers N`: fewer. */
export async function benchIkeScale(): Promise<Figure[]> {
  const at = process.argv.indexOf('--peers');
  const count = at < 0 ? 10000 : Number(process.argv[at + 1]);
  return [...(await benchFlood()), ...(await benchVanish(count)), ...(await benchConnect(count))];
}
