// Nothing is allocated per packet. On Node the test compares the heap before and after, on Lua its own count with the
// collector stopped, on Duktape the smallest address space that a run fits in. Each way must first find a leak.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { bundle, engineCommand, engineMissing, runOn } from '../../targets/build/engines.ts';
import { sourceRoot } from '../../targets/build/root.ts';

const root = sourceRoot();

interface Measured {
  sent: number;
  received: number;
  outPerPacket: number;
  inPerPacket: number;
  growth: number;
}

async function onNode(...args: string[]): Promise<Measured> {
  mkdirSync(join(root, 'build', 'alloc'), { recursive: true });
  const outfile = join(root, 'build', 'alloc', 'node.mjs');
  const entry = join(root, 'test', 'alloc', 'node.entry.ts');
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' });
  const young = ['--min-semi-space-size=512', '--max-semi-space-size=512'];
  // Code that waits for its optimisation allocates numbers, and how long it waits depends on the machine's load.
  const code = ['--no-concurrent-recompilation'];
  const run = spawnSync(process.execPath, ['--expose-gc', '--trace-gc', ...young, ...code, outfile, ...args], {
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  // What was allocated is counted only while nothing is collected.
  assert.doesNotMatch(run.stdout, /Scavenge/);
  return JSON.parse(run.stdout.trim().split('\n').at(-1)!) as Measured;
}

for (const provider of ['fast', 'portable']) {
  test(`Node, ${provider} provider: 10^6 packets out and in, less than one octet each`, async (t) => {
    const measured = await onNode(provider, '1000000', '0');
    t.diagnostic(JSON.stringify(measured));
    assert.deepEqual([measured.sent, measured.received], [1000000, 1000000]);
    assert.ok(Math.abs(measured.outPerPacket) < 1, `outbound: ${measured.outPerPacket}`);
    assert.ok(Math.abs(measured.inPerPacket) < 1, `inbound: ${measured.inPerPacket}`);
    assert.ok(measured.growth < 65536, `heap after collection: ${measured.growth} more`);
  });
}

test('Node: numbers from 2^31 on are no small integers for V8, but nothing of them stays', async (t) => {
  const measured = await onNode('fast', '200000', String(2 ** 31 - 1000));
  t.diagnostic(JSON.stringify(measured));
  assert.ok(measured.outPerPacket < 64 && measured.inPerPacket < 64);
  assert.ok(measured.growth < 65536);
});

test('Node: an array for every packet is seen', async () => {
  const measured = await onNode('fast', '100000', '0', 'leak');
  assert.ok(measured.outPerPacket > 16);
  assert.ok(measured.growth > 1000000);
});

test('Lua: nothing allocated over 10^4 packets', { skip: engineMissing('lua') }, async () => {
  for (const leak of ['', 'leak']) {
    const file = await bundle('test/alloc/lua.entry.ts', 'lua', { cases: [['x'.repeat(10), leak]] });
    const { ok, stdout, stderr } = await runOn('lua', file, 300000);
    assert.ok(ok, stderr);
    const lines = new Map(stdout.split('\n').map((line) => line.split(/ (.*)/) as [string, string]));
    assert.equal(lines.get('good'), 'all');
    assert.equal(lines.get('packets'), '10000');
    const grown = Number(lines.get('grown'));
    if (leak === '') assert.equal(grown, 0);
    else assert.ok(grown > 1000, 'a table for every hundred packets is seen');
  }
});

/** True when the bundle runs through in an address space of `kilobytes`. */
function fits(file: string, kilobytes: number): boolean {
  const run = spawnSync('sh', ['-c', `ulimit -v ${kilobytes}; exec "$0" "$1"`, engineCommand('duktape'), file], {
    encoding: 'utf8',
    timeout: 300000,
    killSignal: 'SIGKILL',
  });
  return run.status === 0 && run.stdout.trim() === 'good all';
}

test('Duktape: 10^4 packets fit where 10^2 do', { skip: engineMissing('duktape') }, async (t) => {
  const made = (hundreds: number, leak: string) =>
    bundle('test/alloc/duktape.entry.ts', 'duktape', { cases: [['x'.repeat(hundreds), leak.padEnd(102 - hundreds)]] });
  const few = await made(1, '');
  let low = 1024;
  let high = 65536;
  assert.ok(fits(few, high));
  while (high - low > 64) {
    const middle = Math.floor((low + high) / 2);
    if (fits(few, middle)) high = middle;
    else low = middle;
  }
  t.diagnostic(`${high} kB of address space`);
  // The text of the case is part of the bundle; it has the same length in both.
  assert.ok(fits(await made(100, ''), high));
  assert.equal(
    fits(await bundle('test/alloc/duktape.entry.ts', 'duktape', { cases: [['x'.repeat(20), 'leak']] }), high),
    false,
    'a leak is seen',
  );
});
