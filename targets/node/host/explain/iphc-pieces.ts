// What 6LoWPAN makes of an outer IPv6 header [RFC 6282 §3], piece by piece. The octets are the core's; this reads them.

import { addressOf } from '../../../../core/base/address.ts';
import { IPV6_DST, IPV6_SRC } from '../../../../core/wire/ipv6.ts';
import { createContexts, putInterfaceId, setContext } from '../../../../core/wire/sixlowpan.ts';
import { compressIphc, IPHC_MAX } from '../../../../core/wire/sixlowpan-iphc.ts';
import type { Piece } from '../../../web/xray/model.ts';

/** Octets of the prefixes of contexts: what a short address does not give. */
const PREFIX = 14;
/** Octets inline by value of TF, and by address mode. */
const TF_SIZES = [4, 3, 1, 0];
const SIZES = [16, 8, 2, 0, 0, 8, 2, 0, 16, 6, 4, 1, 6];

/** Under which conditions the octets are counted. */
export const IPHC_NOTE = 'short addresses, and contexts for the prefixes of the outer addresses';

/**
 * The header that stands for the IPv6 header of `packet`, between nodes whose short addresses are the last octets of the outer
 * addresses, with contexts for the rest.
 */
export function iphcOf(packet: Uint8Array): Uint8Array {
  const contexts = createContexts(2);
  const iids = new Uint8Array(16);
  [IPV6_SRC, IPV6_DST].forEach((at, i) => {
    if (
      i === 0 ||
      Buffer.compare(packet.subarray(at, at + PREFIX), packet.subarray(IPV6_SRC, IPV6_SRC + PREFIX)) !== 0
    ) {
      setContext(contexts, i, packet, at, PREFIX * 8);
    }
    putInterfaceId(iids, i * 8, addressOf(packet.slice(at + PREFIX, at + 16)));
  });
  const out = new Uint8Array(IPHC_MAX);
  return out.subarray(0, compressIphc({ contexts, iids, nhc: null }, packet, 0, packet.length, out, 0));
}

const hex = (octets: Uint8Array): string => `0x${Buffer.from(octets).toString('hex')}`;

/** Its pieces; `fields`: which field of the outer header each is of, by the names of IPv6. */
export function iphcPieces(octets: Uint8Array, fields: (name: string) => number): Piece[] {
  const [low, high] = octets;
  let at = 2;
  const pieces: Piece[] = [];
  const put = (name: string, of: string, bits: number, value: string): void => {
    if (bits > 0) pieces.push({ field: fields(of), name, value, bits, kind: 'outer', isEncrypted: false });
  };
  const inline = (name: string, of: string, size: number): void => {
    put(name, of, size * 8, hex(octets.subarray(at, at + size)));
    at += size;
  };
  const tf = (low >>> 3) & 3;
  const hlim = low & 3;
  const source = (high >>> 4) & 7;
  const destination = high & 15;
  put('IPHC', '', 3, '011');
  put('TF', 'DSCP', 2, tf.toString(2).padStart(2, '0'));
  put('NH', 'Next Header', 1, String((low >>> 2) & 1));
  put('HLIM', 'Hop Limit', 2, hlim.toString(2).padStart(2, '0'));
  put('CID', 'Source Address', 1, String(high >>> 7));
  put('SAM', 'Source Address', 3, source.toString(2).padStart(3, '0'));
  put('DAM', 'Destination Address', 4, destination.toString(2).padStart(4, '0'));
  if (high >>> 7 === 1) inline('contexts', 'Source Address', 1);
  inline('Traffic Class, Flow Label', 'Flow Label', TF_SIZES[tf]);
  inline('Next Header', 'Next Header', 1);
  if (hlim === 0) inline('Hop Limit', 'Hop Limit', 1);
  inline('Source', 'Source Address', SIZES[source]);
  inline('Destination', 'Destination Address', SIZES[destination]);
  return pieces;
}
