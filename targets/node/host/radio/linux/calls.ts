// The calls of Linux behind the radios of its network interfaces, through the optional package koffi.

import { loadKoffi } from '../../koffi.ts';
import { type Libc, loadLibc } from '../../libc.ts';

/** Calls that give a number below 0 where they fail; `errno` has why. */
export interface LinuxCalls extends Libc {
  send(fd: number, octets: Uint8Array, size: number, flags: number): number;
  recv(fd: number, octets: Uint8Array, size: number, flags: number): number;
}

export const SOCK_RAW = 3;
/** SOCK_CLOEXEC and SOCK_NONBLOCK. */
export const SOCK_FLAGS = 0x80800;

export const EPERM = 1;
export const ENXIO = 6;
export const ENODEV = 19;
export const EMSGSIZE = 90;
export const ENETDOWN = 100;
export const ENOBUFS = 105;

/** Rejects where koffi is missing, and on other systems. */
export async function loadLinuxCalls(): Promise<LinuxCalls> {
  const libc = await loadLibc();
  const library = (await loadKoffi()).load(null);
  const send = library.func('long send(int fd, void *octets, size_t size, int flags)');
  const recv = library.func('long recv(int fd, void *octets, size_t size, int flags)');
  return {
    ...libc,
    send: (fd, octets, size, flags) => Number(send(fd, octets, size, flags)),
    recv: (fd, octets, size, flags) => Number(recv(fd, octets, size, flags)),
  };
}
