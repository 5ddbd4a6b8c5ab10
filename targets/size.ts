// npm run size: what parts of the core cost on a device. It bundles each row as for JerryScript (one file, fully minified,
// without unused code). The first figure keeps the project's property names, the second mangles them. `--json` prints the
// same for programs. test/checks/size.test.ts asserts the budgets.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scriptOptions } from './build/javascript.ts';
import { buildTool, sourceRoot } from './build/root.ts';

export interface Row {
  name: string;
  /** The bundle's content: exported names by module. */
  exports?: Readonly<Record<string, readonly string[]>>;
  /** Or an entry file, whose imports count. */
  entry?: string;
  /** Most octets of the minified bundle, names kept. */
  budget: number;
}

export const ROWS: readonly Row[] = [
  {
    name: 'AES-CCM',
    exports: { 'core/crypto/portable.ts': ['createPortable'], 'core/crypto/ccm.ts': ['aesCcm'] },
    budget: 4000,
  },
  {
    name: 'SHA-256 and HMAC',
    exports: { 'core/crypto/portable.ts': ['createPortable'], 'core/crypto/hmac.ts': ['hmacSha256'] },
    budget: 3500,
  },
  // wire, schc, dietesp, esp, AES-CCM, MAC and 6LoWPAN, as a board uses them.
  // Goal: 12,000. Not reached yet; the budget keeps the present size.
  { name: 'device data plane', entry: 'test/support/device-entry.ts', budget: 39300 },
  // Goal: 32,000. Not reached; see docs/results.md.
  { name: 'device with IKEv2', entry: 'test/support/ike-entry.ts', budget: 113150 },
  // A board's application: the device, provisioning, CoAP, console, crash tokens (1,500 octets).
  { name: 'application of a board', entry: 'targets/jerryscript/main.ts', budget: 131330 },
  // With the session kept over a restart (targets/board/keep.ts): 1,500 octets.
  { name: 'the same with native cryptography', entry: 'targets/jerryscript/main-native.ts', budget: 124860 },
  // Modules for programs, see targets/jerryscript/README.md.
  { name: 'module dietlite', entry: 'targets/jerryscript/lite.ts', budget: 45130 },
  { name: 'module dietesp', entry: 'targets/jerryscript/module.ts', budget: 139130 },
  // Modules for Espruino, with the radio driver.
  { name: 'Espruino: data plane', entry: 'targets/espruino/lite.ts', budget: 46160 },
  { name: 'Espruino: with IKEv2', entry: 'targets/espruino/module.ts', budget: 150230 },
];

export interface Size {
  name: string;
  budget: number;
  /** Octets of the minified bundle; undefined: the row's entry file is missing. */
  bytes?: number;
  mangledBytes?: number;
  /** Octets of the bundle by source file, largest first. */
  modules: { file: string; bytes: number }[];
}

/** Why a row cannot be measured, or false. */
export function rowMissing(row: Row): string | false {
  const files = row.entry === undefined ? Object.keys(row.exports ?? {}) : [row.entry];
  const absent = files.find((file) => !existsSync(join(sourceRoot(), file)));
  return absent === undefined ? false : absent + ' is not there';
}

export async function measure(row: Row): Promise<Size> {
  if (rowMissing(row) !== false) return { name: row.name, budget: row.budget, modules: [] };
  const kept = await build(row, false);
  const mangled = await build(row, true);
  return { name: row.name, budget: row.budget, bytes: kept.bytes, mangledBytes: mangled.bytes, modules: kept.modules };
}

async function build(row: Row, mangle: boolean): Promise<{ bytes: number; modules: Size['modules'] }> {
  const esbuild = await buildTool('esbuild', () => import('esbuild'));
  const contents =
    row.entry === undefined
      ? Object.entries(row.exports ?? {})
          .map(([file, names]) => 'export { ' + names.join(', ') + " } from './" + file + "';\n")
          .join('')
      : "export * from './" + row.entry + "';\n";
  const built = await esbuild.build({
    ...scriptOptions('jerryscript', { mangle }),
    stdin: { contents, resolveDir: sourceRoot(), sourcefile: 'size.ts', loader: 'ts' },
    format: 'esm',
    write: false,
    metafile: true,
  });
  const output = Object.values(built.metafile.outputs)[0];
  const modules = Object.entries(output.inputs)
    .map(([file, input]) => ({ file, bytes: input.bytesInOutput }))
    .filter((module) => module.bytes > 0)
    .sort((a, b) => b.bytes - a.bytes);
  return { bytes: output.bytes, modules };
}

export function printSizes(sizes: readonly Size[]): string {
  const lines = ['bytes  mangled  budget  bundle'];
  const cell = (value: number | undefined, width: number): string => String(value ?? '-').padStart(width);
  for (const size of sizes) {
    const columns = [cell(size.bytes, 5), cell(size.mangledBytes, 7), cell(size.budget, 6)];
    lines.push(columns.join('  ') + '  ' + size.name + (size.bytes === undefined ? ' (no entry file)' : ''));
    for (const module of size.modules) lines.push(cell(module.bytes, 5) + ' '.repeat(19) + module.file);
  }
  return lines.join('\n') + '\n';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes: Size[] = [];
  for (const row of ROWS) sizes.push(await measure(row));
  process.stdout.write(process.argv.includes('--json') ? JSON.stringify(sizes, null, 2) + '\n' : printSizes(sizes));
  if (sizes.some((size) => size.bytes !== undefined && size.bytes > size.budget)) process.exitCode = 1;
}
