// The constants of IP packets of one profile.

export interface PacketProfile {
  /** The device takes whole IP packets: inner headers are compressed as the rules of the SA say. */
  packets: boolean;
  /** The inner packet has its own IP header: 4 or 6 (tunnel mode). */
  tunnel: boolean;
  innerVersion: number;
  /** The outer header: 4 or 6. In transport mode it is the packet's. */
  outerVersion: number;
  /** 0: packets come between both outer addresses, 1: to the local one, 2: between any. */
  scope: number;
  /** Outer addresses of packets out (source, destination), and of packets in. */
  atOuterSrc: number;
  atOuterDst: number;
  atOuterSrcIn: number;
  atOuterDstIn: number;
  /** The outer header carries the inner flow label or Identification (flow_label_cda "lower"). */
  flowLower: boolean;
  /** Don't Fragment of an outer IPv4 header: 0: set, 1: clear, 2: as in the inner one. */
  df: number;
  /** The receiver makes a label or Identification of its own (flow_label_cda "generated"). */
  generates: boolean;
  /** ECN of the outer header goes into the inner one [RFC 6040 §4.2]. */
  combinesEcn: boolean;
}
