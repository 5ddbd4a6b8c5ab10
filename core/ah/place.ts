// Where AH is in an IP packet, and where it goes [RFC 4302 §3.1]. IPv4: behind the options. IPv6: behind Hop-by-Hop and Routing, and
// behind Destination Options that a Routing header follows; other Destination Options are for the receiver, behind AH.

import { DROP_SHORT, DROP_UNSUPPORTED } from '../base/drop.ts';
import { PROTO_AH } from '../wire/ah.ts';
import { extensionSize, isExtension, PROTO_FRAGMENT, PROTO_HOP_BY_HOP, PROTO_ROUTING } from '../wire/extensions.ts';
import type { Network } from '../wire/header.ts';

/** A packet, and what `findAh` or `placeAh` found in it. */
export interface Place {
  /** IP version of the packet; null: there is none yet. */
  network: Network | null;
  /** Offset of its IP header, and where it ends. */
  ip: number;
  /** Offset behind its last octet. */
  end: number;
  /** Offset of AH, or of what it goes in front of. */
  at: number;
  /** Offset of the octet that says what is there. */
  nextAt: number;
}

/** Makes a record for `findAh` and `placeAh`. One is enough for any number of packets. */
export function createPlace(): Place {
  return { network: null, ip: 0, end: 0, at: 0, nextAt: 0 };
}

/** Sets a place to what is behind the IP header of the packet buffer[ip..end). */
function start(network: Network, buffer: Uint8Array, ip: number, end: number, out: Place): void {
  out.network = network;
  out.ip = ip;
  out.end = end;
  out.nextAt = ip + network.protocol;
  out.at = ip + network.headerSize(buffer, ip);
}

/**
 * Finds AH in the verified IP packet buffer[ip..end), behind extension headers that routers look at. 0; DROP_UNSUPPORTED: it has
 * none, or is a fragment, which is put together first [RFC 4302 §3.4.1]; or DROP_SHORT.
 */
export function findAh(network: Network, buffer: Uint8Array, ip: number, end: number, out: Place): number {
  start(network, buffer, ip, end, out);
  if (network.fragment(buffer, ip) !== 0) return DROP_UNSUPPORTED;
  if (network.version === 6) {
    const first = out.at;
    while (isExtension(buffer[out.nextAt])) {
      // Elsewhere this number is no known header [RFC 8200 §4.3].
      if (buffer[out.nextAt] === PROTO_HOP_BY_HOP && out.at !== first) return DROP_UNSUPPORTED;
      const size = extensionSize(buffer, out.at, end);
      if (size === 0) return DROP_SHORT;
      out.nextAt = out.at;
      out.at += size;
    }
  }
  return buffer[out.nextAt] === PROTO_AH ? 0 : DROP_UNSUPPORTED;
}

/**
 * Finds the place for AH in the verified IP packet buffer[ip..end). 0, DROP_SHORT, or DROP_UNSUPPORTED: it is a fragment, to which
 * transport mode does not apply [RFC 4302 §3.3.4]. `isWhole` false takes fragments of IPv6: AH goes in front of the Fragment header
 * and covers the fragment.
 */
export function placeAh(
  network: Network,
  buffer: Uint8Array,
  ip: number,
  end: number,
  isWhole: boolean,
  out: Place,
): number {
  start(network, buffer, ip, end, out);
  if (network.fragment(buffer, ip) !== 0) return DROP_UNSUPPORTED;
  if (network.version !== 6) return 0;
  const first = out.at;
  let nextAt = out.nextAt;
  let at = first;
  while (isExtension(buffer[nextAt])) {
    const proto = buffer[nextAt];
    if (proto === PROTO_HOP_BY_HOP && at !== first) return DROP_UNSUPPORTED;
    const size = extensionSize(buffer, at, end);
    if (size === 0) return DROP_SHORT;
    nextAt = at;
    at += size;
    if (proto !== PROTO_HOP_BY_HOP && proto !== PROTO_ROUTING) continue;
    out.nextAt = nextAt;
    out.at = at;
  }
  return buffer[nextAt] === PROTO_FRAGMENT && isWhole ? DROP_UNSUPPORTED : 0;
}
