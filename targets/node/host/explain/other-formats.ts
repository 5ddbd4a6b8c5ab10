// The X-ray of what has a format of its own and no compression: EESP [draft-ietf-ipsecme-eesp-03 §2], and ESP with anti-replay
// subspaces [draft-ponchon-ipsecme-anti-replay-subspaces-03]. It needs no key: the packet in clear and on the wire are given.

import { getBits } from '../../../../core/base/bits.ts';
import { EESP_BASE, EESP_INFO_SIZE, EESP_SN_SIZE } from '../../../../core/eesp/format.ts';
import type { Suite } from '../../../../core/esp/suites.ts';
import type { Piece, Xray, XrayField } from '../../../web/xray/model.ts';
import { ipOf } from './explanation.ts';
import { outerPieces } from './outer-pieces.ts';

const EESP = 'draft-ietf-ipsecme-eesp-03';
const SUBSPACES = 'draft-ponchon-ipsecme-anti-replay-subspaces-03';

/** An SA whose packets have a format of their own. */
export interface OtherSa {
  /** Name of the SA. */
  name: string;
  suite: Suite;
  isTunnel: boolean;
  /** EESP, and whether sequence numbers are on the wire; null: ESP with subspaces. */
  eesp: { hasSn: boolean } | null;
}

/** Name, bits, what it is, clause. */
type Row = [name: string, bits: number, why: string, clause: string];

function eespHeader(options: number, hasSn: boolean): Row[] {
  return [
    ['Version', 4, 'The first bit tells EESP from an SPI of ESP; the version is 0.', `${EESP} §2.1`],
    ['Reserved', 4, 'Zero.', `${EESP} §2.1`],
    ['Opt Len', 8, 'Octets of the options.', `${EESP} §2.1`],
    ['Session ID', 16, 'The Sub SA: each has a key and a counter of its own.', `${EESP} §2.1`],
    ['SPI', 32, 'Finds the SA.', `${EESP} §2.1`],
    ['Options', options * 8, 'Padding: the payload begins at a multiple of 4 or 8 octets.', `${EESP} §2`],
    ['Sequence Number', hasSn ? EESP_SN_SIZE * 8 : 0, 'All 64 bits are sent, against replays.', `${EESP} §2`],
  ];
}

const SUBSPACE_HEADER: Row[] = [
  ['SPI', 32, 'Finds the SA.', 'RFC 4303 §2.1'],
  ['Subspace ID', 16, 'The subspace: each has a counter and a window of its own.', SUBSPACES],
  ['Sequence Number', 48, 'The counter of the subspace: all of it is sent.', SUBSPACES],
];

/** The value of bits [at, at + bits), in decimal as far as that is exact and short. */
function bitsText(wire: Uint8Array, at: number, bits: number, isHex: boolean): string {
  if (bits <= 32 && !isHex) return String(getBits(wire, at, bits));
  return `0x${Buffer.from(wire.subarray(at / 8, (at + bits) / 8)).toString('hex')}`;
}

/**
 * The X-ray of the IP packet `clear` that became `wire` under this SA. Throws where the two do not go together.
 */
export function otherXray({ name, suite, isTunnel, eesp }: OtherSa, clear: Uint8Array, wire: Uint8Array): Xray {
  const outer = outerPieces(wire, isTunnel, 0);
  const { pieces } = outer;
  const fields: XrayField[] = outer.fields.map((field) =>
    eesp !== null && / Header$|^Protocol$/.test(field.name) && field.bits === 8
      ? { ...field, why: 'EESP, or UDP that carries it.', clause: EESP }
      : field,
  );
  const start = ipOf(wire).size;
  let at = start * 8;
  const header = eesp === null ? 'ESP' : 'EESP';
  const add = ([field, bits, why, clause]: Row, stage: XrayField['stage'], kind: Piece['kind'], value = ''): void => {
    if (bits === 0) return;
    pieces.push({ field: fields.length, name: field, value, bits, kind, isEncrypted: false });
    const rule = { tv: '', mo: '', cda: '', sent: '', sentBits: bits };
    fields.push({ header, name: field, value, bits, ...rule, stage, kind, why, clause });
    at += bits;
  };
  const rows = eesp === null ? SUBSPACE_HEADER : eespHeader(wire[start + 1] ?? 0, eesp.hasSn);
  if (wire.length < start + (eesp === null ? 12 : EESP_BASE)) throw new Error('it is too short');
  for (const row of rows) add(row, 'header', 'added', bitsText(wire, at, row[1], row[0] === 'SPI' || row[1] > 32));
  const ivAt = at / 8;
  const iv = Buffer.from(wire.subarray(ivAt, ivAt + suite.ivLength)).toString('hex');
  add(['IV', suite.ivLength * 8, 'Sent: this suite has an IV in each packet.', ''], 'encryption', 'added', iv);
  const encrypted = (field: string, octets: number, kind: Piece['kind']): void => {
    if (octets < 0) throw new Error('the packets in clear and on the wire do not go together');
    if (octets > 0) pieces.push({ field: -1, name: field, value: '', bits: octets * 8, kind, isEncrypted: true });
  };
  const text = wire.length - suite.icvLength - at / 8;
  const body = clear.length - (isTunnel ? 0 : ipOf(clear).size);
  const info = eesp === null || isTunnel ? 0 : EESP_INFO_SIZE;
  const trailer = eesp === null ? 2 : 0;
  encrypted('Payload Info', info, 'added');
  encrypted(isTunnel ? 'IP packet' : 'Payload', body, 'payload');
  encrypted('Padding', text - info - body - trailer, 'added');
  encrypted('Pad Length, Next Header', trailer, 'added');
  const icv = Buffer.from(wire.subarray(wire.length - suite.icvLength)).toString('hex');
  add(['ICV', suite.icvLength * 8, 'Proves the packet, with its header.', ''], 'encryption', 'icv', icv);
  const what = eesp === null ? 'ESP with anti-replay subspaces' : 'EESP';
  return {
    sa: name,
    mode: isTunnel ? 'tunnel' : 'transport',
    suite: suite.name,
    unexplained: '',
    format: what,
    strips: [
      {
        id: 'clear',
        title: 'In clear',
        note: '',
        octets: clear.length,
        pieces: [
          { field: -1, name: 'IP packet', value: '', bits: clear.length * 8, kind: 'payload', isEncrypted: false },
        ],
      },
      { id: 'esp', title: what, note: 'nothing is compressed', octets: wire.length, pieces },
    ],
    fields,
    totals: { clear: clear.length, payload: 0, esp: wire.length, diet: 0, air: 0 },
    hex: { clear: Buffer.from(clear).toString('hex'), wire: Buffer.from(wire).toString('hex') },
  };
}
