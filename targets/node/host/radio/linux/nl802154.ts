// What Linux's 802.15.4 stack says of its radios and interfaces, by generic netlink (family nl802154), in the network namespace
// of this process. Nothing is changed. Messages and attributes are in the byte order of the processor; what is of the air is least
// significant octet first.

import { closeSync } from 'node:fs';
import { type LinuxCalls, SOCK_FLAGS, SOCK_RAW } from './calls.ts';

/** A radio with a driver. */
export interface WpanPhy {
  /** `phy0` */
  name: string;
  page: number | null;
  channel: number | null;
}

/** An interface on a radio. */
export interface WpanInterface {
  /** `wpan0` */
  name: string;
  index: number;
  kind: 'node' | 'monitor' | 'coordinator';
  phy: WpanPhy;
  /** 0xffff: none is set. */
  panId: number;
  /** 0xffff: none is set; 0xfffe: only the extended address is used. */
  shortAddress: number;
  /** EUI-64, canonical order. */
  extendedAddress: Uint8Array;
}

const AF_NETLINK = 16;
const NETLINK_GENERIC = 16;
const MSG_DONTWAIT = 0x40;
const HEADER = 16;
const GENERIC = 4;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const FAMILY = 'nl802154';
const CMD_GET_WPAN_PHY = 1;
const CMD_GET_INTERFACE = 5;
const ATTR_WPAN_PHY = 1;
const ATTR_WPAN_PHY_NAME = 2;
const ATTR_IFINDEX = 3;
const ATTR_IFNAME = 4;
const ATTR_IFTYPE = 5;
const ATTR_PAGE = 7;
const ATTR_CHANNEL = 8;
const ATTR_PAN_ID = 9;
const ATTR_SHORT_ADDR = 10;
const ATTR_EXTENDED_ADDR = 23;
const TYPE_MASK = 0x3fff;
const KINDS = ['node', 'monitor', 'coordinator'] as const;
const READ_SIZE = 65536;

type Attributes = Map<number, Buffer>;

/** The messages of one read, each as its type and its attributes; octets that are cut off end it. */
export function messagesOf(octets: Uint8Array): { type: number; attributes: Attributes }[] {
  const data = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const messages = [];
  for (let at = 0; at + HEADER <= data.length; ) {
    const length = data.readUInt32LE(at);
    if (length < HEADER || at + length > data.length) break;
    const attributes: Attributes = new Map();
    for (let item = at + HEADER + GENERIC; item + 4 <= at + length; ) {
      const size = data.readUInt16LE(item);
      if (size < 4 || item + size > at + length) break;
      attributes.set(data.readUInt16LE(item + 2) & TYPE_MASK, data.subarray(item + 4, item + size));
      item += (size + 3) & ~3;
    }
    messages.push({ type: data.readUInt16LE(at + 4), attributes });
    at += (length + 3) & ~3;
  }
  return messages;
}

function request(type: number, flags: number, command: number, attributes: Buffer): Buffer {
  const message = Buffer.alloc(HEADER + GENERIC);
  message.writeUInt32LE(HEADER + GENERIC + attributes.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  message.writeUInt8(command, HEADER);
  return Buffer.concat([message, attributes]);
}

function number(attributes: Attributes, type: number, size: 1 | 2 | 4): number | null {
  const value = attributes.get(type);
  return value === undefined || value.length < size ? null : value.readUIntLE(0, size);
}

function text(attributes: Attributes, type: number): string {
  return (attributes.get(type) ?? Buffer.alloc(0)).toString('latin1').replace(/\0.*$/s, '');
}

/** The interfaces of dumps: those whose radio is not there are left out. */
export function interfacesOf(phys: readonly Attributes[], interfaces: readonly Attributes[]): WpanInterface[] {
  const radios = new Map<number | null, WpanPhy>(
    phys.map((one) => [
      number(one, ATTR_WPAN_PHY, 4),
      { name: text(one, ATTR_WPAN_PHY_NAME), page: number(one, ATTR_PAGE, 1), channel: number(one, ATTR_CHANNEL, 1) },
    ]),
  );
  return interfaces.flatMap((one) => {
    const phy = radios.get(number(one, ATTR_WPAN_PHY, 4));
    const kind = KINDS[number(one, ATTR_IFTYPE, 4) ?? -1];
    if (phy === undefined || kind === undefined) return [];
    return [
      {
        name: text(one, ATTR_IFNAME),
        index: number(one, ATTR_IFINDEX, 4) ?? 0,
        kind,
        phy,
        panId: number(one, ATTR_PAN_ID, 2) ?? 0xffff,
        shortAddress: number(one, ATTR_SHORT_ADDR, 2) ?? 0xffff,
        extendedAddress: Uint8Array.from(one.get(ATTR_EXTENDED_ADDR) ?? new Uint8Array(8)).reverse(),
      },
    ];
  });
}

/** All messages that answer a request. */
function ask(calls: LinuxCalls, fd: number, message: Buffer): { type: number; attributes: Attributes }[] {
  if (calls.send(fd, message, message.length, 0) < 0) return [];
  const octets = new Uint8Array(READ_SIZE);
  const answers = [];
  // The answer is there when `send` returns; a long one comes in several reads.
  for (;;) {
    const size = calls.recv(fd, octets, READ_SIZE, MSG_DONTWAIT);
    if (size <= 0) return answers;
    const messages = messagesOf(octets.slice(0, size));
    answers.push(...messages.filter(({ type }) => type !== NLMSG_ERROR && type !== NLMSG_DONE));
    if (messages.some(({ type }) => type === NLMSG_DONE || type === NLMSG_ERROR)) return answers;
  }
}

/** The interfaces of IEEE 802.15.4 radios; empty where the kernel has none, or does not know them. */
export function listWpan(calls: LinuxCalls): WpanInterface[] {
  const fd = calls.socket(AF_NETLINK, SOCK_RAW | SOCK_FLAGS, NETLINK_GENERIC);
  if (fd < 0) return [];
  try {
    const name = Buffer.alloc(4 + Math.ceil((FAMILY.length + 1) / 4) * 4);
    name.writeUInt16LE(4 + FAMILY.length + 1, 0);
    name.writeUInt16LE(CTRL_ATTR_FAMILY_NAME, 2);
    name.write(FAMILY, 4, 'latin1');
    const family = ask(calls, fd, request(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, name))
      .map(({ attributes }) => number(attributes, CTRL_ATTR_FAMILY_ID, 2))
      .find((id) => id !== null);
    if (family === undefined || family === null) return [];
    const dump = (command: number): Attributes[] =>
      ask(calls, fd, request(family, NLM_F_DUMP, command, Buffer.alloc(0))).map(({ attributes }) => attributes);
    return interfacesOf(dump(CMD_GET_WPAN_PHY), dump(CMD_GET_INTERFACE));
  } finally {
    closeSync(fd);
  }
}
