// What a specialised device is made of: what its profile fixes, what its blob brings, and how many octets each part takes in the
// minified JavaScript.

import { SourceMap } from 'node:module';
import { sep } from 'node:path';
import { BOARD_MEMBERS, SPAN_MEMBERS } from '../../board/hooks.ts';
import { scriptOptions, stdinOf } from '../javascript.ts';
import { buildTool, sourceRoot } from '../root.ts';
import type { Constants } from './fold.ts';
import { type DeviceOptions, joinOptions } from './image.ts';
import { joinParts, originsOf } from './join.ts';

/** Octets of one part. */
export interface PartShare {
  part: string;
  octets: number;
}

/** A field of the device's octets. */
export interface BlobField {
  name: string;
  at: number;
  octets: number;
}

export interface DeviceReport {
  /** 16 hexadecimal digits: the blob of another profile is refused. */
  profile: string;
  /** Constants in the text. */
  fixed: Constants;
  /** What differs from device to device: the octets of the blob. */
  variable: BlobField[];
  /** Largest first; octets of minified JavaScript. */
  parts: PartShare[];
  octets: number;
}

const PARTS: readonly (readonly [start: string, part: string])[] = [
  ['core/crypto/', 'cryptography'],
  ['targets/special/crypto', 'cryptography'],
  ['targets/special/ccm', 'cryptography'],
  ['targets/special/gcm', 'cryptography'],
  ['core/ike/', 'IKEv2'],
  ['targets/special/ike/', 'IKEv2'],
  ['targets/special/link', 'link'],
  ['targets/special/esp', 'ESP'],
  ['targets/special/inner', 'ESP'],
  ['targets/special/echo', 'ESP'],
  ['core/base/', 'octets'],
  ['targets/special/octets', 'octets'],
  ['targets/special/data', 'octets'],
];

function partOf(file: string | undefined): string {
  if (file === undefined) return 'application';
  const name = file
    .slice(sourceRoot().length + 1)
    .split(sep)
    .join('/');
  return PARTS.find(([start]) => name.startsWith(start))?.[1] ?? 'application';
}

/** The part of each line of a joined text. */
function linesOf(text: string, origins: ReadonlyMap<string, string>): string[] {
  let part = 'application';
  return text.split('\n').map((line) => {
    const name = /^(?:export )?(?:function|const|let|interface|type) (\w+)/.exec(line)?.[1];
    if (name !== undefined) part = partOf(origins.get(name));
    return part;
  });
}

/** Octets of a device's parts, minified with short names. */
async function sharesOf(constants: Constants, options: DeviceOptions): Promise<PartShare[]> {
  const joining = joinOptions(constants, options);
  const text = await joinParts(joining);
  const esbuild = await buildTool('esbuild', () => import('esbuild'));
  const mangle = [...BOARD_MEMBERS, ...SPAN_MEMBERS, ...(options.kept ?? [])];
  const built = await esbuild.build({
    ...scriptOptions('jerryscript', { mangle }),
    ...stdinOf({ text }),
    format: 'iife',
    write: false,
    sourcemap: 'external',
  });
  const script = built.outputFiles.find(({ path }) => path.endsWith('.js'))!.text;
  const map = new SourceMap(JSON.parse(built.outputFiles.find(({ path }) => path.endsWith('.map'))!.text));
  const parts = linesOf(text, await originsOf(joining));
  const octets = new Map<string, number>();
  script.split('\n').forEach((line, row) => {
    for (let column = 0; column <= line.length; column++) {
      const { originalLine } = map.findEntry(row, column) as { originalLine?: number };
      const part = originalLine === undefined ? 'application' : parts[originalLine];
      octets.set(part, (octets.get(part) ?? 0) + 1);
    }
  });
  // The last line has no end.
  octets.set('application', (octets.get('application') ?? 0) - 1);
  return [...octets].map(([part, count]) => ({ part, octets: count })).sort((a, b) => b.octets - a.octets);
}

/** The fields of a device's octets in their order. */
export function fieldsOf(constants: Constants): BlobField[] {
  const places = Object.entries(constants)
    .filter(([name]) => /^at[A-Z]/.test(name))
    .map(([name, at]) => ({ name: name.slice(2), at: at as number }))
    .sort((a, b) => a.at - b.at);
  return places
    .map((field, i) => ({ ...field, octets: ((places[i + 1]?.at ?? constants.dataSize) as number) - field.at }))
    .filter(({ octets }) => octets > 0);
}

/** What is fixed, and what is of each device. */
export function reportHead(constants: Constants): Pick<DeviceReport, 'profile' | 'fixed' | 'variable'> {
  return {
    profile: String(constants.profileHash),
    fixed: Object.fromEntries(Object.entries(constants).filter(([name]) => !/^at[A-Z]/.test(name))),
    variable: fieldsOf(constants),
  };
}

/** The report of a device. */
export async function reportOf(constants: Constants, options: DeviceOptions = {}): Promise<DeviceReport> {
  const parts = await sharesOf(constants, options);
  return { ...reportHead(constants), parts, octets: parts.reduce((sum, { octets }) => sum + octets, 0) };
}
