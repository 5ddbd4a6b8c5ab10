// What a CRL revokes [RFC 5280 §5.1]. A list may have tens of thousands of entries: they are walked here, because the library takes seconds
// for them, and a gateway reads its lists again while it serves. What else is in the list is left to the library.

import { AsnConvert } from '@peculiar/asn1-schema';
import { Extension } from '@peculiar/asn1-x509';

const INTEGER = 0x02;
const BOOLEAN = 0x01;
const TIMES = [0x17, 0x18];
const SEQUENCE = 0x30;
/** ReasonCode, the one extension of an entry that may be critical: 2.5.29.21. */
const REASON = Buffer.from('551d15', 'hex');

/** One element: where it begins, its contents, its end. */
interface Element {
  tag: number;
  at: number;
  from: number;
  end: number;
}

/** The elements in der[from..end). Throws where they do not end there. */
function elementsIn(der: Buffer, from: number, end: number): Element[] {
  const out: Element[] = [];
  for (let at = from; at < end; ) {
    const short = at + 2 <= end ? der[at + 1] : 0x80;
    const size = short & 0x7f;
    const isLong = short >= 0x80;
    if (isLong && (size === 0 || size > 4 || at + 2 + size > end)) throw new Error('is not DER');
    const begin = at + 2 + (isLong ? size : 0);
    const behind = begin + (isLong ? der.readUIntBE(at + 2, size) : size);
    if (behind > end) throw new Error('is not DER');
    out.push({ tag: der[at], at, from: begin, end: behind });
    at = behind;
  }
  return out;
}

/** A SEQUENCE of these octets. */
function sequence(parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(SEQUENCE, body.length), body]);
  const length = Buffer.from(body.length.toString(16).replace(/^(.)(?=(..)*$)/, '0$1'), 'hex');
  return Buffer.concat([Buffer.of(SEQUENCE, 0x80 + length.length), length, body]);
}

export interface CrlParts {
  /** The list without entries, for the library. */
  bare: Buffer;
  /** What is signed. */
  signed: Buffer;
  /** Serial numbers, as the entries have them. */
  serials: Buffer[];
}

/** The serial number of an entry. Throws where it is malformed, or says critically what is not understood, such as another issuer. */
function serialIn(der: Buffer, entry: Element): Buffer {
  const [serial, time, extensions] = elementsIn(der, entry.from, entry.end);
  if (serial?.tag !== INTEGER || serial.from === serial.end || time === undefined)
    throw new Error('an entry is malformed');
  if (extensions !== undefined) {
    for (const one of elementsIn(der, extensions.from, extensions.end)) {
      const [id, critical] = elementsIn(der, one.from, one.end);
      const isCritical = critical?.tag === BOOLEAN && der[critical.from] !== 0;
      if (!isCritical || der.subarray(id.from, id.end).equals(REASON)) continue;
      const { extnID } = AsnConvert.parse(der.subarray(one.at, one.end), Extension);
      throw new Error(`critical extension ${extnID} of an entry is not supported`);
    }
  }
  return der.subarray(serial.from, serial.end);
}

/** Takes a CRL apart. Throws on what is none. */
export function crlParts(der: Buffer): CrlParts {
  const [outer, more] = elementsIn(der, 0, der.length);
  if (outer?.tag !== SEQUENCE || more !== undefined) throw new Error('is not one CRL in DER and nothing else');
  const [tbs, ...rest] = elementsIn(der, outer.from, outer.end);
  if (tbs?.tag !== SEQUENCE) throw new Error('is no CRL');
  const items = elementsIn(der, tbs.from, tbs.end);
  // Behind the times, and before the extensions, which have a tag of their own.
  const at = items.findLastIndex(({ tag }) => TIMES.includes(tag)) + 1;
  const entries = at > 0 && items[at]?.tag === SEQUENCE ? items[at] : undefined;
  const raw = (list: readonly Element[]): Buffer[] => list.map((one) => der.subarray(one.at, one.end));
  return {
    bare: sequence([sequence(raw(items.filter((one) => one !== entries))), ...raw(rest)]),
    signed: der.subarray(tbs.at, tbs.end),
    serials: entries === undefined ? [] : elementsIn(der, entries.from, entries.end).map((one) => serialIn(der, one)),
  };
}
