// The outer IP header of an ESP packet, field by field: in transport mode the packet's own.

import { getBits } from '../../../../core/base/bits.ts';
import type { Piece, XrayField } from '../../../web/xray/model.ts';
import { addressText } from '../addresses.ts';
import { ipOf } from './explanation.ts';

/** Name, bits, and what becomes of it on 6LoWPAN or where it comes from. */
type Row = [name: string, bits: number, why: string, clause: string];

const SIX: Row[] = [
  ['Version', 4, '6LoWPAN leaves it out.', 'RFC 6282 §3.1'],
  ['DSCP', 6, 'Copied from the inner packet; 6LoWPAN leaves it out where it is 0.', 'RFC 6040, RFC 6282 §3.2.1'],
  ['ECN', 2, 'Copied from the inner packet; 6LoWPAN leaves it out where it is 0.', 'RFC 6040, RFC 6282 §3.2.1'],
  ['Flow Label', 20, '6LoWPAN leaves it out where it is 0.', 'RFC 6282 §3.2.1'],
  ['Payload Length', 16, 'Left out: it follows from the length of the frame.', 'RFC 6282 §3.1'],
  ['Next Header', 8, '50, ESP: 6LoWPAN sends it.', 'RFC 4303 §2, SCHC-NH'],
  ['Hop Limit', 8, 'Copied from the inner packet; 1, 64 and 255 take no octet.', 'HOPLIMIT, RFC 6282 §3.1.1'],
  ['Source Address', 128, 'Left out where it follows from the address of the frame and a context.', 'RFC 6282 §3.1.1'],
  [
    'Destination Address',
    128,
    'Left out where it follows from the address of the frame and a context.',
    'RFC 6282 §3.1.1',
  ],
];
const FOUR: Row[] = [
  ['Version', 4, '', 'RFC 791 §3.1'],
  ['IHL', 4, '', 'RFC 791 §3.1'],
  ['DSCP', 6, 'Copied from the inner packet.', 'RFC 6040'],
  ['ECN', 2, 'Copied from the inner packet.', 'RFC 6040'],
  ['Total Length', 16, '', 'RFC 791 §3.1'],
  ['Identification', 16, '', 'RFC 6864 §4.1'],
  ['Flags', 3, '', 'RFC 4301 §8.1'],
  ['Fragment Offset', 13, '', 'RFC 791 §3.1'],
  ['Time to Live', 8, 'Copied from the inner packet.', 'HOPLIMIT'],
  ['Protocol', 8, '50, ESP.', 'RFC 4303 §2, SCHC-NH'],
  ['Header Checksum', 16, '', 'RFC 791 §3.1'],
  ['Source Address', 32, '', 'RFC 791 §3.1'],
  ['Destination Address', 32, '', 'RFC 791 §3.1'],
];

/** Pieces and fields; `first`: index of the first of these fields among all. */
export function outerPieces(packet: Uint8Array, isTunnel: boolean, first: number) {
  const rows = packet[0] >>> 4 === 4 ? FOUR : SIX;
  const header = isTunnel ? 'outer IP' : 'IP';
  const pieces: Piece[] = [];
  const fields: XrayField[] = [];
  let at = 0;
  rows.forEach(([name, bits, why, clause], i) => {
    const isAddress = / Address$/.test(name);
    const value = isAddress ? addressText(packet, at / 8, bits / 8) : String(getBits(packet, at, bits));
    at += bits;
    pieces.push({ field: first + i, name, value, bits, kind: 'outer', isEncrypted: false });
    const rule = { tv: '', mo: '', cda: '', sent: '', sentBits: bits };
    fields.push({ header, name, value, bits, ...rule, stage: 'outer', kind: 'outer', why, clause });
  });
  const options = ipOf(packet).size * 8 - at;
  if (options > 0)
    pieces.push({ field: -1, name: 'options', value: '', bits: options, kind: 'outer', isEncrypted: false });
  return { pieces, fields };
}
