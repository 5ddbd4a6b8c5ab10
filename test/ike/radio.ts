// A device with IKE and a gateway that answers it, on a virtual radio medium, for tests.

import { copy, equal, u16 } from '../../core/base/bytes.ts';
import { createDeviceWith, type Device, earlier } from '../../core/device/device.ts';
import { fullExtensions } from '../../core/device/full-extensions.ts';
import { createIkeDevice, type IkeDevice } from '../../core/device/ike-device.ts';
import type { UplinkConfig, UplinkEvents } from '../../core/device/uplink.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { addPair, preferLast, removePair, retirePair } from '../../core/esp/pairs.ts';
import { scopeOf } from '../../core/esp/sa-table.ts';
import { allocateSpi } from '../../core/esp/spi.ts';
import { fragmentation } from '../../core/ike/codec/fragments.ts';
import { IKE_EXCHANGE } from '../../core/ike/codec/message.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { createIke, receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { resumption } from '../../core/ike/ext/resume.ts';
import { createTickets } from '../../core/ike/ext/ticket.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { ACK_WAIT } from '../../core/link/mac.ts';
import { answerEcho } from '../../core/wire/echo.ts';
import { emitIpv6, IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../core/wire/ipv6.ts';
import { createContexts, setContext } from '../../core/wire/sixlowpan.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';
import { emitUdp, PROTO_UDP, UDP_SIZE } from '../../core/wire/udp.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import type { Medium } from '../../targets/node/lab/medium.ts';
import { address } from './pair.ts';

export const outerOf = (short: number): Uint8Array => addressOctets(`fd00::ff:fe00:${short.toString(16)}`)!;
/** Inner addresses of the device and of the gateway. */
export const DEVICE = address(1);
export const GATEWAY = address(2);
export const PORT = 5683;

const provider = createNodeProvider();
/** Keys and nonces are not what these tests look at; chance is repeatable. */
const seeded = (seed: number) => ({ ...provider, random: createRandom(seed).fill });

function contexts(): Uint8Array {
  const table = createContexts(1);
  setContext(table, 0, addressOctets('fd00::')!, 0, 64);
  return table;
}

function stackConfig(medium: Medium, short: number, next: number, heard: string[], ackWait: number) {
  return {
    provider: seeded(short + 50),
    parts: { ...FULL_PARTS, forms: {}, shapes: {} },
    phy: medium.radio(),
    panId: 0xabcd,
    shortAddress: short,
    extendedAddress: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, short),
    gateway: Uint8Array.of(0, next),
    contexts: contexts(),
    reassembly: createReassembly(2, 2047, 10000),
    maxSize: 1280,
    queue: 8,
    ackWait,
    echo: answerEcho,
    upper: {
      datagram: (buffer: Uint8Array, offset: number, length: number) =>
        void heard.push(Buffer.from(buffer.subarray(offset, offset + length)).toString()),
      done: () => {},
    },
  };
}

export interface Gateway {
  device: Device;
  ike: Ike;
  heard: string[];
  events: string[];
  sas: IkeSa[];
  /** Exchange types of the messages that came. */
  exchanges: number[];
  send(text: string): number;
}

/** Sends a UDP datagram between outer addresses as it is. */
export function passUdp(
  device: Device,
  from: Uint8Array,
  to: Uint8Array,
  port: number,
  octets: Uint8Array,
  now: number,
) {
  const end = IPV6_SIZE + UDP_SIZE + octets.length;
  copy(device.outer, IPV6_SIZE + UDP_SIZE, octets, 0, octets.length);
  copy(device.outer, IPV6_SRC, from, 0, 16);
  copy(device.outer, IPV6_DST, to, 0, 16);
  emitIpv6(device.outer, 0, 0, 0, UDP_SIZE + octets.length, PROTO_UDP, 64);
  emitUdp(device.outer, IPV6_SIZE, end, 0, port, port);
  return device.pass(end, now);
}

/** A gateway with one device. */
export function gatewayOn(
  medium: Medium,
  policy: IkePolicy,
  give: Uint8Array | null = null,
  ackWait = ACK_WAIT,
): Gateway {
  const heard: string[] = [];
  const events: string[] = [];
  const sas: IkeSa[] = [];
  const exchanges: number[] = [];
  const config = stackConfig(medium, 1, 2, heard, ackWait);
  const tickets = createTickets(config.provider, new Uint8Array(16).fill(7), (now) => now);
  const path: Path = {
    local: outerOf(1),
    localPort: 500,
    remote: outerOf(2),
    remotePort: 500,
    encapsulated: false,
    port: 0,
    link: new Uint8Array(0),
  };
  const device = createDeviceWith(
    { ...config, address: GATEWAY.slice() },
    {
      nhc: createUdpCompression(false),
      inner: null,
      clear: (buffer, offset, length, now) => {
        const udp = offset + IPV6_SIZE;
        if (u16(buffer, udp + 2) === 500 && equal(buffer, offset + IPV6_SRC, path.remote, 0, 16)) {
          exchanges.push(buffer[udp + UDP_SIZE + IKE_EXCHANGE]);
          receiveIke(ike, path, buffer, udp + UDP_SIZE, length - IPV6_SIZE - UDP_SIZE, now);
        }
        return 0;
      },
    },
  );
  const ike = createIke({
    provider: config.provider,
    asymmetric: createNodeAsymmetric(),
    upper: {
      proved: () => {},
      transmit: (to, _replyTo, buffer, offset, length, now) =>
        void passUdp(device, to.local, to.remote, 500, buffer.slice(offset, offset + length), now),
      allocateSpi: (ends, offers) => allocateSpi(device.endpoint, scopeOf(ends.local, ends.remote, 0), offers),
      install: (_sa, _child, outgoing, incoming, first) => {
        addPair(device, outgoing, incoming);
        if (first) preferLast(device);
        events.push('install');
        return true;
      },
      retire: (_sa, child) => retirePair(device, child.spiIn),
      remove: (_sa, child) => {
        removePair(device, child.spiIn);
        events.push('remove');
      },
      established: (sa) => {
        sas.push(sa);
        events.push('established');
      },
      replaced: (_old, sa) => {
        sas.push(sa);
        events.push('replaced');
      },
      ended: (_sa, outcome) => void events.push(`ended ${outcome}`),
      childFailed: () => void events.push('childFailed'),
      refused: () => void events.push('refused'),
      keys: () => {},
      address: () => give,
    },
    extensions: [...fullExtensions(), tickets.extension],
    numbers: privateNumbers(),
    responder: createResponder({
      fallback: policy,
      findPolicy: () => policy,
      halfOpenMax: 8,
      cookieThreshold: 8,
      halfOpenTime: 30000,
      tickets: tickets.tickets,
    }),
    intermediate: createRounds([createIntermediate(null)]),
    resumption: null,
    reassembly: fragmentation,
    maxMessage: 4096,
    keylog: false,
    linger: 5000,
  });
  config.phy.onFrame = (frame, offset, length) => device.receive(frame, offset, length, medium.now);
  medium.attach(config.phy, {
    poll: (now) => {
      device.poll(now);
      pollIke(ike, now);
    },
    nextTimeout: () => earlier(device.nextTimeout(), ikeTimeout(ike)),
  });
  return {
    device,
    ike,
    heard,
    events,
    sas,
    exchanges,
    send: (text) => device.send(Buffer.from(text), 0, text.length, PORT, DEVICE, PORT, medium.now),
  };
}

export interface Sensor {
  device: IkeDevice;
  heard: string[];
  events: string[];
  address: Uint8Array;
  send(text: string): number;
}

/** The device; `changes` of the uplink's configuration. */
export function deviceOn(
  medium: Medium,
  policy: IkePolicy,
  changes: Partial<Omit<UplinkConfig, 'events'>> & { events?: Partial<UplinkEvents> } = {},
  ackWait = ACK_WAIT,
) {
  const heard: string[] = [];
  const events: string[] = [];
  const config = stackConfig(medium, 2, 1, heard, ackWait);
  const own = DEVICE.slice();
  const device = createIkeDevice({
    ...config,
    address: own,
    outer: outerOf(2),
    peer: outerOf(1),
    inner: null,
    ike: {
      asymmetric: createNodeAsymmetric(),
      policy,
      extensions: fullExtensions(),
      numbers: privateNumbers(),
      intermediate: createRounds([createIntermediate(null)]),
      resumption,
      reassembly: fragmentation,
      keylog: false,
      retryTime: 2000,
      retryMax: 60000,
      ...changes,
      events: {
        connecting: () => {},
        established: () => void events.push('established'),
        ended: (_sa, outcome) => void events.push(`ended ${outcome}`),
        replaced: () => void events.push('replaced'),
        installed: () => void events.push('installed'),
        removed: () => void events.push('removed'),
        childFailed: (_sa, outcome) => void events.push(`childFailed ${outcome}`),
        keys: (_sa, _octets, size) => void events.push(`keys ${size}`),
        ...changes.events,
      },
    },
  });
  config.phy.onFrame = (frame, offset, length) => device.receive(frame, offset, length, medium.now);
  medium.attach(config.phy, device);
  const sensor: Sensor = {
    device,
    heard,
    events,
    address: own,
    send: (text) => device.send(Buffer.from(text), 0, text.length, PORT, GATEWAY, PORT, medium.now),
  };
  return sensor;
}
