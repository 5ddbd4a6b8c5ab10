// A network interface of Linux (TUN) for inner packets: packets without a flow go to the system's network, and packets that
// the system routes into the interface go to the peers. It needs root rights (CAP_NET_ADMIN), the command `ip` and the
// optional package koffi, for calls that Node lacks.
//
// Where the system can, long TCP segments and runs of UDP datagrams come from it as one packet and are cut here (host/io/split.ts),
// and packets of one flow are given to it as one (host/io/join.ts).

import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { errorText } from '../host/errors.ts';
import { createMemory } from '../host/io/checksum.ts';
import { createJoiner } from '../host/io/join.ts';
import { loadReadiness, type Readiness } from '../host/io/readiness.ts';
import { createSplitter } from '../host/io/split.ts';
import { readVnet, VNET_SIZE } from '../host/io/vnet.ts';
import { HAS_LAYOUT, type Libc, loadLibc } from '../host/libc.ts';
import type { TunConfig } from './config.ts';

const DEVICE = '/dev/net/tun';
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const IFF_TUN = 1;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFREQ_SIZE = 40;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO = 0x02 | 0x04;
/** Since Linux 6.2. */
const TUN_F_USO = 0x20 | 0x40;
/** Packets read at a time, so that others get their turn. */
const BURST = 64;
const EBADFD = 77;
const PACKET_MAX = 65536;
/** Where packets are read to: the interface's own header is in front. */
const PACKET = 64;
/** Packets that wait in the system while this process does something else. */
const QUEUE = 2048;

export interface Tun {
  name: string;
  /** What the system takes and gives as one: `TSO, USO`, or ''. */
  offload: string;
  /** Takes a copy of packet[0..length) for the system, which gets it at the end of the burst; false: it is no IP packet. */
  write(packet: Uint8Array, length: number): boolean;
  /** Called for each packet; valid during the call. */
  onPacket: ((packet: Uint8Array, length: number) => void) | null;
  /** So many packets that `write` took were refused by the system. */
  onLost: ((count: number) => void) | null;
  /** Somebody deleted the interface: no packet comes any more. */
  onGone: (() => void) | null;
  /** Starts reading. */
  start(): void;
  close(): Promise<void>;
}

interface Calls {
  libc: Libc;
  readiness: Readiness;
}

async function loadCalls(): Promise<Calls> {
  try {
    return { readiness: await loadReadiness(), libc: await loadLibc() };
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

/** Whether `packet` is an IP packet of the length that it says. */
function isPacket(packet: Uint8Array, length: number): boolean {
  const version = packet[0] >>> 4;
  return (version === 4 && length >= 20) || (version === 6 && length >= 40);
}

/** Attaches fd to the interface: what it can do. */
function attach(
  { libc }: Calls,
  fd: number,
  { name, offload }: TunConfig,
): { isVnet: boolean; tso: boolean; uso: boolean } {
  const request = Buffer.alloc(IFREQ_SIZE);
  request.write(name.slice(0, 15), 'latin1');
  const isVnet = offload !== false && HAS_LAYOUT;
  request.writeInt16LE(IFF_TUN | IFF_NO_PI | (isVnet ? IFF_VNET_HDR : 0), 16);
  if (libc.ioctl(fd, TUNSETIFF, request) < 0) {
    throw new Error(`${name}: cannot be made (errno ${libc.errno()}); root rights are needed`);
  }
  const isTaken = (flags: number): boolean => isVnet && libc.ioctlValue(fd, TUNSETOFFLOAD, flags) >= 0;
  const uso = isTaken(TUN_F_CSUM | TUN_F_TSO | TUN_F_USO);
  return { isVnet, uso, tso: uso || isTaken(TUN_F_CSUM | TUN_F_TSO) };
}

/** Makes the interface with its addresses and routes; it goes when it is closed. Rejects with `tun: ...`. */
export async function openTun(config: TunConfig): Promise<Tun> {
  const calls = await loadCalls();
  const { libc, readiness } = calls;
  let fd: number;
  try {
    fd = openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw new Error(`tun: ${DEVICE}: ${errorText(error)}`);
  }
  let can: ReturnType<typeof attach>;
  try {
    can = attach(calls, fd, config);
    ip('link', 'set', 'dev', config.name, 'mtu', String(config.mtu), 'txqueuelen', String(QUEUE), 'up');
    for (const address of config.addresses) {
      ip('address', 'add', address, 'dev', config.name, ...(address.includes(':') ? ['nodad'] : []));
    }
    for (const route of config.routes) ip('route', 'add', route, 'dev', config.name);
  } catch (error) {
    closeSync(fd);
    throw new Error(`tun: ${errorText(error)}`);
  }

  const front = can.isVnet ? VNET_SIZE : 0;
  const memory = createMemory(PACKET + PACKET_MAX);
  const view = memory.octets.subarray(PACKET);
  const readTo = libc.addressOf(memory.octets) + PACKET - front;
  const splitter = createSplitter();
  const joiner = createJoiner({ udp: can.uso, tcp: can.tso });
  const writer = createWriter(libc, fd, joiner.octets, front);
  let isAsked = false;
  let isClosed = false;

  function flush(): void {
    isAsked = false;
    if (isClosed) return;
    joiner.flush((parts, count) => {
      if (!writer.write(parts)) tun.onLost?.(count);
    });
  }

  function readable(): number {
    let taken = 0;
    while (taken < BURST && !isClosed) {
      const length = libc.read(fd, readTo, front + PACKET_MAX) - front;
      if (length <= 0) {
        if (libc.errno() === EBADFD) {
          readiness.remove(fd);
          tun.onGone?.();
        }
        break;
      }
      if (front === 0) {
        tun.onPacket?.(view, length);
        taken++;
      } else {
        const vnet = readVnet(memory.octets, PACKET - front);
        taken += splitter.split(memory, PACKET, length, vnet, view, (packet, size) => {
          if (!isClosed) tun.onPacket?.(packet, size);
        });
      }
    }
    return taken;
  }

  const tun: Tun = {
    name: config.name,
    offload: [...(can.tso ? ['TSO'] : []), ...(can.uso ? ['USO'] : [])].join(', '),
    onPacket: null,
    onLost: null,
    onGone: null,
    write(octets, length) {
      if (isClosed || length > PACKET_MAX || !isPacket(octets, length)) return false;
      if (joiner.isFull(length)) flush();
      joiner.put(octets, length);
      if (!isAsked) {
        isAsked = true;
        readiness.atEnd(flush);
      }
      return true;
    },
    start() {
      if (!isClosed) readiness.add(fd, { readable });
    },
    async close() {
      if (isClosed) return;
      flush();
      isClosed = true;
      readiness.remove(fd);
      closeSync(fd);
    },
  };
  return tun;
}

/** Writes packets whose parts are anywhere in `octets`, with `front` octets before the first. False: the system refuses. */
function createWriter(
  libc: Libc,
  fd: number,
  octets: Uint8Array,
  front: number,
): { write(parts: readonly number[]): boolean } {
  const base = libc.addressOf(octets);
  const list = new Uint32Array(new ArrayBuffer(16 * 64));
  const listAt = libc.addressOf(new Uint8Array(list.buffer));
  const put = (index: number, address: number, size: number): void => {
    list[4 * index] = address >>> 0;
    list[4 * index + 1] = Math.floor(address / 4294967296);
    list[4 * index + 2] = size;
  };
  return {
    write(parts) {
      const size = parts[1] + front;
      if (parts.length === 2) return libc.write(fd, base + parts[0] - front, size) === size;
      put(0, base + parts[0] - front, size);
      let total = size;
      for (let i = 2; i < parts.length; i += 2) {
        put(i / 2, base + parts[i], parts[i + 1]);
        total += parts[i + 1];
      }
      return libc.writev(fd, listAt, parts.length / 2) === total;
    },
  };
}
