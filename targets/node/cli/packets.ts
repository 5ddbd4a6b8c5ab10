// The IP packet inside a captured packet, per link type [the tcpdump group's list of link-layer header types].

import { u16 } from '../../../core/bytes.ts';

export const LINK_ETHERNET = 1;
export const LINK_RAW = 101;
export const LINK_SLL = 113;
export const LINK_802154_FCS = 195;
export const LINK_802154 = 230;
export const LINK_SLL2 = 276;

export const IP_LINKS = [LINK_ETHERNET, LINK_RAW, LINK_SLL, LINK_SLL2];

const ETHER_IPV4 = 0x0800;
const ETHER_IPV6 = 0x86dd;
/** VLAN tags: 802.1Q and 802.1ad. */
const ETHER_TAGS = [0x8100, 0x88a8];

/** Where the IP packet lies, or why there is none. */
export interface IpRange {
  offset: number;
  length: number;
  /** '' or the reason: `not-ip`, `truncated` (in the capture), `malformed`. */
  problem: string;
}

function none(problem: string): IpRange {
  return { offset: 0, length: 0, problem };
}

/**
 * Finds the IP packet of a captured packet. `original` is its length on the wire: more than data.length where the
 * capture cut it. What follows the packet by its own length (Ethernet padding) is left out.
 */
export function findIp(linkType: number, data: Uint8Array, original: number): IpRange {
  let offset = 0;
  if (linkType === LINK_ETHERNET) {
    offset = 14;
    if (data.length < offset) return none('malformed');
    let type = u16(data, 12);
    while (ETHER_TAGS.includes(type) && data.length >= offset + 4) {
      type = u16(data, offset + 2);
      offset += 4;
    }
    if (type !== ETHER_IPV4 && type !== ETHER_IPV6) return none('not-ip');
  } else if (linkType === LINK_SLL || linkType === LINK_SLL2) {
    offset = linkType === LINK_SLL ? 16 : 20;
    if (data.length < offset) return none('malformed');
    const type = u16(data, linkType === LINK_SLL ? 14 : 0);
    if (type !== ETHER_IPV4 && type !== ETHER_IPV6) return none('not-ip');
  } else if (linkType !== LINK_RAW) {
    return none(`link-type-${linkType}`);
  }
  const there = data.length - offset;
  const version = there > 0 ? data[offset] >>> 4 : 0;
  if (version !== 4 && version !== 6) return none('not-ip');
  if (there < (version === 4 ? 20 : 40)) return none(original > data.length ? 'truncated' : 'malformed');
  const length = version === 4 ? u16(data, offset + 2) : 40 + u16(data, offset + 4);
  if (length > there) return none(original > data.length ? 'truncated' : 'malformed');
  return { offset, length, problem: '' };
}
