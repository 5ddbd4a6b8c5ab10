// Packets for a network interface with offload: consecutive ones of one UDP or TCP flow become one, which the system takes with
// one call and would cut into the same packets. Only what it cuts so is joined: headers are the same but for lengths, numbers and
// checksums, which are right; sizes are the same but for the last; TCP's octets follow each other. Packets of a flow keep their
// order.

import { createMemory, get16, pseudoOf, put16, putHeaderChecksum, sumOf } from './checksum.ts';
import { GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM, VNET_SIZE, type Vnet, writeVnet } from './vnet.ts';

const PROTO_TCP = 6;
const PROTO_UDP = 17;
const TCP_PSH = 0x08;
const TCP_ACK = 0x10;
const DF = 0x40;
const ROOM = 524288;
/** In front of each packet: what the interface wants there, at the end of it. */
const FRONT = 12;
const PACKETS = 256;
/** Packets in one, and octets: what the system takes. */
const JOINED_MAX = 64;
const OCTETS_MAX = 65535;
/** Flows at a time whose packets are joined. */
const FLOWS = 8;

/** A packet, or several as one. */
interface Item {
  /** Where the first packet begins. */
  at: number;
  /** Its headers: before the payload. */
  header: number;
  /** TCP or UDP begins there. */
  start: number;
  isUdp: boolean;
  /** Octets of payload of each but the last. */
  size: number;
  /** Of all. */
  payload: number;
  /** Where the payloads of those behind the first are, and their lengths. */
  more: number[];
  count: number;
  isOpen: boolean;
  isVerified: boolean;
  /** Of the first packet, as it came. */
  sequence: number;
  id: number;
}

export interface Joiner {
  /** Keeps a copy of packet[0..length); `isFull`: of no more. */
  put(packet: Uint8Array, length: number): void;
  isFull(length: number): boolean;
  /**
   * Gives what it has, in order, and forgets it: `parts` are pairs of an offset in `octets` and a length, `count` the packets in
   * it. The first part has `VNET_SIZE` octets for the interface in front.
   */
  flush(each: (parts: readonly number[], count: number) => void): void;
  octets: Uint8Array;
}

export interface JoinerOptions {
  /** Whether UDP may be joined, and TCP. */
  udp: boolean;
  tcp: boolean;
}

export function createJoiner(options: JoinerOptions): Joiner {
  const memory = createMemory(ROOM);
  const { octets, words } = memory;
  const view = new DataView(octets.buffer);
  const parts: number[] = [];
  let items: Item[] = [];
  let open: Item[] = [];
  let end = 0;
  let packets = 0;

  /** An item of one packet; null: of no flow that is joined. */
  function itemOf(at: number, length: number): Item | null {
    const isSix = octets[at] >>> 4 === 6;
    if (isSix) {
      if (length < 40 || get16(octets, at + 4) !== length - 40) return null;
    } else if (
      octets[at] !== 0x45 ||
      length < 20 ||
      get16(octets, at + 2) !== length ||
      (get16(octets, at + 6) & 0xbfff) !== 0
    ) {
      // Options, or a fragment.
      return null;
    }
    const start = isSix ? 40 : 20;
    const protocol = octets[at + (isSix ? 6 : 9)];
    const isUdp = protocol === PROTO_UDP;
    if (!isUdp && protocol !== PROTO_TCP) return null;
    if (length < start + (isUdp ? 8 : 20)) return null;
    const header = isUdp ? start + 8 : start + 4 * (octets[at + start + 12] >>> 4);
    if (!isUdp && (header < start + 20 || header > length)) return null;
    const payload = length - header;
    let isOpen = payload > 0 && (isUdp ? options.udp : options.tcp);
    if (isUdp) {
      // Without a checksum it would get one.
      if (get16(octets, at + start + 4) !== length - start || get16(octets, at + start + 6) === 0) isOpen = false;
    } else if ((octets[at + start + 13] & ~TCP_PSH) !== TCP_ACK) isOpen = false;
    return {
      at,
      header,
      start,
      isUdp,
      size: payload,
      payload,
      more: [],
      count: 1,
      isOpen,
      isVerified: false,
      sequence: isUdp ? 0 : view.getUint32(at + start + 4),
      id: isSix ? 0 : get16(octets, at + 4),
    };
  }

  /** True where two packets have the same addresses, ports, protocol and version. */
  function isFlow(one: Item, other: Item): boolean {
    if (one.start !== other.start || one.isUdp !== other.isUdp) return false;
    // Addresses and ports are one span: 8 and 4 octets behind 12, or 32 and 4 behind 8.
    const isSix = one.start === 40;
    const from = isSix ? 2 : 3;
    const to = isSix ? 11 : 6;
    const a = one.at >>> 2;
    const b = other.at >>> 2;
    for (let i = from; i < to; i++) if (words[a + i] !== words[b + i]) return false;
    return true;
  }

  function isVerified(item: Item): boolean {
    if (item.isVerified) return true;
    const length = item.header - item.start + item.size;
    const sum = pseudoOf(memory, item.at, item.isUdp ? PROTO_UDP : PROTO_TCP, length);
    item.isVerified = sumOf(memory, item.at + item.start, length, sum) === 0xffff;
    // The header of IPv4 gets a new one as well.
    if (item.isVerified && item.start === 20) item.isVerified = sumOf(memory, item.at, 20, 0) === 0xffff;
    return item.isVerified;
  }

  /** True where headers differ in nothing that joining would lose. */
  function isAlike(item: Item, next: Item): boolean {
    const a = item.at;
    const b = next.at;
    if (item.start === 40) {
      // Version, traffic class, flow label; hop limit.
      if (words[a >>> 2] !== words[b >>> 2] || octets[a + 7] !== octets[b + 7]) return false;
    } else {
      if (octets[a + 1] !== octets[b + 1] || octets[a + 6] !== octets[b + 6] || octets[a + 8] !== octets[b + 8])
        return false;
      // What may not be fragmented has no use for its number [RFC 6864 §4.1]; of others it counts up.
      const isCounted = next.id === ((item.id + item.count) & 0xffff);
      if (!isCounted && !((octets[a + 6] & DF) !== 0 && next.id === item.id)) return false;
    }
    if (item.isUdp) return true;
    if (item.header !== next.header) return false;
    if (next.sequence !== (item.sequence + item.payload) >>> 0) return false;
    // Acknowledgement, and from the window on: urgent pointer and options.
    const tcpA = (a + item.start) >>> 2;
    const tcpB = (b + next.start) >>> 2;
    if (words[tcpA + 2] !== words[tcpB + 2]) return false;
    if (get16(octets, a + item.start + 14) !== get16(octets, b + next.start + 14)) return false;
    if (get16(octets, a + item.start + 18) !== get16(octets, b + next.start + 18)) return false;
    for (let i = 5; i < (item.header - item.start) / 4; i++) if (words[tcpA + i] !== words[tcpB + i]) return false;
    return true;
  }

  function canJoin(item: Item, next: Item): boolean {
    return (
      next.isOpen &&
      next.payload <= item.size &&
      item.count < JOINED_MAX &&
      item.header + item.payload + next.payload <= OCTETS_MAX &&
      isAlike(item, next) &&
      isVerified(item) &&
      isVerified(next)
    );
  }

  function close(item: Item): void {
    item.isOpen = false;
    open.splice(open.indexOf(item), 1);
  }

  function add(next: Item): void {
    for (let i = open.length - 1; i >= 0; i--) {
      const item = open[i];
      if (!isFlow(item, next)) continue;
      if (!canJoin(item, next)) {
        close(item);
        break;
      }
      item.more.push(next.at + next.header, next.payload);
      item.payload += next.payload;
      item.count++;
      const isPushed = !item.isUdp && (octets[next.at + next.start + 13] & TCP_PSH) !== 0;
      if (isPushed) octets[item.at + item.start + 13] |= TCP_PSH;
      // A shorter one is the last, and so is the one that is pushed.
      if (isPushed || next.payload < item.size) close(item);
      return;
    }
    items.push(next);
    if (!next.isOpen) return;
    if (!next.isUdp && (octets[next.at + next.start + 13] & TCP_PSH) !== 0) return;
    if (open.length === FLOWS) open.shift();
    open.push(next);
  }

  /** Makes the headers of the first those of all. */
  function finish(item: Item, vnet: Vnet): void {
    if (item.count === 1) {
      vnet.flags = 0;
      vnet.kind = GSO_NONE;
      vnet.headers = vnet.size = vnet.start = vnet.field = 0;
      return;
    }
    const { at, start, isUdp } = item;
    const isSix = start === 40;
    const length = item.header + item.payload;
    if (isSix) put16(octets, at + 4, length - 40);
    else {
      put16(octets, at + 2, length);
      putHeaderChecksum(memory, at);
    }
    if (isUdp) put16(octets, at + start + 4, length - start);
    vnet.field = isUdp ? 6 : 16;
    put16(octets, at + start + vnet.field, pseudoOf(memory, at, isUdp ? PROTO_UDP : PROTO_TCP, length - start));
    vnet.flags = NEEDS_CSUM;
    vnet.kind = isUdp ? GSO_UDP_L4 : isSix ? GSO_TCPV6 : GSO_TCPV4;
    vnet.headers = item.header;
    vnet.size = item.size;
    vnet.start = start;
  }

  const vnet: Vnet = { flags: 0, kind: 0, headers: 0, size: 0, start: 0, field: 0 };

  return {
    octets,
    isFull: (length) => packets === PACKETS || end + FRONT + length > ROOM,
    put(packet, length) {
      const at = end + FRONT;
      octets.set(packet.length === length ? packet : packet.subarray(0, length), at);
      end = (at + length + 3) & ~3;
      packets++;
      const item = itemOf(at, length);
      if (item !== null) {
        add(item);
        return;
      }
      // It may be of a flow that is joined: what comes later must not overtake it.
      open = [];
      items.push({
        at,
        header: length,
        start: 0,
        isUdp: false,
        size: 0,
        payload: 0,
        more: [],
        count: 1,
        isOpen: false,
        isVerified: false,
        sequence: 0,
        id: 0,
      });
    },
    flush(each) {
      const list = items;
      items = [];
      open = [];
      for (const item of list) {
        finish(item, vnet);
        writeVnet(octets, item.at - VNET_SIZE, vnet);
        parts.length = 0;
        parts.push(item.at, item.header + (item.count === 1 ? item.payload : item.size), ...item.more);
        each(parts, item.count);
      }
      end = 0;
      packets = 0;
    },
  };
}
