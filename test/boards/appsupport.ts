// A board that is not there: the hooks over a virtual medium, in virtual time, for tests of the application.

import { type App, createApp } from '../../targets/board/app.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../../targets/board/mixed.ts';
import { readProvision } from '../../targets/node/boards/provision.ts';
import { createNodeProvider } from '../../targets/node/provider/node-crypto.ts';
import type { Medium } from '../../targets/node/radio/medium.ts';
import type { Radio } from '../../targets/node/radio/radio.ts';
import { createRandom } from '../../targets/node/radio/random.ts';
import { GATEWAY, hex, outerOf, PAN, PORT, SERVER } from '../gateway/support.ts';

const native = createNodeProvider();

export interface MockBoard {
  board: Board;
  /** What was printed since the last `take`. */
  lines: string[];
  take(): string[];
  /** Codes given to `exit`; -1: a restart. */
  ends: number[];
  frames: Uint8Array[];
  sent: number;
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
    type: (line) => void waiting.push(Buffer.from(line)),
    board: {
      now: () => Math.floor(now()),
      ticks: () => Math.floor(now() * 25000),
      random(buffer, offset, length) {
        if (seed === 0) return false;
        random.fill(buffer, offset, length);
        return true;
      },
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

/** The blob of a sensor with this number, for the gateway of test/gateway/support.ts. */
export function blobOf(index: number, options: { top?: string; connection?: string; id?: number; link?: number } = {}) {
  return readProvision(
    'sensor.yaml',
    `radio: { panId: ${PAN}, shortAddress: ${options.link ?? index}, extendedAddress: 02000000000000${hex(index, 2)} }
address: "${outerOf(options.link ?? index)}"
contexts: ["fd00::/64"]
gateway: { address: "${GATEWAY}", link: 0000 }
server: { address: "${SERVER}", port: ${PORT}, sourcePort: ${PORT}, path: "r/t" }
${options.top ?? ''}
connection:
  localId: keyid:${hex(options.id ?? index)}
  remoteId: fqdn:gateway
  requestAddress: ipv6
  auth: { psk: secret }
${options.connection ?? '  child: { compression: { required: true } }'}
`,
  );
}

export interface BoardNode extends MockBoard {
  app: App;
  radio: Radio;
}

/** A board on a medium, driven by events: it is stepped for frames and when a time has come, by a clock of whole milliseconds. */
export function boardOn(medium: Medium, blob: Uint8Array, seed: number): BoardNode {
  const radio = medium.radio();
  const mock = mockBoard(() => medium.now, blob, seed);
  mock.board.transmit = (buffer, offset, length) => {
    mock.sent++;
    radio.transmit(buffer, offset, length);
  };
  const app = createApp(mock.board, 'node', createMixedProvider(mock.board), createMixedAsymmetric(mock.board));
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

export { native };
