// Debian's rpki-client on repositories of the tests.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Repository, writeRepository } from '../../targets/node/risav/rpki/repository.ts';
import { packageMissing } from '../support/packages.ts';

export const noClient = packageMissing('rpki-client');

/** What rpki-client makes of a cache on disk, without the network. */
export function client(repo: Repository): { vrps: string[] | null; isGood(file: string): boolean; end(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-rpki-'));
  const [cache, out] = [join(folder, 'cache'), join(folder, 'out')];
  writeRepository(repo, cache, 'test');
  mkdirSync(out);
  // It gives up its rights where it has some.
  spawnSync('chmod', ['-R', 'a+rwX', folder]);
  chmodSync(folder, 0o755);
  const run = (...args: string[]): string => {
    const all = ['-d', cache, '-t', join(cache, 'test.tal'), ...args];
    const { stdout, stderr, error } = spawnSync('rpki-client', all, { encoding: 'utf8', timeout: 60000 });
    if (error !== undefined) throw error;
    return stdout + stderr;
  };
  run('-n', '-j', out);
  // Version 8.2 crashes where no manifest of a CA is good, and writes nothing.
  const isThere = existsSync(join(out, 'json'));
  const { roas } = isThere ? JSON.parse(readFileSync(join(out, 'json'), 'utf8')) : { roas: [] };
  return {
    vrps: isThere
      ? (roas as { asn: number; prefix: string }[]).map(({ asn, prefix: text }) => `${asn} ${text}`).sort()
      : null,
    isGood: (file) => /Validation: OK/.test(run('-f', join(cache, 'rpki.example', 'repo', file))),
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Compares with the verdict of rpki-client. `bad`: files that it has to refuse where it says nothing of the whole. */
export function compare(t: TestContext, repo: Repository, wanted: readonly string[], bad: readonly string[]): void {
  if (noClient !== false) {
    t.diagnostic(noClient);
    return;
  }
  const its = client(repo);
  t.after(its.end);
  if (its.vrps !== null) assert.deepEqual(its.vrps, wanted, 'rpki-client');
  else for (const file of bad) assert.equal(its.isGood(file), false, `rpki-client takes ${file}`);
}
