// A network interface of Linux (TUN) for inner packets: packets without a flow go to the system's network, and packets that
// the system routes into the interface go to the peers. It needs root rights (CAP_NET_ADMIN), the command `ip` and the
// optional package koffi, for two calls that Node lacks: ioctl and poll.
//
// A thread of libuv's pool waits in poll(2) for the interface, and for a pipe that ends the wait. Reading and writing do not
// block.

import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { errorText } from '../host/errors.ts';
import { loadKoffi, type Waiting, waitingOf } from '../host/libc.ts';
import type { TunConfig } from './config.ts';

const DEVICE = '/dev/net/tun';
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 1;
const IFF_NO_PI = 0x1000;
const IFREQ_SIZE = 40;
const POLLIN = 1;
/** Milliseconds after which the wait is looked after, so that the process can end whatever happens. */
const WAIT = 1000;
/** Packets read at a time, so that others get their turn. */
const BURST = 64;

export interface Tun {
  name: string;
  /** Gives packet[0..length) to the system; false when it does not take it. */
  write(packet: Uint8Array, length: number): boolean;
  /** Called for each packet; valid during the call. */
  onPacket: ((packet: Uint8Array, length: number) => void) | null;
  /** Starts reading. */
  start(): void;
  close(): Promise<void>;
}

interface Calls extends Waiting {
  ioctl(fd: number, request: number, argument: Uint8Array): number;
}

async function loadCalls(): Promise<Calls> {
  try {
    const koffi = await loadKoffi();
    const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)');
    return { ...waitingOf(koffi), ioctl };
  } catch (error) {
    throw new Error(`tun: ${errorText(error)}`);
  }
}

function ip(...args: string[]): void {
  try {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? '').trim();
    throw new Error(`ip ${args.join(' ')}: ${said === '' ? errorText(error) : said}`);
  }
}

/** Makes the interface with its addresses and routes; it goes when it is closed. Rejects with `tun: ...`. */
export async function openTun(config: TunConfig): Promise<Tun> {
  const calls = await loadCalls();
  let fd: number;
  try {
    fd = openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw new Error(`tun: ${DEVICE}: ${errorText(error)}`);
  }
  const pipe = new Int32Array(2);
  try {
    const request = Buffer.alloc(IFREQ_SIZE);
    request.write(config.name.slice(0, 15), 'latin1');
    request.writeInt16LE(IFF_TUN | IFF_NO_PI, 16);
    if (calls.ioctl(fd, TUNSETIFF, request) < 0) {
      throw new Error(`${config.name}: cannot be made (errno ${calls.errno()}); root rights are needed`);
    }
    if (calls.pipe(pipe) < 0) throw new Error(`no pipe (errno ${calls.errno()})`);
    ip('link', 'set', 'dev', config.name, 'mtu', String(config.mtu), 'up');
    for (const address of config.addresses) {
      ip('address', 'add', address, 'dev', config.name, ...(address.includes(':') ? ['nodad'] : []));
    }
    for (const route of config.routes) ip('route', 'add', route, 'dev', config.name);
  } catch (error) {
    closeSync(fd);
    for (const end of pipe) if (end > 0) closeSync(end);
    throw new Error(`tun: ${errorText(error)}`);
  }

  const fds = Buffer.alloc(16);
  [fd, pipe[0]].forEach((one, index) => {
    fds.writeInt32LE(one, 8 * index);
    fds.writeInt16LE(POLLIN, 8 * index + 4);
  });
  const packet = new Uint8Array(65536);
  let isClosed = false;
  let running: Promise<void> = Promise.resolve();

  function drain(): void {
    for (let n = 0; n < BURST && !isClosed; n++) {
      let length: number;
      try {
        length = readSync(fd, packet);
      } catch {
        return;
      }
      if (length <= 0) return;
      tun.onPacket?.(packet, length);
    }
  }

  async function run(): Promise<void> {
    while (!isClosed) {
      await calls.poll(fds, 2, WAIT);
      if (!isClosed) drain();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const tun: Tun = {
    name: config.name,
    onPacket: null,
    write(octets, length) {
      if (isClosed) return false;
      try {
        return writeSync(fd, octets, 0, length) === length;
      } catch {
        return false;
      }
    },
    start() {
      running = run().catch(() => {});
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      writeSync(pipe[1], Uint8Array.of(0));
      await running;
      for (const one of [fd, ...pipe]) closeSync(one);
    },
  };
  return tun;
}
