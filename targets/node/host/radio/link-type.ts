// Finds the IP packet in a captured packet, by link type.

import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IEEE802_15_4,
  LINKTYPE_IEEE802_15_4_NOFCS,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_RAW,
} from './pcap.ts';
import type { CaptureRecord } from './source.ts';

/** `version` 4 or 6 with the packet's place, cut to the length its header tells; or 0 and why there is none. */
export interface IpPlace {
  version: 0 | 4 | 6;
  offset: number;
  length: number;
  reason: string;
}

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** VLAN tags: 802.1Q, 802.1ad, and the older 0x9100. */
const VLAN_TAGS = [0x8100, 0x88a8, 0x9100];

function none(reason: string): IpPlace {
  return { version: 0, offset: 0, length: 0, reason };
}

function u16At(data: Uint8Array, offset: number): number {
  return (data[offset] << 8) | data[offset + 1];
}

/** The IP packet at `offset`, its header checked for version and length. */
function ipAt(data: Uint8Array, offset: number): IpPlace {
  const have = data.length - offset;
  if (have < 1) return none('no octets behind the link header');
  const version = data[offset] >>> 4;
  if (version !== 4 && version !== 6) return none(`IP version ${version}`);
  if (have < (version === 4 ? 20 : 40)) return none(`IPv${version} header cut at ${have} octets`);
  const length = version === 4 ? u16At(data, offset + 2) : 40 + u16At(data, offset + 4);
  if (length < 20) return none(`IPv4 total length ${length}`);
  if (length > have) return none(`IPv${version} packet of ${length} octets cut at ${have}`);
  return { version, offset, length, reason: '' };
}

/** Finds the IP packet of a record. Link types 101, 1 (with VLAN tags), 113, 276, and 228/229 (raw IPv4/IPv6). */
export function ipPacketOf(linkType: number, record: Pick<CaptureRecord, 'data'>): IpPlace {
  const data = record.data;
  let header = 0;
  let type = -1;
  if (linkType === LINKTYPE_RAW || linkType === 228 || linkType === 229) return ipAt(data, 0);
  if (linkType === LINKTYPE_ETHERNET) {
    header = 14;
    if (data.length >= header) type = u16At(data, 12);
    while (VLAN_TAGS.includes(type) && data.length >= header + 4) {
      type = u16At(data, header + 2);
      header += 4;
    }
  } else if (linkType === LINKTYPE_LINUX_SLL) {
    header = 16;
    if (data.length >= header) type = u16At(data, 14);
  } else if (linkType === LINKTYPE_LINUX_SLL2) {
    header = 20;
    if (data.length >= header) type = u16At(data, 0);
  } else if (linkType === LINKTYPE_IEEE802_15_4 || linkType === LINKTYPE_IEEE802_15_4_NOFCS) {
    return none('an IEEE 802.15.4 frame');
  } else return none(`link type ${linkType} is not known`);
  if (type < 0) return none(`link header cut at ${data.length} octets`);
  if (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_IPV6) {
    return none(`EtherType 0x${type.toString(16).padStart(4, '0')}`);
  }
  return ipAt(data, header);
}
