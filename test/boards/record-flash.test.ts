// The record in flash of an STM32F4, over a model of the chip: the power may fail in any operation, and the record is the old
// one or the new one. Sectors are erased once for many records. Nothing older stays readable.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { packageMissing } from '../support/packages.ts';

const skip = packageMissing('gcc');
const folder = mkdtempSync(join(tmpdir(), 'dietesp-record-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, 'flash');
if (skip === false) {
  const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-unused-function'];
  execFileSync('gcc', [...flags, '-o', program, join(sourceRoot(), 'test', 'boards', 'stm32flash.c')]);
}

function run(lines: readonly string[]): string[] {
  const text = execFileSync(program, {
    input: lines.join('\n') + '\n',
    encoding: 'utf8',
    timeout: 60000,
    maxBuffer: 1e8,
  });
  return text.split('\n').slice(0, -1);
}

function record(n: number, length: number): string {
  let hex = '';
  for (let i = 0; hex.length < 2 * length; i++) hex += createHash('sha256').update(`${n} ${i}`).digest('hex');
  return hex.slice(0, 2 * length);
}

test('records of any length, each in the place of the last; erased flash holds none', { skip }, () => {
  assert.deepEqual(run(['load', 'save -', 'load']), ['-', '1', '-']);
  const lines: string[] = [];
  const wanted: string[] = [];
  for (let n = 0; n < 200; n++) {
    const octets = record(n, (n * 37) % 513);
    lines.push(`save ${octets || '-'}`, 'load');
    wanted.push('1', octets || '-');
  }
  assert.deepEqual(run(lines), wanted);
  assert.deepEqual(run([`save ${record(1, 513)}`, 'load']), ['0', '-'], 'too long');
});

test('a cut in any operation leaves the old record or the new one, and the next save goes through', { skip }, () => {
  const [old, next, third] = [record(1, 90), record(2, 131), record(3, 40)];
  const [before, after] = run([`save ${old}`, 'counts', `save ${next}`, 'counts'])
    .filter((_line, i) => i % 2 === 1)
    .map((line) => Number(line.split(' ')[0]));
  const total = after - before;
  assert.ok(total > 131 / 4 + 90 / 4, `${total} operations`);
  const seen = new Set<string>();
  const lines: string[] = [];
  for (let n = 1; n <= total; n++) {
    for (const bits of ['0', 'ffffffff', '55aa0ff1', '0000ffff']) {
      lines.push(`save ${old}`, `cut ${n} ${bits}`, `save ${next}`, 'load', `save ${third}`, 'load');
    }
  }
  const said = run(lines);
  for (let i = 0; i < said.length; i += 5) {
    const [first, second, loaded, third1, end] = said.slice(i, i + 5);
    assert.deepEqual([first, second, third1, end], ['1', 'cut', '1', third], `${i}`);
    assert.ok(loaded === old || loaded === next, `${i}: ${loaded}`);
    seen.add(loaded);
  }
  assert.equal(seen.size, 2, 'both happen');
});

test('a cut while a sector is erased, and while the log changes halves', { skip }, () => {
  // Fills the first half: 131,072 octets, 512 + 12 for each.
  const fill = Array.from({ length: 250 }, (_value, n) => `save ${record(n, 512)}`);
  const counts = run([...fill, 'counts', `save ${record(900, 512)}`, 'counts']);
  const [before, after] = [counts[250], counts[252]].map((line) => line.split(' ').map(Number));
  assert.deepEqual([before[1], after[1]], [0, 1], 'the save that is tried erases a sector, the first');
  const old = record(249, 512);
  const next = record(900, 512);
  const all = after[0] - before[0];
  for (const n of [1, 2, 70, 132, 133, all]) {
    for (const bits of ['0', 'a5a5a5a5', 'ffffffff']) {
      const said = run([...fill, `cut ${n} ${bits}`, `save ${next}`, 'load', `save ${record(3, 99)}`, 'load']).slice(
        250,
      );
      assert.deepEqual([said[0], said[2], said[3]], ['cut', '1', record(3, 99)], `${n} ${bits}`);
      assert.ok(said[1] === old || said[1] === next, `${n} ${bits}`);
    }
  }
});

test('wear: a sector is erased once for hundreds of records; older records are wiped', { skip }, () => {
  const saves = Array.from({ length: 1000 }, (_value, n) => `save ${record(n, 131)}`);
  const said = run([...saves, 'counts', ...[0, 1, 500, 998, 999].map((n) => `holds ${record(n, 131).slice(0, 64)}`)]);
  const [, erases] = said[1000].split(' ').map(Number);
  // 131 octets are 36 words of 32,768: 910 records in a sector.
  assert.equal(erases, 1);
  assert.deepEqual(said.slice(1001), ['0', '0', '0', '0', '1'], 'only the newest');
});
