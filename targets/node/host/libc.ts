// Calls of the C library that Node lacks, through the optional package koffi.

import { getSystemErrorName } from 'node:util';
import { loadKoffi } from './koffi.ts';

export const EINTR = 4;
export const EAGAIN = 11;
export const EINVAL = 22;

/**
 * Calls of Linux on descriptors. `at` and other numbers that point are addresses of memory that the caller keeps (`addressOf`);
 * results below 0 are errors, and `errno` says which.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, size: number): number;
  getsockname(fd: number, address: Uint8Array, size: Int32Array): number;
  setsockopt(fd: number, level: number, name: number, value: Int32Array, size: number): number;
  getsockopt(fd: number, level: number, name: number, value: Int32Array, size: Int32Array): number;
  recvmmsg(fd: number, at: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, at: number, count: number, flags: number): number;
  read(fd: number, at: number, size: number): number;
  write(fd: number, at: number, size: number): number;
  writev(fd: number, at: number, count: number): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** With an argument that is a number. */
  ioctlValue(fd: number, request: number, argument: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Uint8Array): number;
  epoll_wait(epoll: number, at: number, most: number, timeout: number): number;
  /** The same in a thread; the callback gets the result. */
  epollWaitLater(epoll: number, at: number, most: number, timeout: number, done: (result: number) => void): void;
  eventfd(value: number, flags: number): number;
  if_nametoindex(name: string): number;
  errno(): number;
  /** Of memory that is not moved: of an array whose `buffer` is an ArrayBuffer of its own. */
  addressOf(octets: Uint8Array): number;
}

let loaded: Libc | null = null;

/** Where structures with pointers are as they are laid out here: of 64 bits, the least octet first. */
export const HAS_LAYOUT = ['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch);

/** Rejects where koffi is not installed, or this is not Linux. */
export async function loadLibc(): Promise<Libc> {
  if (loaded !== null) return loaded;
  if (process.platform !== 'linux') throw new Error('Linux is needed');
  const koffi = await loadKoffi();
  const library = koffi.load(null);
  const func = (signature: string) => library.func(signature);
  const wait = func('int epoll_wait(int epoll, uintptr_t at, int most, int timeout)');
  loaded = {
    socket: func('int socket(int domain, int type, int protocol)'),
    bind: func('int bind(int fd, void *address, uint32_t size)'),
    getsockname: func('int getsockname(int fd, void *address, void *size)'),
    setsockopt: func('int setsockopt(int fd, int level, int name, void *value, uint32_t size)'),
    getsockopt: func('int getsockopt(int fd, int level, int name, void *value, void *size)'),
    recvmmsg: func('int recvmmsg(int fd, uintptr_t at, uint32_t count, int flags, uintptr_t timeout)'),
    sendmmsg: func('int sendmmsg(int fd, uintptr_t at, uint32_t count, int flags)'),
    read: func('intptr_t read(int fd, uintptr_t at, size_t size)'),
    write: func('intptr_t write(int fd, uintptr_t at, size_t size)'),
    writev: func('intptr_t writev(int fd, uintptr_t at, int count)'),
    ioctl: func('int ioctl(int fd, unsigned long request, void *argument)'),
    ioctlValue: func('int ioctl(int fd, unsigned long request, uintptr_t argument)'),
    epoll_create1: func('int epoll_create1(int flags)'),
    epoll_ctl: func('int epoll_ctl(int epoll, int operation, int fd, void *event)'),
    epoll_wait: wait,
    epollWaitLater(epoll, at, most, timeout, done) {
      wait.async(epoll, at, most, timeout, (error: Error | null, result: number) => done(error ? -1 : result));
    },
    eventfd: func('int eventfd(unsigned int value, int flags)'),
    if_nametoindex: func('unsigned int if_nametoindex(const char *name)'),
    errno: () => koffi.errno(),
    addressOf: (octets) => Number(koffi.address(octets)),
  };
  return loaded;
}

/** As Node's own errors read: `bind EADDRINUSE 127.0.0.1:500`, with `code`. */
export function systemError(call: string, errno: number, detail = ''): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const text = `${call} ${code}${detail === '' ? '' : ` ${detail}`}`;
  return Object.assign(new Error(text), { code, errno: -errno, syscall: call });
}
