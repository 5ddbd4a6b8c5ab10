// Which of several sockets at one address and port gets a datagram: a filter (classic BPF) on their group says so by the SPI. This
// side chooses its inbound SPIs, so that each says which thread has its SA.
//
// Whatever is wrong about a choice costs time alone: a thread hands on what is not for it.

import { type Libc, systemError } from '../libc.ts';
import { bytesOf, type Instruction } from '../mtu/filter.ts';

const SOL_SOCKET = 1;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const LD_W = 0x20;
const JSET = 0x45;
const ALU_MOD = 0x94;
const RET_A = 0x16;
const RET = 0x06;
/** EESP begins with it. */
const FIRST_BIT = 0x80000000;

/** The index of the socket among `count` + 1 that gets ESP with this SPI: 0 is the first. */
export function socketOf(spi: number, count: number): number {
  return spi >= FIRST_BIT ? 0 : spi % (count + 1);
}

/**
 * The program for 1 + `count` sockets: it sees a datagram's payload. The non-ESP marker is SPI 0, EESP begins with a 1 bit, and what
 * is too short to load ends a program with 0: all of these are for the first socket.
 */
export function steeringOf(count: number): Instruction[] {
  return [
    [LD_W, 0, 0, 0],
    [JSET, 2, 0, FIRST_BIT],
    [ALU_MOD, 0, 0, count + 1],
    [RET_A, 0, 0, 0],
    [RET, 0, 0, 0],
  ];
}

/** Attaches it to the group that `fd` is in. */
export function attachSteering(libc: Libc, fd: number, count: number): void {
  const program = steeringOf(count);
  const filter = new Uint8Array(new ArrayBuffer(8 * program.length));
  filter.set(bytesOf(program));
  const at = libc.addressOf(filter);
  // struct sock_fprog.
  const value = Int32Array.of(program.length, 0, (at % 4294967296) | 0, Math.floor(at / 4294967296));
  const result = libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, value, 16);
  // Memory that is named here has stayed.
  if (result >= 0 && filter.length > 0) return;
  throw systemError('SO_ATTACH_REUSEPORT_CBPF', libc.errno());
}
