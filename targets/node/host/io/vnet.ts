// struct virtio_net_hdr, which is in front of a packet of a network interface with offload: what is to be done with it. Its fields
// have the processor's order of octets, the least first here.

export const VNET_SIZE = 10;

export const NEEDS_CSUM = 1;
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
/** Beside a kind of TCP: the first segment has CWR. */
export const GSO_ECN = 0x80;

export interface Vnet {
  flags: number;
  kind: number;
  headers: number;
  /** Octets of payload in each segment. */
  size: number;
  /** Where the checksum's range begins, and where in it the field is. */
  start: number;
  field: number;
}

export function readVnet(octets: Uint8Array, at: number): Vnet {
  const get = (offset: number): number => octets[at + offset] | (octets[at + offset + 1] << 8);
  return { flags: octets[at], kind: octets[at + 1], headers: get(2), size: get(4), start: get(6), field: get(8) };
}

export function writeVnet(octets: Uint8Array, at: number, vnet: Vnet): void {
  octets[at] = vnet.flags;
  octets[at + 1] = vnet.kind;
  [vnet.headers, vnet.size, vnet.start, vnet.field].forEach((value, index) => {
    octets[at + 2 + 2 * index] = value;
    octets[at + 3 + 2 * index] = value >>> 8;
  });
}
