// The radio pipe of firmware (boards/common/radio.c), compiled for this machine, for faults that a socket to an emulator
// cannot cause: garbage, wrong lengths, a frame that stops, a full ring, a stuck transmitter.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { packageMissing } from '../support/packages.ts';

const skip = packageMissing('gcc');
const folder = mkdtempSync(join(tmpdir(), 'dietesp-pipe-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, 'pipe');
if (skip === false) {
  const root = sourceRoot();
  const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-I', join(root, 'boards', 'common')];
  execFileSync('gcc', [...flags, '-o', program, join(root, 'test', 'boards', 'radiopipe.c')]);
}

function run(...lines: string[]): string[] {
  const text = execFileSync(program, { input: lines.join('\n') + '\n', encoding: 'utf8', timeout: 60000 });
  return text.split('\n').slice(0, -1);
}

const frame = (length: number, octet: number): string =>
  'a7' + length.toString(16).padStart(2, '0') + octet.toString(16).padStart(2, '0').repeat(length);

test('frames, in pieces and after garbage', { skip }, () => {
  assert.deepEqual(run('take', 'octets a70511', 'octets 22334455', 'take', 'take'), ['-1 ', '5 1122334455', '-1 ']);
  // Lengths that no frame has; the mark as a length is a mark again.
  assert.deepEqual(run('octets 00ff05a704a780a700a7a7051122334455a7', 'take', 'octets 7f' + 'ab'.repeat(127), 'take'), [
    '5 1122334455',
    '127 ' + 'ab'.repeat(127),
  ]);
  assert.deepEqual(run('octets ' + frame(6, 0xa7), 'octets ' + frame(5, 7), 'take', 'take', 'count'), [
    '6 ' + 'a7'.repeat(6),
    '5 ' + '07'.repeat(5),
    'dropped 0 interrupted 0 stuck 0',
  ]);
});

test('a frame that stops is given up', { skip }, () => {
  const said = run('octets a7061122', 'wait 200', 'octets 33', 'wait 201', 'octets ' + frame(5, 9), 'take', 'count');
  assert.deepEqual(said, ['5 0909090909', 'dropped 0 interrupted 1 stuck 0']);
});

test('a full ring: further frames are dropped and counted', { skip }, () => {
  const many = Array.from({ length: 10 }, (_none, n) => 'octets ' + frame(5, n));
  const said = run(...many, 'count', 'take', 'octets ' + frame(5, 0x77), ...Array(8).fill('take'));
  assert.deepEqual(said, [
    'dropped 3 interrupted 0 stuck 0',
    ...[0, 1, 2, 3, 4, 5, 6, 0x77].map((n) => '5 ' + n.toString(16).padStart(2, '0').repeat(5)),
    '-1 ',
  ]);
});

test('a transmitter that is stuck costs the frame, not the board', { skip }, () => {
  assert.deepEqual(run('send 1122334455', 'stick 4', 'send 1122334455', 'stick -1', 'send 6677889900', 'count'), [
    'a7051122334455 sent',
    'a7051122 stuck',
    'a7056677889900 sent',
    'dropped 0 interrupted 0 stuck 1',
  ]);
});
