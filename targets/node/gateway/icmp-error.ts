// ICMP errors to the system behind the network interface: no SA takes a packet (Destination Unreachable), or a radio does not
// carry what it becomes (Packet Too Big, Fragmentation Needed). Without them TCP would wait in vain [RFC 4443 §3.1, §3.2,
// RFC 792, RFC 1191 §4, RFC 4301 §8.2]. They are limited in rate, and never answer what must not be answered [RFC 4443 §2.4,
// RFC 1122 §3.2.2].

import { put16, put32, u16 } from '../../../core/base/bytes.ts';
import { pseudoSum, putChecksum } from '../../../core/base/checksum.ts';
import { PROTO_ICMPV6 } from '../../../core/wire/icmpv6.ts';
import { emitIpv4, IPV4_DST, IPV4_PROTOCOL, IPV4_SIZE, IPV4_SRC, ipv4 } from '../../../core/wire/ipv4.ts';
import { emitIpv6, IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from '../../../core/wire/ipv6.ts';

const PROTO_ICMP = 1;
const ICMP_SIZE = 8;
const HOP_LIMIT = 64;
/** Octets of a whole error at most: what every link carries. */
const SIX_MAX = 1280;
const FOUR_MAX = 576;
/** Errors at once, and then for each second. */
const BURST = 10;
const RATE = 100;

/** Type and code of each: ICMPv6 and ICMP. Address (host) unreachable: nobody with this address is connected. */
const UNREACHABLE = { six: [1, 3], four: [3, 1] };
const TOO_BIG = { six: [2, 0], four: [3, 4] };
/** Messages of ICMP that are no errors: echo and timestamp, requests and replies. */
const QUERIES = [0, 8, 13, 14];

export interface IcmpErrors {
  /**
   * Writes the error about packet[0..length) to `error` and returns its length; 0: there is to be none. `mtu`: octets that a
   * packet may have, 0: nobody takes it.
   */
  about(packet: Uint8Array, length: number, mtu: number): number;
  /** The error, until the next call. */
  error: Uint8Array;
}

/** True for one address alone that somebody can have. */
function isHost(packet: Uint8Array, at: number, size: number): boolean {
  const first = packet[at];
  if (size === 4) return first > 0 && first < 224 && first !== 127;
  if (first === 0xff) return false;
  for (let i = 0; i < 15; i++) if (packet[at + i] !== 0) return true;
  // Neither :: nor ::1.
  return packet[at + 15] > 1;
}

/** True where an error may be sent: to a host, about a packet to a host that is no error itself. */
function isAnswerable(packet: Uint8Array, length: number, isSix: boolean): boolean {
  if (length < (isSix ? IPV6_SIZE : IPV4_SIZE)) return false;
  const size = isSix ? 16 : 4;
  if (!isHost(packet, isSix ? IPV6_SRC : IPV4_SRC, size) || !isHost(packet, isSix ? IPV6_DST : IPV4_DST, size)) {
    return false;
  }
  if (isSix) return packet[IPV6_NEXT_HEADER] !== PROTO_ICMPV6 || (length > IPV6_SIZE && packet[IPV6_SIZE] >= 128);
  const header = ipv4.headerSize(packet, 0);
  // Of a fragment only the first tells what it is.
  if ((u16(packet, 6) & 0x1fff) !== 0) return false;
  return packet[IPV4_PROTOCOL] !== PROTO_ICMP || (length > header && QUERIES.includes(packet[header]));
}

/** `own`: the addresses of the interface; the first of IPv6 is the source, else the packet's destination is. */
export function createIcmpErrors(own: readonly Uint8Array[], now: () => number): IcmpErrors {
  const error = new Uint8Array(SIX_MAX);
  let tokens = BURST;
  let at = now();

  function hasToken(): boolean {
    const time = now();
    tokens = Math.min(BURST, tokens + (Math.max(0, time - at) * RATE) / 1000);
    at = time;
    if (tokens < 1) return false;
    tokens--;
    return true;
  }

  return {
    error,
    about(packet, length, mtu) {
      const version = length > 0 ? packet[0] >>> 4 : 0;
      const isSix = version === 6;
      if ((!isSix && version !== 4) || !isAnswerable(packet, length, isSix) || !hasToken()) return 0;
      const size = isSix ? 16 : 4;
      const header = isSix ? IPV6_SIZE : IPV4_SIZE;
      const [source, destination] = isSix ? [IPV6_SRC, IPV6_DST] : [IPV4_SRC, IPV4_DST];
      const quoted = Math.min(length, (isSix ? SIX_MAX : FOUR_MAX) - header - ICMP_SIZE);
      const total = header + ICMP_SIZE + quoted;
      error.fill(0, 0, header + ICMP_SIZE);
      error.set(packet.subarray(0, quoted), header + ICMP_SIZE);
      // Linux takes no IPv4 packet that comes in from an address of its own.
      const known = isSix ? own.find((one) => one.length === size) : undefined;
      const address = known ?? packet.subarray(destination, destination + size);
      error.set(address, source);
      error.set(packet.subarray(source, source + size), destination);
      const [type, code] = (mtu > 0 ? TOO_BIG : UNREACHABLE)[isSix ? 'six' : 'four'];
      error[header] = type;
      error[header + 1] = code;
      if (isSix) {
        put32(error, header + 4, mtu);
        emitIpv6(error, 0, 0, 0, total - header, PROTO_ICMPV6, HOP_LIMIT);
        const sum = pseudoSum(error, 0, PROTO_ICMPV6, total - header);
        putChecksum(error, header + 2, header, total - header, sum, 0);
      } else {
        put16(error, header + 6, Math.min(mtu, 0xffff));
        emitIpv4(error, 0, 0, 0, total, PROTO_ICMP, HOP_LIMIT);
        putChecksum(error, header + 2, header, total - header, 0, 0);
      }
      return total;
    },
  };
}
