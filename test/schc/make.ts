// Short ways to write rules and packets for the tests of the SCHC layer.

import { schcCompress } from '../../core/schc/compress.ts';
import type { Context } from '../../core/schc/context.ts';
import { schcDecompress } from '../../core/schc/decompress.ts';
import * as S from '../../core/schc/model.ts';
import { SLOT_NONE } from '../../core/wire/header.ts';
import { ipv4 } from '../../core/wire/ipv4.ts';
import { ipv6 } from '../../core/wire/ipv6.ts';
import { sctp } from '../../core/wire/sctp.ts';
import { tcp } from '../../core/wire/tcp.ts';
import { udp } from '../../core/wire/udp.ts';
import { udplite } from '../../core/wire/udplite.ts';

export const HEADERS = [ipv6, ipv4, udp, udplite, tcp, sctp];
export const NONE = new Uint8Array(0);
const ROOM = 70000;

export type Value = number | string | Uint8Array;

/** A number as its shortest octets, text as UTF-8, `0x` as octets. */
export function octets(value: Value): Uint8Array {
  if (typeof value === 'string') {
    return value.startsWith('0x') ? Buffer.from(value.slice(2), 'hex') : Buffer.from(value, 'utf8');
  }
  if (typeof value !== 'number') return value;
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : '0' + digits, 'hex');
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

interface More {
  fp?: number;
  di?: number;
}

function entry(fid: number, fl: number, values: Value[], mo: number, msb: number, cda: number, more: More) {
  const tv = values.map(octets);
  return { fid, fl, fp: more.fp ?? 1, di: more.di ?? S.DI_BI, tv, mo, msb, cda, slot: SLOT_NONE };
}

export function notSent(fid: number, fl: number, value: Value, more: More = {}): S.FieldDescriptor {
  return entry(fid, fl, [value], S.MO_EQUAL, 0, S.CDA_NOT_SENT, more);
}

/** The value is not looked at, and restored as this one. */
export function assumed(fid: number, fl: number, value: Value, more: More = {}): S.FieldDescriptor {
  return entry(fid, fl, [value], S.MO_IGNORE, 0, S.CDA_NOT_SENT, more);
}

export function sent(fid: number, fl: number, more: More = {}): S.FieldDescriptor {
  return entry(fid, fl, [], S.MO_IGNORE, 0, S.CDA_VALUE_SENT, more);
}

export function mapped(fid: number, fl: number, values: Value[], more: More = {}): S.FieldDescriptor {
  return entry(fid, fl, values, S.MO_MATCH_MAPPING, 0, S.CDA_MAPPING_SENT, more);
}

export function lsb(fid: number, fl: number, value: Value, msb: number, more: More = {}): S.FieldDescriptor {
  return entry(fid, fl, [value], S.MO_MSB, msb, S.CDA_LSB, more);
}

export function computed(fid: number, fl: number, more: More = {}): S.FieldDescriptor {
  return entry(fid, fl, [], S.MO_IGNORE, 0, S.CDA_COMPUTE, more);
}

export function iid(fid: number, cda: number, more: More = {}): S.FieldDescriptor {
  return entry(fid, 64, [], S.MO_IGNORE, 0, cda, more);
}

export function rule(ruleId: number, ruleIdLength: number, fields: S.FieldDescriptor[]): S.Rule {
  return { ruleId, ruleIdLength, fields };
}

/** The SCHC packet, or the drop code. Offsets on both sides are odd, to see that they are kept. */
export function compressed(
  context: Context,
  direction: number,
  packet: Uint8Array,
  dev: Uint8Array = NONE,
  app: Uint8Array = NONE,
): Uint8Array | number {
  const input = new Uint8Array(packet.length + 5).fill(0xee);
  input.set(packet, 3);
  const out = new Uint8Array(ROOM).fill(0xaa);
  const length = schcCompress(context, { direction, dev, app }, input, 3, packet.length, out, 7);
  if (hex(input.subarray(3, 3 + packet.length)) !== hex(packet)) throw new Error('the packet was changed');
  return length < 0 ? length : out.slice(7, 7 + length);
}

export function restored(
  context: Context,
  direction: number,
  schc: Uint8Array,
  dev: Uint8Array = NONE,
  app: Uint8Array = NONE,
): Uint8Array | number {
  const input = new Uint8Array(schc.length + 5).fill(0xee);
  input.set(schc, 3);
  const out = new Uint8Array(ROOM).fill(0x55);
  const length = schcDecompress(context, { direction, dev, app }, input, 3, schc.length, out, 5);
  return length < 0 ? length : out.slice(5, 5 + length);
}

/** Hexadecimal digits of what `compressed` or `restored` gave, or the drop code in decimal. */
export function text(result: Uint8Array | number): string {
  return typeof result === 'number' ? String(result) : hex(result);
}
