// A release: what is packed has checksums that others' tools confirm, and nothing is released that was not committed or described.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeRelease } from '../../targets/build/release.ts';

const folder = mkdtempSync(join(tmpdir(), 'dietesp-release-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const root = join(folder, 'project');
const git = (...args: string[]): void => {
  const own = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false'];
  execFileSync('git', [...own, ...args], { cwd: root, stdio: 'ignore' });
};
mkdirSync(root);
git('init');
writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'small', version: '1.2.3', license: 'Apache-2.0' }));
writeFileSync(join(root, 'CHANGELOG.md'), '# Changelog\n\n## 1.2.3 - unreleased\n');
git('add', '.');
git('commit', '-m', 'first');

test('a version that CHANGELOG.md does not date, or uncommitted changes, make no release', () => {
  const out = join(folder, 'refused');
  assert.throws(() => makeRelease(root, out), /CHANGELOG\.md: needs a heading `## 1\.2\.3 - YYYY-MM-DD`/);
  writeFileSync(join(root, 'CHANGELOG.md'), '# Changelog\n\n## 1.2.3 - 2026-12-01\n');
  assert.throws(() => makeRelease(root, out), /what is committed; these files differ:\n.*CHANGELOG\.md/);
  git('commit', '-am', 'dated');
  assert.throws(() => readFileSync(join(out, 'SHA256SUMS')), /ENOENT/);
});

test('the checksums are right for sha256sum and sha512sum, the same each time, and npm has the same integrity', () => {
  const [first, second] = ['one', 'two'].map((name) => {
    const out = join(folder, name);
    const release = makeRelease(root, out);
    for (const sum of ['sha256', 'sha512']) {
      const said = execFileSync(`${sum}sum`, ['-c', `${sum.toUpperCase()}SUMS`], { cwd: out, encoding: 'utf8' });
      assert.equal(said, 'small-1.2.3.tgz: OK\n');
    }
    const hex = readFileSync(join(out, 'SHA512SUMS'), 'utf8').slice(0, 128);
    assert.equal(release.integrity, `sha512-${Buffer.from(hex, 'hex').toString('base64')}`);
    assert.match(release.commit, /^[0-9a-f]{40}$/);
    return release;
  });
  assert.deepEqual(first, second);
});
