// Finds the IP packet in a captured packet, by link type.

import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IEEE802_15_4,
  LINKTYPE_IEEE802_15_4_NOFCS,
  LINKTYPE_IEEE802_15_4_NONASK_PHY,
  LINKTYPE_IEEE802_15_4_TAP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from './pcap.ts';
import type { CaptureRecord } from './source.ts';

/** `version` 4 or 6 with the packet's place, to the length its header tells; or 0 and why there is none. */
export interface IpPlace {
  version: 0 | 4 | 6;
  offset: number;
  length: number;
  /** A word or a few, for counts: it holds no value but a type's. */
  reason: string;
}

/** What is needed of a record; without `fcs` it is unknown, without `originalLength` nothing was cut. */
export type CapturedPacket = Pick<CaptureRecord, 'data'> & Partial<Pick<CaptureRecord, 'originalLength' | 'fcs'>>;

/** Raw IP: 101 in files of tcpdump, 12 and 14 in those of systems that write their own number; IPv4 and IPv6 alone. */
const RAW = [LINKTYPE_RAW, 12, 14, 228, 229];
export const IEEE802_15_4 = [
  LINKTYPE_IEEE802_15_4,
  LINKTYPE_IEEE802_15_4_NONASK_PHY,
  LINKTYPE_IEEE802_15_4_NOFCS,
  LINKTYPE_IEEE802_15_4_TAP,
];
/** Names of other link types that are met. */
const NAMES: Record<number, string> = {
  9: 'PPP',
  50: 'PPP_HDLC',
  51: 'PPP_ETHER',
  104: 'C_HDLC',
  105: 'IEEE802_11',
  109: 'ENC',
  117: 'PFLOG',
  127: 'IEEE802_11_RADIOTAP',
  147: 'USER0',
  187: 'BLUETOOTH_HCI_H4',
  189: 'USB_LINUX',
  191: 'IEEE802_15_4_LINUX',
  192: 'PPI',
  220: 'USB_LINUX_MMAPPED',
  227: 'CAN_SOCKETCAN',
  239: 'NFLOG',
  249: 'USBPCAP',
  251: 'BLUETOOTH_LE_LL',
  252: 'WIRESHARK_UPPER_PDU',
  256: 'BLUETOOTH_LE_LL_WITH_PHDR',
  270: 'LORATAP',
  272: 'NORDIC_BLE',
  289: 'ZWAVE_TAP',
};

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** VLAN tags: 802.1Q, 802.1ad, and the older 0x9100. */
const VLAN_TAGS = [0x8100, 0x88a8, 0x9100];
/** Smaller values in the type's place are the length of an 802.3 frame, behind which LLC stands. */
const ETHERTYPE_MIN = 0x0600;
/** LLC of SNAP with Ethernet's types, and the octets to the type's end. */
const SNAP = 'aaaa03000000';
const SNAP_SIZE = 8;
/** AF_INET; AF_INET6 of Linux, BSD, FreeBSD, macOS. */
const FAMILIES = [2, 10, 24, 28, 30];
/** Octets of an Ethernet frame behind its header at least, with an FCS that nobody announced. */
const ETHERNET_MIN = 46;
const ETHERNET_FCS = 4;
const IPV6_NO_NEXT_HEADER = 59;

function none(reason: string): IpPlace {
  return { version: 0, offset: 0, length: 0, reason };
}

function u16At(data: Uint8Array, offset: number): number {
  return (data[offset] << 8) | data[offset + 1];
}

/** The link type with its name, as far as it has one here. */
export function linkTypeText(linkType: number): string {
  const name = NAMES[linkType];
  return name === undefined ? `link type ${linkType}` : `link type ${linkType} (${name})`;
}

/**
 * The IP packet at `offset`, its header checked for version and length. Octets behind it may only be Ethernet's padding or FCS
 * (`isPadded`): a length that says otherwise is wrong, and nobody knows which octets are the packet.
 */
function ipAt(packet: CapturedPacket, offset: number, isPadded: boolean): IpPlace {
  const { data } = packet;
  const have = data.length - offset;
  const whole = Math.max(packet.originalLength ?? 0, data.length) - offset;
  const cut = whole > have ? 'truncated' : 'malformed';
  if (have < 1) return none(cut);
  const version = data[offset] >>> 4;
  if (version !== 4 && version !== 6) return none(`IP version ${version}`);
  const header = version === 4 ? 20 : 40;
  if (have < header) return none(cut);
  const told = u16At(data, offset + (version === 4 ? 2 : 4));
  // A jumbogram, or a segment that a network card was to cut [RFC 2675; RFC 8200 §3, §4.7].
  if (told === 0 && (version === 4 || data[offset + 6] !== IPV6_NO_NEXT_HEADER)) return none('IP length 0');
  const length = version === 4 ? told : header + told;
  if (length < header) return none('IP length below the header');
  if (length > whole) return none('IP length above the packet');
  if (length > have) return none(cut);
  const fcs = packet.fcs ?? -1;
  const behind = whole - length - (isPadded && fcs > 0 ? fcs : 0);
  const mayStay = behind === ETHERNET_FCS || whole <= ETHERNET_MIN + ETHERNET_FCS;
  if (behind > 0 && !(isPadded && mayStay)) return none('IP length below the packet');
  return { version, offset, length, reason: '' };
}

/** The IP packet behind a link header with an EtherType; `header` octets with it. */
function typedAt(packet: CapturedPacket, start: number, at: number): IpPlace {
  const { data } = packet;
  const isCut = (packet.originalLength ?? 0) > data.length ? 'truncated' : 'malformed';
  let header = start;
  if (data.length < header) return none(isCut);
  let type = u16At(data, at);
  while (VLAN_TAGS.includes(type)) {
    header += 4;
    if (data.length < header) return none(isCut);
    type = u16At(data, header - 2);
  }
  // In Linux's header small numbers are protocols of its own.
  if (type < ETHERTYPE_MIN && at !== 12) return none(`protocol 0x${type.toString(16).padStart(4, '0')}`);
  if (type < ETHERTYPE_MIN) {
    const llc = Buffer.from(data.subarray(header, header + SNAP_SIZE));
    if (llc.length < SNAP_SIZE || llc.toString('hex', 0, SNAP_SIZE - 2) !== SNAP) return none('an IEEE 802.3 frame');
    type = llc.readUInt16BE(SNAP_SIZE - 2);
    header += SNAP_SIZE;
  }
  if (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_IPV6) {
    return none(`EtherType 0x${type.toString(16).padStart(4, '0')}`);
  }
  return ipAt(packet, header, true);
}

/** The IP packet behind an address family: in the byte order of whoever wrote it (0), or the network's (108). */
function familyAt(packet: CapturedPacket): IpPlace {
  const { data } = packet;
  if (data.length < 4) return none((packet.originalLength ?? 0) > data.length ? 'truncated' : 'malformed');
  const view = new DataView(data.buffer, data.byteOffset, 4);
  const [little, big] = [view.getUint32(0, true), view.getUint32(0)];
  const family = Math.min(little, big);
  return FAMILIES.includes(family) ? ipAt(packet, 4, false) : none(`address family ${family}`);
}

/**
 * Finds the IP packet of a record. Link types 101, 12, 14, 228 and 229 (raw), 1 (with VLAN tags or SNAP), 113 and 276 (Linux
 * cooked), 0 and 108 (BSD loopback).
 */
export function ipPacketOf(linkType: number, packet: CapturedPacket): IpPlace {
  if (packet.originalLength !== undefined && packet.originalLength < packet.data.length) {
    return none('more captured than there was');
  }
  if (RAW.includes(linkType)) return ipAt(packet, 0, false);
  if (linkType === LINKTYPE_ETHERNET) return typedAt(packet, 14, 12);
  if (linkType === LINKTYPE_LINUX_SLL) return typedAt(packet, 16, 14);
  if (linkType === LINKTYPE_LINUX_SLL2) return typedAt(packet, 20, 0);
  if (linkType === LINKTYPE_NULL || linkType === LINKTYPE_LOOP) return familyAt(packet);
  return none(IEEE802_15_4.includes(linkType) ? 'an IEEE 802.15.4 frame' : `${linkTypeText(linkType)} is not read`);
}
