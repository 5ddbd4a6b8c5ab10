// A gateway with workers, in a network namespace of its own (workers-child.ts): readings both ways, a replay, rekeys of both kinds
// under traffic, a NAT's move, a restart with its store, the death of a worker, and Deletes at the end.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { ROOT } from '../cli/run.ts';
import { namespaceMissing } from '../support/namespaces.ts';

interface Seen {
  flood: number;
  workers: { alive: boolean; sas: number; sent: number; received: number; handed: number; taken: number }[];
  replayed: { drops: number; readings: number };
  rekeyFlood: number;
  afterRekey: number;
  moved: number;
  restored: number;
  restartFlood: number;
  deathFlood: number;
  dead: boolean[];
  twice: string[];
  spis: number;
}

test('workers carry the packets of sensors, whatever happens', { skip: namespaceMissing() }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-workers-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // Where packages are found from it.
  const program = join(ROOT, 'build', `worker-${process.pid}.mjs`);
  t.after(() => rmSync(program, { force: true }));
  await build({
    entryPoints: [fileURLToPath(new URL('../../targets/node/gateway/workers/thread.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  const child = join(ROOT, 'test', 'gateway', 'workers-child.ts');
  const script = `ip link set lo up && exec ${process.execPath} --import tsx ${child} file://${program} ${folder}/state`;
  const run = spawn('unshare', ['-n', 'sh', '-c', script], { cwd: ROOT, timeout: 90000 });
  let [out, err] = ['', ''];
  run.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  run.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = (await once(run, 'close')) as [number | null];
  assert.equal(code, 0, err);
  const seen = JSON.parse(out) as Seen;

  await t.test('every reading is answered, and each worker has its part', () => {
    assert.equal(seen.flood, 1600);
    for (const { alive, sas, sent, received } of seen.workers) {
      assert.deepEqual({ alive, sas }, { alive: true, sas: 2 });
      // The first reading of a sensor may have been sent more than once.
      assert.ok(sent >= 802 && received >= 802, `${sent} sent, ${received} received`);
    }
    // A flow comes to its worker, but for the first answers.
    assert.ok(seen.workers.reduce((sum, { handed }) => sum + handed, 0) < 100, JSON.stringify(seen.workers));
  });
  await t.test('a replay is refused', () => assert.deepEqual(seen.replayed, { drops: 1, readings: 0 }));
  await t.test('nothing is lost in rekeys, and workers have the new SAs', () => {
    assert.equal(seen.rekeyFlood, 1600);
    assert.ok(seen.afterRekey >= 4, String(seen.afterRekey));
  });
  await t.test('a sensor at another port is followed at once', () => assert.equal(seen.moved, 1));
  await t.test('after a restart workers have the SAs of the store', () => {
    assert.equal(seen.restored, 4);
    assert.equal(seen.restartFlood, 400);
  });
  await t.test('what a dead worker had goes on', () => {
    assert.deepEqual(seen.dead, [false, true]);
    assert.equal(seen.deathFlood, 400);
  });
  await t.test('no number was used twice', () => {
    assert.deepEqual(seen.twice, []);
    // Four peers, their rekeys, and those of the dead worker's.
    assert.equal(seen.spis, 10);
  });
});
