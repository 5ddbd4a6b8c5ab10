// Devices and a gateway on a virtual medium, for the gateway's tests.

import { createDevice, type Device } from '../../core/device/device.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { ACK_WAIT } from '../../core/link/mac.ts';
import { answerEcho } from '../../core/wire/echo.ts';
import { createContexts, setContext } from '../../core/wire/sixlowpan.ts';
import type { Clock, GatewayConfig, GatewaySa } from '../../targets/node/gateway/config.ts';
import type { OpenSocket, SocketUpper, Target } from '../../targets/node/gateway/socket.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { toAttributes, toConfig } from '../../targets/node/host/config/sa.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';
import type { Medium } from '../../targets/node/lab/medium.ts';

export const PAN = 0xabcd;
export const GATEWAY = 'fd00::ff:fe00:0';
export const SERVER = '2001:db8:2::1';
export const PORT = 5683;

const fast = createFastProvider();

/** The fast provider with repeatable chance. Not for keys. */
export function seeded(seed: number) {
  return { ...fast, random: createRandom(seed).fill };
}

export const hex = (value: number, digits = 4) => value.toString(16).padStart(digits, '0');
export const outerOf = (index: number) => `fd00::ff:fe00:${index.toString(16)}`;
export const innerOf = (index: number) => `2001:db8:1::${index.toString(16)}`;

/** One direction between sensor `index` and the server behind the gateway. */
export function saOf(index: number, up: boolean, changes: Record<string, unknown> = {}): GatewaySa {
  const [src, dst] = up ? [innerOf(index), SERVER] : [SERVER, innerOf(index)];
  const values = {
    ipsec_mode: 'tunnel',
    tunnel_ip: up ? [outerOf(index), GATEWAY] : [GATEWAY, outerOf(index)],
    esp_spi: hex(0x1000 + 2 * index + (up ? 0 : 1)),
    esp_spi_lsb: 8,
    esp_sn: '1',
    esp_sn_lsb: 8,
    esp_encr: 'AES_CCM_8_IIV',
    key: hex(index * 2 + (up ? 0 : 1), 32),
    salt: hex(index, 6),
    akey: '',
    dscp_cda: 'lower',
    ecn_cda: 'lower',
    flow_label_cda: 'zero',
    ts_ip_src: [src, src],
    ts_ip_dst: [dst, dst],
    ts_proto: 17,
    ts_port_src: [PORT, PORT],
    ts_port_dst: [PORT, PORT],
    alignment: 8,
    ...changes,
  };
  const attributes = toAttributes(values);
  return { name: `${index} ${up ? 'up' : 'down'}`, config: toConfig(attributes, values) };
}

export function pairOf(index: number, changes: Record<string, unknown> = {}): GatewaySa[] {
  return [saOf(index, true, changes), saOf(index, false, changes)];
}

export interface Sensor {
  index: number;
  device: Device;
  radio: Radio;
  /** Payloads that came in, as text, and ends of packets sent. */
  heard: string[];
  done: number[];
  send(text: string): number;
}

export function contextsOf(): Uint8Array {
  const contexts = createContexts(1);
  setContext(contexts, 0, addressOctets('fd00::')!, 0, 64);
  return contexts;
}

/** A device with its SAs on a medium. `link`: its short address, else its number; `address`: its inner one. */
export function sensorOn(
  medium: Medium,
  index: number,
  options: { link?: number; sas?: GatewaySa[]; address?: string } = {},
): Sensor {
  const radio = medium.radio();
  const heard: string[] = [];
  const done: number[] = [];
  const device = createDevice({
    provider: seeded(500 + index),
    parts: FULL_PARTS,
    phy: radio,
    upper: {
      datagram: (buffer, offset, length) =>
        void heard.push(Buffer.from(buffer.subarray(offset, offset + length)).toString()),
      done: (_tag, result) => void done.push(result),
    },
    panId: PAN,
    shortAddress: options.link ?? index,
    extendedAddress: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, options.link ?? index),
    gateway: Uint8Array.of(0, 0),
    address: addressOctets(options.address ?? innerOf(index))!,
    contexts: contextsOf(),
    reassembly: createReassembly(1, 1280, 1000),
    echo: answerEcho,
    maxSize: 1280,
    queue: 4,
    ackWait: ACK_WAIT,
  });
  const [up, down] = options.sas ?? pairOf(index);
  device.addSas(up.config, down.config);
  radio.onFrame = (frame, offset, length) => device.receive(frame, offset, length, medium.now);
  medium.attach(radio, device);
  const server = addressOctets(SERVER)!;
  return {
    index,
    device,
    radio,
    heard,
    done,
    send: (text) => device.send(Buffer.from(text), 0, text.length, PORT, server, PORT, medium.now),
  };
}

/** A gateway's clock that is the time of one or more media, which the test runs in step. */
export function clockOf(...media: Medium[]): Clock {
  return {
    now: () => media[0].now,
    run(node, radio) {
      for (const medium of media) {
        try {
          medium.attach(radio, node);
          return { wake() {}, stop() {} };
        } catch {
          // a radio of another medium
        }
      }
      throw new Error('no such radio');
    },
  };
}

/** The part of a gateway's configuration that puts it on a medium, without SAs. */
export function airOn(medium: Medium, seed = 99, radio: Radio = medium.radio()): GatewayConfig {
  return {
    radios: [{ radio, panId: PAN, shortAddress: 0, extendedAddress: '02000000000000f0' }],
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    sas: [],
    provider: seeded(seed),
    clock: clockOf(medium),
  };
}

export interface FakeSocket {
  target: Target;
  upper: SocketUpper;
  sent: string[];
  isClosed: boolean;
  /** false: the socket refuses what it is given. */
  works: boolean;
}

/** Sockets of a server that a test plays. */
export function fakeSockets(onSend: (socket: FakeSocket, text: string) => void = () => {}): {
  sockets: FakeSocket[];
  openSocket: OpenSocket;
} {
  const sockets: FakeSocket[] = [];
  const openSocket: OpenSocket = (target, upper) => {
    const socket: FakeSocket = { target, upper, sent: [], isClosed: false, works: true };
    sockets.push(socket);
    return {
      send(octets) {
        if (!socket.works || socket.isClosed) return false;
        const text = Buffer.from(octets).toString();
        socket.sent.push(text);
        onSend(socket, text);
        return true;
      },
      close() {
        socket.isClosed = true;
      },
    };
  };
  return { sockets, openSocket };
}

/** The part with a server that sends what it gets back, with `!` behind. */
export function echoFlow(): Pick<GatewayConfig, 'flows' | 'openSocket'> {
  const { openSocket } = fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!')));
  return { flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }], openSocket };
}

/** A store in `records`, which a test may copy: what a crash leaves. */
export function memoryStore(records: Map<string, Uint8Array>): StateStore {
  return {
    records: new Map(records),
    problems: [],
    async write(changes) {
      for (const [key, value] of changes) {
        if (value === null) records.delete(key);
        else records.set(key, value.slice());
      }
    },
    destroy: async () => records.clear(),
    async close() {},
  };
}
