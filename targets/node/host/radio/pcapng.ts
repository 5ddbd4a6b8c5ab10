// pcapng files [draft-ietf-opsawg-pcapng], reading only, one block at a time. Known: Section Header (both byte orders,
// several sections), Interface Description (with if_tsresol, if_tsoffset and if_fcslen), Enhanced Packet (with epb_flags),
// Simple Packet, and the obsolete Packet. Every other block is left out, whatever its size, and told.

import { CaptureError, type CaptureRecord, type OnBlock, RECORD_MAX, type Source, skipAll, takeAll } from './source.ts';

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_PACKET = 2;
const BLOCK_SIMPLE = 3;
const BLOCK_ENHANCED = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_FLAGS = 2;
const OPTION_TSRESOL = 9;
const OPTION_FCSLEN = 13;
const OPTION_TSOFFSET = 14;
/** Blocks whose body is read. */
const READ = [BLOCK_SECTION, BLOCK_INTERFACE, BLOCK_PACKET, BLOCK_SIMPLE, BLOCK_ENHANCED];
/** Interfaces of one section that are remembered. */
const INTERFACES_MAX = 4096;
/** Octets of a block's body that are read: a packet, and the options of an interface or a packet. */
const BODY_MAX = RECORD_MAX + (1 << 17);
/** Octets before a packet. */
const ENHANCED_HEADER = 20;
const SIMPLE_HEADER = 4;

/** Names of blocks without packets. */
const BLOCK_NAMES: Record<number, string> = {
  4: 'name resolution',
  5: 'interface statistics',
  9: 'systemd journal',
  10: 'decryption secrets',
  2989: 'custom',
  1073744813: 'custom',
};

/** What a block holds that is no packet, by its type: `name resolution`, or `type 0x204`. */
export function blockName(type: number): string {
  return BLOCK_NAMES[type] ?? `type 0x${type.toString(16)}`;
}

interface Interface {
  linkType: number;
  snapLength: number;
  /** Time units in a second. */
  resolution: number;
  /** Seconds added to every time. */
  timeOffset: number;
  /** Octets, -1: unknown. */
  fcs: number;
}

/** A block's body, as far as it is read. */
interface Body {
  view: DataView;
  octets: Uint8Array;
  /** Octets of the whole body. */
  length: number;
  little: boolean;
  /** Of the block in the file. */
  offset: number;
}

/** Calls `take` with each option that begins at `start`: its number, place and octets. */
function readOptions(body: Body, start: number, take: (code: number, at: number, length: number) => void): void {
  const { view, little, offset } = body;
  let at = start;
  while (at + 4 <= view.byteLength) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    at += 4;
    if (code === 0) break;
    if (at + length > view.byteLength) {
      if (body.length > view.byteLength) break;
      throw new CaptureError(`option ${code} leaves its block`, offset + 8 + at);
    }
    take(code, at, length);
    at += (length + 3) & ~3;
  }
}

function readInterface(body: Body): Interface {
  const { view, little, offset } = body;
  if (view.byteLength < 8) throw new CaptureError(`interface block with ${view.byteLength} octets of body`, offset);
  const result: Interface = {
    linkType: view.getUint16(0, little),
    snapLength: view.getUint32(4, little),
    resolution: 1e6,
    timeOffset: 0,
    fcs: -1,
  };
  readOptions(body, 8, (code, at, length) => {
    if (code === OPTION_TSRESOL && length >= 1) {
      const value = view.getUint8(at);
      result.resolution = (value & 0x80) !== 0 ? 2 ** (value & 0x7f) : 10 ** value;
    } else if (code === OPTION_TSOFFSET && length >= 8) result.timeOffset = Number(view.getBigInt64(at, little));
    else if (code === OPTION_FCSLEN && length >= 1) {
      // Octets in Wireshark's files, bits in the draft.
      const value = view.getUint8(at);
      result.fcs = value <= 8 ? value : value >>> 3;
    }
  });
  return result;
}

/** Records of a pcapng file whose first four octets (a Section Header's type) have been taken from the source. */
export function* readPcapng(source: Source, onBlock: OnBlock): Generator<CaptureRecord> {
  let little = true;
  let interfaces: Interface[] = [];
  let type = BLOCK_SECTION;
  let start = source.offset - 4;
  for (;;) {
    let lengthOctets = takeAll(source, 4, 'block length');
    let taken = 8;
    if (type === BLOCK_SECTION) {
      // The byte order is told by the magic number behind the length.
      const magic = takeAll(source, 4, 'section header');
      taken = 12;
      const view = new DataView(magic.buffer, magic.byteOffset, 4);
      little = view.getUint32(0, true) === BYTE_ORDER_MAGIC;
      if (!little && view.getUint32(0, false) !== BYTE_ORDER_MAGIC) {
        throw new CaptureError('section header without byte-order magic', start + 8);
      }
      interfaces = [];
    }
    const length = new DataView(lengthOctets.buffer, lengthOctets.byteOffset, 4).getUint32(0, little);
    if (length < taken + 4 || length % 4 !== 0) throw new CaptureError(`block length ${length}`, start + 4);
    const size = length - taken - 4;
    const isRead = READ.includes(type);
    const octets = takeAll(source, isRead ? Math.min(size, BODY_MAX) : 0, 'block');
    skipAll(source, size - octets.length, 'block');
    lengthOctets = takeAll(source, 4, 'block end');
    if (new DataView(lengthOctets.buffer, lengthOctets.byteOffset, 4).getUint32(0, little) !== length) {
      throw new CaptureError('the two lengths of a block differ', source.offset - 4);
    }
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    const body: Body = { view, octets, length: size, little, offset: start };
    if (type === BLOCK_SECTION) {
      const major = size >= 4 ? view.getUint16(0, little) : 0;
      if (major !== 1) throw new CaptureError(`pcapng version ${major}: must be 1`, start + 12);
    } else if (type === BLOCK_INTERFACE) {
      if (interfaces.length === INTERFACES_MAX) throw new CaptureError('too many interfaces', start);
      interfaces.push(readInterface(body));
    } else if (type === BLOCK_ENHANCED || type === BLOCK_PACKET) yield readPacket(type, body, interfaces);
    else if (type === BLOCK_SIMPLE) yield readSimple(body, interfaces);
    else onBlock(type, length);
    start = source.offset;
    const next = source.take(4);
    if (next.length === 0) return;
    if (next.length < 4) throw new CaptureError('the file ends in a block', start);
    // 0x0a0d0d0a reads the same in both byte orders.
    type = new DataView(next.buffer, next.byteOffset, 4).getUint32(0, little);
  }
}

function interfaceOf(interfaces: Interface[], id: number, offset: number): Interface {
  const found = interfaces[id];
  if (found === undefined) throw new CaptureError(`interface ${id} is not described`, offset);
  return found;
}

/** The packet behind `header` octets; where it is longer than what was read, the rest is left out. */
function packetIn(body: Body, header: number, length: number): Uint8Array {
  const { octets, offset } = body;
  if (header + length > body.length) throw new CaptureError(`packet of ${length} octets leaves its block`, offset);
  return octets.subarray(header, header + Math.min(length, RECORD_MAX));
}

function readPacket(type: number, body: Body, interfaces: Interface[]): CaptureRecord {
  const { view, little, offset } = body;
  if (view.byteLength < ENHANCED_HEADER) {
    throw new CaptureError(`packet block with ${view.byteLength} octets of body`, offset);
  }
  // The obsolete block has 16 bits of interface, then of drops [§A].
  const id = type === BLOCK_ENHANCED ? view.getUint32(0, little) : view.getUint16(0, little);
  const from = interfaceOf(interfaces, id, offset);
  const length = view.getUint32(12, little);
  const data = packetIn(body, ENHANCED_HEADER, length);
  const units = view.getUint32(4, little) * 2 ** 32 + view.getUint32(8, little);
  let fcs = from.fcs;
  readOptions(body, ENHANCED_HEADER + ((length + 3) & ~3), (code, at, size) => {
    if (code !== OPTION_FLAGS || size < 4) return;
    const told = (view.getUint32(at, little) >>> 5) & 15;
    if (told !== 0) fcs = told;
  });
  return {
    linkType: from.linkType,
    time: units / from.resolution + from.timeOffset,
    data,
    originalLength: Math.max(view.getUint32(16, little), length > data.length ? length : 0),
    offset,
    fcs,
  };
}

/** A Simple Packet has neither time nor captured length: it is cut at the interface's snap length [§4.4]. */
function readSimple(body: Body, interfaces: Interface[]): CaptureRecord {
  const { view, little, offset } = body;
  if (view.byteLength < SIMPLE_HEADER) {
    throw new CaptureError(`packet block with ${view.byteLength} octets of body`, offset);
  }
  const from = interfaceOf(interfaces, 0, offset);
  const originalLength = view.getUint32(0, little);
  const length = from.snapLength > 0 ? Math.min(originalLength, from.snapLength) : originalLength;
  const data = packetIn(body, SIMPLE_HEADER, length);
  return { linkType: from.linkType, time: 0, data, originalLength, offset, fcs: from.fcs };
}
