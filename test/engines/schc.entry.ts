// The SCHC layer on an engine. A case: [id, direction (1 up, 2 down), address of Dev, of App, packet, SCHC packet or
// drop code of the compressor, rule, rule ...], octets in hexadecimal digits. A rule is `RuleID/bits:entry;entry`, an
// entry `fid,fl,fp,di,mo,msb,cda,value,value`. The packet is compressed, and restored from each of its two forms.

import { schcCompress } from '../../core/schc/compress.ts';
import { compileContext } from '../../core/schc/context.ts';
import { schcDecompress } from '../../core/schc/decompress.ts';
import type { FieldDescriptor, Rule } from '../../core/schc/model.ts';
import { SLOT_NONE } from '../../core/wire/header.ts';
import { ipv4 } from '../../core/wire/ipv4.ts';
import { ipv6 } from '../../core/wire/ipv6.ts';
import { sctp } from '../../core/wire/sctp.ts';
import { tcp } from '../../core/wire/tcp.ts';
import { udp } from '../../core/wire/udp.ts';
import { udplite } from '../../core/wire/udplite.ts';
import type { Report } from './report.ts';
import { begin, createReport, decimal, end, expect, expectNumber, finish, hex, octets } from './report.ts';

const headers = [ipv6, ipv4, udp, udplite, tcp, sctp];

function number(text: string): number {
  const negative = text.charAt(0) === '-';
  let value = 0;
  for (let i = negative ? 1 : 0; i < text.length; i++) value = value * 10 + text.charCodeAt(i) - 48;
  return negative ? -value : value;
}

function fieldOf(text: string): FieldDescriptor {
  const parts = text.split(',');
  const values: Uint8Array[] = [];
  for (let i = 7; i < parts.length; i++) values.push(octets(parts[i]));
  return {
    fid: number(parts[0]),
    fl: number(parts[1]),
    fp: number(parts[2]),
    di: number(parts[3]),
    tv: values,
    mo: number(parts[4]),
    msb: number(parts[5]),
    cda: number(parts[6]),
    slot: SLOT_NONE,
  };
}

function ruleOf(text: string): Rule {
  const parts = text.split(':');
  const id = parts[0].split('/');
  const fields: FieldDescriptor[] = [];
  // Espruino's split gives no empty last part.
  if (parts.length > 1 && parts[1] !== '') {
    const entries = parts[1].split(';');
    for (let i = 0; i < entries.length; i++) fields.push(fieldOf(entries[i]));
  }
  return { ruleId: number(id[0]), ruleIdLength: number(id[1]), fields: fields };
}

function one(report: Report, strings: readonly string[]): void {
  const rules: Rule[] = [];
  for (let i = 6; i < strings.length; i++) rules.push(ruleOf(strings[i]));
  const context = compileContext(rules, headers);
  // Size 0 of every residue means absence.
  context.isZeroAbsence = strings[0].indexOf('strict') === 0;
  const direction = number(strings[1]);
  const dev = octets(strings[2]);
  const app = octets(strings[3]);
  const packet = octets(strings[4]);
  const out = new Uint8Array(packet.length + 40);
  const way = { direction: direction, dev: dev, app: app };
  const length = schcCompress(context, way, packet, 0, packet.length, out, 1);
  expect(report, 'packet after', strings[4], hex(packet, 0, packet.length));
  expect(report, 'schc', strings[5], length < 0 ? decimal(length) : hex(out, 1, length));
  if (length < 0) return;
  const back = new Uint8Array(packet.length + 3);
  const size = schcDecompress(context, way, out, 1, length, back, 2);
  expectNumber(report, 'length', packet.length, size);
  expect(report, 'packet', strings[4], hex(back, 2, packet.length));
  // Cut by two octets there is a shorter packet, or a drop code; never more.
  const cut = schcDecompress(context, way, out, 1, length - 2, back, 2);
  expect(report, 'cut', 'shorter', cut < size ? 'shorter' : decimal(cut));
}

export function run(cases: readonly string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    one(report, cases[i]);
    end(report);
  }
  finish(report);
}
