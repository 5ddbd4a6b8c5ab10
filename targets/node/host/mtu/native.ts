// Calls of Linux that Node lacks, through the optional package koffi: a packet socket with a filter (CAP_NET_RAW), and DF of a UDP
// socket. Where koffi is missing, or the system refuses, the caller says so and does without.

import { closeSync, readdirSync, readlinkSync } from 'node:fs';
import { loadKoffi } from '../koffi.ts';
import { bytesOf, type Instruction } from './filter.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_FLAGS = 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SOL_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_DONT = 0;
const IP_PMTUDISC_OMIT = 5;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const MSG_DONTWAIT = 0x40;
/** First fragments that may wait in the kernel, in octets with its own records. */
const BUFFER = 262144;

/** A packet socket: gives packets that its filter takes, from the IP header on. */
export interface PacketSocket {
  /** The next one to buffer[0..): octets that it has there, 0: none waits. Never blocks. */
  receive(buffer: Uint8Array): number;
  close(): void;
}

export interface Native {
  /** Throws with the system's error. */
  packetSocket(version: 4 | 6, filter: Instruction[]): PacketSocket;
  /**
   * Has the socket of IPv4 at this address send with DF clear: that of UDP at this port, or that of this IP protocol. No ICMP
   * makes it shorten packets: anybody can forge one, and this side's own fragments would lower the peer's LMAP. Throws with the
   * system's error.
   */
  clearDf(local: Uint8Array, protocol: 17 | 50, port: number): void;
}

type Call = (...values: unknown[]) => number;

/** Rejects where koffi is not installed, or this is not Linux. */
export async function loadNative(): Promise<Native> {
  if (process.platform !== 'linux') throw new Error('Linux is needed');
  const koffi = await loadKoffi();
  const library = koffi.load(null);
  const func = (signature: string): Call => library.func(signature) as Call;
  const socket = func('int socket(int domain, int type, int protocol)');
  const bind = func('int bind(int fd, void *address, unsigned int size)');
  const setsockopt = func('int setsockopt(int fd, int level, int name, void *value, unsigned int size)');
  const getsockopt = func('int getsockopt(int fd, int level, int name, void *value, void *size)');
  const getsockname = func('int getsockname(int fd, void *address, void *size)');
  const recv = func('long recv(int fd, void *buffer, size_t size, int flags)');
  const program = koffi.struct({ len: 'uint16_t', filter: 'void *' });
  const attach = library.func('setsockopt', 'int', [
    'int',
    'int',
    'int',
    koffi.pointer(program),
    'unsigned int',
  ]) as Call;

  function check(what: string, result: number): number {
    if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
    return result;
  }

  function int(value: number): Buffer {
    const octets = Buffer.alloc(4);
    octets.writeInt32LE(value);
    return octets;
  }

  /** The own socket of this kind bound to this address and port, or -1. The port of a raw socket is its IP protocol. */
  function find(kind: number, local: Uint8Array, port: number): number {
    for (const name of readdirSync('/proc/self/fd')) {
      const fd = Number(name);
      try {
        if (!readlinkSync(`/proc/self/fd/${name}`).startsWith('socket:')) continue;
      } catch {
        continue;
      }
      const address = Buffer.alloc(28);
      const type = int(0);
      if (getsockname(fd, address, int(address.length)) < 0) continue;
      if (getsockopt(fd, SOL_SOCKET, SO_TYPE, type, int(4)) < 0 || type.readInt32LE() !== kind) continue;
      const family = address.readUInt16LE();
      const own = family === AF_INET ? address.subarray(4, 8) : family === AF_INET6 ? address.subarray(8, 24) : null;
      if (own !== null && address.readUInt16BE(2) === port && Buffer.compare(own, local) === 0) return fd;
    }
    return -1;
  }

  return {
    packetSocket(version, filter) {
      const protocol = version === 4 ? ETH_P_IP : ETH_P_IPV6;
      // Without a protocol it takes nothing: no packet comes before the filter is there.
      const fd = check('packet socket', socket(AF_PACKET, SOCK_DGRAM | SOCK_FLAGS, 0));
      try {
        const value = { len: filter.length, filter: bytesOf(filter) };
        check('filter', attach(fd, SOL_SOCKET, SO_ATTACH_FILTER, value, 16));
        check('buffer', setsockopt(fd, SOL_SOCKET, SO_RCVBUF, int(BUFFER), 4));
        const address = Buffer.alloc(20);
        address.writeUInt16LE(AF_PACKET);
        address.writeUInt16BE(protocol, 2);
        check('bind', bind(fd, address, address.length));
      } catch (error) {
        closeSync(fd);
        throw error;
      }
      return {
        receive: (buffer) => Math.max(0, recv(fd, buffer, buffer.length, MSG_DONTWAIT)),
        close: () => closeSync(fd),
      };
    },
    clearDf(local, protocol, port) {
      const fd = protocol === 50 ? find(SOCK_RAW, local, protocol) : find(SOCK_DGRAM, local, port);
      if (fd < 0) throw new Error('the socket was not found');
      // Linux before 3.15 has no such value.
      if (setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, int(IP_PMTUDISC_OMIT), 4) >= 0) return;
      check('IP_MTU_DISCOVER', setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, int(IP_PMTUDISC_DONT), 4));
    },
  };
}
