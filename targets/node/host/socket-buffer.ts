// Buffers of UDP sockets. What comes faster than the process reads waits there; the system drops the rest without a word.

import type { Socket } from 'node:dgram';
import { type LookupOneOptions, lookup as lookupName } from 'node:dns';
import { isIP } from 'node:net';

/** Octets asked for by default. */
export const SOCKET_BUFFER = 4194304;

const SYSCTL = { receive: 'net.core.rmem_max', send: 'net.core.wmem_max' };

/** Tells `warn` where the buffer that the system reports is smaller than asked for, with the name of what limits it. */
export function tellSmall(
  kind: 'receive' | 'send',
  reported: number,
  octets: number,
  warn: (text: string) => void,
): void {
  // Linux gives twice what is asked for, for its own records, and reports that.
  const got = process.platform === 'linux' ? reported / 2 : reported;
  if (got >= octets) return;
  const how = process.platform === 'linux' ? `: sysctl -w ${SYSCTL[kind]}=${octets}` : '';
  warn(`the system gives ${Math.floor(got)} octets of ${octets} for the ${kind} buffer${how}`);
}

/**
 * Asks for buffers of `octets` for both directions of a bound socket. Tells `warn` of each that the system keeps smaller, with
 * the name of what limits it.
 */
export function widenBuffers(socket: Socket, octets: number, warn: (text: string) => void): void {
  const ask = (kind: 'receive' | 'send', set: () => void, get: () => number): void => {
    try {
      set();
    } catch {
      // Some systems refuse what is too much, and keep what they had.
    }
    tellSmall(kind, get(), octets, warn);
  };
  ask(
    'receive',
    () => socket.setRecvBufferSize(octets),
    () => socket.getRecvBufferSize(),
  );
  ask(
    'send',
    () => socket.setSendBufferSize(octets),
    () => socket.getSendBufferSize(),
  );
}

type LookupDone = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;

/** The `lookup` of a socket: an IP address needs no look-up, which Node would do in a later turn for every datagram. */
export function lookupAddress(host: string, options: LookupOneOptions, done: LookupDone): void {
  const family = isIP(host);
  if (family !== 0) done(null, host, family);
  else lookupName(host, options, done);
}
