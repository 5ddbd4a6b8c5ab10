// Lua bundles: typescript-to-lua makes one file, after a prelude with typed arrays. Every diagnostic is an error, warnings
// too: the warning about truthiness finds `if (n)`, which is wrong on Lua.
//
// Functions in an interface's members are plain functions (@noSelf). So `{ seal: seal }` is one too, and a native module can
// provide them. typescript-to-lua needs a tag on each interface. This file adds the tags while it reads the sources, so that
// portable code need not know of them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompilerOptions as TranslatorOptions } from 'typescript-to-lua';
import type { Source } from './javascript.ts';
import { buildTool, sourceRoot } from './root.ts';
import { nativeSpans } from './spans.ts';

/** Name of a source that is a text. */
const DEVICE = 'device';

/** Of which Lua a bundle is, and the folder of its prelude in targets/. */
export interface LuaForm {
  target: 'Lua54' | 'Lua52';
  folder: string;
}

const LUA_54: LuaForm = { target: 'Lua54', folder: 'lua' };
/** Without bit operators, which Wireshark had not before its version 4.4. */
export const LUA_OF_WIRESHARK: LuaForm = { target: 'Lua52', folder: 'wireshark' };

/**
 * The text of one Lua file. `hasSpans`: with the board's functions for spans of octets, see spans.ts (a text has been joined with
 * them).
 */
export async function bundleLua(source: Source, hasSpans = false, form = LUA_54): Promise<string> {
  const root = sourceRoot();
  const prelude = readFileSync(join(root, 'targets', form.folder, 'prelude.lua'), 'utf8');
  let text: string | undefined;
  if (typeof source === 'string') {
    const options = { luaBundle: 'bundle.lua', luaBundleEntry: source };
    const output = await translate([source], options, hasSpans, undefined, form.target);
    text = output.get('bundle.lua');
    if (text !== undefined) text = reachable(text);
  } else {
    const output = await translate([join(root, `${DEVICE}.ts`)], { luaLibImport: 'inline' }, false, source.text);
    text = output.get(`${DEVICE}.lua`);
  }
  if (text === undefined) throw new Error('typescript-to-lua wrote no bundle');
  // The prelude's typed arrays are functions, not classes.
  return prelude + text.replaceAll(/__TS__New\(\s*(\w+Array)(?:,\s*|(?=\)))/g, '$1(');
}

/** Removes modules that nothing requires: those imported only for their types. */
function reachable(text: string): string {
  const modules = new Map(
    [...text.matchAll(/^\["(\S+)"\] = function\(\.\.\.\).*\n[\s\S]*?^ end,\n/gm)].map((found) => [found[1], found[0]]),
  );
  const entry = /^local ____entry = require\("(\S+)"/m.exec(text);
  if (entry === null || !modules.has(entry[1])) throw new Error('typescript-to-lua wrote a bundle of another form');
  const kept = new Set([entry[1]]);
  // The list grows while the loop runs.
  for (const name of kept) {
    for (const [, used] of modules.get(name)!.matchAll(/\brequire\("(\S+)"\)/g)) if (modules.has(used)) kept.add(used);
  }
  let small = text;
  for (const [name, body] of modules) if (!kept.has(name)) small = small.replace(body, () => '');
  return small;
}

/** Translates each file by itself. Throws typescript-to-lua's diagnostics. Writes nothing. */
export async function checkLua(files: string[]): Promise<void> {
  await translate(files, {});
}

async function translate(
  files: string[],
  bundling: Record<string, string>,
  hasSpans = false,
  given?: string,
  luaTarget: LuaForm['target'] = 'Lua54',
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
    luaTarget: tstl.LuaTarget[luaTarget],
    luaLibImport: tstl.LuaLibImportKind.RequireMinimal,
    noImplicitSelf: true,
    noHeader: true,
    ...bundling,
  };
  const host = ts.createCompilerHost(options);
  const read = host.readFile;
  host.readFile = (name) => {
    const text = (hasSpans ? nativeSpans(name) : undefined) ?? (name === files[0] ? given : undefined) ?? read(name);
    if (text === undefined || !name.startsWith(root) || name.slice(root.length).includes('/node_modules/')) return text;
    return text.replace(/^(export )?interface /gm, '/** @noSelf */ $&');
  };
  if (given !== undefined) {
    const exists = host.fileExists;
    host.fileExists = (name) => name === files[0] || exists(name);
  }
  const program = ts.createProgram(files, options, host);
  const emitted = new tstl.Transpiler().emit({
    program,
    writeFile: (name, text) => {
      output.set(name.slice(name.lastIndexOf('/') + 1), text);
    },
  });
  // TS5096: imports of .ts files are for tools that emit no JavaScript; this one emits Lua.
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
