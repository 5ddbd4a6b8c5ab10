// A simulated board for tests of the application: the hooks over a virtual medium, in virtual time.

import { generate, parse } from 'coap-packet';
import { type App, createApp } from '../../targets/board/app.ts';
import type { Board } from '../../targets/board/hooks.ts';
import type { KeeperOf } from '../../targets/board/keep.ts';
import { createMixedAsymmetric, createMixedProvider } from '../../targets/board/mixed.ts';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import type { OpenSocket } from '../../targets/node/gateway/socket.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import type { Medium } from '../../targets/node/lab/medium.ts';
import { ikeOf } from '../gateway/ike-support.ts';
import { clockOf, GATEWAY, hex, outerOf, PAN, PORT, SERVER, seeded } from '../gateway/support.ts';

export interface MockBoard {
  board: Board;
  /** What was printed since the last `take`. */
  lines: string[];
  take(): string[];
  /** Codes given to `exit`; -1: a restart. */
  ends: number[];
  frames: Uint8Array[];
  sent: number;
  /** What `tune` got. */
  tuned: unknown[][];
  /** Gives a line to the console. */
  type(line: string): void;
}

/** A board whose clock is `now`; `blob`: what is provisioned; `seed` 0: no source of randomness. */
export function mockBoard(now: () => number, blob: Uint8Array, seed: number): MockBoard {
  const random = createRandom(seed);
  const waiting: Uint8Array[] = [];
  const mock: MockBoard = {
    lines: [],
    take: () => mock.lines.splice(0),
    ends: [],
    frames: [],
    sent: 0,
    tuned: [],
    type: (line) => void waiting.push(Buffer.from(line)),
    board: {
      now: () => Math.floor(now()),
      ticks: () => Math.floor(now() * 25000),
      random(buffer, offset, length) {
        if (seed === 0) return false;
        random.fill(buffer, offset, length);
        return true;
      },
      tune: (channel, panId, shortAddress, extendedAddress) =>
        void mock.tuned.push([channel, panId, shortAddress, Buffer.from(extendedAddress).toString('hex')]),
      transmit: () => void mock.sent++,
      receive(buffer) {
        const frame = mock.frames.shift();
        if (frame === undefined) return -1;
        buffer.set(frame.subarray(0, buffer.length));
        return frame.length;
      },
      wait: () => {},
      print: (text) => void mock.lines.push(text),
      command(buffer) {
        const line = waiting.shift();
        if (line === undefined) return -1;
        const length = Math.min(line.length, buffer.length);
        buffer.set(line.subarray(0, length));
        return length;
      },
      provision(buffer) {
        const length = Math.min(blob.length, buffer.length);
        buffer.set(blob.subarray(0, length));
        return length;
      },
      save: () => false,
      load: () => 0,
      exit: (code) => void mock.ends.push(code),
      restart: () => void mock.ends.push(-1),
      memory: () => 1000,
      heap: () => 500,
      native: 0,
      ccm: () => {
        throw new Error('ccm: not native');
      },
      hmac() {
        throw new Error('hmac: not native');
      },
      x25519() {
        throw new Error('x25519: not native');
      },
      sign() {
        throw new Error('sign: not native');
      },
      verify: () => false,
    },
  };
  return mock;
}

export interface FileOptions {
  top?: string;
  connection?: string;
  id?: number;
  link?: number;
  auth?: string;
  request?: string;
}

/** The file of a sensor with this number, for the gateway of test/gateway/support.ts. */
export function fileOf(index: number, options: FileOptions = {}): string {
  return `radio: { panId: ${PAN}, shortAddress: ${options.link ?? index}, extendedAddress: 02000000000000${hex(index, 2)} }
address: "${outerOf(options.link ?? index)}"
contexts: ["fd00::/64"]
gateway: { address: "${GATEWAY}", link: 0000 }
server: { address: "${SERVER}", port: ${PORT}, sourcePort: ${PORT}, path: "r/t" }
${options.top ?? ''}
connection:
  localId: keyid:${hex(options.id ?? index)}
  remoteId: fqdn:gateway
  requestAddress: ${options.request ?? 'ipv6'}
  auth: ${options.auth ?? '{ psk: secret }'}
${options.connection ?? '  child: { compression: { required: true } }'}
`;
}

/** Its blob. */
export function blobOf(index: number, options: FileOptions = {}): Uint8Array {
  return readProvision('sensor.yaml', fileOf(index, options));
}

export interface BoardNode extends MockBoard {
  app: App;
  radio: Radio;
}

/** A board on a medium, driven by events: it is stepped for frames and when a time has come, by a clock of whole milliseconds. */
export function boardOn(
  medium: Medium,
  blob: Uint8Array,
  seed: number,
  hooks: Partial<Board> = {},
  keeperOf: KeeperOf | null = null,
): BoardNode {
  const radio = medium.radio();
  const mock = mockBoard(() => medium.now, blob, seed);
  Object.assign(mock.board, hooks);
  mock.board.transmit = (buffer, offset, length) => {
    mock.sent++;
    radio.transmit(buffer, offset, length);
  };
  const app = createApp(
    mock.board,
    'node',
    createMixedProvider(mock.board),
    createMixedAsymmetric(mock.board),
    keeperOf,
  );
  let wake = false;
  radio.onFrame = (frame, offset, length) => {
    mock.frames.push(frame.slice(offset, offset + length));
    wake = true;
  };
  const type = mock.type;
  medium.attach(radio, {
    poll() {
      wake = false;
      app.step(mock.board.now());
    },
    nextTimeout() {
      if (app.isOver()) return -1;
      if (wake) return medium.now;
      const at = app.nextTimeout();
      // What is due at a fraction is due for a clock of whole milliseconds when that is over.
      return at < 0 ? -1 : Math.ceil(at);
    },
  });
  return Object.assign(mock, {
    app,
    radio,
    type(line: string) {
      type(line);
      wake = true;
    },
  });
}

/** A CoAP server behind the gateway: what it got, and how it answers. */
export interface Server {
  /** `a/b {"n":1}`, repetitions included. */
  got: string[];
  mode: 'piggyback' | 'separate' | 'refuse' | 'silent';
  openSocket: OpenSocket;
}

export function coapServer(medium: Medium): Server {
  let messageId = 500;
  const server: Server = {
    got: [],
    mode: 'piggyback',
    openSocket: (_target, upper) => ({
      send(octets) {
        const request = parse(Buffer.from(octets));
        if (request.code === '0.00') {
          server.got.push(request.ack ? 'ack' : 'reset');
          return true;
        }
        const path = request.options.map(({ value }) => value.toString()).join('/');
        server.got.push(`${path} ${request.payload.toString()}`);
        if (server.mode === 'silent') return true;
        const token = Buffer.from(request.token);
        if (server.mode === 'separate') {
          upper.message(generate({ ack: true, code: '0.00', messageId: request.messageId }));
          const response = generate({ confirmable: true, code: '2.04', messageId: ++messageId, token });
          // Twice: the second is acknowledged too.
          for (const after of [700, 900]) medium.at(medium.now + after, () => upper.message(response));
        } else {
          const code = server.mode === 'refuse' ? '4.04' : '2.04';
          upper.message(generate({ ack: true, code, messageId: request.messageId, token }));
        }
        return true;
      },
      close() {},
    }),
  };
  return server;
}

/** A gateway on the medium, and what it told. */
export async function gatewayOn(
  medium: Medium,
  server: Server,
  changes: Partial<GatewayConfig> = {},
): Promise<Gateway & { told: string[]; radio: Radio }> {
  const radio = medium.radio();
  const gateway = await createGateway({
    radios: [{ radio, panId: PAN, shortAddress: 0, extendedAddress: '02000000000000f0' }],
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    sas: [],
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    provider: seeded(99),
    clock: clockOf(medium),
    openSocket: server.openSocket,
    ike: ikeOf(),
    ...changes,
  });
  const told: string[] = [];
  gateway.on('up', (identity) => void told.push(`up ${identity}`));
  gateway.on('down', (identity, reason) => void told.push(`down ${identity} ${reason}`));
  return Object.assign(gateway, { told, radio });
}
