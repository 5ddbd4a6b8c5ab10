// struct mmsghdr of Linux with 64 bits, a row of them, with an iovec, a socket address and control octets each. Numbers are stored
// as halves of 32 bits: there is no BigInt for each datagram.

import type { Libc } from '../libc.ts';

const MMSGHDR = 64;
const IOVEC = 16;
const NAME = 32;
/** Room for two control messages of 4 octets each. */
export const CONTROL = 64;
const CMSG_HEADER = 16;

// Offsets in words of 32 bits.
const MSG_NAME = 0;
const MSG_NAMELEN = 2;
const MSG_IOV = 4;
const MSG_IOVLEN = 6;
const MSG_CONTROL = 8;
const MSG_CONTROLLEN = 10;
const MSG_LEN = 14;
const WORDS = MMSGHDR / 4;

export interface Messages {
  /** Address of message `index`. */
  at(index: number): number;
  /** The socket address of message `index` is names[index * stride ...). */
  names: Uint8Array;
  nameStride: number;
  /** Which name message `index` has, with its size. */
  name(index: number, name: number, size: number): void;
  nameSize(index: number, size: number): void;
  /** Memory of message `index`. */
  memory(index: number, address: number, size: number): void;
  controlSize(index: number, size: number): void;
  /** What the system says of control octets, and of octets. */
  gotControl(index: number): number;
  length(index: number): number;
  /** Writes one control message with a value of 16 bits; its size is set. */
  control16(index: number, level: number, type: number, value: number): void;
  /** The value, 32 bits, of the control message of this kind in the first `size` octets; -1: there is none. */
  control32(index: number, size: number, level: number, type: number): number;
}

/** Writes an address, or a length, as the two words at `index`. */
function put(words: Uint32Array, index: number, value: number): void {
  words[index] = value >>> 0;
  words[index + 1] = Math.floor(value / 4294967296);
}

export function createMessages(libc: Libc, count: number): Messages {
  const headers = new Uint32Array(new ArrayBuffer(count * MMSGHDR));
  const iovecs = new Uint32Array(new ArrayBuffer(count * IOVEC));
  const names = new Uint8Array(new ArrayBuffer(count * NAME));
  const controls = new Uint32Array(new ArrayBuffer(count * CONTROL));
  const addressOf = (words: Uint32Array): number => libc.addressOf(new Uint8Array(words.buffer));
  const headersAt = addressOf(headers);
  const iovecsAt = addressOf(iovecs);
  const namesAt = libc.addressOf(names);
  const controlsAt = addressOf(controls);
  for (let i = 0; i < count; i++) {
    put(headers, i * WORDS + MSG_NAME, namesAt + i * NAME);
    put(headers, i * WORDS + MSG_IOV, iovecsAt + i * IOVEC);
    put(headers, i * WORDS + MSG_IOVLEN, 1);
    put(headers, i * WORDS + MSG_CONTROL, controlsAt + i * CONTROL);
  }

  return {
    at: (index) => headersAt + index * MMSGHDR,
    names,
    nameStride: NAME,
    name(index, name, size) {
      put(headers, index * WORDS + MSG_NAME, namesAt + name * NAME);
      headers[index * WORDS + MSG_NAMELEN] = size;
    },
    nameSize(index, size) {
      headers[index * WORDS + MSG_NAMELEN] = size;
    },
    memory(index, address, size) {
      put(iovecs, (index * IOVEC) / 4, address);
      iovecs[(index * IOVEC) / 4 + 2] = size;
    },
    controlSize(index, size) {
      headers[index * WORDS + MSG_CONTROLLEN] = size;
    },
    gotControl: (index) => headers[index * WORDS + MSG_CONTROLLEN],
    length: (index) => headers[index * WORDS + MSG_LEN],
    control16(index, level, type, value) {
      const at = (index * CONTROL) / 4;
      controls[at] = CMSG_HEADER + 2;
      controls[at + 1] = 0;
      controls[at + 2] = level;
      controls[at + 3] = type;
      controls[at + 4] = value;
      headers[index * WORDS + MSG_CONTROLLEN] = CMSG_HEADER + 8;
    },
    control32(index, size, level, type) {
      const first = (index * CONTROL) / 4;
      let at = 0;
      while (at + CMSG_HEADER + 4 <= size) {
        const word = first + at / 4;
        const length = controls[word];
        if (controls[word + 2] === level && controls[word + 3] === type) return controls[word + 4];
        if (length < CMSG_HEADER) return -1;
        at += (length + 7) & ~7;
      }
      return -1;
    },
  };
}
