// The package as its users get it: packed once, installed in an empty folder, and what the tests do there.

import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sourceRoot } from '../../targets/build/root.ts';

export const root = sourceRoot();
const LIMIT_MS = 240000;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export function runIn(
  cwd: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { cwd, env: { ...process.env, ...env }, timeout: LIMIT_MS });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** The same, with an error where it fails. */
export async function runWell(
  cwd: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const ended = await runIn(cwd, command, args, env);
  if (ended.code !== 0) {
    throw new Error([command, ...args].join(' ') + ': exit code ' + ended.code + '\n' + ended.stdout + ended.stderr);
  }
  return ended;
}

export interface Packed {
  /** Removed by `remove`. */
  folder: string;
  tarball: string;
  /** Octets of the tarball. */
  size: number;
  files: string[];
  remove(): void;
}

/** Builds and packs the project. */
export async function pack(): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-package-'));
  await runWell(root, 'npm', ['run', 'build', '--silent']);
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const told = JSON.parse((await runWell(root, 'npm', args)).stdout);
  const [{ filename, size, files }] = Array.isArray(told) ? told : Object.values<typeof told>(told);
  return {
    folder,
    tarball: join(folder, filename),
    size,
    files: files.map((file: { path: string }) => file.path),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** An empty folder of a user, with the package installed; `output` is what npm said. */
export async function installInto(packed: Packed): Promise<{ app: string; output: string }> {
  const app = join(packed.folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true,"type":"module"}\n');
  const ended = await runWell(app, 'npm', ['install', '--prefer-offline', packed.tarball]);
  // What a user of TypeScript on Node has.
  for (const name of ['@types/node', 'undici-types']) {
    if (existsSync(join(app, 'node_modules', name))) continue;
    mkdirSync(dirname(join(app, 'node_modules', name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name));
  }
  cpSync(join(root, 'examples'), join(app, 'examples'), { recursive: true });
  cpSync(join(root, 'targets', 'node', 'examples'), join(app, 'targets', 'node', 'examples'), { recursive: true });
  return { app, output: ended.stdout + ended.stderr };
}

/** Compiles files of `app` as strictly as tsc can, libraries included. `outDir` null: checks only. */
export async function compile(
  app: string,
  files: readonly string[],
  options: { bundler: boolean; types: readonly string[]; outDir: string | null },
): Promise<void> {
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    module: options.bundler ? 'esnext' : 'nodenext',
    moduleResolution: options.bundler ? 'bundler' : 'nodenext',
    target: 'es2022',
    lib: ['es2022'],
    types: options.types,
    rootDir: '.',
    ...(options.outDir === null ? { noEmit: true } : { outDir: options.outDir }),
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  await runWell(app, process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
}

/** The TypeScript blocks of a document, with the name that a comment before gives them (or none). */
export function blocksOf(document: string): { name: string; text: string }[] {
  const text = readFileSync(join(root, document), 'utf8');
  const pattern = /(?:<!-- run by the tests: ([\w-]+) -->\n)?```(?:ts|typescript)\n([\s\S]*?)```/g;
  return [...text.matchAll(pattern)].map((match) => ({ name: match[1] ?? '', text: match[2] }));
}
