// Packets that the system gives as one (TSO, USO): here they become the packets that it stands for, each with its lengths, number
// and checksum, as the system itself would make them.

import { createMemory, fold, get16, type Memory, pseudoOf, put16, putHeaderChecksum, sumOf } from './checksum.ts';
import { GSO_ECN, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM, type Vnet } from './vnet.ts';

const PROTO_TCP = 6;
const PROTO_UDP = 17;
const TCP_FIN_PSH = 0x09;
const TCP_CWR = 0x80;
const PACKET_MAX = 65536;

/** Called for each packet; valid during the call. */
export type EachPacket = (packet: Uint8Array, length: number) => void;

export interface Splitter {
  /**
   * The packets of memory.octets[at..at+length), of which `vnet` says what it is; `view` is memory.octets from `at` on, a
   * multiple of 4. Their number, 0 where it is not one: nothing else comes from the system, and nothing is read outside.
   */
  split(memory: Memory, at: number, length: number, vnet: Vnet, view: Uint8Array, each: EachPacket): number;
}

/** Fills in the checksum that the system left to the interface. */
function complete(memory: Memory, at: number, length: number, { start, field }: Vnet): boolean {
  if (start % 4 !== 0 || start + field + 2 > length) return false;
  const { octets } = memory;
  const sum = ~sumOf(memory, at + start, length - start, 0) & 0xffff;
  // A checksum of zero in UDP is none; in TCP both say the same.
  put16(octets, at + start + field, sum === 0 ? 0xffff : sum);
  return true;
}

export function createSplitter(): Splitter {
  const out = createMemory(PACKET_MAX);

  function segments(memory: Memory, at: number, length: number, vnet: Vnet, each: EachPacket): number {
    const { octets } = memory;
    const isSix = octets[at] >>> 4 === 6;
    const { start, size } = vnet;
    const isUdp = vnet.kind === GSO_UDP_L4;
    const least = start + (isUdp ? 8 : 20);
    if (start < (isSix ? 40 : 20) || start % 4 !== 0 || size === 0 || least > length) return 0;
    const header = isUdp ? least : start + 4 * (octets[at + start + 12] >>> 4);
    if (header < least || header > length) return 0;
    const protocol = isUdp ? PROTO_UDP : PROTO_TCP;
    const id = isSix ? 0 : get16(octets, at + 4);
    const sequence = new DataView(octets.buffer, at + start + 4, 4).getUint32(0);
    const outSequence = new DataView(out.octets.buffer, start + 4, 4);
    const flags = octets[at + start + 13];
    const addresses = pseudoOf(memory, at, protocol, 0);
    const checksum = start + (isUdp ? 6 : 16);
    out.octets.set(octets.subarray(at, at + header));
    let count = 0;
    for (let from = header; from < length; from += size) {
      const payload = Math.min(size, length - from);
      const total = header + payload;
      out.octets.set(octets.subarray(at + from, at + from + payload), header);
      if (isSix) put16(out.octets, 4, total - 40);
      else {
        put16(out.octets, 2, total);
        put16(out.octets, 4, (id + count) & 0xffff);
        putHeaderChecksum(out, 0);
      }
      if (isUdp) put16(out.octets, start + 4, total - start);
      else {
        outSequence.setUint32(0, sequence + count * size);
        const isLast = from + size >= length;
        const isFirst = count === 0;
        out.octets[start + 13] = flags & ~((isLast ? 0 : TCP_FIN_PSH) | (isFirst ? 0 : TCP_CWR));
      }
      put16(out.octets, checksum, 0);
      const sum = ~sumOf(out, start, total - start, fold(addresses + total - start)) & 0xffff;
      put16(out.octets, checksum, sum === 0 && isUdp ? 0xffff : sum);
      each(out.octets, total);
      count++;
    }
    return count;
  }

  return {
    split(memory, at, length, vnet, view, each) {
      const kind = vnet.kind & ~GSO_ECN;
      if (kind === GSO_TCPV4 || kind === GSO_TCPV6 || kind === GSO_UDP_L4) {
        return segments(memory, at, length, { ...vnet, kind }, each);
      }
      if (kind !== GSO_NONE) return 0;
      if ((vnet.flags & NEEDS_CSUM) !== 0 && !complete(memory, at, length, vnet)) return 0;
      each(view, length);
      return 1;
    },
  };
}
