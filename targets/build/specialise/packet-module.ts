// Modules of emitted code for programs of one's own: IP packets of one profile, on any engine, with types.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildTool, sourceRoot } from '../root.ts';
import { type DeviceEngine, engineText } from './image.ts';
import { joinPackets, type PacketInput, packetProfile } from './packet-facts.ts';

/** A module, made. */
export interface PacketText {
  /**
   * For the engine: ECMAScript module for Node; for other JavaScript engines a script that sets the global `packets`, or
   * `module.exports`; a chunk that returns a table for Lua.
   */
  script: string;
  /** TypeScript without imports, to read. */
  source: string;
  /** Declarations of what the module exports. */
  types: string;
  /** What `start` takes: the octets of this device, addresses. */
  data: Uint8Array;
}

/** Files with the functions that a module exports. */
const EXPORTING = ['packet.entry.ts', 'esp-sa.ts'];

/** The declarations of the exported functions, with their comments. */
function typesOf(names: readonly string[]): string {
  const found = EXPORTING.flatMap((file) => {
    const text = readFileSync(join(sourceRoot(), 'targets', 'special', file), 'utf8');
    const pattern = /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)export function (\w+)\(([^)]*)\): (\w+) \{/g;
    return [...text.matchAll(pattern)].filter(([, , name]) => names.includes(name));
  });
  return found
    .map(([, comment, name, parameters, result]) => `${comment}export function ${name}(${parameters}): ${result};\n`)
    .join('\n');
}

/** Names that a text exports, and the text without exports. */
function exportsOf(source: string): { names: string[]; bare: string } {
  const names = [...source.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
  const listed = /^export \{ (.*) \};$/m.exec(source)?.[1] ?? '';
  for (const pair of listed.split(', ').filter((text) => text !== '')) {
    const [own, name] = pair.split(' as ');
    if (own !== name) throw new Error(`${name}: exported under another name`);
    names.push(name);
  }
  const bare = source.replace(/^export (?=function )/gm, '').replace(/^export \{.*\};$/gm, '');
  return { names, bare };
}

/**
 * The module of a profile for an engine. Throws a Refusal for what is wrong in the SAs, and for what a specialised module does
 * not have.
 */
export async function packetText(input: PacketInput, engine: DeviceEngine): Promise<PacketText> {
  const profile = packetProfile(input);
  const source = await joinPackets(profile);
  const { names, bare } = exportsOf(source);
  const made = { source, types: typesOf(names), data: profile.data };
  if (engine === 'lua') return { ...made, script: await engineText(source, 'lua') };
  if (engine === 'node') {
    const esbuild = await buildTool('esbuild', () => import('esbuild'));
    const { code } = await esbuild.transform(source, { loader: 'ts', format: 'esm', target: 'es2022' });
    return { ...made, script: code };
  }
  // `exports` would make esbuild take it for a module of CommonJS.
  const set = names.map((name) => `made.${name} = ${name};\n`).join('');
  const text = `${bare}\ndeclare const made: Record<string, unknown>;\n${set}`;
  const script = await engineText(text, engine, { kept: [...names, 'reserve'] });
  const framed = `var packets=(function(made){${script.trim()}\nreturn made})({});`;
  return { ...made, script: `${framed}if(typeof module==="object")module.exports=packets;\n` };
}
