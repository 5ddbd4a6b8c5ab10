// The CoAP profile a second time, for vectors: from RFC 7252, RFC 8724 and docs/coap-profile.md, in strings of bits, with
// node:crypto. It shares no code with the core.

import { createCipheriv, createHash } from 'node:crypto';

export type Direction = 'up' | 'down';

export interface Packed {
  /** No RuleID: the sequence number is odd. */
  implied: boolean;
  octets: Buffer;
}

interface Message {
  type: number;
  code: number;
  id: string;
  token: string;
  /** Option number and value, in order. */
  options: [number, string][];
  payload: string;
}

const bits = (value: number, width: number): string => value.toString(2).padStart(width, '0');
const bitsOf = (octets: Uint8Array): string => [...octets].map((octet) => bits(octet, 8)).join('');

function octetsOf(text: string): Buffer {
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '0');
  return Buffer.from((padded.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)));
}

/** A well-formed message of version 1, else null. */
export function parse(bytes: Buffer): Message | null {
  if (bytes.length < 4 || bytes[0] >> 6 !== 1) return null;
  const tkl = bytes[0] & 15;
  if (tkl > 8 || bytes.length < 4 + tkl) return null;
  const options: [number, string][] = [];
  let at = 4 + tkl;
  let number = 0;
  while (at < bytes.length && bytes[at] !== 0xff) {
    const nibbles = [bytes[at] >> 4, bytes[at] & 15];
    at++;
    const values: number[] = [];
    for (const nibble of nibbles) {
      if (nibble === 15) return null;
      const more = nibble === 13 ? 1 : nibble === 14 ? 2 : 0;
      if (at + more > bytes.length) return null;
      if (more === 0) values.push(nibble);
      else values.push(more === 1 ? bytes.readUInt8(at) + 13 : bytes.readUInt16BE(at) + 269);
      at += more;
    }
    number += values[0];
    if (number > 65535 || at + values[1] > bytes.length) return null;
    options.push([number, bytes.subarray(at, at + values[1]).toString('hex')]);
    at += values[1];
  }
  if (at === bytes.length - 1) return null;
  return {
    type: (bytes[0] >> 4) & 3,
    code: bytes[1],
    id: bitsOf(bytes.subarray(2, 4)),
    token: bitsOf(bytes.subarray(4, 4 + tkl)),
    options,
    payload: bitsOf(bytes.subarray(Math.min(bytes.length, at + 1))),
  };
}

/** The UDP payload `bytes` under the rules that are made from `paths`. */
export function pack(paths: string[], direction: Direction, bytes: Buffer): Packed {
  const whole = { implied: false, octets: octetsOf('11111111' + bitsOf(bytes)) };
  const m = parse(bytes);
  if (m === null || m.options.length > 50) return whole;
  const path = m.options.map(([number, value]) => `${number} ${value}`).join(',');
  const asOptions = (text: string): string =>
    text
      .split('/')
      .filter((part) => part !== '')
      .map((part) => `11 ${Buffer.from(part).toString('hex')}`)
      .join(',');
  const tkl = m.token.length / 8;
  const rest = m.id + m.token + m.payload;
  const candidates: Packed[] = [];
  const add = (id: string, residue: string): void => {
    candidates.push({ implied: id === '', octets: octetsOf(id + residue) });
  };
  if (direction === 'up' && m.type === 0 && m.code === 2 && tkl === 1 && path === asOptions(paths[0])) add('', rest);
  if (direction === 'down' && m.type === 2 && m.code === 0x44 && tkl === 1 && path === '') add('', rest);
  if (m.code === 0 && tkl === 0 && path === '') add('010', bits(m.type, 2) + m.id + m.payload);
  const answer = [0x41, 0x42, 0x43, 0x44, 0x45, 0x80, 0x84, 0xa0].indexOf(m.code);
  if (m.type !== 3 && answer >= 0 && path === '') {
    add('011', bits([1, 2, 0][m.type], 2) + bits(tkl, 4) + bits(answer, 3) + rest);
  }
  paths.forEach((text, i) => {
    if (m.type < 2 && m.code >= 1 && m.code <= 4 && path === asOptions(text)) {
      add('100' + bits(i, 5), bits(m.type, 1) + bits(tkl, 4) + bits(m.code - 1, 2) + rest);
    }
  });
  const best = candidates[0];
  return best === undefined || best.octets.length > bytes.length ? whole : best;
}

/** The next number of a sender after `last`: odd without a RuleID, even with one. */
export function nextNumber(last: number, implied: boolean): number {
  return (last + 1) % 2 === (implied ? 1 : 0) ? last + 1 : last + 2;
}

/** ESP with AES-CCM-8 and an implicit IV: low bits of SPI and number, cipher text, ICV [RFC 4303, RFC 4309, RFC 8750]. */
export function esp(
  key: Buffer,
  salt: Buffer,
  spi: number,
  spiLsb: number,
  snLsb: number,
  number: number,
  text: Buffer,
) {
  const aad = Buffer.alloc(8);
  aad.writeUInt32BE(spi, 0);
  aad.writeUInt32BE(number, 4);
  const nonce = Buffer.concat([salt, Buffer.alloc(4), aad.subarray(4)]);
  const cipher = createCipheriv('aes-128-ccm', key, nonce, { authTagLength: 8 });
  cipher.setAAD(aad, { plaintextLength: text.length });
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  const low = (value: number, count: number): string => (count === 0 ? '' : bits(value, 32).slice(32 - count));
  return Buffer.concat([octetsOf(low(spi, spiLsb) + low(number, snLsb)), sealed]);
}

type Entry = [fid: number, fl: number, di: number, mo: number, cda: number, values: string[]];

/** The name of the rule set of `paths`: 8 octets of SHA-256 over its canonical octets. */
export function nameOf(paths: string[]): string {
  const [UP, DOWN, BOTH] = [1, 2, 0];
  const [EQUAL, IGNORE, MAPPING] = [0, 1, 3];
  const hexes = (values: number[]): string[] => values.map((value) => value.toString(16).padStart(2, '0'));
  const is = (fid: number, fl: number, di: number, value: number): Entry => [fid, fl, di, EQUAL, 0, hexes([value])];
  const map = (fid: number, fl: number, values: number[]): Entry => [fid, fl, BOTH, MAPPING, 2, hexes(values)];
  const send = (fid: number, fl: number, di: number): Entry => [fid, fl, di, IGNORE, 1, []];
  const path = (text: string, di: number): Entry[] =>
    text
      .split('/')
      .filter((part) => part !== '')
      .map((part) => [61011, 0, di, EQUAL, 0, [Buffer.from(part).toString('hex')]]);
  const tail = (di: number): Entry[] => [send(60104, 16, di), send(60105, -1, di)];
  const fixed = (di: number, type: number, tkl: number, code: number): Entry[] => [
    is(60100, 2, di, 1),
    is(60101, 2, di, type),
    is(60102, 4, di, tkl),
    is(60103, 8, di, code),
  ];
  const rules: [number, number, Entry[]][] = [
    [0, 3, [...fixed(UP, 0, 1, 2), ...tail(UP), ...path(paths[0], UP)]],
    [1, 3, [...fixed(DOWN, 2, 1, 0x44), ...tail(DOWN)]],
    [
      2,
      3,
      [
        is(60100, 2, BOTH, 1),
        send(60101, 2, BOTH),
        is(60102, 4, BOTH, 0),
        is(60103, 8, BOTH, 0),
        send(60104, 16, BOTH),
      ],
    ],
    [
      3,
      3,
      [
        is(60100, 2, BOTH, 1),
        map(60101, 2, [2, 0, 1]),
        send(60102, 4, BOTH),
        map(60103, 8, [0x41, 0x42, 0x43, 0x44, 0x45, 0x80, 0x84, 0xa0]),
        ...tail(BOTH),
      ],
    ],
    ...paths.map((text, i): [number, number, Entry[]] => [
      0x80 + i,
      8,
      [
        is(60100, 2, BOTH, 1),
        map(60101, 2, [0, 1]),
        send(60102, 4, BOTH),
        map(60103, 8, [1, 2, 3, 4]),
        ...tail(BOTH),
        ...path(text, BOTH),
      ],
    ]),
    [0xff, 8, []],
  ];
  let text = Buffer.from('schc1').toString('hex');
  const number = (value: number, octets: number): void => {
    text += value.toString(16).padStart(octets * 2, '0');
  };
  for (const [id, length, entries] of rules) {
    number(id, 4);
    number(length, 1);
    number(entries.length, 2);
    for (const [fid, fl, di, mo, cda, values] of entries) {
      number(fid, 4);
      number(fl + 1, 4);
      number(di, 1);
      number(mo, 1);
      number(0, 4);
      number(cda, 1);
      number(values.length, 2);
      for (const value of values) {
        number(value.length / 2, 2);
        text += value;
      }
    }
  }
  return createHash('sha256').update(Buffer.from(text, 'hex')).digest('hex').slice(0, 16);
}
