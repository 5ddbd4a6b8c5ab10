// Programs of a newer Debian than this machine's: its packages, unpacked with all that they need into a folder, and run with that
// folder as their root. Nothing is installed. The folder is kept for later runs.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { onPath } from '../../targets/build/engines.ts';

const LIMIT_MS = 300000;
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const LINKS = ['bin', 'sbin', 'lib', 'lib64'];

/** Debian 13, and what becomes Debian 14. */
export type Release = 'trixie' | 'forky';

const cache = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dietesp-tests');

function run(program: string, args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const ended = spawnSync(program, [...args], { encoding: 'utf8', timeout: LIMIT_MS, env });
  if (ended.status === 0) return;
  throw new Error(`${program} ${args[0]}: ${(ended.stderr || ended.error?.message || 'failed').trim().split('\n')[0]}`);
}

/** The source of this machine's packages, for another release. */
function sourceLine(release: Release): string {
  const listed = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI) $(SIGNED_BY)'], { encoding: 'utf8' });
  const uris = listed.stdout.split('\n').map((line) => line.split(' ')[0]);
  const uri = uris.find((one) => /\/debian\/?$/.test(one));
  if (uri === undefined) throw new Error('no source of Debian packages in the configuration of apt');
  return `deb [signed-by=${KEYS}] ${uri} ${release} main\n`;
}

function unpack(release: Release, packages: readonly string[], folder: string): void {
  const [state, archives, root] = ['state', 'cache', 'root'].map((name) => join(folder, name));
  for (const path of [join(state, 'lists', 'partial'), join(archives, 'archives', 'partial'), root])
    mkdirSync(path, { recursive: true });
  // Nothing is there yet: so every package that they need comes with them.
  writeFileSync(join(state, 'status'), '');
  writeFileSync(join(folder, 'sources.list'), sourceLine(release));
  const apt = Object.entries({
    'Dir::State': state,
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': archives,
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Debug::NoLocking': 'true',
  }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  run('apt-get', ['-q', ...apt, 'update']);
  run('apt-get', ['-q', '-y', ...apt, '--download-only', 'install', ...packages]);
  for (const name of readdirSync(join(archives, 'archives')))
    if (name.endsWith('.deb')) run('dpkg-deb', ['-x', join(archives, 'archives', name), root]);
  for (const name of LINKS) if (!existsSync(join(root, name))) symlinkSync(join('usr', name), join(root, name));
  rmSync(archives, { recursive: true });
  rmSync(state, { recursive: true });
}

/** The folder with these packages of a release; it is made where it is not there. Throws where that fails, half of it removed. */
function newerDebian(release: Release, name: string, packages: readonly string[]): string {
  const folder = join(cache(), `${release}-${name}`);
  const root = join(folder, 'root');
  if (existsSync(root)) return root;
  const making = `${folder}-${process.pid}`;
  try {
    unpack(release, packages, making);
    // Another process may have been faster.
    if (!existsSync(folder)) renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return root;
}

/**
 * The same for tests: the folder, or why it cannot be had, for `skip`. A machine without a way to Debian's packages is no fault
 * of the project.
 */
export function newerDebianOr(
  release: Release,
  name: string,
  packages: readonly string[],
): { root?: string; skip: string | false } {
  if (process.getuid?.() !== 0) return { skip: 'needs root, for programs of a newer Debian in a folder of their own' };
  const missing = ['apt-get', 'dpkg-deb', 'unshare', 'chroot'].find((program) => onPath(program) === undefined);
  if (missing !== undefined) return { skip: `${missing} not found` };
  if (!existsSync(KEYS)) return { skip: `${KEYS} not found` };
  try {
    return { root: newerDebian(release, name, packages), skip: false };
  } catch (error) {
    return { skip: `packages of ${release}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/**
 * The command that runs `program` with `root` as its root. `folder` is there under its own name. Its mounts end with it, and
 * the process is the program itself.
 */
export function commandIn(root: string, folder: string, program: string, args: readonly string[]): string[] {
  const script = `
    mkdir -p "$1$2" "$1/dev" "$1/proc" "$1/sys" "$1/run" "$1/tmp"
    mount --bind "$2" "$1$2"
    mount --rbind /dev "$1/dev"
    mount --rbind /sys "$1/sys"
    mount -t proc proc "$1/proc"
    root=$1; shift 2
    exec chroot "$root" "$@"`;
  return ['unshare', '-m', 'sh', '-e', '-c', script, 'sh', root, folder, program, ...args];
}
