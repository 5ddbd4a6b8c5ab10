// The gateway's way of a packet without system calls: the router between a socket and a network interface that only count. What
// the profile of `npm run bench -- gateway` shows besides the system's share and the ciphers'.
//   node --cpu-prof --import tsx test/bench/router.ts

import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { createAir } from '../../targets/node/gateway/air.ts';
import { createAssociations } from '../../targets/node/gateway/associations.ts';
import { createBus } from '../../targets/node/gateway/bus.ts';
import { createCarriers } from '../../targets/node/gateway/carriers.ts';
import { checkGatewayConfig } from '../../targets/node/gateway/config.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createIkeLink } from '../../targets/node/gateway/ike-link.ts';
import { createPlaces } from '../../targets/node/gateway/places.ts';
import { createRouter } from '../../targets/node/gateway/router.ts';
import { createTap } from '../../targets/node/gateway/tap.ts';
import type { Tun } from '../../targets/node/gateway/tun.ts';
import type { UdpPort } from '../../targets/node/gateway/udp.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { policyFor } from '../../targets/node/host/config/ike-policy.ts';
import { headerRoom, writeDatagram } from '../../targets/node/host/datagram.ts';
import { fullIke } from '../../targets/node/host/full-ike.ts';
import { silent } from '../../targets/node/host/log.ts';
import { useLongCopies } from '../../targets/node/host/long-copies.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { classify, UDP_IKE_MARKED } from '../../targets/node/host/udp.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { createUdpHost } from '../../targets/node/sensor/udp-host.ts';
import type { Figure } from './ike.ts';
import { nanoseconds } from './pipeline.ts';

const [OWN, PEER] = ['192.0.2.1', '192.0.2.2'].map((text) => addressOctets(text)!);
const [HERE, THERE] = ['10.1.0.1', '10.2.0.1'].map((text) => addressOctets(text)!);
const [IKE_PORT, NAT_PORT] = [500, 4500];
const BATCH = 500;
const ROUNDS = 200;

function connectionText(isGateway: boolean, suite: string): string {
  const [own, other] = isGateway ? ['gateway', 'device'] : ['device', 'gateway'];
  const [local, remote] = isGateway ? ['10.1.0.1', '10.2.0.1'] : ['10.2.0.1', '10.1.0.1'];
  return `{ localId: fqdn:${own}, remoteId: fqdn:${other}, auth: { psk: secret }, ike: { dpd: 0 },
    child: { esp: [${suite}], local: ["${local}"], remote: ["${remote}"], compression: { notify: none } } }`;
}

/** A gateway's router with one peer, whose packets it takes and to which it sends. */
export function openRouter(suite: string) {
  const file = `udp: [{ address: "192.0.2.1" }]\npeers: [${connectionText(true, suite)}]\n`;
  useLongCopies();
  const { config } = readGateway('gateway.yaml', file);
  const checked = checkGatewayConfig(config);
  const now = (): number => performance.now();
  const bus = createBus(now, silent);
  const provider = createFastProvider();
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const sas = createAssociations(endpoint);
  const air = createAir(bus, [], checked, provider, 3);
  const counts = { written: 0, sent: 0 };
  const tun: Tun = {
    name: 'none',
    offload: '',
    others: [],
    onPacket: null,
    onLost: null,
    onGone: null,
    write: () => ++counts.written > 0,
    start() {},
    close: async () => {},
  };
  const sockets = [IKE_PORT, NAT_PORT].map((port) => {
    const socket = new EventEmitter() as EventEmitter & Record<string, unknown>;
    socket.address = () => ({ address: '192.0.2.2', port, family: 'IPv4' });
    socket.send = (octets: Uint8Array) => take(octets, port === NAT_PORT);
    socket.close = (done: () => void) => done();
    return socket;
  });
  const port = {
    local: OWN,
    port: IKE_PORT,
    natPort: NAT_PORT,
    isOpen: true,
    counters: {},
    send(octets: Uint8Array, _remote: Uint8Array, _port: number, isNat: boolean) {
      counts.sent++;
      const at = isNat ? 1 : 0;
      const from = { address: '192.0.2.1', port: isNat ? NAT_PORT : IKE_PORT };
      if (!isUp) sockets[at].emit('message', Buffer.from(octets), from);
    },
  } as unknown as UdpPort;
  const carriers = createCarriers(bus, 0, { udp: [port], tcp: null, raw: null });
  const ike = createIkeLink(bus, config, checked, {
    provider,
    endpoint,
    sas,
    air,
    carriers,
    places: createPlaces([], carriers),
    away: null,
    extensions: [],
    workers: null,
    keep: null,
  });
  const tap = createTap(sas.of, [], now);
  const router = createRouter(bus, config, {
    endpoint,
    sas,
    air,
    carriers,
    tun,
    ike,
    away: null,
    mtu: null,
    flows: [],
    tap,
    workers: null,
  });
  let isUp = false;

  function take(octets: Uint8Array, isNat: boolean): void {
    const at = classify(octets, isNat) === UDP_IKE_MARKED ? 4 : 0;
    const path = carriers.udpPath(0, PEER, isNat ? NAT_PORT : IKE_PORT, !isNat);
    ike.message(path, octets.slice(), at, octets.length - at);
  }

  const text = `udp: { address: "192.0.2.2" }\ngateway: { address: "192.0.2.1" }\ninnerAddress: "10.2.0.1"
connection: ${connectionText(false, suite)}\n`;
  const loaded = readSensor('sensor.yaml', text);
  const host = createUdpHost({
    ike: {
      ...fullIke(),
      policy: policyFor(loaded.connection, THERE, OWN, true),
      numbers: loaded.numbers,
      keylog: false,
      retryTime: 0,
      retryMax: 0,
      events: {
        connecting() {},
        established() {
          isUp = true;
        },
        ended() {},
        replaced() {},
        installed() {},
        removed() {},
        childFailed() {},
        keys() {},
      },
    },
    inner() {},
    now,
    provider: createFastProvider(),
    local: PEER,
    remote: OWN,
    wake() {},
    sockets: { ike: sockets[0] as unknown as Socket, nat: sockets[1] as unknown as Socket, local: PEER },
    peer: { port: IKE_PORT, natPort: NAT_PORT },
  });
  host.uplink.connect(null, now());
  host.poll(now());
  if (!isUp) throw new Error('no SA');
  return { router, carriers, tun, host, counts };
}

/** Nanoseconds of a packet of `size` octets through the router, in and out. */
function ways(suite: string, size: number): { into: number; out: number } {
  const { router, carriers, tun, host, counts } = openRouter(suite);
  const packet = new Uint8Array(size);
  const payload = new Uint8Array(size - headerRoom(4));
  writeDatagram(packet, { source: THERE, sourcePort: 7, destination: HERE, destinationPort: 7, payload });
  const wire = new Uint8Array(size + 200);
  const packets: Uint8Array[] = [];
  let into = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < BATCH; n++) {
      const length = outbound(host.endpoint, host.sas.outgoing[0], packet, 0, size, wire, 0, 0);
      packets[n] = wire.slice(20, length);
    }
    const before = counts.written;
    const start = process.hrtime.bigint();
    for (let n = 0; n < BATCH; n++) {
      const path = carriers.udpPath(0, PEER, NAT_PORT, false);
      router.esp(path, packets[n], 0, packets[n].length);
    }
    into = Math.min(into, Number(process.hrtime.bigint() - start) / BATCH);
    if (counts.written !== before + BATCH) throw new Error(`only ${counts.written - before} of ${BATCH} came`);
  }
  writeDatagram(packet, { source: HERE, sourcePort: 7, destination: THERE, destinationPort: 7, payload });
  const before = counts.sent;
  const out = nanoseconds(BATCH, ROUNDS, () => tun.onPacket!(packet, size));
  if (counts.sent !== before + BATCH * (ROUNDS + 1)) throw new Error('not all were sent');
  return { into, out };
}

export function benchRouter(): Figure[] {
  const figures: Figure[] = [];
  for (const [suite, name] of [
    ['aes-gcm-16', 'AES-GCM'],
    ['aes-ccm-8', 'AES-CCM-8'],
  ]) {
    for (const size of [64, 1400]) {
      const { into, out } = ways(suite, size);
      const what = `router without system calls, ${name}, ${size} octets`;
      figures.push({ name: `${what}, in`, value: into / 1000, unit: 'us' });
      figures.push({ name: `${what}, out`, value: out / 1000, unit: 'us' });
    }
  }
  return figures;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, value, unit } of benchRouter()) console.log(`${name}: ${value.toFixed(2)} ${unit}`);
}
