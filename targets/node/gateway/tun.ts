// A network interface of Linux (TUN) for inner packets: packets without a flow go to the system's network, and packets that
// the system routes into the interface go to the peers. It needs root rights (CAP_NET_ADMIN), the command `ip` and the
// optional package koffi, for calls that Node lacks.
//
// With several queues each thread has its own. The system gives a flow to the queue from which its packets of the other direction
// came last.

import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { errorText } from '../host/errors.ts';
import { HAS_LAYOUT } from '../host/libc.ts';
import type { TunConfig } from './config.ts';
import { type BoundQueue, type Calls, createQueue, loadCalls, type Offload, type TunQueue } from './tun-queue.ts';

const DEVICE = '/dev/net/tun';
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const IFF_TUN = 1;
const IFF_MULTI_QUEUE = 0x100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFREQ_SIZE = 40;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO = 0x02 | 0x04;
/** Since Linux 6.2. */
const TUN_F_USO = 0x20 | 0x40;
/** Packets that wait in the system while this process does something else. */
const QUEUE = 2048;

export interface Tun extends TunQueue {
  name: string;
  /** What the system takes and gives as one: `TSO, USO`, or ''. */
  offload: string;
  /** Its further queues, for threads. */
  others: BoundQueue[];
}

function ip(...args: string[]): void {
  try {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? '').trim();
    throw new Error(`ip ${args.join(' ')}: ${said === '' ? errorText(error) : said}`);
  }
}

function openDevice(): number {
  try {
    return openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw new Error(`${DEVICE}: ${errorText(error)}`);
  }
}

/** Attaches fd to the interface: what it can do. */
function attach({ libc }: Calls, fd: number, { name, offload }: TunConfig, isOne: boolean): Offload {
  const request = Buffer.alloc(IFREQ_SIZE);
  request.write(name.slice(0, 15), 'latin1');
  const isVnet = offload !== false && HAS_LAYOUT;
  request.writeInt16LE(IFF_TUN | IFF_NO_PI | (isOne ? 0 : IFF_MULTI_QUEUE) | (isVnet ? IFF_VNET_HDR : 0), 16);
  if (libc.ioctl(fd, TUNSETIFF, request) < 0) {
    throw new Error(`${name}: cannot be made (errno ${libc.errno()}); root rights are needed`);
  }
  const isTaken = (flags: number): boolean => isVnet && libc.ioctlValue(fd, TUNSETOFFLOAD, flags) >= 0;
  const uso = isTaken(TUN_F_CSUM | TUN_F_TSO | TUN_F_USO);
  return { isVnet, uso, tso: uso || isTaken(TUN_F_CSUM | TUN_F_TSO) };
}

/**
 * Makes the interface with its addresses and routes, and `more` queues besides its first; it goes when all are closed. Rejects with
 * `tun: ...`.
 */
export async function openTun(config: TunConfig, more = 0): Promise<Tun> {
  const queues: BoundQueue[] = [];
  try {
    const calls = await loadCalls();
    for (let i = 0; i <= more; i++) {
      const fd = openDevice();
      try {
        queues.push({ fd, ...attach(calls, fd, config, more === 0) });
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    }
    ip('link', 'set', 'dev', config.name, 'mtu', String(config.mtu), 'txqueuelen', String(QUEUE), 'up');
    for (const address of config.addresses) {
      ip('address', 'add', address, 'dev', config.name, ...(address.includes(':') ? ['nodad'] : []));
    }
    for (const route of config.routes) ip('route', 'add', route, 'dev', config.name);
    const [{ tso, uso }, ...others] = queues;
    const offload = [...(tso ? ['TSO'] : []), ...(uso ? ['USO'] : [])].join(', ');
    return Object.assign(createQueue(calls, queues[0]), { name: config.name, offload, others });
  } catch (error) {
    for (const { fd } of queues) closeSync(fd);
    throw new Error(`tun: ${errorText(error)}`);
  }
}
