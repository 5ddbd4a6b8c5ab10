// pcapng files [draft-ietf-opsawg-pcapng], reading only, one block at a time. Known: Section Header (both byte orders,
// several sections), Interface Description (with if_tsresol and if_tsoffset), Enhanced Packet, Simple Packet. Every
// other block is skipped.

import { CaptureError, type CaptureRecord, RECORD_MAX, type Source, takeAll } from './source.ts';

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_SIMPLE = 3;
const BLOCK_ENHANCED = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;
/** Interfaces of one section that are remembered. */
const INTERFACES_MAX = 4096;

interface Interface {
  linkType: number;
  snapLength: number;
  /** Time units in a second. */
  resolution: number;
  /** Seconds added to every time. */
  timeOffset: number;
}

function readInterface(view: DataView, little: boolean, offset: number): Interface {
  if (view.byteLength < 8) throw new CaptureError(`interface block with ${view.byteLength} octets of body`, offset);
  const result: Interface = {
    linkType: view.getUint16(0, little),
    snapLength: view.getUint32(4, little),
    resolution: 1e6,
    timeOffset: 0,
  };
  let at = 8;
  while (at + 4 <= view.byteLength) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    at += 4;
    if (code === 0) break;
    if (at + length > view.byteLength) throw new CaptureError(`option ${code} leaves its block`, offset + 8 + at);
    if (code === OPTION_TSRESOL && length >= 1) {
      const value = view.getUint8(at);
      result.resolution = (value & 0x80) !== 0 ? 2 ** (value & 0x7f) : 10 ** value;
    } else if (code === OPTION_TSOFFSET && length >= 8) result.timeOffset = Number(view.getBigInt64(at, little));
    at += (length + 3) & ~3;
  }
  return result;
}

/** Records of a pcapng file whose first four octets (a Section Header's type) have been taken from the source. */
export function* readPcapng(source: Source): Generator<CaptureRecord> {
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
    if (length > RECORD_MAX) throw new CaptureError(`block of ${length} octets`, start + 4);
    const body = takeAll(source, length - taken - 4, 'block');
    lengthOctets = takeAll(source, 4, 'block end');
    if (new DataView(lengthOctets.buffer, lengthOctets.byteOffset, 4).getUint32(0, little) !== length) {
      throw new CaptureError('the two lengths of a block differ', source.offset - 4);
    }
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    if (type === BLOCK_INTERFACE) {
      if (interfaces.length === INTERFACES_MAX) throw new CaptureError('too many interfaces', start);
      interfaces.push(readInterface(view, little, start));
    } else if (type === BLOCK_ENHANCED || type === BLOCK_SIMPLE) {
      yield readPacket(type, view, body, little, interfaces, start);
    }
    start = source.offset;
    const next = source.take(4);
    if (next.length === 0) return;
    if (next.length < 4) throw new CaptureError('the file ends in a block', start);
    // 0x0a0d0d0a reads the same in both byte orders.
    type = new DataView(next.buffer, next.byteOffset, 4).getUint32(0, little);
  }
}

function readPacket(
  type: number,
  view: DataView,
  body: Uint8Array,
  little: boolean,
  interfaces: Interface[],
  offset: number,
): CaptureRecord {
  const header = type === BLOCK_ENHANCED ? 20 : 4;
  if (body.length < header) throw new CaptureError(`packet block with ${body.length} octets of body`, offset);
  const id = type === BLOCK_ENHANCED ? view.getUint32(0, little) : 0;
  const from = interfaces[id];
  if (from === undefined) throw new CaptureError(`interface ${id} is not described`, offset);
  const originalLength = view.getUint32(header - 4, little);
  let length = originalLength;
  let time = 0;
  if (type === BLOCK_ENHANCED) {
    length = view.getUint32(12, little);
    const units = view.getUint32(4, little) * 2 ** 32 + view.getUint32(8, little);
    time = units / from.resolution + from.timeOffset;
  } else {
    // A Simple Packet has no captured length: it is cut at the interface's snap length [§4.4].
    if (from.snapLength > 0) length = Math.min(length, from.snapLength);
  }
  if (header + length > body.length) throw new CaptureError(`packet of ${length} octets leaves its block`, offset);
  return { linkType: from.linkType, time, data: body.subarray(header, header + length), originalLength, offset };
}
