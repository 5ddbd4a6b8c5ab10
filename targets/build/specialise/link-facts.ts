// What a profile's radio link makes known: frame headers and 6LoWPAN headers as templates, and the forms of a received header that
// give the addresses of the profile; all by the code of core/wire.

import { addressOf } from '../../../core/base/address.ts';
import { PROTO_ESP } from '../../../core/wire/esp.ts';
import { emitHeader, FRAME_ACK_REQUEST, FRAME_DATA, FRAME_VERSION_2006 } from '../../../core/wire/ieee802154.ts';
import { emitIpv6, IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../../core/wire/ipv6.ts';
import { putInterfaceId } from '../../../core/wire/sixlowpan.ts';
import { compressIphc, decompressIphc, type Iphc } from '../../../core/wire/sixlowpan-iphc.ts';
import { createUdpCompression } from '../../../core/wire/sixlowpan-udp.ts';
import { emitUdp, PROTO_UDP, UDP_SIZE } from '../../../core/wire/udp.ts';
import type { Facts } from './layout.ts';

/** What a specialised device's link is made from. Addresses in canonical order. */
export interface LinkInput {
  panId: number;
  /** Link-layer addresses of the device and of the gateway, 2 or 8 octets. */
  ownLink: Uint8Array;
  gatewayLink: Uint8Array;
  /** Outer IPv6 addresses. */
  outer: Uint8Array;
  gateway: Uint8Array;
  /** Table as of createContexts. */
  contexts: Uint8Array;
  /** DSCP of ESP packets out. */
  dscp: number;
  /** Milliseconds. */
  ackWait: number;
  /** Packets out may be longer than a frame; packets in; octets of the longest one in, behind its IPv6 header. */
  fragmentsOut: boolean;
  fragmentsIn: boolean;
  reassembly: number;
  /** UDP port 500 in clear. */
  ike: boolean;
}

const IKE_PORT = 500;
const HOPS = 64;
const REASSEMBLY_TIME = 10000;
/** Milliseconds in which a frame may be repeated, beside the waits (core/link/mac.ts). */
const ATTEMPT_MAX = 42;
const RETRIES = 3;
/** Modes of an address, without the reserved one, and their octets inline. */
const MODES: readonly [mode: number, octets: number][] = [
  [0, 16],
  [1, 8],
  [2, 2],
  [3, 0],
  [5, 8],
  [6, 2],
  [7, 0],
];

function mhr(panId: number, dst: Uint8Array, src: Uint8Array): Uint8Array {
  const octets = new Uint8Array(32);
  const control = FRAME_DATA | FRAME_VERSION_2006 | FRAME_ACK_REQUEST;
  return octets.slice(0, emitHeader(octets, 0, control, 0, panId, addressOf(dst), addressOf(src)));
}

function iphcOf(input: LinkInput, isUp: boolean, nhc: Iphc['nhc']): Iphc {
  const iids = new Uint8Array(20);
  putInterfaceId(iids, 0, addressOf(isUp ? input.ownLink : input.gatewayLink));
  putInterfaceId(iids, 8, addressOf(isUp ? input.gatewayLink : input.ownLink));
  return { contexts: input.contexts, iids, nhc };
}

/** The 6LoWPAN header of a packet from the device. */
function header(input: LinkInput, isIke: boolean): Uint8Array {
  const nhc = isIke ? createUdpCompression(false) : null;
  const end = IPV6_SIZE + UDP_SIZE;
  const packet = new Uint8Array(end);
  packet.set(input.outer, IPV6_SRC);
  packet.set(input.gateway, IPV6_DST);
  emitIpv6(packet, 0, isIke ? 0 : input.dscp << 2, 0, UDP_SIZE, isIke ? PROTO_UDP : PROTO_ESP, HOPS);
  if (isIke) emitUdp(packet, IPV6_SIZE, end, 0, IKE_PORT, IKE_PORT);
  const out = new Uint8Array(64);
  return out.slice(0, compressIphc(iphcOf(input, true, nhc), packet, 0, end, out, 0));
}

/** Bits of the modes that give an address of a packet to the device, with context 0. */
function modesOf(input: LinkInput, isSource: boolean): number {
  const iphc = iphcOf(input, false, null);
  const address = isSource ? input.gateway : input.outer;
  let modes = 0;
  for (const [mode, octets] of MODES) {
    const inline = address.subarray(16 - octets);
    const other = new Uint8Array(16);
    const low = isSource ? mode << 4 : mode;
    // The other address goes whole.
    const text = Uint8Array.from([0x7a, low, PROTO_ESP, ...(isSource ? [...inline, ...other] : [...other, ...inline])]);
    const packet = new Uint8Array(64);
    if (decompressIphc(iphc, text, 0, text.length, packet, 0, 0) < 0) continue;
    const at = isSource ? IPV6_SRC : IPV6_DST;
    if (Buffer.compare(packet.subarray(at, at + 16), address) === 0) modes |= 1 << mode;
  }
  return modes;
}

/** Constants and templates of the link. */
export function linkFacts(input: LinkInput): Facts {
  const head = mhr(input.panId, input.gatewayLink, input.ownLink);
  const headIn = mhr(input.panId, input.ownLink, input.gatewayLink);
  // Frame version 2003 or 2006.
  headIn[1] &= 0xec;
  const iphc = header(input, false);
  const ike = input.ike ? header(input, true) : new Uint8Array(2);
  return {
    constants: {
      headSize: head.length,
      iphcSize: iphc.length,
      iphcIkeSize: ike.length - 2,
      sourceModes: modesOf(input, true),
      destinationModes: modesOf(input, false),
      ackWait: input.ackWait,
      repeatTime: RETRIES * (ATTEMPT_MAX + input.ackWait),
      fragmentsOut: input.fragmentsOut,
      fragmentsIn: input.fragmentsIn,
      reassembly: input.reassembly,
      reassemblyTime: REASSEMBLY_TIME,
      ike: input.ike,
    },
    fields: [
      { name: 'Head', octets: head },
      { name: 'HeadIn', octets: headIn },
      { name: 'Iphc', octets: iphc },
      { name: 'IphcIke', octets: ike.slice(0, ike.length - 2) },
      { name: 'Outer', octets: input.outer },
      { name: 'Gateway', octets: input.gateway },
    ],
  };
}
