// pcap files [draft-ietf-opsawg-pcap]: a writer, and a reader that holds one record at a time. It recognizes pcapng files by
// their first octets and reads them with pcapng.ts.

import { closeSync, constants, openSync } from 'node:fs';
import { appendWhole } from '../append.ts';
import { errorText } from '../errors.ts';
import { readPcapng } from './pcapng.ts';
import {
  CaptureError,
  type CaptureRecord,
  LENGTH_MAX,
  type OnBlock,
  RECORD_MAX,
  type Source,
  skipAll,
  sourceOf,
  sourceOfFile,
  takeAll,
} from './source.ts';

/** Link types of captures, as tcpdump.org lists them: what a record's first octet begins. */
export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_LINUX_SLL = 113;
/** 802.15.4 frames with FCS. */
export const LINKTYPE_IEEE802_15_4 = 195;
/** 802.15.4 frames with FCS, behind preamble, SFD and PHR. */
export const LINKTYPE_IEEE802_15_4_NONASK_PHY = 215;
/** 802.15.4 frames without FCS. */
export const LINKTYPE_IEEE802_15_4_NOFCS = 230;
export const LINKTYPE_LINUX_SLL2 = 276;
/** 802.15.4 frames behind fields that tell of their reception. */
export const LINKTYPE_IEEE802_15_4_TAP = 283;

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const MAGIC_PCAPNG = 0x0a0d0d0a;
/** pcap with eight more octets before each packet: interface, protocol, kind. */
const MAGIC_MODIFIED = 0xa1b2cd34;
const MODIFIED_SIZE = 8;
const MAGIC_GZIP = 0x1f8b;
/** Flag beside the link type: the octets of the FCS are known, 16-bit words of them in the highest four bits. */
const FCS_KNOWN = 0x04000000;
const HEADER_SIZE = 24;
const RECORD_HEADER_SIZE = 16;
/** Appending: records stand one behind the other whatever was cut off. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND;

/** The header of a little-endian file with times in microseconds. */
export function pcapHeader(linkType: number): Uint8Array {
  const header = new Uint8Array(HEADER_SIZE);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAGIC_MICROSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 65535, true);
  view.setUint32(20, linkType, true);
  return header;
}

/** One record; `time` in milliseconds since 1970. */
export function pcapRecord(time: number, frame: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER_SIZE + frame.length);
  const view = new DataView(record.buffer);
  const microseconds = Math.round(time * 1000);
  view.setUint32(0, Math.floor(microseconds / 1e6), true);
  view.setUint32(4, microseconds % 1e6, true);
  view.setUint32(8, frame.length, true);
  view.setUint32(12, frame.length, true);
  record.set(frame, RECORD_HEADER_SIZE);
  return record;
}

/** A capture that is being written. */
export interface CaptureWriter {
  /** Adds a packet; `time` in milliseconds. With LINKTYPE_IEEE802_15_4_NOFCS the last two octets are left out. */
  write(time: number, frame: Uint8Array): void;
  /** Ends the file and closes it. */
  close(): void;
}

/** A capture in a file. */
export interface PcapWriter extends CaptureWriter {
  /** Frames that the file could not take, and why: `12 frames lost: no space left on the device`; '' where there are none. */
  problem(): string;
}

/**
 * Writes pcap to `sink`, or to a file by path. Throws where the file cannot be made; frames that it cannot take later are
 * lost and counted, and the file stays one that can be read.
 */
export function createPcapWriter(sink: string | ((octets: Uint8Array) => void), linkType: number): PcapWriter {
  const fd = typeof sink === 'string' ? openSync(sink, NEW_FILE) : -1;
  const put = typeof sink === 'string' ? (octets: Uint8Array) => appendWhole(fd, octets) : sink;
  const trailer = linkType === LINKTYPE_IEEE802_15_4_NOFCS ? 2 : 0;
  let lost = 0;
  let why = '';
  try {
    put(pcapHeader(linkType));
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    throw error;
  }
  return {
    write(time, frame) {
      const record = pcapRecord(time, frame.subarray(0, Math.max(0, frame.length - trailer)));
      try {
        put(record);
      } catch (error) {
        if (fd < 0) throw error;
        lost++;
        why = errorText(error);
      }
    },
    problem: () => (lost === 0 ? '' : `${lost} frames lost: ${why}`),
    close: () => {
      if (fd >= 0) closeSync(fd);
    },
  };
}

/** Records of a pcap file whose first four octets are `magic`, taken from the source already. */
function* readPcapBody(source: Source, magic: Uint8Array): Generator<CaptureRecord> {
  const first = new DataView(magic.buffer, magic.byteOffset, 4);
  const isMagic = (value: number) => [MAGIC_MICROSECONDS, MAGIC_NANOSECONDS, MAGIC_MODIFIED].includes(value);
  const little = isMagic(first.getUint32(0, true));
  if (first.getUint16(0) === MAGIC_GZIP) throw new CaptureError('compressed with gzip: decompress it first', 0);
  if (!little && !isMagic(first.getUint32(0, false))) throw new CaptureError('not a pcap or pcapng file', 0);
  const kind = first.getUint32(0, little);
  const fraction = kind === MAGIC_NANOSECONDS ? 1e9 : 1e6;
  const headSize = RECORD_HEADER_SIZE + (kind === MAGIC_MODIFIED ? MODIFIED_SIZE : 0);
  const octets = takeAll(source, HEADER_SIZE - 4, 'pcap header');
  const header = new DataView(octets.buffer, octets.byteOffset);
  const major = header.getUint16(0, little);
  if (major !== 2) throw new CaptureError(`pcap version ${major}.${header.getUint16(2, little)}: must be 2`, 4);
  const type = header.getUint32(16, little);
  const linkType = type & 0xffff;
  const fcs = (type & FCS_KNOWN) === 0 ? -1 : (type >>> 28) * 2;
  for (;;) {
    const offset = source.offset;
    const head = source.take(headSize);
    if (head.length === 0) return;
    if (head.length < headSize) {
      throw new CaptureError(`pcap record header: the file ends after ${head.length} octets`, offset);
    }
    const view = new DataView(head.buffer, head.byteOffset, headSize);
    const length = view.getUint32(8, little);
    const originalLength = view.getUint32(12, little);
    if (length > LENGTH_MAX) throw new CaptureError(`pcap record of ${length} octets`, offset);
    const data = takeAll(source, Math.min(length, RECORD_MAX), 'pcap record');
    skipAll(source, length - data.length, 'pcap record');
    const time = view.getUint32(0, little) + view.getUint32(4, little) / fraction;
    yield {
      linkType,
      time,
      data,
      originalLength: Math.max(originalLength, length > data.length ? length : 0),
      offset,
      fcs,
    };
  }
}

/**
 * Records of a pcap or pcapng file, one at a time: from octets, or from a path (`-`: standard input). `onBlock` hears of the
 * blocks of a pcapng file that hold no packet. Throws a CaptureError with the offset where the file is malformed.
 */
export function* readCapture(file: string | Uint8Array, onBlock: OnBlock = () => {}): Generator<CaptureRecord> {
  const source = typeof file === 'string' ? sourceOfFile(file) : sourceOf(file);
  try {
    const magic = takeAll(source, 4, 'magic number');
    const number = new DataView(magic.buffer, magic.byteOffset, 4).getUint32(0);
    if (number === MAGIC_PCAPNG) yield* readPcapng(source, onBlock);
    else yield* readPcapBody(source, magic);
  } finally {
    source.close();
  }
}
