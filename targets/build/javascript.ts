// JavaScript bundles. esbuild makes one IIFE per target. For Duktape, tsc lowers it to ES5, because esbuild cannot lower let
// and const. For Espruino only white space is removed, because it did not parse fully minified code.

import type { BuildOptions, Metafile, Plugin, StdinOptions } from 'esbuild';
import { builtinMembers } from './builtins.ts';
import { buildTool, sourceRoot } from './root.ts';
import { nativeSpans } from './spans.ts';

export type ScriptEngine = 'node' | 'duktape' | 'jerryscript' | 'espruino';

export interface ScriptOptions {
  /** Minify as far as the engine allows. Default: true except for node. */
  minify?: boolean;
  /**
   * Rename the project's own property names to one or two letters: `true`, or the names to keep, which are those that leave
   * the bundle (native hooks, stored state, configuration read from text). Built-in names are always kept. The subset check
   * ensures that portable code uses no other built-ins and reaches no property by its text.
   */
  mangle?: boolean | readonly string[];
  /** The board's functions for spans of octets, see spans.ts; default false. */
  nativeSpans?: boolean;
}

export interface Script {
  text: string;
  meta: Metafile;
}

/** The TypeScript text of one file that imports nothing. */
export interface SourceText {
  text: string;
}

/** What a bundle is made of: the absolute path of an entry, which may import others, or a text. */
export type Source = string | SourceText;

/** esbuild's option for a source. `before` and `after` go round a text, or the import of an entry. */
export function stdinOf(source: Source, before = '', after = ''): { stdin: StdinOptions } {
  const body = typeof source === 'string' ? `import ${JSON.stringify(source)};` : source.text;
  const contents = before + body + after;
  return { stdin: { contents, resolveDir: sourceRoot(), sourcefile: 'device.ts', loader: 'ts' } };
}

/** Bundles for a JavaScript engine. Throws with esbuild's or tsc's messages. */
export async function bundleScript(source: Source, engine: ScriptEngine, options: ScriptOptions = {}): Promise<Script> {
  const esbuild = await buildTool('esbuild', () => import('esbuild'));
  const minify = options.minify ?? engine !== 'node';
  const built = await esbuild.build({
    ...scriptOptions(engine, options),
    ...(typeof source === 'string' ? { entryPoints: [source] } : stdinOf(source)),
    format: 'iife',
    write: false,
    metafile: true,
  });
  let text = built.outputFiles[0].text;
  if (engine === 'duktape') text = await lower(text, minify);
  return { text, meta: built.metafile };
}

/** esbuild's options for an engine, without input and output format. */
export function scriptOptions(engine: ScriptEngine, options: ScriptOptions): BuildOptions {
  const minify = options.minify ?? engine !== 'node';
  const full = minify && engine !== 'espruino';
  return {
    absWorkingDir: sourceRoot(),
    bundle: true,
    outfile: 'bundle.js',
    platform: 'neutral',
    target: 'es2015',
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'silent',
    minifyWhitespace: minify,
    minifyIdentifiers: full,
    // tsc's printer would undo minified syntax.
    minifySyntax: full && engine !== 'duktape',
    ...mangling(options.mangle),
    ...(options.nativeSpans === true ? { plugins: [spansPlugin] } : {}),
  };
}

const spansPlugin: Plugin = {
  name: 'native spans',
  setup: (build) => {
    build.onLoad({ filter: /spans\.ts$/ }, ({ path }) => {
      const contents = nativeSpans(path);
      return contents === undefined ? undefined : { contents, loader: 'ts' };
    });
  },
};

function mangling(mangle: boolean | readonly string[] | undefined): { mangleProps?: RegExp; reserveProps?: RegExp } {
  if (mangle === undefined || mangle === false) return {};
  const keep = builtinMembers().concat(mangle === true ? [] : [...mangle]);
  return { mangleProps: /./, reserveProps: new RegExp('^(?:' + keep.join('|') + ')$') };
}

/** Lowers ES2015 to ES5, then removes white space again. */
async function lower(text: string, minify: boolean): Promise<string> {
  const ts = (await buildTool('typescript', () => import('typescript'))).default;
  const result = ts.transpileModule(text, {
    reportDiagnostics: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES5,
      module: ts.ModuleKind.ESNext,
      ignoreDeprecations: '6.0',
      removeComments: true,
      strict: false,
      alwaysStrict: false,
    },
    fileName: 'bundle.js',
  });
  const errors = (result.diagnostics ?? []).filter((d) => d.category === ts.DiagnosticCategory.Error);
  if (errors.length > 0) {
    throw new Error(
      'tsc to ES5: ' + errors.map((d) => ts.flattenDiagnosticMessageText(d.messageText, '\n')).join('\n'),
    );
  }
  if (!minify) return result.outputText;
  const esbuild = await buildTool('esbuild', () => import('esbuild'));
  const small = await esbuild.transform(result.outputText, { minifyWhitespace: true, target: 'es5', charset: 'ascii' });
  return small.code;
}
