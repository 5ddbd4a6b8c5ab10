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
  ike: ['base', 'wire', 'schc', 'dietesp', 'crypto', 'esp'],
  link: ['base', 'wire'],
  device: ['base', 'wire', 'schc', 'dietesp', 'crypto', 'esp', 'ike', 'link'],
  // core/index.ts: what the package exports.
  index: ['base', 'wire', 'schc', 'dietesp', 'crypto', 'esp', 'ike', 'link', 'device'],
};

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
    const layer = layerOf(file);
    const used = layerOf(target);
    if (layer === undefined || used === undefined) return 'a folder of core that is in no layer';
    return layer === used || LAYERS[layer].includes(used) ? undefined : layer + ' may not import ' + used;
  }
  if (from === 'targets' && ENGINES.includes(fromPart)) {
    const isOwn = isRelative && (to === 'core' || (to === 'targets' && (toPart === fromPart || toPart === 'board')));
    return isOwn ? undefined : 'an engine target imports core, targets/board and its own folder';
  }
  if (from === 'targets' && fromPart === 'board') {
    const isOwn = isRelative && (to === 'core' || (to === 'targets' && toPart === 'board'));
    return isOwn ? undefined : 'targets/board imports core only';
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

/** Import cycles among files: esbuild orders modules by their imports, and Espruino does not hoist. */
export function cycles(files: readonly string[]): string[] {
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const found = importsOf(withoutTypeImports(readFileSync(join(sourceRoot(), file), 'utf8')));
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
