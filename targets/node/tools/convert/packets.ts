// Finds the IP packet in a captured packet. Packets without one are counted by reason.

import { ipPacketOf } from '../../host/radio/link-type.ts';
import type { CaptureRecord } from '../../host/radio/source.ts';

/** Where the IP packet lies, or why there is none. */
export interface IpRange {
  offset: number;
  length: number;
  /** '', `truncated` (in the capture), `malformed`, or what the packet is instead. */
  problem: string;
}

/** Finds the IP packet of a captured packet; what follows it by its own length (Ethernet padding) is left out. */
export function findIp(record: Pick<CaptureRecord, 'linkType' | 'data' | 'originalLength'>): IpRange {
  const { version, offset, length, reason } = ipPacketOf(record.linkType, record);
  if (version !== 0) return { offset, length, problem: '' };
  let problem = record.originalLength > record.data.length ? 'truncated' : 'malformed';
  if (/^(EtherType|IP version|link type|an IEEE)/.test(reason)) problem = reason;
  return { offset: 0, length: 0, problem };
}
