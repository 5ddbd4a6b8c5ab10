// Makes devices whose IKE is specialised: joins the parts for a policy and runs the text, with the cryptography of Node.

import { join } from 'node:path';
import { transform } from 'esbuild';
import type { Provider } from '../../core/crypto/provider.ts';
import { type PrivateNumbers, privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { ikeFacts } from '../../targets/build/specialise/ike-facts.ts';
import { joinParts } from '../../targets/build/specialise/join.ts';
import { layOut, type Specialised } from '../../targets/build/specialise/layout.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import type { IkeBooks } from '../../targets/special/ike/ike-state.ts';
import { boardOf } from './ike-board.ts';

/** Exports of ike.entry.ts. */
export interface IkeDevice {
  D: Uint8Array;
  S: IkeBooks;
  connect(resumes: boolean, now: number): void;
  close(now: number): void;
  receive(b: Uint8Array, o: number, n: number, now: number): void;
  poll(now: number): void;
  next(): number;
  isReady(): boolean;
  isEstablished(): boolean;
  rekey(now: number): void;
  rekeyIke(now: number): void;
  probe(now: number): void;
  suspect(now: number): void;
  session(): IkeBooks['session'];
  takeSession(session: IkeBooks['session']): void;
}

/** A pair of SAs as ESP got it. */
export interface HostPair {
  spiOut: number;
  spiIn: number;
  out: Uint8Array;
  in: Uint8Array;
  retired: boolean;
}

/** What a device did. */
export interface Host {
  /** In the order in which packets go out. */
  pairs: HostPair[];
  events: string[];
  outcomes: number[];
  /** A pair was made. */
  added(pair: HostPair, isFirst: boolean): void;
  transmit(octets: Uint8Array): void;
}

const HERE = join(sourceRoot(), 'test', 'special');
const SPECIAL = join(sourceRoot(), 'targets', 'special');
const STUBS = join(HERE, 'ike-stubs.ts');

/** Constants of ESP that IKE reads, where a test has no ESP. */
const ESP = {
  keymatSize: 19,
  spiLsb: 32,
  spiCount: 2 ** 32,
  nativeGcm: false,
  nativeCcm: true,
  nativeHmac: true,
  nativeX25519: true,
};

/** The constants and the octets of a device with this policy. */
export function specialised(policy: IkePolicy, more: Record<string, boolean | number> = {}): Specialised {
  const numbers: PrivateNumbers = privateNumbers();
  return layOut([ikeFacts({ policy, numbers, retryTime: 2000, retryMax: 300000, ed25519: true, p256: true })], {
    ...ESP,
    ...more,
  });
}

/** The joined text, TypeScript. */
export function joinIke(made: Specialised): Promise<string> {
  return joinParts({
    entry: join(HERE, 'ike.entry.ts'),
    profile: made.constants,
    replace: Object.fromEntries(
      ['link', 'esp-sa', 'esp-in', 'inner', 'events'].map((name) => [join(SPECIAL, `${name}.ts`), STUBS]),
    ),
  });
}

/** Makes devices of one profile. */
export interface Maker {
  text: string;
  make(provider: Provider, transmit: (octets: Uint8Array) => void): { device: IkeDevice; host: Host };
}

/** Compiles the IKE of `policy`. */
export async function createMaker(policy: IkePolicy, more: Record<string, boolean | number> = {}): Promise<Maker> {
  const made = specialised(policy, more);
  const text = await joinIke(made);
  const { code } = await transform(text, { loader: 'ts', format: 'iife', globalName: 'made', target: 'es2020' });
  const run = new Function('board', 'host', `${code}\nreturn made.device;`) as (
    board: unknown,
    host: unknown,
  ) => IkeDevice;
  const size = made.constants.keymatSize as number;
  return {
    text,
    make: (provider, transmit) => {
      let spi = 0x2000;
      const host: Host = { pairs: [], events: [], outcomes: [], added: () => {}, transmit };
      const find = (spiIn: number): number => host.pairs.findIndex((one) => one.spiIn === spiIn);
      const device = run(boardOf(provider), {
        transmit: (octets: Uint8Array) => host.transmit(octets),
        newSpi: () => ++spi,
        addPair: (spiOut: number, spiIn: number, keys: Uint8Array, outAt: number, inAt: number, isFirst: boolean) => {
          const pair: HostPair = {
            spiOut,
            spiIn,
            out: keys.slice(outAt, outAt + size),
            in: keys.slice(inAt, inAt + size),
            retired: false,
          };
          host.added(pair, isFirst);
          if (isFirst) host.pairs.unshift(pair);
          else host.pairs.push(pair);
        },
        retirePair: (spiIn: number) => {
          const pair = host.pairs[find(spiIn)];
          if (pair !== undefined) pair.retired = true;
        },
        removePair: (spiIn: number) => {
          if (find(spiIn) >= 0) host.pairs.splice(find(spiIn), 1);
        },
        event: (name: string, values: number[]) => {
          host.events.push([name, ...values].join(' '));
          if (name === 'ended') host.outcomes.push(values[0]);
        },
      });
      device.D.set(made.data);
      return { device, host };
    },
  };
}

export const fast: Provider = createFastProvider();
