// The text of a device of one profile for an engine: the parts joined with the profile's constants, then what every bundle goes
// through.

import { join } from 'node:path';
import { BOARD_MEMBERS, SPAN_MEMBERS } from '../../board/hooks.ts';
import { espruinoText } from '../espruino.ts';
import { bundleScript } from '../javascript.ts';
import { bundleLua } from '../lua-bundle.ts';
import { sourceRoot } from '../root.ts';
import { boardSpans, portableSpans } from '../spans.ts';
import type { Constants } from './fold.ts';
import { type JoinOptions, joinParts } from './join.ts';

/** Where a device's text runs. */
export type DeviceEngine = 'node' | 'lua' | 'duktape' | 'jerryscript' | 'espruino';

/** What is made. */
export interface DeviceOptions {
  /** A file of targets/special, or an absolute path. Default: board.entry.ts, the program of a board. */
  entry?: string;
  /** The module that stands in for events.ts; default: app.ts. */
  events?: string;
  /** The board's functions for spans of octets. Default false. */
  hasSpans?: boolean;
  /** Short names; default true. */
  isMinified?: boolean;
  /** See JoinOptions. */
  hasTypes?: boolean;
  /** Names that leave the text, beside the hooks of boards. */
  kept?: readonly string[];
}

function partOf(name: string): string {
  return join(sourceRoot(), 'targets', 'special', name);
}

/** What is joined for a device. */
export function joinOptions(constants: Constants, options: DeviceOptions = {}): JoinOptions {
  const { entry, events, hasSpans, hasTypes } = options;
  return {
    ...(hasTypes === undefined ? {} : { hasTypes }),
    entry: entry?.startsWith('/') ? entry : partOf(entry ?? 'board.entry.ts'),
    profile: constants,
    replace: {
      [partOf('events.ts')]: partOf(events ?? 'app.ts'),
      ...(hasSpans === true ? { [portableSpans()]: boardSpans() } : {}),
    },
  };
}

/** The device as one TypeScript text without imports. */
export function joinDevice(constants: Constants, options: DeviceOptions = {}): Promise<string> {
  return joinParts(joinOptions(constants, options));
}

/** A joined text for an engine. */
export async function engineText(text: string, engine: DeviceEngine, options: DeviceOptions = {}): Promise<string> {
  const { isMinified = true, hasSpans, kept = [] } = options;
  if (engine === 'lua') return bundleLua({ text });
  if (engine === 'espruino') return espruinoText({ text }, isMinified, kept);
  const mangle = isMinified ? [...BOARD_MEMBERS, ...(hasSpans === true ? SPAN_MEMBERS : []), ...kept] : false;
  return (await bundleScript({ text }, engine, { minify: isMinified, mangle })).text;
}

/** The device's text for an engine. */
export async function deviceText(
  constants: Constants,
  engine: DeviceEngine,
  options: DeviceOptions = {},
): Promise<string> {
  return engineText(await joinDevice({ ...constants, engine }, options), engine, options);
}
