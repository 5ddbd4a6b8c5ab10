// A specialised device allocates nothing per packet, from payload to frames and back, with fragments and with packets that fail.
// On Node the test compares the heap before and after, on Lua its own count with the collector stopped. Each way must first find
// a leak.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { aesGcm16Iiv, nullHmacSha256, type Suite } from '../../core/esp/suites.ts';
import { engineMissing, runOn } from '../../targets/build/engines.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { engineText } from '../../targets/build/specialise/image.ts';
import { joinParts } from '../../targets/build/specialise/join.ts';
import type { Specialised } from '../../targets/build/specialise/layout.ts';
import { manualProfile, pairOf, README_LINK, README_SUITE } from '../special/manual-kit.ts';

const SPECIAL = join(sourceRoot(), 'targets', 'special');
const ENTRY = join(sourceRoot(), 'test', 'alloc', 'special.entry.ts');
const ADDRESS = Uint8Array.from(Buffer.from('fd000000000000000000000000000002', 'hex'));
const LIMIT_MS = 600000;
const folder = mkdtempSync(join(tmpdir(), 'dietesp-alloc-'));
after(() => rmSync(folder, { recursive: true }));

interface Measured {
  sent: number;
  received: number;
  back: number;
  dropped: number;
  each: number;
  stay: number;
}

interface Run {
  /** Octets of a payload; packets in a batch, and batches. */
  size: number;
  batch: number;
  batches: number;
  leaks?: boolean;
  damages?: boolean;
  suite?: Suite;
}

/** A device that is its own gateway: what it sends is what it takes. */
function mirror(suite: Suite): Specialised {
  const link = { ...README_LINK, ownLink: README_LINK.gatewayLink, outer: README_LINK.gateway };
  const pair = pairOf(suite, ADDRESS, ADDRESS, link.outer, link.gateway);
  for (const config of [pair.out, pair.in]) {
    config.replayWindow = 32;
    config.attributes.espSpi = 0x1234;
    config.key.fill(7);
    config.salt.fill(9);
    config.authKey.fill(5);
  }
  // One key for both directions is refused, so that it comes afterwards.
  pair.in.key.fill(8);
  pair.in.authKey.fill(8);
  const profile = manualProfile(
    {
      ...pair,
      own: ADDRESS,
      peer: ADDRESS,
      flows: [{ ownPort: 5683, peerPort: 5683 }],
      maxPayload: 256,
      reserve: 128,
      search: { wraps: 8, rate: 8 },
    },
    link,
  );
  const { atKeyOut, atKeyIn } = profile.constants as Record<string, number>;
  profile.data.copyWithin(atKeyIn, atKeyOut, atKeyIn);
  return profile;
}

/** The device and its measurement as one TypeScript text; `tools` counts memory. */
async function textOf(run: Run, tools: string): Promise<string> {
  const { size, batch, batches, leaks = false, damages = false, suite = README_SUITE } = run;
  const { constants, data } = mirror(suite);
  const joined = await joinParts({
    entry: ENTRY,
    profile: { ...constants, leaks, damages },
    replace: { [join(SPECIAL, 'events.ts')]: join(SPECIAL, 'manual-events.ts') },
  });
  const octets = `const steadyOctets = new Uint8Array(${data.length});\n${[...data]
    .map((octet, i) => (octet === 0 ? '' : `steadyOctets[${i}] = ${octet};\n`))
    .join('')}`;
  return (
    joined.replaceAll(/^declare const (board|upper|steady\w+): .*$/gm, '') +
    `\nconst board = steadyBoard;\nconst upper = steadyUpper;\n${octets}` +
    `const steadyBatch = ${batch};\nconst steadyBatches = ${batches};\nconst steadySize = ${size};\n` +
    `${tools}\nsteadyMeasure();\n`
  );
}

async function onNode(run: Run): Promise<Measured> {
  const tools = `
    const steadyHeap = () => process.memoryUsage().heapUsed;
    const steadyCollect = (_isLast) => globalThis.gc();
    const steadyTell = (text) => console.log(text);`;
  const file = join(folder, 'node.cjs');
  writeFileSync(file, await engineText(await textOf(run, tools), 'node', { isMinified: false }));
  // Compiled on this thread: so it does not depend on other load when. Nothing is collected between.
  const flags = ['--expose-gc', '--trace-gc', '--no-concurrent-recompilation'];
  const young = ['--min-semi-space-size=512', '--max-semi-space-size=512'];
  const ended = spawnSync(process.execPath, [...flags, ...young, file], { encoding: 'utf8', timeout: LIMIT_MS });
  assert.equal(ended.status, 0, ended.stderr);
  assert.doesNotMatch(ended.stdout, /Scavenge/);
  return JSON.parse(/^\{.*\}$/m.exec(ended.stdout)![0]) as Measured;
}

async function onLua(run: Run): Promise<Measured> {
  const tools = `
    declare const collectgarbage: (this: void, what: string) => number;
    declare const print: (this: void, text: string) => void;
    const steadyHeap = function (this: void) { return collectgarbage('count') * 1024; };
    const steadyCollect = function (this: void, isLast: boolean) { if (!isLast) { collectgarbage('collect'); collectgarbage('stop'); } };
    const steadyTell = function (this: void, text: string) { print(text); };`;
  const file = join(folder, 'special.lua');
  writeFileSync(file, await engineText(await textOf(run, tools), 'lua'));
  const { ok, stdout, stderr } = await runOn('lua', file, LIMIT_MS);
  assert.ok(ok, stderr + stdout);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured;
}

/** Every packet was sent, accepted and given to the program. */
function all(measured: Measured, { batch, batches, damages }: Run): void {
  const count = batch * batches;
  assert.deepEqual([measured.sent, measured.received, measured.back], [count, count, count]);
  if (damages === true) assert.ok(measured.dropped >= count);
  else assert.equal(measured.dropped, 0);
}

const KINDS: readonly [name: string, size: number, damages: boolean, suite: Suite][] = [
  ['packets of one frame', 28, false, README_SUITE],
  ['packets in fragments', 200, false, README_SUITE],
  ['each packet first with a wrong ICV', 28, true, README_SUITE],
  ['AES-GCM', 28, false, aesGcm16Iiv],
  ['NULL and HMAC', 28, false, nullHmacSha256],
];

for (const [name, size, damages, suite] of KINDS) {
  test(`Node: ${name}, less than one octet each`, async (t) => {
    const run: Run = { size, damages, suite, batch: 10000, batches: suite === README_SUITE && !damages ? 20 : 2 };
    const measured = await onNode(run);
    t.diagnostic(JSON.stringify(measured));
    all(measured, run);
    assert.ok(Math.abs(measured.each) < 1, `${measured.each} octets a packet`);
    assert.ok(measured.stay < 65536, `heap after collection: ${measured.stay} more`);
  });
}

test('Node: an array for every packet is seen', async () => {
  const measured = await onNode({ size: 28, batch: 10000, batches: 5, leaks: true });
  assert.ok(measured.each > 16 && measured.stay > 500000, JSON.stringify(measured));
});

for (const [name, size, damages, suite] of KINDS) {
  test(`Lua: ${name}, nothing over 2,000`, { skip: engineMissing('lua') }, async () => {
    const run: Run = { size, damages, suite, batch: 200, batches: 10 };
    const measured = await onLua(run);
    all(measured, run);
    assert.equal(measured.each, 0);
  });
}

test('Lua: a table for every packet is seen', { skip: engineMissing('lua') }, async () => {
  const measured = await onLua({ size: 28, batch: 200, batches: 10, leaks: true });
  assert.ok(measured.each > 16, JSON.stringify(measured));
});
