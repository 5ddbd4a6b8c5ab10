// The modules for Espruino: build/espruino/NAME.js is readable; NAME.min.js ships, minified and with short property names.
// A name has at most 8 characters, the limit of Espruino's Storage.

import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../node/host/append.ts';
import { ESPRUINO_MEMBERS, MODULE_MEMBERS } from './espruino-names.ts';
import { type Source, scriptOptions, stdinOf } from './javascript.ts';
import { buildTool, outputFolder, sourceRoot } from './root.ts';

/** Modules by name: their entries in targets/espruino. */
export const ESPRUINO_MODULES: Readonly<Record<string, string>> = { dietesp: 'module.ts', dietlite: 'lite.ts' };

export interface EspruinoModule {
  name: string;
  /** Paths, and octets. */
  plain: string;
  minified: string;
  plainSize: number;
  size: number;
}

/** Names that are not shortened. */
export function keptNames(): string[] {
  return [...new Set([...ESPRUINO_MEMBERS, ...MODULE_MEMBERS, 'require'])].sort();
}

/** Ends the source, so that the minifier calls no variable `of`, which is a keyword to Espruino. */
const KEYWORD = 'of';

/** A bundle for Espruino. */
export async function espruinoText(source: Source, isMinified: boolean, kept: readonly string[] = []): Promise<string> {
  const esbuild = await buildTool('esbuild', () => import('esbuild'));
  const built = await esbuild.build({
    ...scriptOptions('espruino', { minify: isMinified, mangle: isMinified ? [...keptNames(), ...kept] : false }),
    minifyIdentifiers: isMinified,
    minifySyntax: isMinified,
    // Without it, esbuild puts in a shim that looks for other module systems.
    define: { require: 'global.require' },
    ...stdinOf(source, '', isMinified ? `\n${KEYWORD};` : ''),
    format: 'iife',
    write: false,
  });
  const text = built.outputFiles[0].text;
  if (!isMinified) return text;
  const without = text.replace(/([;}]\s*|,)of;?(\s*\}\)\(\);\s*)$/, (_, before: string, after: string) => {
    return (before === ',' ? ';' : before) + after;
  });
  if (without === text) throw new Error('espruino: the guard against a variable `of` was not found at the end');
  return without;
}

/** Builds all modules, and puts types and page beside them. */
export async function buildEspruino(): Promise<EspruinoModule[]> {
  const root = sourceRoot();
  const source = join(root, 'targets', 'espruino');
  const folder = outputFolder('espruino');
  makeFolders(folder);
  const modules: EspruinoModule[] = [];
  for (const [name, entry] of Object.entries(ESPRUINO_MODULES)) {
    const plainText = await espruinoText(join(source, entry), false);
    const text = await espruinoText(join(source, entry), true);
    const plain = join(folder, `${name}.js`);
    const minified = join(folder, `${name}.min.js`);
    writeFileSync(plain, plainText);
    writeFileSync(minified, text);
    modules.push({ name, plain, minified, plainSize: Buffer.byteLength(plainText), size: Buffer.byteLength(text) });
  }
  for (const file of ['dietesp.d.ts', 'dietesp.md']) copyFileSync(join(source, file), join(folder, file));
  return modules;
}
