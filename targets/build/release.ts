// A release: the package as it is published, with its checksums. Nothing is sent anywhere.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Release {
  /** Name of the package's file in the folder. */
  file: string;
  /** Its size in octets. */
  size: number;
  /** As npm writes it into lock files: `sha512-BASE64`. */
  integrity: string;
  commit: string;
}

/** What `npm pack --json` says of a package. */
interface Packed {
  filename: string;
  size: number;
  integrity: string;
}

/**
 * Makes `folder` anew: the package of the checkout at `root`, SHA256SUMS and SHA512SUMS (for `sha256sum -c`). Throws with a clear
 * text where something is not committed, or CHANGELOG.md has no section of this version with its day.
 */
export function makeRelease(root: string, folder: string): Release {
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

  const changed = run('git', 'status', '--porcelain').trim();
  if (changed !== '') throw new Error(`a release is made of what is committed; these files differ:\n${changed}`);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const section = new RegExp(`^## ${version.replaceAll('.', '\\.')} - \\d{4}-\\d\\d-\\d\\d$`, 'm');
  if (!section.test(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'))) {
    throw new Error(`CHANGELOG.md: needs a heading \`## ${version} - YYYY-MM-DD\`, the version of package.json`);
  }

  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // It builds dist anew, see `prepack`.
  const [packed] = JSON.parse(
    run('npm', 'pack', '--json', '--loglevel=error', '--pack-destination', folder),
  ) as Packed[];
  const octets = readFileSync(join(folder, packed.filename));
  for (const name of ['sha256', 'sha512']) {
    const digest = createHash(name).update(octets).digest('hex');
    writeFileSync(join(folder, `${name.toUpperCase()}SUMS`), `${digest}  ${packed.filename}\n`);
  }
  const commit = run('git', 'rev-parse', 'HEAD').trim();
  return { file: packed.filename, size: packed.size, integrity: packed.integrity, commit };
}
