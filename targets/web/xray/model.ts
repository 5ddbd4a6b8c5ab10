// The X-ray of one packet as plain data: the packet in clear, under ordinary ESP, under Diet-ESP and on IEEE 802.15.4, piece by
// piece, and for each field what removes it and what restores it. Programs make it (targets/node/host/explain/xray.ts); the
// gateway's page and static pages show it (view.ts).

/** Who decides what becomes of a field. */
export type Stage = 'IIPC' | 'CoAP' | 'CTEC' | 'EEC' | 'header' | 'encryption' | 'outer' | 'IPHC';

/**
 * What becomes of it: left out because the SA says it; left out and computed again; sent in part; sent whole; the payload;
 * added by ESP; the ICV; outer header.
 */
export type Kind = 'known' | 'computed' | 'part' | 'sent' | 'payload' | 'added' | 'icv' | 'outer';

/** A run of bits of a packet. */
export interface Piece {
  /** Index in `Xray.fields`; -1: none. */
  field: number;
  name: string;
  /** The value as text, or ''. */
  value: string;
  bits: number;
  kind: Kind;
  /** It is encrypted on the wire. */
  isEncrypted: boolean;
}

/** One packet, from front to end. */
export interface Strip {
  id: 'clear' | 'esp' | 'diet' | 'air';
  title: string;
  /** A line about it, or ''. */
  note: string;
  octets: number;
  /** Their bits add up to the octets. */
  pieces: Piece[];
}

/** A field, and what becomes of it. */
export interface XrayField {
  /** `IPv6`, `UDP`, `ESP`, ... */
  header: string;
  name: string;
  value: string;
  /** Bits of it in the packet in clear, or under ordinary ESP where ESP adds it. */
  bits: number;
  /** Target value, matching operator, action of its rule; '' where there is none. */
  tv: string;
  mo: string;
  cda: string;
  /** What is sent under Diet-ESP: the bits as 0 and 1 where they are few, else ''; and how many. */
  sent: string;
  sentBits: number;
  stage: Stage;
  kind: Kind;
  /** A sentence: what happens to it, and how the other side gets it back. */
  why: string;
  /** Section of the draft or RFC. */
  clause: string;
}

export interface Xray {
  /** Name of the SA; its mode and suite. */
  sa: string;
  mode: string;
  suite: string;
  /** Why there are no fields, or ''. */
  unexplained: string;
  /** What it is where that is not Diet-ESP, and nothing is compressed; absent: Diet-ESP. */
  format?: string;
  strips: Strip[];
  fields: XrayField[];
  /** Octets of the packet in clear, its payload, and on the wire with the outer header. */
  totals: { clear: number; payload: number; esp: number; diet: number; air: number };
  /** Hexadecimal digits. */
  hex: { clear: string; wire: string };
}
