// Octets and air time of one message. Rows of stacks that are not built here are computed from their formats and marked
// `model`.

import { type Cost, costOf, PHY_OCTETS } from '../../host/radio/air-time.ts';

/** FRAG1 and FRAGN headers [RFC 4944 §5.3]. */
const FRAG1 = 4;
const FRAGN = 5;
/** IPHC with addresses from contexts, and UDP with one port inline [RFC 6282]. */
const IPHC = 2;
const NHC_UDP = 7;

/** `short`: 16-bit addresses; `extended`: 64-bit. */
export type Addressing = 'short' | 'extended';

/** MHR with both addresses of this length and PAN ID compression, and FCS. */
export const MAC_OCTETS: Record<Addressing, number> = { short: 9 + 2, extended: 21 + 2 };

export interface Row {
  stack: string;
  /** Octets handed to the MAC. */
  l3: number;
  short: Cost;
  extended: Cost;
  source: 'counted' | 'model';
}

/**
 * Frames of an `l3`-octet datagram whose first `compressed` octets stand for `original` (fragments end at multiples of
 * 8 of the original).
 */
export function modelCost(l3: number, addressing: Addressing, compressed: number, original: number): Cost {
  const mac = MAC_OCTETS[addressing];
  const room = 127 - mac;
  if (l3 <= room) return costOf(1, PHY_OCTETS + mac + l3);
  const grown = original - compressed;
  const first = Math.floor((room - FRAG1 + grown) / 8) * 8 - grown;
  const rest = Math.floor((room - FRAGN) / 8) * 8;
  const frames = 1 + Math.ceil((l3 - first) / rest);
  return costOf(frames, frames * (PHY_OCTETS + mac) + FRAG1 + (frames - 1) * FRAGN + l3);
}

interface ModelStack {
  stack: string;
  /** UDP payload for an application payload. */
  udp(payload: number): number;
}

/** Overheads: draft-ietf-iotops-security-protocol-comparison, ICV of 8 octets, connection identifier of 1. */
const STACKS: ModelStack[] = [
  { stack: 'DTLS 1.2, CID', udp: (payload) => payload + 30 },
  { stack: 'DTLS 1.3, CID', udp: (payload) => payload + 12 },
  { stack: 'OSCORE request', udp: (payload) => payload + 14 },
  { stack: 'OSCORE response', udp: (payload) => payload + 11 },
  // Type and counter 16, tag 16, the inner packet padded to 16.
  { stack: 'WireGuard', udp: (payload) => 32 + 16 * Math.ceil((48 + payload) / 16) },
];

/** Rows of the stacks that are not built here, for `payload` octets above UDP. */
export function modelRows(payload: number): Row[] {
  return STACKS.map(({ stack, udp }) => {
    const l3 = IPHC + NHC_UDP + udp(payload);
    const cost = (addressing: Addressing): Cost => modelCost(l3, addressing, IPHC + NHC_UDP, 48);
    return { stack, l3, short: cost('short'), extended: cost('extended'), source: 'model' };
  });
}
