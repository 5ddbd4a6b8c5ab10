// Octets of a capture file, read front to back in small pieces: from a file (any size, or a pipe) or from memory.

import { closeSync, openSync, readSync } from 'node:fs';

/** A malformed capture file; the message names what is wrong and the offset in the file. */
export class CaptureError extends Error {
  /** Octets from the start of the file. */
  readonly offset: number;
  /** `offset` is added to the message. */
  constructor(message: string, offset: number) {
    super(`${message} (at octet ${offset})`);
    this.name = 'CaptureError';
    this.offset = offset;
  }
}

/** One packet of a capture. */
export interface CaptureRecord {
  /** LINKTYPE_* of the capture or of the record's interface. */
  linkType: number;
  /** Seconds since 1970, with fractions. */
  time: number;
  /** The octets captured. */
  data: Uint8Array;
  /** Octets that the packet had; more than data.length when the capture cut it. */
  originalLength: number;
  /** Offset of the record in the file. */
  offset: number;
  /** Octets of a frame check sequence at the packet's end, as the capture tells; -1: it does not. */
  fcs: number;
}

/** Hears of what a capture holds beside packets: the type of a pcapng block, and its octets. */
export type OnBlock = (type: number, length: number) => void;

export interface Source {
  /** Octets taken so far. */
  offset: number;
  /** The next `length` octets, or fewer at the end of the file; a fresh copy. */
  take(length: number): Uint8Array;
  /** Leaves out the next `length` octets, any number. Returns how many there were. */
  skip(length: number): number;
  close(): void;
}

export function sourceOf(bytes: Uint8Array): Source {
  const source: Source = {
    offset: 0,
    take(length) {
      const piece = bytes.slice(source.offset, source.offset + length);
      source.offset += piece.length;
      return piece;
    },
    skip(length) {
      const count = Math.min(length, bytes.length - source.offset);
      source.offset += count;
      return count;
    },
    close() {},
  };
  return source;
}

/** A file by path; `-` is standard input. */
export function sourceOfFile(path: string): Source {
  const fd = path === '-' ? 0 : openSync(path, 'r');
  const chunk = new Uint8Array(65536);
  let start = 0;
  let end = 0;
  /** Passes the next `length` octets by, to `piece` if there is one. */
  function pass(length: number, piece: Uint8Array | null): number {
    let have = 0;
    while (have < length) {
      if (start === end) {
        start = 0;
        end = readSync(fd, chunk, 0, chunk.length, null);
        if (end === 0) break;
      }
      const count = Math.min(length - have, end - start);
      piece?.set(chunk.subarray(start, start + count), have);
      start += count;
      have += count;
    }
    source.offset += have;
    return have;
  }
  const source: Source = {
    offset: 0,
    take(length) {
      const piece = new Uint8Array(length);
      return piece.subarray(0, pass(length, piece));
    },
    skip: (length) => pass(length, null),
    close() {
      if (fd !== 0) closeSync(fd);
    },
  };
  return source;
}

/** Octets of a packet that are read: of a longer one, which neither IP nor a radio has, the rest is left out. */
export const RECORD_MAX = 1 << 20;
/** Longest record of a pcap file: more is a broken length, not a packet. It is what Wireshark takes at most. */
export const LENGTH_MAX = 1 << 27;

/** Takes exactly `length` octets, or throws a CaptureError that names `what`. */
export function takeAll(source: Source, length: number, what: string): Uint8Array {
  const at = source.offset;
  const piece = source.take(length);
  if (piece.length < length) {
    throw new CaptureError(`${what}: ${length} octets wanted, the file ends after ${piece.length}`, at);
  }
  return piece;
}

/** Leaves out exactly `length` octets, or throws a CaptureError that names `what`. */
export function skipAll(source: Source, length: number, what: string): void {
  const at = source.offset;
  const count = source.skip(length);
  if (count < length) throw new CaptureError(`${what}: ${length} octets wanted, the file ends after ${count}`, at);
}
