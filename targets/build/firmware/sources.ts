// Engines and cryptography for firmware come from Debian's source packages, which apt verifies by the archive's signatures.
// apt runs with a private configuration: the machine's package sources, switched from packages to sources, with lists and
// cache below build/. It only reads the machine's configuration and does not need root.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../../node/host/append.ts';
import { CommandError } from '../../node/host/errors.ts';
import { onPath } from '../engines.ts';
import { outputFolder } from '../root.ts';

/** Debian source packages, with the upstream version that this project was written for. */
interface Package {
  /** The version's first parts, which must agree. */
  version: string;
  tested: string;
}

const PACKAGES: Readonly<Record<string, Package>> = {
  'lua5.4': { version: '5.4.', tested: '5.4.4' },
  duktape: { version: '2.7.', tested: '2.7.0' },
  mbedtls: { version: '2.28.', tested: '2.28.3' },
};

export type PackageName = 'lua5.4' | 'duktape' | 'mbedtls';

const APT_LIMIT_MS = 300000;

function folder(): string {
  return outputFolder('firmware', 'sources');
}

/** Turns `deb` lines and stanzas into `deb-src`. Undefined: nothing is left. */
export function sourceEntries(text: string, isStanzas: boolean): string | undefined {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  if (!isStanzas) {
    const found = lines.filter((line) => /^deb\s/.test(line)).map((line) => line.replace(/^deb\s/, 'deb-src '));
    return found.length === 0 ? undefined : found.join('\n') + '\n';
  }
  const stanzas = lines
    .join('\n')
    .split(/\n\s*\n/)
    .filter((stanza) => /^Types:.*\bdeb\b(?!-)/m.test(stanza) && !/^Enabled:\s*no/im.test(stanza));
  if (stanzas.length === 0) return undefined;
  return stanzas.map((stanza) => stanza.replace(/^Types:.*$/m, 'Types: deb-src').trim() + '\n').join('\n');
}

/** Writes the private list of package sources into `to`. */
function writeEntries(to: string): void {
  const lists = ['/etc/apt/sources.list'];
  const parts = '/etc/apt/sources.list.d';
  if (existsSync(parts)) lists.push(...readdirSync(parts).map((name) => join(parts, name)));
  let number = 0;
  for (const file of lists) {
    if (!/\.(list|sources)$/.test(file) || !existsSync(file)) continue;
    const isStanzas = file.endsWith('.sources');
    const text = sourceEntries(readFileSync(file, 'utf8'), isStanzas);
    if (text !== undefined) writeFileSync(join(to, number++ + (isStanzas ? '.sources' : '.list')), text);
  }
  if (number === 0) throw new CommandError('source packages: (none): the machine has no apt package sources');
}

function apt(work: string, args: readonly string[]): void {
  const settings = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(work, 'parts'),
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::Retries': '2',
    // Take over what the machine allows for its packages.
    'Acquire::AllowInsecureRepositories': 'false',
    'Acquire::AllowDowngradeToInsecureRepositories': 'false',
    'APT::Get::AllowUnauthenticated': 'false',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', name + '=' + value]);
  const result = spawnSync('apt-get', [...options, ...args], {
    cwd: join(work, 'unpacked'),
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: APT_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  if (result.status === 0) return;
  const said = (result.stderr ?? '').split('\n').filter((line) => line.startsWith('E:'));
  throw new CommandError('source packages: apt-get ' + args[0] + ': ' + (said.at(-1) ?? 'failed'));
}

/** Version of an unpacked package, from its Debian changelog. */
function versionOf(path: string): string {
  return /\(([^)]+)\)/.exec(readFileSync(join(path, 'debian', 'changelog'), 'utf8'))?.[1] ?? 'unknown';
}

function download(name: PackageName): void {
  const work = join(folder(), 'apt-' + process.pid);
  try {
    for (const part of ['parts', 'lists/partial', 'cache/archives/partial', 'unpacked']) {
      makeFolders(join(work, part));
    }
    writeEntries(join(work, 'parts'));
    apt(work, ['update']);
    // apt-get also succeeds when an update fetched nothing.
    if (!readdirSync(join(work, 'lists')).some((list) => list.includes('Sources'))) {
      throw new CommandError('source packages: apt-get update brought no list of them (no network?)');
    }
    // Fetch all at once: updating the lists takes most of the time.
    const wanted = Object.keys(PACKAGES).filter((other) => other === name || !existsSync(join(folder(), other)));
    apt(work, ['source', ...wanted]);
    for (const one of wanted) {
      const unpacked = readdirSync(join(work, 'unpacked'), { withFileTypes: true }).find(
        (entry) => entry.isDirectory() && entry.name.startsWith(one + '-'),
      );
      if (unpacked === undefined) throw new CommandError(`source packages: ${one}: apt-get unpacked nothing`);
      move(join(work, 'unpacked', unpacked.name), join(folder(), one));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Another process may have fetched the same. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** Absolute path of a package's unpacked sources, fetched the first time. Throws a CommandError with the reason. */
export function packageSources(name: PackageName): string {
  const path = join(folder(), name);
  if (!existsSync(path)) {
    const missing = aptMissing();
    if (missing !== false) throw new CommandError('source packages: ' + missing);
    makeFolders(folder());
    download(name);
  }
  const version = versionOf(path);
  if (!version.replace(/^\d+:/, '').startsWith(PACKAGES[name].version)) {
    const { tested } = PACKAGES[name];
    throw new CommandError(
      `source package ${name}: ${version}: must be ${PACKAGES[name].version}x (tested: ${tested})`,
    );
  }
  return path;
}

/** Version of a fetched package, with Debian's revision. */
export function packageVersion(name: PackageName): string {
  return versionOf(packageSources(name));
}

function aptMissing(): string | false {
  if (!existsSync('/etc/debian_version')) return 'this is not Debian, whose source packages are needed';
  if (onPath('apt-get') === undefined) return 'apt-get not found';
  if (onPath('dpkg-source') === undefined) return 'dpkg-source not found (Debian package dpkg-dev)';
  return false;
}

let known: Map<string, string | false> | undefined;

/** Why a package's sources are not available, or false. Fetches them the first time. */
export function sourcesMissing(name: PackageName): string | false {
  known ??= new Map();
  let reason = known.get(name);
  if (reason === undefined) {
    try {
      packageSources(name);
      reason = false;
    } catch (error) {
      reason = (error as Error).message;
    }
    known.set(name, reason);
  }
  return reason;
}
