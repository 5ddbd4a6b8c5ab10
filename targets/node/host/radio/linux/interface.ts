// What a network interface of Linux is, by ioctl on any socket: so it is asked in the network namespace of this process.

import { EPERM, type LinuxCalls } from './calls.ts';

/** Kinds of interfaces with IEEE 802.15.4 frames. */
export type WpanKind = 'node' | 'monitor';

/** A network interface. */
export interface Interface {
  name: string;
  index: number;
  /** ARPHRD_*. */
  type: number;
  isUp: boolean;
  /** The octets of its hardware address that an EUI-64 has. */
  address: Uint8Array;
}

const SIOCGIFFLAGS = 0x8913;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const IFREQ_SIZE = 40;
const IFREQ_VALUE = 16;
const IFF_UP = 1;
/** Octets of an interface's name, without the 0 behind it. */
export const IFNAME_MAX = 15;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const ARPHRD_IEEE802154 = 804;
const ARPHRD_IEEE802154_MONITOR = 805;
const ARPHRD_6LOWPAN = 825;
const ARPHRD_NONE = 0xfffe;

/** The kind of interfaces of this type; undefined: they have other frames. */
export function kindOfType(type: number): WpanKind | undefined {
  if (type === ARPHRD_IEEE802154) return 'node';
  return type === ARPHRD_IEEE802154_MONITOR ? 'monitor' : undefined;
}

/** The interface with this name; null: there is none. */
export function interfaceOf(calls: LinuxCalls, fd: number, name: string): Interface | null {
  const request = Buffer.alloc(IFREQ_SIZE);
  const ask = (number: number): boolean => {
    request.fill(0);
    request.write(name, 0, IFNAME_MAX, 'latin1');
    return calls.ioctl(fd, number, request) >= 0;
  };
  if (!ask(SIOCGIFINDEX)) return null;
  const index = request.readInt32LE(IFREQ_VALUE);
  if (!ask(SIOCGIFFLAGS)) return null;
  const isUp = (request.readInt16LE(IFREQ_VALUE) & IFF_UP) !== 0;
  if (!ask(SIOCGIFHWADDR)) return null;
  const type = request.readUInt16LE(IFREQ_VALUE);
  return { name, index, type, isUp, address: new Uint8Array(request.subarray(IFREQ_VALUE + 2, IFREQ_VALUE + 10)) };
}

const TYPES: Record<number, string> = {
  [ARPHRD_ETHER]: 'an Ethernet interface',
  [ARPHRD_LOOPBACK]: 'the loopback',
  [ARPHRD_NONE]: 'an interface without link-layer addresses',
};

/** Throws with why the radio cannot be this interface, and what to type. */
export function fitKind(found: Interface | null, name: string): { found: Interface; kind: WpanKind } {
  const how = '`iwpan dev` lists them, `iwpan phy phy0 interface add monitor0 type monitor` makes one';
  if (found === null) throw new Error(`there is no interface ${name}; ${how}`);
  if (found.type === ARPHRD_6LOWPAN) {
    throw new Error(
      `${name} carries IP packets (6LoWPAN of Linux), not frames: take the wpan interface below it, or \`udp\` with \`esp: raw\` in place of a radio`,
    );
  }
  const kind = kindOfType(found.type);
  if (kind === undefined) {
    const what = TYPES[found.type] ?? `of type ${found.type}`;
    throw new Error(`${name} is ${what}, not one of IEEE 802.15.4; ${how}`);
  }
  if (!found.isUp) throw new Error(`${name} is down: ip link set ${name} up`);
  return { found, kind };
}

/** Why a socket does not open. */
export function socketProblem(errno: number): string {
  if (errno === EPERM) return 'no packet socket: root rights, or CAP_NET_RAW, are needed';
  return `no packet socket (errno ${errno})`;
}
