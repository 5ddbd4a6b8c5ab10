// What a host has of radios: kinds of adapters, each of which finds its own.

import { closeSync, readdirSync, realpathSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { frameFcs } from '../../../../core/wire/ieee802154.ts';
import { errorText } from '../../host/errors.ts';
import type { UartLine } from '../../host/radio/line-keeper.ts';
import { type LinuxCalls, loadLinuxCalls, SOCK_FLAGS } from '../../host/radio/linux/calls.ts';
import { interfaceOf } from '../../host/radio/linux/interface.ts';
import { listWpan, type WpanInterface } from '../../host/radio/linux/nl802154.ts';
import { createPipeDecoder } from '../../host/radio/pipe.ts';
import { portLine } from '../../host/radio/spinel/line.ts';
import { createRcp } from '../../host/radio/spinel/rcp.ts';
import { askInfo, infoText } from '../../host/radio/spinel/setup.ts';

/** An adapter that was found. */
export interface Found {
  /** `serial`, `linux` */
  kind: string;
  /** What a file calls it: `/dev/ttyACM0`, `wpan0`. */
  name: string;
  /** Other names, maker, number. */
  more: string;
  /** What answers there: `spinel`, `uart`, `linux`, `none`, `busy` (it could not be opened), `unknown` (nobody was asked). */
  answer: 'spinel' | 'uart' | 'linux' | 'none' | 'busy' | 'unknown';
  /** The same in words. */
  text: string;
}

/** Options of a search. */
export interface ListOptions {
  /** Bits a second. */
  baud: number;
  /** Open ports and ask who is there. */
  asks: boolean;
}

/** A kind of adapter. */
export interface AdapterKind {
  /** `serial` */
  kind: string;
  /** All of it that are here. */
  find(options: ListOptions): Promise<Found[]>;
}

const AF_INET = 2;
const SOCK_DGRAM = 2;
const ANSWER_TIME = 400;
/** Milliseconds in which a board's frames are listened for. */
const LISTEN_TIME = 1000;
const BY_ID = '/dev/serial/by-id';
/** Ports of USB; others may have anything behind them, and are asked only by name. */
const USB = /^(ttyACM|ttyUSB|cu\.usb)/;

interface Port {
  path: string;
  more: string;
}

async function serialPorts(): Promise<Port[]> {
  const ports = new Map<string, string>();
  try {
    const { SerialPort } = await import('serialport');
    for (const { path, manufacturer, serialNumber } of await SerialPort.list()) {
      ports.set(path, [manufacturer, serialNumber].filter((one) => one !== undefined).join(' '));
    }
  } catch {
    // The package is absent, or knows no ports here.
  }
  try {
    for (const name of readdirSync('/dev'))
      if (USB.test(name) && !ports.has(`/dev/${name}`)) ports.set(`/dev/${name}`, '');
    for (const name of readdirSync(BY_ID)) {
      const path = realpathSync(`${BY_ID}/${name}`);
      if ((ports.get(path) ?? '') === '') ports.set(path, name);
    }
  } catch {
    // No such folder.
  }
  return [...ports].map(([path, more]) => ({ path, more })).filter(({ path }) => USB.test(path.replace('/dev/', '')));
}

/** Asks who is on a line, without a reset: a radio that works goes on. */
export async function whoAnswers(line: UartLine): Promise<Pick<Found, 'answer' | 'text'>> {
  let stop: () => Promise<void> = async () => {};
  let frames = 0;
  const pipe = createPipeDecoder((frame, offset, length) => {
    if (frameFcs(frame, offset, length) === 0) frames++;
  });
  const counters = { frames: 0, damaged: 0, oversized: 0, malformed: 0, stray: 0 };
  try {
    const stream = await new Promise<import('node:stream').Duplex>((resolve, reject) => {
      stop = line.open(resolve, reject);
    });
    const rcp = createRcp({ write: (octets) => void stream.write(octets), is() {}, reset() {} }, counters, ANSWER_TIME);
    stream.on('error', () => {});
    stream.on('data', (octets: Uint8Array) => {
      rcp.push(octets);
      pipe.push(octets, performance.now());
    });
    const begin = performance.now();
    try {
      return { answer: 'spinel', text: infoText(await askInfo(rcp)) };
    } catch (error) {
      // It speaks Spinel, and cannot be used.
      if (counters.frames > 0) return { answer: 'spinel', text: errorText(error) };
      await wait(Math.max(0, LISTEN_TIME - (performance.now() - begin)));
      if (frames > 0) return { answer: 'uart', text: `${frames} frames of a board's UART` };
      return { answer: 'none', text: 'nothing answers in Spinel, and no frame came from a board' };
    } finally {
      rcp.end('');
      stream.destroy();
    }
  } catch (error) {
    return { answer: 'busy', text: errorText(error) };
  } finally {
    await stop();
  }
}

const SERIAL: AdapterKind = {
  kind: 'serial',
  async find({ baud, asks }) {
    const ports = await serialPorts();
    return Promise.all(
      ports.map(async ({ path, more }) => {
        const found = asks ? await whoAnswers(portLine(path, baud, false)) : { answer: 'unknown' as const, text: '' };
        return { kind: 'serial', name: path, more, ...found };
      }),
    );
  },
};

const UNSET = 0xffff;
const NO_SHORT = 0xfffe;

/** An interface of Linux as one that was found; `isUp`: undefined: not known. */
export function foundWpan(one: WpanInterface, isUp: boolean | undefined): Found {
  const { name, kind, phy, panId, shortAddress, extendedAddress } = one;
  const hex = (value: number): string => value.toString(16).padStart(4, '0');
  // A monitor has no addresses: it takes every frame.
  const own =
    kind === 'monitor'
      ? []
      : [
          panId === UNSET ? 'no PAN' : `PAN ${hex(panId)}`,
          shortAddress >= NO_SHORT ? 'no short address' : `short address ${hex(shortAddress)}`,
          `EUI-64 ${Buffer.from(extendedAddress).toString('hex')}`,
        ];
  const channel = phy.channel === null ? [] : [`channel ${phy.channel}`];
  const down = isUp === false ? [`down: ip link set ${name} up`] : [];
  const more = [kind, `of ${phy.name}`].join(' ');
  return { kind: 'linux', name, more, answer: 'linux', text: [...channel, ...own, ...down].join(', ') };
}

/** True where the interface is up; undefined where nobody can say. */
function isInterfaceUp(calls: LinuxCalls, name: string): boolean | undefined {
  const fd = calls.socket(AF_INET, SOCK_DGRAM | SOCK_FLAGS, 0);
  if (fd < 0) return undefined;
  try {
    return interfaceOf(calls, fd, name)?.isUp;
  } finally {
    closeSync(fd);
  }
}

/** Interfaces of Linux's IEEE 802.15.4 stack; none without koffi, and on other systems. */
const LINUX: AdapterKind = {
  kind: 'linux',
  async find() {
    if (process.platform !== 'linux') return [];
    const calls = await loadLinuxCalls().catch(() => null);
    if (calls === null) return [];
    const found = listWpan(calls).map((one) => foundWpan(one, isInterfaceUp(calls, one.name)));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  },
};

/** The kinds that `dietesp radio list` looks for. A further one is one more entry. */
export const ADAPTERS: AdapterKind[] = [SERIAL, LINUX];

/** All adapters of this host. */
export async function listAdapters(options: ListOptions): Promise<Found[]> {
  return (await Promise.all(ADAPTERS.map((adapter) => adapter.find(options)))).flat();
}

/** One line for each. */
export function listText(found: Found[]): string {
  if (found.length === 0) return 'no radio, no serial port of USB, and no IEEE 802.15.4 interface of Linux\n';
  return found
    .map(
      ({ kind, name, more, text }) =>
        `${[name, `(${kind}${more === '' ? '' : `, ${more}`})`, text].join(' ').trim()}\n`,
    )
    .join('');
}
