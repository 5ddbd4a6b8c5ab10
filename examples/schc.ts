// SCHC alone [RFC 8724]: compresses and restores a packet with one rule for IPv6 and UDP between two known hosts. It imports
// nothing of ESP or Node, so it also runs in a browser.

import {
  CDA_COMPUTE,
  CDA_NOT_SENT,
  CDA_VALUE_SENT,
  compileContext,
  DI_BI,
  DI_UP,
  dropName,
  FID_IPV6_DSCP,
  FID_IPV6_DST,
  FID_IPV6_ECN,
  FID_IPV6_FLOW_LABEL,
  FID_IPV6_HOP_LIMIT,
  FID_IPV6_NEXT_HEADER,
  FID_IPV6_PAYLOAD_LENGTH,
  FID_IPV6_SRC,
  FID_IPV6_VERSION,
  FID_UDP_CHECKSUM,
  FID_UDP_DST_PORT,
  FID_UDP_LENGTH,
  FID_UDP_SRC_PORT,
  type FieldDescriptor,
  ipv6,
  MO_EQUAL,
  MO_IGNORE,
  SLOT_NONE,
  schcCompress,
  schcDecompress,
  udp,
} from 'dietesp/schc';

const base = { fp: 1, di: DI_BI, msb: 0, slot: SLOT_NONE };

/** A field that both sides know: it costs nothing. */
function known(fid: number, fl: number, value: number[]): FieldDescriptor {
  return { ...base, fid, fl, tv: [Uint8Array.from(value)], mo: MO_EQUAL, cda: CDA_NOT_SENT };
}

/** A field that is sent as it is, or that the receiver computes. */
function open(fid: number, fl: number, cda: number): FieldDescriptor {
  return { ...base, fid, fl, tv: [], mo: MO_IGNORE, cda };
}

const device = [0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const server = [0x20, 1, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

const context = compileContext(
  [
    {
      ruleId: 1,
      ruleIdLength: 8,
      fields: [
        known(FID_IPV6_VERSION, 4, [6]),
        known(FID_IPV6_DSCP, 6, [0]),
        known(FID_IPV6_ECN, 2, [0]),
        known(FID_IPV6_FLOW_LABEL, 20, [0, 0, 0]),
        open(FID_IPV6_PAYLOAD_LENGTH, 16, CDA_COMPUTE),
        known(FID_IPV6_NEXT_HEADER, 8, [17]),
        known(FID_IPV6_HOP_LIMIT, 8, [64]),
        known(FID_IPV6_SRC, 128, device),
        known(FID_IPV6_DST, 128, server),
        open(FID_UDP_SRC_PORT, 16, CDA_VALUE_SENT),
        known(FID_UDP_DST_PORT, 16, [0x16, 0x33]),
        open(FID_UDP_LENGTH, 16, CDA_COMPUTE),
        open(FID_UDP_CHECKSUM, 16, CDA_COMPUTE),
      ],
    },
  ],
  [ipv6, udp],
);

const nobody = new Uint8Array(0);
const up = { direction: DI_UP, dev: nobody, app: nobody };

function done(buffer: Uint8Array, length: number): Uint8Array {
  if (length < 0) throw new Error(dropName(length));
  return buffer.slice(0, length);
}

/** The SCHC packet of an IPv6 packet from the device. */
export function compress(packet: Uint8Array): Uint8Array {
  const out = new Uint8Array(packet.length + 8);
  return done(out, schcCompress(context, up, packet.slice(), 0, packet.length, out, 0));
}

/** The IPv6 packet of an SCHC packet from the device. */
export function restore(schc: Uint8Array): Uint8Array {
  const out = new Uint8Array(1280);
  return done(out, schcDecompress(context, up, schc, 0, schc.length, out, 0));
}

/** A packet with four octets of payload, from port 5683. */
export const packet = Uint8Array.of(
  ...[0x60, 0, 0, 0, 0, 12, 17, 64, ...device, ...server],
  ...[0x16, 0x33, 0x16, 0x33, 0, 12, 0x73, 0xf3, 1, 2, 3, 4],
);

const small = compress(packet);
console.log('schc:', packet.length, 'octets as', small.length, '- restored', restore(small).length);
