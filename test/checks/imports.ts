// Who may import whom. Layers of the core go one way; nothing else reaches up either.

import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { sourceRoot } from '../../targets/build/root.ts';

/** Each layer of core/ and the layers it may import besides itself. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ['base'],
  schc: ['base', 'wire'],
  dietesp: ['base', 'wire', 'schc'],
  crypto: ['base'],
  esp: ['base', 'wire', 'schc', 'dietesp', 'crypto'],
  eesp: ['base', 'wire', 'schc', 'dietesp', 'crypto', 'esp'],
  ah: ['base', 'wire', 'schc', 'dietesp', 'crypto', 'esp'],
  ike: ['base', 'wire', 'schc', 'dietesp', 'crypto', 'esp', 'eesp', 'ah'],
  link: ['base', 'wire'],
  device: ['base', 'wire', 'schc', 'dietesp', 'crypto', 'esp', 'ike', 'link'],
  // core/index.ts: what the package exports.
  index: ['base', 'wire', 'schc', 'dietesp', 'crypto', 'esp', 'eesp', 'ah', 'ike', 'link', 'device'],
};

/** Each room of targets/node/ and the rooms that it may import besides itself; each may import those before them. */
export const NODE_ROOMS: Readonly<Record<string, readonly string[]>> = {
  host: [],
  gateway: ['host'],
  sensor: ['host'],
  risav: ['host'],
  lab: ['host', 'gateway', 'sensor'],
  tools: ['host', 'gateway', 'sensor', 'lab'],
  cli: ['host', 'gateway', 'sensor', 'lab', 'tools', 'risav'],
};

/** Each room of core/ike/ and the rooms that it may import besides itself. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  codec: [],
  crypto: ['codec'],
  state: ['codec', 'crypto'],
  exchange: ['codec', 'crypto', 'state'],
  child: ['codec', 'crypto', 'state', 'exchange'],
  setup: ['codec', 'crypto', 'state', 'exchange', 'child'],
  ext: ['codec', 'crypto', 'state', 'exchange', 'child', 'setup'],
};

/** Files that stand above the rooms: they hand out what comes in, and what is due. */
const ABOVE_ROOMS = ['core/ike/exchange/endpoint.ts', 'core/ike/exchange/timers.ts'];

const ENGINES = ['lua', 'duktape', 'jerryscript', 'espruino'];

/** The module specifiers of a source text. */
export function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
}

/** The layer of a file in core/, or undefined for a folder that has none. */
export function layerOf(file: string): string | undefined {
  const parts = file.split('/');
  const layer = parts.length > 2 ? parts[1] : parts[1].replace(/\.ts$/, '');
  return Object.hasOwn(LAYERS, layer) && (layer === 'index') === (parts.length === 2) ? layer : undefined;
}

/** The room of a file in targets/node/: a folder, or `index` for what the package exports; undefined: none. */
function roomOf(file: string): string | undefined {
  const parts = file.split('/').slice(2);
  if (parts.length === 1) return /^index[\w-]*\.ts$/.test(parts[0]) ? 'index' : undefined;
  return Object.hasOwn(NODE_ROOMS, parts[0]) ? parts[0] : undefined;
}

/** Why a file of targets/node may not import another one there, or undefined. */
function forbiddenInNode(file: string, target: string): string | undefined {
  const room = roomOf(file);
  const used = roomOf(target);
  if (room === undefined || used === undefined) return 'a file of targets/node that is in no room';
  if (room === 'index') return used === 'cli' ? 'the package exports nothing of cli' : undefined;
  if (used === 'index') return 'nothing of targets/node imports its index';
  return room === used || NODE_ROOMS[room].includes(used) ? undefined : room + ' may not import ' + used;
}

/** True for what the package exports of a layer. */
function isIndex(file: string): boolean {
  return file.endsWith('/index.ts');
}

/** Why `file` of core/ may not import `target` of core/ike/, or undefined. */
function roomForbidden(file: string, target: string): string | undefined {
  const [, layer, room] = file.split('/');
  const usedRoom = target.split('/')[2];
  if (isIndex(file) || isIndex(target)) return undefined;
  if (!Object.hasOwn(ROOMS, usedRoom)) return 'a folder of core/ike that is no room';
  if (layer !== 'ike') {
    const isList = layer === 'device' || file === 'core/index.ts';
    return usedRoom !== 'ext' || isList ? undefined : 'extensions are listed by device, targets and tests';
  }
  if (!Object.hasOwn(ROOMS, room)) return 'a folder of core/ike that is no room';
  if (room === 'ext' && usedRoom === 'ext') return 'no extension imports another';
  if (ABOVE_ROOMS.includes(target) && !ABOVE_ROOMS.includes(file)) return target + ' stands above the rooms';
  if (ABOVE_ROOMS.includes(file)) return usedRoom === 'ext' ? 'the core knows no extension' : undefined;
  return room === usedRoom || ROOMS[room].includes(usedRoom) ? undefined : room + ' may not import ' + usedRoom;
}

/** Why `file` may not import `specifier`, or undefined. Paths are relative to the project's root. */
export function forbidden(file: string, specifier: string): string | undefined {
  const isRelative = specifier.startsWith('.');
  const target = isRelative ? normalize(join(dirname(file), specifier)) : specifier;
  const [from, fromPart] = file.split('/');
  const [to, toPart] = target.split('/');
  if (isRelative && !/\.(ts|js|json)$/.test(specifier)) return 'a relative import ends in .ts';
  if (isRelative && to === 'test' && from !== 'test') return 'only tests import tests';
  if (from === 'core') {
    if (!isRelative || to !== 'core') return 'core imports nothing outside core';
    if (isIndex(target) && !isIndex(file)) return 'only indexes import an index: it brings its whole layer';
    const layer = layerOf(file);
    const used = layerOf(target);
    if (layer === undefined || used === undefined) return 'a folder of core that is in no layer';
    if (layer !== used && !LAYERS[layer].includes(used)) return layer + ' may not import ' + used;
    return used === 'ike' ? roomForbidden(file, target) : undefined;
  }
  if (from === 'targets' && ENGINES.includes(fromPart)) {
    const isShared = to === 'targets' && (toPart === fromPart || toPart === 'board' || toPart === 'special');
    const isOwn = isRelative && (to === 'core' || isShared);
    return isOwn ? undefined : 'an engine target imports core, targets/board, targets/special and its own folder';
  }
  if (from === 'targets' && fromPart === 'board') {
    const isOwn = isRelative && (to === 'core' || (to === 'targets' && toPart === 'board'));
    return isOwn ? undefined : 'targets/board imports core only';
  }
  if (from === 'targets' && fromPart === 'node' && to === 'targets' && toPart === 'node' && isRelative) {
    return forbiddenInNode(file, target);
  }
  if (from === 'targets' && fromPart === 'web') {
    const isOwn = isRelative
      ? to === 'core' || (to === 'targets' && toPart === 'web')
      : specifier.startsWith('@noble/');
    return isOwn ? undefined : 'targets/web imports core and @noble only: it runs in browsers';
  }
  if (from === 'targets' && fromPart === 'page') {
    const isOwn = isRelative ? to === 'targets' && (toPart === 'page' || toPart === 'web') : specifier === 'uplot';
    return isOwn ? undefined : 'targets/page imports targets/web and the type of uplot only: it runs in browsers';
  }
  if (from === 'targets') {
    const isFine = !isRelative || to === 'core' || (to === 'targets' && !ENGINES.includes(toPart));
    return isFine ? undefined : 'targets import core and each other, not boards';
  }
  if (from === 'boards') {
    const isFine = isRelative && (to === 'core' || to === 'boards' || (to === 'targets' && toPart !== 'node'));
    return isFine ? undefined : 'boards import core and an engine target';
  }
  return undefined;
}

/**
 * Import cycles among files: esbuild orders modules by their imports, and Espruino does not hoist. `types`: imports of
 * types count as well.
 */
export function cycles(files: readonly string[], types: boolean): string[] {
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const text = readFileSync(join(sourceRoot(), file), 'utf8');
    const found = importsOf(types ? text : withoutTypeImports(text));
    graph.set(
      file,
      found.filter((s) => s.startsWith('.')).map((s) => normalize(join(dirname(file), s))),
    );
  }
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  return found;
}

// Types leave no import behind.
function withoutTypeImports(text: string): string {
  return text.replace(/^(import|export) type [^;]*;/gm, '');
}
