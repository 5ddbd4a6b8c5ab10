// SAs for interoperation, and their packets: standard ESP (no compression, ordinary header and trailer) in every suite with
// an IV on the wire.

import { createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../core/esp/outbound.ts';
import { createSa, type Sa } from '../../core/esp/sa.ts';
import { toAttributes, toConfig } from '../../targets/node/host/config/sa.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { packet, udp } from '../naive/packets.ts';

export const provider = createFastProvider();
export const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
export const octetsOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** An SA in the names of SA files. */
export type Values = Record<string, unknown>;

const octets = (first: number, count: number): string =>
  hex(Uint8Array.from({ length: count }, (_, i) => (first + i) & 0xff));

/** Key, salt and integrity key of each suite with an IV on the wire or none at all. */
export const SUITES: Record<string, Values> = {
  AES_CCM_8: { key: octets(0x10, 16), salt: octets(0xa0, 3) },
  AES_CCM_16: { key: octets(0x20, 16), salt: octets(0xa3, 3) },
  AES_GCM_16: { key: octets(0x30, 16), salt: octets(0xa6, 4) },
  CHACHA20_POLY1305: { key: octets(0x40, 32), salt: octets(0xaa, 4) },
  NULL_HMAC_SHA2_256_128: { akey: octets(0x60, 32) },
  AES_CBC_HMAC_SHA2_256_128: { key: octets(0x80, 16), akey: octets(0x90, 32) },
};

export const ADDRESSES: Record<number, [string, string]> = {
  4: ['10.1.0.5', '10.2.0.9'],
  6: ['2001:db8:1::5', '2001:db8:2::9'],
};
export const OUTER: Record<number, [string, string]> = {
  4: ['192.0.2.1', '198.51.100.2'],
  6: ['2001:db8:a::1', '2001:db8:b::2'],
};

/** Standard ESP for UDP over IPv`version`; `outer` 0 is transport mode. */
export function ordinary(suite: string, version: number, outer: number, spi: number, more: Values = {}): Values {
  const [src, dst] = ADDRESSES[version];
  const ends = outer === 0 ? {} : { tunnel_ip: OUTER[outer] };
  return {
    ipsec_mode: outer === 0 ? 'transport' : 'tunnel',
    ...ends,
    ts_ip_version: version,
    ts_ip_src: [src, src],
    ts_ip_dst: [dst, dst],
    ts_proto: 17,
    iipc_enabled: false,
    alignment: 32,
    esp_trailer: 'Mandatory',
    esp_spi: spi.toString(16).padStart(8, '0'),
    esp_spi_lsb: 32,
    esp_sn_lsb: 32,
    esp_encr: suite,
    ...SUITES[suite],
    ...more,
  };
}

export function saOf(values: Values): Sa {
  const attributes = toAttributes(values);
  return createSa(FULL_PARTS, provider, toConfig(attributes, values));
}

export function endpoint(): Endpoint {
  return createEndpoint(FULL_PARTS, provider);
}

/** An IP packet with UDP and `length` octets of payload. */
export function udpPacket(version: number, length: number, source = 5001, destination = 4501): Uint8Array {
  const [src, dst] = ADDRESSES[version];
  const payload = Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff));
  return Uint8Array.from(packet({ src, dst, hops: 61 }, udp(source, destination, payload)));
}

/** What `outbound` makes; throws when the packet is dropped. */
export function protect(from: Endpoint, sa: Sa, inner: Uint8Array): Uint8Array {
  const dst = new Uint8Array(inner.length + OUTBOUND_ROOM);
  const length = outbound(from, sa, inner, 0, inner.length, dst, 0, 0);
  if (length < 0) throw new Error('dropped with ' + length);
  return dst.slice(0, length);
}

/** What `inbound` makes of a copy of `wire`, or the drop code. */
export function open(to: Endpoint, wire: Uint8Array): Uint8Array | number {
  const dst = new Uint8Array(wire.length + 128);
  const length = inbound(to, wire.slice(), 0, wire.length, dst, 0, 0);
  return length < 0 ? length : dst.slice(0, length);
}

/** A copy with one bit of the last octet, in the ICV, turned. */
export function damaged(wire: Uint8Array): Uint8Array {
  const copy = wire.slice();
  copy[copy.length - 1] ^= 1;
  return copy;
}
