// Which vectors emitted code takes, grouped by profile, and why the others are left out.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DROP_REPLAY, DROP_SEQUENCE } from '../../core/base/drop.ts';
import type { Refusal } from '../../core/base/refuse.ts';
import * as C from '../../targets/build/case-fields.ts';
import { outputFolder, sourceRoot } from '../../targets/build/root.ts';
import type { PacketProfileOf } from '../../targets/build/specialise/packet-facts.ts';
import { casesOf, type VectorFile } from '../../targets/build/vector-file.ts';
import { configOf } from '../core/support.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { protect } from '../naive/naive.ts';
import { packet, udp } from '../naive/packets.ts';
import { configOfCase, keymatOf, packetTextOf, selfProfile } from './packet-kit.ts';

/** What all engines share: profiles with their cases. */
export interface Plan {
  profiles: { profile: PacketProfileOf; cases: string[][] }[];
  /** Vectors that are not packets of a profile, by reason. */
  left: Record<string, number>;
  /** Vectors that must be refused when a module is made: the field, and what was said instead. */
  wrong: string[];
  refused: number;
}

/** Vector files that have packets. */
const FILES = ['own', 'diet-esp'];
/** Largest sequence number that is exact. */
const SN_MAX = 2n ** 53n - 1n;

function readCases(): string[][] {
  return FILES.flatMap((name) => {
    const path = join(sourceRoot(), 'test', 'vectors', `${name}.json`);
    return casesOf(JSON.parse(readFileSync(path, 'utf8')) as VectorFile);
  });
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** Why the module of a case's SA cannot be made, as the field and the value; else its profile. */
function profileOf(c: string[]): PacketProfileOf | string {
  try {
    return selfProfile(configOfCase(c));
  } catch (error) {
    return (error as Refusal).message;
  }
}

/**
 * A row of sn_recovery as a packet: it has the number that is recovered, and comes in after T. Up to T the number counts as seen.
 * Without a number there is nothing to seal: the bits alone are out of the range.
 */
function numberedCase(c: string[]): { profile: PacketProfileOf; strings: string[] } | string {
  const snLsb = Number(c[C.ESP_SN_LSB]);
  const last = BigInt(c[C.SN_HI]) * 2n ** 32n + BigInt(c[C.SN_LO]);
  const isOver = c[C.WANT_SN] === 'reject';
  const sn = isOver ? BigInt(c[C.WANT_RECEIVED]) + 2n ** BigInt(snLsb) : BigInt(`0x${c[C.WANT_SN]}`);
  const inner = packet(SIX, udp(5001, 4500, Buffer.from(c[C.ID])));
  const sa = makeSa(6, 17, {
    esn: c[C.ESN] === '1',
    esp_sn_lsb: snLsb,
    esp_spi_lsb: 8 - (snLsb % 8),
    esp_sn: (isOver ? sn % 2n ** 32n : sn).toString(16),
  });
  const window = Number(c[C.REPLAY_WINDOW]);
  const wire = protect(sa, inner).wire;
  const config = configOf(sa, { replayWindow: window });
  let profile: PacketProfileOf;
  try {
    profile = selfProfile(config);
  } catch (error) {
    return (error as Refusal).message;
  }
  const code = isOver ? DROP_SEQUENCE : window > 0 && sn <= last ? DROP_REPLAY : 0;
  const spi = String(config.attributes.espSpi);
  return {
    profile,
    strings: [
      ...[c[C.ID], 'reject', '', hex(profile.data), hex(keymatOf(config)), spi, String(last), '-', '-', wire],
      ...(code === 0 ? [hex(inner), '-'] : ['-', String(code)]),
      '-',
    ],
  };
}

export function planOf(cases = readCases()): Plan {
  const plan: Plan = { profiles: [], left: {}, wrong: [], refused: 0 };
  const byKey = new Map<string, Plan['profiles'][number]>();
  const leave = (reason: string): void => {
    plan.left[reason] = (plan.left[reason] ?? 0) + 1;
  };
  const add = (profile: PacketProfileOf, strings: string[]): void => {
    const key = JSON.stringify([profile.constants, profile.rules]);
    let group = byKey.get(key);
    if (group === undefined) {
      group = { profile, cases: [] };
      byKey.set(key, group);
      plan.profiles.push(group);
    }
    group.cases.push(strings);
  };
  for (const c of cases) {
    if (c[C.KIND] === 'sn') {
      const packet = numberedCase(c);
      if (typeof packet === 'string') leave(packet.split(': ').slice(0, 2).join(': '));
      else add(packet.profile, packet.strings);
      continue;
    }
    const profile = profileOf(c);
    if (c[C.KIND] === 'config') {
      if (typeof profile === 'string' && profile.startsWith(`${c[C.WANT_FIELD]}:`)) plan.refused++;
      else plan.wrong.push(`${c[C.ID]}: ${typeof profile === 'string' ? profile : 'made'}`);
      continue;
    }
    if (typeof profile === 'string') {
      leave(profile.split(': ').slice(0, 2).join(': '));
      continue;
    }
    const sn = BigInt(c[C.SN_HI]) * 2n ** 32n + BigInt(c[C.SN_LO]);
    if (sn > SN_MAX) {
      leave('esp_sn above 2^53 - 1');
      continue;
    }
    add(profile, [
      c[C.ID],
      c[C.KIND],
      '',
      hex(profile.data),
      hex(keymatOf(configOfCase(c))),
      c[C.ESP_SPI],
      String(sn - 1n),
      c[C.WANT_IV],
      c[C.INNER],
      c[C.WANT_WIRE],
      c[C.WANT_DECOMPRESSED],
      c[C.WANT_CODES],
      c[C.BEFORE],
    ]);
  }
  return plan;
}

const EXPORTS = ['start', 'addSas', 'removePair', 'resumeSas', 'outbound', 'inbound', 'counter', 'testIv'];

/** Of so many profiles one is shrunk, as devices are; all with DIETESP_LONG=1. */
const SHRUNK = process.env['DIETESP_LONG'] === '1' ? 1 : 12;

/** Texts of the plan's modules, made once: files of the build folder. */
export async function writeModules(plan: Plan, folder = join(outputFolder('special'), 'vectors')): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const files: string[] = [];
  for (const [i, { profile }] of plan.profiles.entries()) {
    const text = await packetTextOf(profile, i % SHRUNK === 0);
    const file = join(folder, `m${i}.ts`);
    const used = text.replace('declare const board: Board;', '');
    const from = `import { board } from '../../../test/special/packet-board.ts';\n`;
    writeFileSync(file, (used === text ? '' : from) + used);
    files.push(file);
  }
  return files;
}

/** An entry that runs cases with the modules first, first + 1, ... of the plan; and its cases. */
export function writeEntry(plan: Plan, files: readonly string[], first: number, count: number): [string, string[][]] {
  const numbers = Array.from({ length: Math.min(count, files.length - first) }, (_, i) => first + i);
  const imports = numbers.map((n) => `import * as m${n} from './m${n}.ts';\n`).join('');
  const objects = numbers.map((n) => `  { ${EXPORTS.map((name) => `${name}: m${n}.${name}`).join(', ')} },\n`).join('');
  const file = join(files[0], '..', `from-${first}.entry.ts`);
  const text = `${imports}import { type PacketModule, runPacketCases } from '../../../test/special/packet-case.ts';

const modules: PacketModule[] = [
${objects}];

export function run(cases: string[][], emit: (line: string) => void): void {
  runPacketCases(cases, modules, emit);
}
`;
  writeFileSync(file, text);
  const cases = numbers.flatMap((n, i) => {
    return plan.profiles[n].cases.map((c) => [...c.slice(0, 2), String(i), ...c.slice(3)]);
  });
  return [file, cases];
}
