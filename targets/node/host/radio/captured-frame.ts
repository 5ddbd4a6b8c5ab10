// Finds the IEEE 802.15.4 frame in a captured packet, by link type, and checks its FCS as the capture has it.
//
//   195  MHR, payload, FCS            230  MHR, payload
//   215  preamble 4, SFD, PHR, MHR, payload, FCS
//   283  version 1, 0, length 2, fields (type 2, length 2, value, to 32 bits), MHR, payload, FCS of the type that a field tells

import { frameFcs } from '../../../../core/wire/ieee802154.ts';
import { IEEE802_15_4, linkTypeText } from './link-type.ts';
import { LINKTYPE_IEEE802_15_4_NOFCS, LINKTYPE_IEEE802_15_4_NONASK_PHY, LINKTYPE_IEEE802_15_4_TAP } from './pcap.ts';
import type { CaptureRecord } from './source.ts';

/**
 * What stands in the place of the FCS: `crc`, the FCS of the standard, of 16 or 32 bits; `ti`, two octets of TI's radios with
 * signal strength and a bit for a good FCS; `ignore`, two octets that tell nothing.
 */
export const FCS_FORMS = ['crc', 'ti', 'ignore'] as const;
export type FcsForm = (typeof FCS_FORMS)[number];

/** A frame without its FCS; or `reason`, why there is none. */
export interface FramePlace {
  offset: number;
  length: number;
  reason: string;
}

const PREAMBLE_SIZE = 6;
const SFD = 0xa7;
const TAP_SIZE = 4;
const TAP_FCS_TYPE = 0;
const FCS_16 = 2;
const FCS_32 = 4;
const TI_GOOD = 0x80;

function none(reason: string): FramePlace {
  return { offset: 0, length: 0, reason };
}

/** CRC-32 of IEEE 802.3, least significant bit first [IEEE 802.15.4-2020 §7.2.11]. */
export function crc32(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) {
    crc ^= octet;
    for (let i = 0; i < 8; i++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function isGood32(data: Uint8Array, offset: number): boolean {
  const end = data.length - FCS_32;
  if (end <= offset) return false;
  return crc32(data.subarray(offset, end)) === new DataView(data.buffer, data.byteOffset).getUint32(end, true);
}

/** The frame from `offset` to the end, with an FCS of `size` octets, -1: unknown. */
function frameAt(data: Uint8Array, offset: number, size: number, form: FcsForm): FramePlace {
  const length = data.length - offset;
  if (size === 0) return { offset, length, reason: '' };
  if (length <= FCS_16) return none('malformed');
  const short = { offset, length: length - FCS_16, reason: '' };
  if (form === 'ignore') return short;
  if (form === 'ti') return (data[data.length - 1] & TI_GOOD) !== 0 ? short : none('fcs');
  if (size !== FCS_32 && frameFcs(data, offset, length) === 0) return short;
  if (size !== FCS_16 && isGood32(data, offset)) return { offset, length: length - FCS_32, reason: '' };
  return none('fcs');
}

/** Octets of FCS that the fields before `end` tell, -1: their lengths are wrong. Without the field there is none. */
function tapFcs(data: Uint8Array, end: number): number {
  const view = new DataView(data.buffer, data.byteOffset);
  let size = 0;
  for (let at = TAP_SIZE; at < end; ) {
    if (at + 4 > end) return -1;
    const length = view.getUint16(at + 2, true);
    if (at + 4 + length > end) return -1;
    if (view.getUint16(at, true) === TAP_FCS_TYPE && length >= 1) size = data[at + 4] * 2;
    at += 4 + ((length + 3) & ~3);
  }
  return size;
}

/** Finds the frame of a record, from MHR to before the FCS. Link types 195, 215, 230, 283. */
export function frameOf(
  record: Pick<CaptureRecord, 'linkType' | 'data' | 'originalLength' | 'fcs'>,
  form: FcsForm,
): FramePlace {
  const { linkType, data, originalLength } = record;
  if (!IEEE802_15_4.includes(linkType)) return none(`${linkTypeText(linkType)}: no IEEE 802.15.4 frame`);
  if (originalLength > data.length) return none('truncated');
  if (originalLength < data.length) return none('more captured than there was');
  if (linkType === LINKTYPE_IEEE802_15_4_NOFCS) return { offset: 0, length: data.length, reason: '' };
  if (linkType === LINKTYPE_IEEE802_15_4_NONASK_PHY) {
    const isWhole = data.length > PREAMBLE_SIZE && data[4] === SFD && (data[5] & 0x7f) === data.length - PREAMBLE_SIZE;
    return isWhole ? frameAt(data, PREAMBLE_SIZE, record.fcs, form) : none('malformed');
  }
  if (linkType !== LINKTYPE_IEEE802_15_4_TAP) return frameAt(data, 0, record.fcs, form);
  if (data.length < TAP_SIZE || data[0] !== 0) return none('malformed');
  const header = data[2] + data[3] * 256;
  if (header < TAP_SIZE || header > data.length) return none('malformed');
  const fcs = tapFcs(data, header);
  if (fcs !== 0 && fcs !== FCS_16 && fcs !== FCS_32) return none('malformed');
  return frameAt(data, header, fcs, form);
}
