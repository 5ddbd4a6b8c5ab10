// The host's side of boards, under attack: consoles without line ends or with escapes, names that a programmer's command
// language would execute, ends by signals that leave nothing behind, builds at the same time, headers of another version.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadBoard } from '../../targets/build/board-file.ts';
import { buildFirmware } from '../../targets/build/firmware/firmware.ts';
import { compile, scriptUnit } from '../../targets/build/firmware/toolchain.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { createConsoleLines } from '../../targets/node/lab/boards/console.ts';
import { printable } from '../../targets/node/lab/boards/run.ts';
import { DIETESP } from '../support/command.ts';
import { packageMissing } from '../support/packages.ts';
import { missing } from './firmware-kit.ts';

const root = sourceRoot();
const folder = mkdtempSync(join(tmpdir(), 'dietesp-attack-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const cli = (...args: string[]) =>
  spawnSync(process.execPath, [...DIETESP, ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120000,
  });

test('a console line is never longer than its limit, in however few pieces it comes', () => {
  const lines = createConsoleLines();
  lines.push('x'.repeat(70000) + '\n' + 'y'.repeat(5000));
  lines.push('z\nend\n');
  const kept = lines.lines();
  assert.ok(
    kept.every(({ length }) => length <= 4096),
    String(Math.max(...kept.map(({ length }) => length))),
  );
  assert.equal(kept.join('').length, 70000 + 5001 + 3);
  assert.equal(kept.at(-1), 'end');
});

test('what a board says does not reach a terminal as a command for it', () => {
  assert.equal(printable('a\u001b]0;title\u0007b\u009b2Jc\td\u007f'), 'a.]0;title.b.2Jc.d.');
  assert.equal(printable('grün {"t":21.5}'), 'grün {"t":21.5}');
});

test('an image whose name openocd would obey is refused', () => {
  const file = join(folder, 'a} ; shutdown ; program {b.bin');
  writeFileSync(file, Buffer.alloc(64));
  const { status, stderr } = cli('flash', '--board', 'netduinoplus2', '--image', file, '--dry-run');
  const { kind } = loadBoard('netduinoplus2').flashing;
  if (kind !== 'openocd') return;
  assert.equal(status, 1);
  assert.match(stderr, /openocd takes no name with \{, \}/);
});

test('a blob that takes the place of a file for all is for its owner only', () => {
  const out = join(folder, 'blob');
  writeFileSync(out, 'before');
  chmodSync(out, 0o666);
  const config = 'targets/node/examples/sensor-ike.yaml';
  const { status, stderr } = cli('provision', '--config', config, '--out', out);
  assert.equal(status, 0, stderr);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  assert.equal(readFileSync(out, 'latin1').slice(0, 4), 'DESP');
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Runs a script with a folder for temporary files, sends a signal when it says a number, and returns all of that. */
async function endBy(signal: NodeJS.Signals, name: string, text: string) {
  const temporary = join(folder, `${name}-${signal}`);
  mkdirSync(temporary);
  const script = join(temporary, 'script.mts');
  writeFileSync(script, text);
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    cwd: root,
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    said += piece;
    if (/\d+\n/.test(said)) child.kill(signal);
  });
  const [code, by] = await once(child, 'close');
  const left = readdirSync(temporary).filter((one) => one.startsWith('dietesp-'));
  return { code, by, pid: Number(/\d+/.exec(said)?.[0]), left };
}

const at = (path: string): string => JSON.stringify(join(root, path));

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`ended by ${signal}: temporary files with keys are gone`, async () => {
    const { by, left } = await endBy(
      signal,
      'files',
      `import { mkdtempSync, rmSync } from 'node:fs'; import { tmpdir } from 'node:os'; import { join } from 'node:path';
       import { atEnd } from ${at('targets/node/lab/boards/leavings.ts')};
       const folder = mkdtempSync(join(tmpdir(), 'dietesp-x-'));
       atEnd(() => rmSync(folder, { recursive: true }));
       atEnd(() => { throw new Error('of its own'); });
       console.log(1);
       setInterval(() => {}, 1000);`,
    );
    assert.equal(by, signal, 'as if there were no handler');
    assert.deepEqual(left, []);
  });
}

for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  test(`ended by ${signal}: QEMU and the blob are gone`, { skip: missing('qemu-mps2-an386', 'duktape') }, async () => {
    const { elf } = await buildFirmware(loadBoard('qemu-mps2-an386'), 'duktape', {
      entry: 'test/boards/pipe.entry.ts',
    });
    const { pid, left } = await endBy(
      signal,
      'qemu',
      `import { startQemu } from ${at('targets/node/lab/boards/qemu.ts')};
       const board = await startQemu({ machine: 'mps2-an386', kernel: ${JSON.stringify(elf)},
         blob: { octets: Buffer.from('DESP'), address: 0x3ff000 } });
       console.log(board.pid);
       setInterval(() => {}, 1000);`,
    );
    assert.ok(pid > 0);
    assert.deepEqual(left, []);
    for (let i = 0; i < 600 && isAlive(pid); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(!isAlive(pid), 'QEMU is still there');
  });
}

test('the same source compiled twice at the same time', { skip: packageMissing('gcc') }, async () => {
  const source = join(folder, 'same.c');
  writeFileSync(source, `int same(void) { return ${process.pid}; }\n`);
  const unit = { source, flags: ['-O1'] };
  const [a, b] = await Promise.all([compile([unit], folder, 'gcc'), compile([unit], folder, 'gcc')]);
  assert.deepEqual(a, b);
  assert.ok(statSync(a[0]).size > 0);
  rmSync(a[0]);
});

test('an object is made again when a header of an engine is another, also below its folder', {
  skip: packageMissing('gcc'),
}, async () => {
  const include = join(folder, 'include', 'engine');
  mkdirSync(include, { recursive: true });
  const source = join(folder, 'user.c');
  writeFileSync(source, '#include <engine/engine.h>\nint version(void) { return VERSION; }\n');
  const built: string[] = [];
  for (const version of [1, 2]) {
    writeFileSync(join(include, 'engine.h'), `#define VERSION ${version}\n`);
    for (const flags of [['-I', join(folder, 'include')], ['-isystem' + join(folder, 'include')]]) {
      built.push(...(await compile([{ source, flags }], join(root, 'boards', 'common'), 'gcc')));
    }
  }
  assert.equal(new Set(built).size, 4);
  for (const object of built) rmSync(object);
});

test('the script of an image is found from a folder whose name has quotes', () => {
  const { source } = scriptUnit({ octets: Buffer.from('attack'), pointers: [], strings: [] }, 4, []);
  assert.match(readFileSync(source, 'utf8'), /\.incbin "build\/firmware\/scripts\/[0-9a-f]{16}\.bin"/);
});
