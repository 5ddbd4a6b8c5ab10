// Three sensors and a gateway on one medium, in virtual time:
//
//   sensor 1 (device object) --\
//   sensor 2 ------------------ 802.15.4 ---- gateway: MAC, 6LoWPAN, ESP with an SA pair per sensor, CoAP server
//   sensor 3 ------------------/
//
// Everything random comes from one seed.

import { createHash } from 'node:crypto';
import { addressOf } from '../../core/base/address.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { createDevice, type Device } from '../../core/device/device.ts';
import { addInbound, createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../core/esp/outbound.ts';
import { createSa, type Sa } from '../../core/esp/sa.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { createLowpan } from '../../core/link/lowpan.ts';
import { ACK_WAIT, createMac } from '../../core/link/mac.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { checkUdp, emitUdp } from '../../core/wire/udp.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { stack } from '../../targets/node/host/radio/radio.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createMedium, type Medium, type MediumConfig } from '../../targets/node/lab/medium.ts';
import { configOf } from '../core/support.ts';
import { extendedOf, PAN } from '../link/nodes.ts';
import { addressOctets } from '../naive/bits.ts';
import { makeSa } from '../naive/make-sa.ts';
import type { Sa as NaiveSa } from '../naive/types.ts';
import { type Client, createClient, createServer, type Server } from './coap.ts';

export const SENSORS = 3;
const GATEWAY = 100;
const PORT = 5683;
const PAYLOAD = 48;

const linkLocal = (node: number): string => `fe80::ff:fe00:${node.toString(16)}`;
const innerAddress = (node: number): string => `2001:db8:1::${node.toString(16)}`;
const SERVER_ADDRESS = '2001:db8:2::1';

/** The SA from a node to another; each pair has keys of its own. */
function saBetween(from: number, to: number, change: Partial<NaiveSa>): NaiveSa {
  const inner = (node: number): string => (node === GATEWAY ? SERVER_ADDRESS : innerAddress(node));
  const spi = 0x1000 + from * 256 + ((from * 31 + to * 7) % 251);
  return makeSa(6, 17, {
    esp_encr: 'AES_CCM_8_IIV',
    tunnel_ip: [linkLocal(from), linkLocal(to)],
    ts_ip_src: [inner(from), inner(from)],
    ts_ip_dst: [inner(to), inner(to)],
    ts_port_src: [PORT, PORT],
    ts_port_dst: [PORT, PORT],
    esp_spi: spi.toString(16).padStart(8, '0'),
    key: createHash('sha256').update(`key ${from} ${to}`).digest('hex').slice(0, 32),
    salt: 'a0a1a2',
    ...change,
  });
}

export interface World {
  medium: Medium;
  clients: Client[];
  devices: Device[];
  server: Server;
  /** Drops of the gateway's ESP, by negated code. */
  drops: Float64Array;
  /** SHA-256 over the time and octets of every frame on air. */
  digest: () => string;
}

export interface WorldConfig extends Omit<MediumConfig, 'tap'> {
  sa?: Partial<NaiveSa>;
}

export function createWorld(config: WorldConfig): World {
  const hash = createHash('sha256');
  const medium = createMedium({
    ...config,
    tap: (now, frame, from) => {
      hash.update(`${now} ${from} `).update(frame);
    },
  });
  const random = createRandom(config.seed * 7919 + 1);
  const provider: Provider = { ...createFastProvider(), random: random.fill };
  const server = createServer();
  const change = config.sa ?? {};
  const pair = (from: number, to: number) => configOf(saBetween(from, to, change), { replayWindow: 64 });

  const clients: Client[] = [];
  const devices: Device[] = [];
  for (let node = 1; node <= SENSORS; node++) {
    const radio = medium.radio();
    const device = createDevice({
      provider,
      parts: FULL_PARTS,
      phy: radio,
      upper: {
        datagram: (buffer, offset, length, _source, _sourcePort, _destinationPort, now) => {
          client.received(buffer.slice(offset, offset + length), now);
        },
        done: () => {},
      },
      panId: PAN,
      shortAddress: node,
      extendedAddress: extendedOf(node),
      gateway: Uint8Array.of(0, GATEWAY),
      address: Uint8Array.from(addressOctets(innerAddress(node))),
      contexts: new Uint8Array(0),
      reassembly: null,
      echo: null,
      maxSize: 600,
      queue: 2,
      ackWait: ACK_WAIT,
    });
    device.addSas(pair(node, GATEWAY), pair(GATEWAY, node));
    const destination = Uint8Array.from(addressOctets(SERVER_ADDRESS));
    // What the device cannot take is sent again by the client's timer.
    const client = createClient(random, (datagram, now) => {
      device.send(datagram, 0, datagram.length, PORT, destination, PORT, now);
    });
    radio.onFrame = (frame, offset, length) => device.receive(frame, offset, length, medium.now);
    medium.attach(radio, stack(device, client));
    clients.push(client);
    devices.push(device);
  }

  const endpoint = createEndpoint(FULL_PARTS, provider);
  const outgoing: Sa[] = [];
  const incoming: Sa[] = [];
  for (let node = 1; node <= SENSORS; node++) {
    incoming.push(createSa(FULL_PARTS, provider, pair(node, GATEWAY)));
    outgoing.push(createSa(FULL_PARTS, provider, pair(GATEWAY, node)));
    addInbound(endpoint, incoming[node - 1]);
  }
  const inner = new Uint8Array(2000);
  const outer = new Uint8Array(2000 + OUTBOUND_ROOM);

  function answer(size: number, node: number, now: number): void {
    if (size < PAYLOAD || checkUdp(inner, 40, size, 0) !== 0) return;
    const reply = server.received(`sensor ${node}`, inner.slice(PAYLOAD, size));
    if (reply === null) return;
    const [source, destination] = [inner.slice(8, 24), inner.slice(24, 40)];
    emitIpv6(inner, 0, 0, 0, 8 + reply.length, 17, 64);
    inner.set(destination, 8);
    inner.set(source, 24);
    inner.set(reply, PAYLOAD);
    emitUdp(inner, 40, PAYLOAD + reply.length, 0, PORT, PORT);
    const length = outbound(endpoint, outgoing[node - 1], inner, 0, PAYLOAD + reply.length, outer, 0, now);
    if (length > 0) lowpan.send(outer, 0, length, addressOf(Uint8Array.of(0, node)), now);
  }

  const lowpan = createLowpan({
    contexts: new Uint8Array(0),
    nhc: null,
    reassembly: createReassembly(3, 1280, 10000),
    upper: {
      packet: (buffer, offset, length, _src, now) => {
        const size = inbound(endpoint, buffer, offset, length, inner, 0, now);
        if (size > 0) answer(size, incoming.indexOf(endpoint.sa!) + 1, now);
      },
      done: () => {},
    },
    queue: 4,
    maxSize: 1280,
    tag: 1,
  });
  const radio = medium.radio();
  const mac = createMac({
    panId: PAN,
    shortAddress: GATEWAY,
    extendedAddress: extendedOf(GATEWAY),
    phy: radio,
    upper: lowpan,
    random: random.fill,
    queue: 4,
    neighbours: 8,
    ackWait: ACK_WAIT,
  });
  lowpan.attach(mac);
  radio.onFrame = (frame, offset, length) => mac.receive(frame, offset, length, medium.now);
  medium.attach(radio, stack(mac, lowpan));

  return { medium, clients, devices, server, drops: endpoint.drops, digest: () => hash.copy().digest('hex') };
}

export const READINGS = 6;

/** Gives every sensor its readings, some longer than a frame, at times of their own; runs until all are over. */
export function play(world: World, limit: number): void {
  world.clients.forEach((client, index) => {
    for (let i = 0; i < READINGS; i++) {
      const text = `${i} ${'0123456789'.repeat(i % 3 === 2 ? 15 : 1)}`;
      world.medium.at(100 + i * 2500 + index * 3, () => client.add(text, world.medium.now));
    }
  });
  world.medium.settle(limit);
}
