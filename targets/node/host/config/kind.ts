// The kinds of configuration files, told apart by their fields: a sensor's file given to the gateway gets one clear word in
// place of a list of unknown fields.

import type { ConfigDocument } from '../document.ts';
import { DEVICE_PROPERTIES } from './device-schema.ts';
import { GATEWAY_PROPERTIES, SENSOR_PROPERTIES } from './ike-files.ts';
import { ALIASES, SA_PROPERTIES } from './schema.ts';

export const FILE_KINDS = ['gateway', 'sensor', 'sa', 'device'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

const FIELDS: Record<FileKind, ReadonlySet<string>> = {
  gateway: new Set(Object.keys(GATEWAY_PROPERTIES)),
  sensor: new Set(Object.keys(SENSOR_PROPERTIES)),
  device: new Set(Object.keys(DEVICE_PROPERTIES)),
  sa: new Set([...Object.keys(SA_PROPERTIES), ...Object.keys(ALIASES)]),
};
const WORDS: Record<FileKind, string> = {
  gateway: 'this is the file of a gateway: dietesp gateway',
  sensor: 'this is the file of a sensor: dietesp sensor',
  device: 'this is the file of a device with SAs keyed by hand: dietesp build --specialise',
  sa: 'this is a file of SAs keyed by hand: dietesp compress, or `sas` of a gateway',
};

/** How many fields of `data` a kind knows. A list `sas` makes a file of SAs, a text there names one. */
function known(data: object, kind: FileKind): number {
  const names = Object.keys(data);
  if (Array.isArray((data as { sas?: unknown }).sas)) return kind === 'sa' ? names.length + 2 : 0;
  return names.filter((name) => FIELDS[kind].has(name)).length;
}

/** The kind of a file by its fields; a gateway's where they do not tell. */
export function kindOf(data: unknown): FileKind {
  if (typeof data !== 'object' || data === null) return 'gateway';
  let best: FileKind = 'gateway';
  for (const kind of FILE_KINDS) if (known(data, kind) > known(data, best)) best = kind;
  return best;
}

/** Throws where the file is clearly of another kind: two fields more are known there. */
export function refuseOtherKind(document: ConfigDocument, kind: FileKind): void {
  const { data } = document;
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return;
  const other = kindOf(data);
  if (other !== kind && known(data, other) >= known(data, kind) + 2) throw document.error([], '', WORDS[other]);
}
