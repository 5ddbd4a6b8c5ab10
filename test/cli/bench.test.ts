// `dietesp bench anti-replay`, and the demo's scenario of classes: what each answer loses, what an attacker can repeat, and that the same
// seed gives the same figures; workers of this machine with their real windows.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ANSWERS } from '../../targets/node/lab/replay/answers.ts';
import type { AnswerFigures, Report } from '../../targets/node/lab/replay/bench.ts';
import { memoryOf } from '../../targets/node/lab/replay/memory.ts';
import { negotiate } from '../../targets/node/lab/replay/negotiate.ts';
import { runScene, sceneOf, wantedOf } from '../../targets/node/lab/replay/scenes.ts';
import { measureThreads } from '../../targets/node/lab/replay/threads.ts';
import { programOf } from '../threads/programs.ts';
import { dietesp, isOneLine, scratch } from './run.ts';

const ESP = 'aes-ccm-8-iiv';
const dir = scratch();
const answerOf = (name: string) => ANSWERS.find((one) => one.name === name)!;

test('the simulation: who loses, who accepts replays, what it costs', async () => {
  const svg = dir.path('a.svg');
  const out = dir.path('a.json');
  const { code, stdout } = await dietesp(
    ...['bench', 'anti-replay', '--workers', '0', '--quick', '--svg', svg, '--out', out],
  );
  assert.equal(code, 0);
  const report = JSON.parse(readFileSync(out, 'utf8')) as Report;
  const { scenes, answers } = report;
  assert.equal(report.measured, null);
  assert.deepEqual(scenes, ['2 cores', '8 cores', '2 classes', '4 paths', '8 senders', '8 cores, 2 classes, 4 paths']);
  const of = (name: string): AnswerFigures => answers.find((one) => one.name === name)!;
  const lost = (name: string): boolean[] => of(name).scenes.map((scene) => scene.lost > 0);
  const none = scenes.map(() => false);
  for (const name of ['replay check off', 'several IKE SAs', 'Child SAs per worker', 'subspaces', 'EESP Sub SAs']) {
    assert.deepEqual(lost(name), none, name);
  }
  assert.deepEqual(lost('one SA, window 64'), [true, true, true, true, true, true]);
  // A larger window helps until the next larger delay; senders that count alike are beyond it.
  assert.deepEqual(lost('one SA, window 1024'), [false, false, false, false, true, true]);
  assert.deepEqual(lost('Child SAs per class'), [true, true, false, true, true, true]);
  for (const { name, window, scenes: all } of answers) {
    for (const scene of all) {
      assert.equal(scene.replayed, 2 * scene.sent);
      assert.equal(scene.accepted, window === 0 ? scene.replayed : 0, name);
    }
  }
  // Nonces come twice where senders share a key and a counter each.
  const nonces = answers.map(({ scenes: all }) => all.map(({ repeatedNonces }) => repeatedNonces > 0));
  const isAlone = (name: string): boolean => /^(replay|one SA)|per class/.test(name);
  assert.deepEqual(
    nonces,
    answers.map(({ name }) => scenes.map((scene) => scene === '8 senders' && isAlone(name))),
  );
  assert.deepEqual(
    answers.map(({ scenes: [, eight] }) => eight.speedup),
    answers.map(({ name }) => (/^one SA|per class/.test(name) ? 1 : 8)),
  );
  const octets = (name: string): number => of(name).setUp.octets;
  assert.equal(of('several IKE SAs').setUp.counters, 8);
  assert.ok(octets('several IKE SAs') >= 8 * octets('one SA, window 64'));
  assert.ok(octets('Child SAs per worker') < octets('several IKE SAs') / 1.5);
  // The transform with its attribute (12 octets) beside that of 32-bit numbers in the offer, and 4 more in the answer.
  assert.equal(octets('subspaces') - octets('one SA, window 64'), 16);
  assert.equal(of('subspaces').packet - of('one SA, window 64').packet, 4);
  // One request at a time [RFC 7296 §2.3]: IKE_SA_INIT, IKE_AUTH, and seven more.
  assert.deepEqual([of('Child SAs per worker').setUp.messages, of('Child SAs per worker').setUp.last], [18, 180]);
  for (const { name } of answers) {
    assert.ok(stdout.includes(`\n${name} `), name);
    assert.ok(readFileSync(svg, 'utf8').includes(`>${name}</text>`), name);
  }
});

test('the same seed, the same figures; another one, others', () => {
  const scene = sceneOf('4 cores', { cores: 4 });
  const [, answer] = ANSWERS;
  const run = (seed: number) => runScene(answer, negotiate(answer, wantedOf(scene), ESP).pairs, scene, 200, seed);
  assert.deepEqual(run(7), run(7));
  assert.notDeepEqual(run(7), run(8));
});

test('workers of this machine: good packets all pass, replays where nothing checks them', async () => {
  const names = [
    'replay check off',
    'one SA, window 64',
    'several IKE SAs',
    'Child SAs per class',
    'subspaces',
    'EESP Sub SAs',
  ];
  const program = await programOf(new URL('../../targets/node/lab/replay/worker.ts', import.meta.url));
  const options = { workers: 2, packets: 100, runs: 1, esp: ESP, program };
  const { answers } = await measureThreads(names.map(answerOf), options, () => {});
  for (const [index, name] of names.entries()) {
    const { busy, lost, replayed, accepted, send, receive } = answers[index];
    assert.deepEqual([name, busy, lost, replayed], [name, name.startsWith('one') ? 1 : 2, 0, 400]);
    assert.equal(accepted, name === 'replay check off' ? 400 : 0, name);
    for (const rates of [send, receive]) assert.ok(rates.one > 0 && rates.all > 0);
  }
});

test('memory of a peer grows with its SAs, not with its subspaces', () => {
  // The first time is for the compiler.
  memoryOf(answerOf('one SA, window 64'), 8, ESP, 1);
  const [one, child, ike] = ['one SA, window 64', 'Child SAs per worker', 'several IKE SAs'].map((name) => {
    return memoryOf(answerOf(name), 8, ESP, 1);
  });
  assert.ok(one > 500 && child > 3 * one && ike > 3 * one, `${one} ${child} ${ike}`);
});

test('wrong use is one line', async () => {
  for (const args of [
    ['bench', 'anti-replay', '--workers', '1'],
    ['bench', 'anti-replay', '--svg', ''],
    ['demo', '--scenario', 'qos', '--loss', '0.1'],
  ]) {
    const { code, stderr } = await dietesp(...args);
    assert.equal(code, 2, args.join(' '));
    assert.ok(isOneLine(stderr), stderr);
  }
});

test('demo --scenario qos: voice is lost where it waits, with one SA alone', async () => {
  const { code, stdout } = await dietesp('demo', '--scenario', 'qos', '--json');
  assert.equal(code, 0);
  interface Row {
    network: string;
    sas: string;
    window: number;
    lost: { voice: number; bulk: number };
  }
  const { rows } = JSON.parse(stdout) as { rows: Row[] };
  const shown = rows
    .filter(({ lost }) => lost.voice + lost.bulk > 0)
    .map(({ network, sas, window, lost }) => [network, sas, window, lost.voice, lost.bulk]);
  assert.deepEqual(shown, [
    ['priority', 'one SA', 64, 0, 796],
    ['priority', 'one SA', 256, 0, 796],
    ['priority', 'one SA', 1024, 0, 172],
    ['shaped voice', 'one SA', 64, 280, 0],
    ['shaped voice', 'one SA', 256, 200, 0],
    ['path by class', 'one SA', 64, 300, 0],
    ['path by class', 'one SA', 256, 300, 0],
  ]);
  assert.equal(rows.length, 18);
});
