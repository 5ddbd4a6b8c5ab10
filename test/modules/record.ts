// Records one run on Node with the real gateway, or with a device of the core, over a virtual medium: the module's input and
// output, step by step. The programs replay.lua and replay.js give an engine's module the same steps and print what it
// does. Every line must equal Node's, every frame included.

import { ALG_AES_CCM } from '../../core/crypto/provider.ts';
import { createManual, type ManualOptions } from '../../targets/board/manual.ts';
import { createWhole } from '../../targets/board/module.ts';
import { createNativeCcm } from '../../targets/board/native.ts';
import type { ProgramBoard, ProgramDevice, ProgramDeviceOptions, Steps } from '../../targets/board/program.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { blobOf, coapServer, gatewayOn } from '../boards/app-support.ts';

/** Time, frames that have come (hexadecimal), and a payload to send or '', or a command or ''. */
export type Step = [now: number, frames: string[], send: string, command: string];

export interface Replay {
  kind: 'start' | 'device';
  /** Of `device`: numbers, and octets as hexadecimal digits; `up` and `down` with a prefix. */
  options: Record<string, number | string>;
  /** Of `start`: the blob. */
  provision: string;
  steps: Step[];
}

export interface Recorded {
  replay: Replay;
  /** What a program prints. */
  lines: string[];
}

function hexOf(octets: Uint8Array, offset = 0, length = octets.length): string {
  return Buffer.from(octets.subarray(offset, offset + length)).toString('hex');
}

/** Chance that every engine computes alike: the programs have the same. */
function createChance(): ProgramBoard['random'] {
  let seed = 1;
  return (buffer, offset, length) => {
    for (let i = 0; i < length; i++) {
      seed = (seed * 75 + 74) % 65537;
      buffer[offset + i] = seed & 0xff;
    }
    return true;
  };
}

/** Hooks over a medium whose every step is written down. */
function recorder(medium: Medium, recorded: Recorded) {
  const radio = medium.radio();
  const waiting: Uint8Array[] = [];
  let wake = true;
  let due = 0;
  let node: Steps | null = null;
  let send: ((payload: Uint8Array) => void) | null = null;
  let order: { send: string; command: string } = { send: '', command: '' };
  const print = (line: string) => void recorded.lines.push(line);
  const board: ProgramBoard = {
    now: () => Math.floor(medium.now),
    random: createChance(),
    transmit(buffer, offset, length) {
      print('frame ' + hexOf(buffer, offset, length));
      radio.transmit(buffer, offset, length);
    },
    receive(buffer) {
      const frame = waiting.shift();
      if (frame === undefined) return -1;
      buffer.set(frame);
      return frame.length;
    },
    print: (text) => print('line ' + text),
  };
  radio.onFrame = (frame, offset, length) => {
    waiting.push(frame.slice(offset, offset + length));
    wake = true;
  };
  medium.attach(radio, {
    poll() {
      if (node === null || node.isOver()) return;
      const now = Math.floor(medium.now);
      recorded.replay.steps.push([now, waiting.map((frame) => hexOf(frame)), order.send, order.command]);
      if (order.send !== '') send!(Buffer.from(order.send, 'hex'));
      order = { send: '', command: '' };
      wake = false;
      const ms = node.step();
      print('step ' + ms);
      due = ms < 0 ? -1 : now + ms;
    },
    nextTimeout: () => (node === null || node.isOver() ? -1 : wake ? medium.now : due),
  });
  return {
    board,
    print,
    begin(steps: Steps, sender: ((payload: Uint8Array) => void) | null): void {
      node = steps;
      send = sender;
    },
    /** A payload or a command, taken at the next step. */
    give(what: { send?: string; command?: string }): void {
      order = { ...order, ...what };
      wake = true;
    },
  };
}

const engine = { name: 'ENGINE', print: () => {}, namesOf: Object.keys as (of: unknown) => string[] };
const whole = createWhole(engine);

/** A sensor with IKEv2: handshake, three readings, a rekey by the console, Delete. */
export async function recordSensor(): Promise<Recorded> {
  const blob = blobOf(1, { top: 'interval: 1\ncount: 3' });
  const replay: Replay = { kind: 'start', options: {}, provision: hexOf(blob), steps: [] };
  const recorded: Recorded = { replay, lines: [] };
  const medium = createMedium({ seed: 5, loss: 0 });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  const { board, begin, give, print } = recorder(medium, recorded);
  const sensor = whole.start({ board, provision: blob });
  begin(sensor, null);
  medium.run(6000);
  for (const command of ['rekey', 'delete']) {
    give({ command });
    if (!sensor.command(command)) throw new Error('a line was refused');
    medium.run(medium.now + 3000);
  }
  give({ command: 'exit' });
  sensor.command('exit');
  medium.run(medium.now + 100);
  print('over ' + sensor.isOver());
  await gateway.close();
  return recorded;
}

const octets = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

const OPTIONS: Record<string, number | string> = {
  panId: 0xabcd,
  shortAddress: 2,
  extendedAddress: '0200000000000002',
  gateway: '0001',
  address: '20010db8000100000000000000000002',
  peer: '20010db8000200000000000000000001',
  tunnel: 'fe80000000000000000000fffe000002',
  tunnelPeer: 'fe80000000000000000000fffe000001',
  port: 5683,
  peerPort: 5683,
  upSpi: 4097,
  upKey: '000102030405060708090a0b0c0d0e0f',
  upSalt: 'a0a1a2',
  downSpi: 4098,
  downKey: '101112131415161718191a1b1c1d1e1f',
  downSalt: 'b0b1b2',
  spiBits: 8,
  snBits: 8,
  ackWait: 20,
  reserved: 0,
};

/** Options of the record as `device` takes them. */
export function deviceOptions(o: Record<string, number | string>): Omit<ManualOptions, 'reserve' | 'received'> {
  const all: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(o)) all[name] = typeof value === 'string' ? octets(value) : value;
  const sa = (way: string) => ({ spi: all[`${way}Spi`], key: all[`${way}Key`], salt: all[`${way}Salt`] });
  return { ...all, up: sa('up'), down: sa('down') } as unknown as Omit<ManualOptions, 'reserve' | 'received'>;
}

/** A device with SAs keyed by hand: three payloads to a device of the core, the last in fragments, and answers. */
export function recordDevice(): Recorded {
  const replay: Replay = { kind: 'device', options: OPTIONS, provision: '', steps: [] };
  const recorded: Recorded = { replay, lines: [] };
  const medium = createMedium({ seed: 6, loss: 0 });
  const { board, begin, give, print } = recorder(medium, recorded);
  const options: ProgramDeviceOptions = {
    ...deviceOptions(OPTIONS),
    board,
    reserve: (upTo) => print('reserve ' + upTo),
    received: (got) => print('received ' + hexOf(got)),
  };
  const device: ProgramDevice = whole.device(options);
  begin(device, (payload) => {
    const tag = device.send(payload, (result) => print('done ' + result));
    print('tag ' + tag);
  });

  const mine = deviceOptions(OPTIONS);
  const radio = medium.radio();
  const heard: string[] = [];
  const provider = createFastProvider();
  // The peer has other cryptography.
  const ccm = createNativeCcm({
    ccm: (encrypt, key, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength) => {
      const made = provider.key(ALG_AES_CCM, key);
      const aead = { nonce, nonceLength, aad, aadLength, icvLength };
      if (encrypt === 0) return provider.open(made, aead, buffer, offset, length);
      provider.seal(made, aead, buffer, offset, length);
      return true;
    },
  } as Parameters<typeof createNativeCcm>[0]);
  const peer = createManual(
    {
      ...mine,
      shortAddress: 1,
      extendedAddress: octets('0200000000000001'),
      gateway: octets('0002'),
      address: mine.peer,
      peer: mine.address,
      tunnel: mine.tunnelPeer,
      tunnelPeer: mine.tunnel,
      up: mine.down,
      down: mine.up,
      reserve: () => {},
      received: (got) => {
        heard.push(hexOf(got));
        peer.send(Uint8Array.from(got).reverse(), null, medium.now);
      },
    },
    radio,
    ccm,
    (buffer, offset, length) => buffer.fill(7, offset, offset + length),
  );
  radio.onFrame = (frame, offset, length) => peer.device.receive(frame, offset, length, medium.now);
  medium.attach(radio, {
    poll: () => peer.device.poll(medium.now),
    nextTimeout: () => peer.device.nextTimeout(),
  });
  const payloads = ['a reading of 18 oc', '!', 'x'.repeat(150)].map((text) => Buffer.from(text).toString('hex'));
  medium.run(10);
  for (const send of payloads) {
    give({ send });
    medium.run(medium.now + 2000);
  }
  if (heard.join() !== payloads.join()) throw new Error('the peer heard ' + heard.join());
  device.stop();
  print('over ' + device.isOver());
  return recorded;
}
