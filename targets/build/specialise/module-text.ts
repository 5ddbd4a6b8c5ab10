// A joined text as a module for programs of one's own, with types. The hooks are globals of the program: `board`
// (targets/board/hooks.ts; what a module needs of it is in docs/specialised.md) and, where the module has them, `upper`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOARD_MEMBERS } from '../../board/hooks.ts';
import { buildTool, sourceRoot } from '../root.ts';
import { type DeviceEngine, engineText } from './image.ts';

/** A module, made. */
export interface ModuleText {
  /**
   * For the engine: ECMAScript module for Node; for other JavaScript engines a script that sets a global, or `module.exports`; a
   * chunk that returns a table for Lua.
   */
  script: string;
  /** TypeScript without imports, to read. */
  source: string;
  /** Declarations of what the module exports. */
  types: string;
}

/** What a text exports: names outside by names inside; and the text without exports. */
function exportsOf(source: string): { names: Map<string, string>; bare: string } {
  const names = new Map<string, string>();
  for (const [, name] of source.matchAll(/^export function (\w+)/gm)) names.set(name, name);
  const listed = /^export \{ (.*) \};$/m.exec(source)?.[1] ?? '';
  for (const pair of listed.split(', ').filter((text) => text !== '')) {
    const [own, name] = pair.split(' as ');
    names.set(own, name);
  }
  const bare = source.replace(/^export (?=function )/gm, '').replace(/^export \{.*\};$/gm, '');
  return { names, bare };
}

/** The declarations of the exported functions, with their comments, out of files of targets/special. */
function typesOf(names: ReadonlyMap<string, string>, files: readonly string[]): string {
  const found = files.flatMap((file) => {
    const text = readFileSync(join(sourceRoot(), 'targets', 'special', file), 'utf8');
    const pattern = /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)export function (\w+)\(([^)]*)\): (\w+) \{/g;
    return [...text.matchAll(pattern)].filter(([, , name]) => names.has(name));
  });
  // Comments name the functions as the module does.
  const outer = (comment: string): string =>
    comment.replace(/`(\w+)`/g, (all, own) => (names.has(own) ? `\`${names.get(own)}\`` : all));
  return found
    .map(([, comment, own, parameters, result]) => {
      return `${outer(comment)}export function ${names.get(own)}(${parameters}): ${result};\n`;
    })
    .join('\n');
}

/** A joined text as a module. `name`: the global on engines without modules; `files`: those with the exported functions. */
export async function moduleText(
  source: string,
  engine: DeviceEngine,
  name: string,
  files: readonly string[],
  kept: readonly string[] = [],
): Promise<ModuleText> {
  const { names, bare } = exportsOf(source);
  const made = { source, types: typesOf(names, files) };
  if (engine === 'lua') return { ...made, script: await engineText(source, 'lua') };
  if (engine === 'node') {
    const esbuild = await buildTool('esbuild', () => import('esbuild'));
    const { code } = await esbuild.transform(source, { loader: 'ts', format: 'esm', target: 'es2022' });
    return { ...made, script: code };
  }
  // `exports` would make esbuild take it for a module of CommonJS.
  const set = [...names].map(([own, outer]) => `made.${outer} = ${own};\n`).join('');
  const text = `${bare}\ndeclare const made: Record<string, unknown>;\n${set}`;
  // The program has the board, so its members keep their names.
  const script = await engineText(text, engine, { kept: [...BOARD_MEMBERS, ...names.values(), ...kept] });
  const framed = `var ${name}=(function(made){${script.trim()}\nreturn made})({});`;
  return { ...made, script: `${framed}if(typeof module==="object")module.exports=${name};\n` };
}
