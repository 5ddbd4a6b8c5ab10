// Finds the IP packet in a captured packet. Packets without one are counted by reason.

import { ipPacketOf } from '../../host/radio/link-type.ts';
import type { CaptureRecord } from '../../host/radio/source.ts';

/** Where the IP packet lies, or why there is none. */
export interface IpRange {
  offset: number;
  length: number;
  /** '', `truncated` (in the capture), `malformed`, `IP length ...`, or what the packet is instead. */
  problem: string;
}

/** Finds the IP packet of a captured packet; what Ethernet has behind it (padding, FCS) is left out. */
export function findIp(record: Pick<CaptureRecord, 'linkType' | 'data' | 'originalLength' | 'fcs'>): IpRange {
  const { offset, length, reason } = ipPacketOf(record.linkType, record);
  return { offset, length, problem: reason };
}
