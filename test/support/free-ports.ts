// UDP ports for programs that are started by a test, and perhaps killed and started again. They lie below those that the system
// gives to others by itself, so that nobody takes one in the meantime.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const LOWEST = 16384;
/** Linux gives ports from 32768 on, others from 49152 on. */
const END = 32768;

/** Whether a port of the loopback is free. */
async function isFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const failed = once(socket, 'error').then(() => false);
  const bound = once(socket, 'listening').then(() => true);
  failed.catch(() => {});
  bound.catch(() => {});
  socket.bind(port, '127.0.0.1');
  const free = await Promise.race([bound, failed]);
  socket.close();
  return free;
}

/** The first of `count` UDP ports in a row that are free on 127.0.0.1. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = LOWEST + Math.floor(Math.random() * (END - LOWEST - count));
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every((one) => one)) return first;
  }
}

/** A UDP port that is free on 127.0.0.1. */
export function freePort(): Promise<number> {
  return freePorts(1);
}
