// Lua bundles: typescript-to-lua into one file, behind the prelude that gives typed arrays. Every diagnostic is an
// error, warnings too: the warning about truthiness is the one that finds `if (n)`, which is wrong on Lua.
//
// Functions held in an interface's members are plain functions here (@noSelf), so that `{ seal: seal }` is one too, and
// a native module can bring them. typescript-to-lua takes that from a tag per interface; the tag is added while the
// sources are read, so that the portable code need not know of it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompilerOptions as TranslatorOptions } from 'typescript-to-lua';
import { buildTool, sourceRoot } from './root.ts';
import { nativeSpans } from './spans.ts';

/**
 * The text of one Lua 5.4 file made of `entry` (absolute path of a .ts file) and all it imports. `hasSpans`: with the
 * board's functions for spans of octets, see spans.ts.
 */
export async function bundleLua(entry: string, hasSpans = false): Promise<string> {
  const root = sourceRoot();
  const output = await translate([entry], { luaBundle: 'bundle.lua', luaBundleEntry: entry }, hasSpans);
  const text = output.get('bundle.lua');
  if (text === undefined) throw new Error('typescript-to-lua wrote no bundle for ' + entry);
  const prelude = readFileSync(join(root, 'targets', 'lua', 'prelude.lua'), 'utf8');
  // The prelude's typed arrays are functions, not classes.
  return prelude + reachable(text).replaceAll(/__TS__New\(\s*(\w+Array)(?:,\s*|(?=\)))/g, '$1(');
}

/** Without the modules that nothing requires: those that were imported for their types. */
function reachable(text: string): string {
  const modules = new Map(
    [...text.matchAll(/^\["(\S+)"\] = function\(\.\.\.\).*\n[\s\S]*?^ end,\n/gm)].map((found) => [found[1], found[0]]),
  );
  const entry = /^local ____entry = require\("(\S+)"/m.exec(text);
  if (entry === null || !modules.has(entry[1])) throw new Error('typescript-to-lua wrote a bundle of another form');
  const kept = new Set([entry[1]]);
  // Grows while it is gone through.
  for (const name of kept) {
    for (const [, used] of modules.get(name)!.matchAll(/\brequire\("(\S+)"\)/g)) if (modules.has(used)) kept.add(used);
  }
  let small = text;
  for (const [name, body] of modules) if (!kept.has(name)) small = small.replace(body, () => '');
  return small;
}

/** Translates each file by itself and throws when typescript-to-lua has anything to say. Nothing is written. */
export async function checkLua(files: string[]): Promise<void> {
  await translate(files, {});
}

async function translate(
  files: string[],
  bundling: Record<string, string>,
  hasSpans = false,
): Promise<Map<string, string>> {
  const tstl = await buildTool('typescript-to-lua', () => import('typescript-to-lua'));
  const ts = (await buildTool('typescript', () => import('typescript'))).default;
  const root = sourceRoot();
  const output = new Map<string, string>();
  const options: TranslatorOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    strict: true,
    types: [],
    skipLibCheck: true,
    rootDir: root,
    outDir: root,
    luaTarget: tstl.LuaTarget.Lua54,
    luaLibImport: tstl.LuaLibImportKind.RequireMinimal,
    noImplicitSelf: true,
    noHeader: true,
    ...bundling,
  };
  const host = ts.createCompilerHost(options);
  const read = host.readFile;
  host.readFile = (name) => {
    const text = (hasSpans ? nativeSpans(name) : undefined) ?? read(name);
    if (text === undefined || !name.startsWith(root) || name.includes('/node_modules/')) return text;
    return text.replace(/^(export )?interface /gm, '/** @noSelf */ $&');
  };
  const program = ts.createProgram(files, options, host);
  const emitted = new tstl.Transpiler().emit({
    program,
    writeFile: (name, text) => {
      output.set(name.slice(name.lastIndexOf('/') + 1), text);
    },
  });
  // TS5096: importing .ts files is meant for tools that do not emit JavaScript; this one emits Lua.
  const said = [...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics].filter((d) => d.code !== 5096);
  if (said.length > 0) {
    throw new Error(
      'typescript-to-lua:\n' +
        ts.formatDiagnostics(said, {
          getCanonicalFileName: (name) => name,
          getCurrentDirectory: () => root,
          getNewLine: () => '\n',
        }),
    );
  }
  return output;
}
