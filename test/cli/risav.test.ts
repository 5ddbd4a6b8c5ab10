// `dietesp risav` as a user types it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { dietesp, scratch } from './run.ts';

const files = scratch();
const repo = files.path('repo');
const COPY = ['--tal', join(repo, 'test.tal'), '--cache', repo];

test('a repository, its verdicts, and the ASes of addresses', async () => {
  const made = await dietesp(...['risav', 'repository', '--ases', '1', '--out', repo]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /8 objects of 1 ASes/);
  const checked = await dietesp(...['risav', 'validate', ...COPY, '--json']);
  assert.equal(checked.code, 0, checked.stderr);
  const { verdicts, roas, announcements } = JSON.parse(checked.stdout);
  assert.deepEqual([verdicts.length, roas.length], [8, 1]);
  assert.deepEqual(announcements[0].contacts, ['10.1.0.1', '2001:db8:1::1']);
  const found = await dietesp(...['risav', 'as', '10.1.255.255', '10.2.0.0', '2001:db8:1::9', ...COPY]);
  assert.equal(found.stdout, '10.1.255.255 AS64501\n10.2.0.0 -\n2001:db8:1::9 AS64501\n');
  const late = await dietesp(...['risav', 'validate', ...COPY, '--at', '2030-01-01T00:00:00Z']);
  assert.equal(late.code, 1);
  assert.match(late.stdout, /ta\.mft: nextUpdate has passed/);
});

for (const [args, why] of [
  [['repository'], /--out: is needed/],
  [['repository', '--out', files.path('x'), '--ases', '101'], /--ases: 101: must be 1..100/],
  [['repository', '--out', files.path('x'), '--extension', 'risav'], /--extension: risav: must be three letters/],
  [['validate', '--tal', 'x'], /--cache: is needed/],
  [['validate', '--out', 'x'], /--out: belongs to risav repository/],
  [['validate', ...COPY, '--at', 'soon'], /--at: soon: must be a time/],
  [['validate', ...COPY, '--oid', 'risav'], /--oid: risav: must be as/],
  [['validate', '1.2.3.4', ...COPY], /1.2.3.4: belongs to risav as/],
  [['as', ...COPY], /an address is needed/],
  [['as', '1.2.3', ...COPY], /1.2.3: must be an address/],
  [['as', '1.2.3.4'], /one of --tal, --vrps and --rtr is needed/],
  [['as', '1.2.3.4', ...COPY, '--rtr', '127.0.0.1:1'], /one of --tal, --vrps and --rtr is needed/],
  [['as', '1.2.3.4', '--rtr', '127.0.0.1'], /--rtr: 127.0.0.1: must be HOST:PORT/],
] as const) {
  test(`refused: risav ${args.join(' ').replaceAll(files.path(''), '')}`, async () => {
    const { code, stderr } = await dietesp(...['risav', ...args]);
    assert.match(stderr, why);
    assert.equal(code, 2);
  });
}
