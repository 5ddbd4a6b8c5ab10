// What the command line prints on a terminal of 60 and of 200 columns, and in a pipe: widths, colour, NO_COLOR, FORCE_COLOR.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { table } from '../../targets/node/host/table.ts';
import { styled, takesColour } from '../../targets/node/host/terminal.ts';
import { dietesp, EXAMPLES, ROOT } from './run.ts';

const ESC = '\x1b[';
/** Runs argv[2..] on a terminal of argv[1] columns and passes on what it prints there. */
const PTY = `
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 40, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    os.write(1, part)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

import { DIETESP } from '../support/command.ts';

const skip =
  spawnSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0 ? false : 'no python3';

interface Shown {
  code: number | null;
  text: string;
  lines: string[];
}

/** Everything of `dietesp ...args` on a terminal; `lines` without colour. */
function onTerminal(columns: number, env: Record<string, string>, ...args: string[]): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const { NO_COLOR: _no, FORCE_COLOR: _force, ...others } = process.env;
    const command = [process.execPath, ...DIETESP, ...args];
    const child = spawn('python3', ['-c', PTY, String(columns), ...command], {
      cwd: ROOT,
      env: { ...others, TERM: 'xterm', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      text = text.replaceAll('\r\n', '\n');
      const [first, ...rest] = text.split(ESC);
      const plain = [first, ...rest.map((part) => part.replace(/^\d+m/, ''))].join('');
      resolve({ code, text, lines: plain.split('\n') });
    });
  });
}

const RULES = ['rules', '--sa', join(EXAMPLES, 'tunnel.yaml')];
const BUDGET = ['budget', '--payload', '10'];

for (const args of [RULES, BUDGET, ['build', '--list']]) {
  test(`${args[0]}: tables fit 60 columns, and are whole in 200 and in a pipe`, { skip }, async () => {
    const [narrow, wide, pipe] = await Promise.all([
      onTerminal(60, {}, ...args),
      onTerminal(200, {}, ...args),
      dietesp(...args),
    ]);
    assert.deepEqual([narrow.code, wide.code, pipe.code], [0, 0, 0]);
    const longest = (lines: string[]): number => Math.max(...lines.map(({ length }) => length));
    // The lines of prose above a table are as they are.
    const prose = pipe.stdout.split('\n').filter((line) => /^(UDP payload|short:)/.test(line));
    assert.ok(longest(narrow.lines.filter((line) => !prose.includes(line))) <= 60, narrow.lines.join('\n'));
    assert.ok(narrow.text.includes(ESC) && wide.text.includes(`${ESC}1m`));
    assert.ok(!pipe.stdout.includes(ESC));
    if (longest(pipe.stdout.split('\n')) <= 200) assert.equal(wide.lines.join('\n'), pipe.stdout);
    // Nothing is lost by the wrapping: the same words, each as often.
    const digits = (text: string): string[] => (text.match(/\b\d+(\.\d+)?\b/g) ?? []).sort();
    if (args === BUDGET) assert.deepEqual(digits(narrow.lines.join('\n')), digits(pipe.stdout));
  });
}

test('NO_COLOR: a terminal gets none; FORCE_COLOR: a pipe gets it', { skip }, async () => {
  const plain = await onTerminal(200, { NO_COLOR: '1' }, ...RULES);
  assert.ok(!plain.text.includes(ESC), plain.text);
  const before = process.env.FORCE_COLOR;
  process.env.FORCE_COLOR = '1';
  const forced = await dietesp('rules', '--sa', '/nowhere').finally(() => {
    if (before === undefined) delete process.env.FORCE_COLOR;
    else process.env.FORCE_COLOR = before;
  });
  assert.equal(forced.stderr, `${ESC}31merror:${ESC}39m /nowhere: no such file or directory\n`);
});

test('help: headings are bold, errors red, both on terminals only', { skip }, async () => {
  const help = await onTerminal(100, {}, 'rules', '--help');
  assert.ok(help.text.startsWith(`${ESC}1mUsage:${ESC}22m dietesp rules`), help.text);
  assert.ok(help.text.includes(`${ESC}1mOptions:${ESC}22m\n`), help.text);
  const wrong = await onTerminal(100, {}, 'vectors', '--nonsense');
  assert.equal(wrong.code, 2);
  assert.ok(wrong.text.startsWith(`${ESC}31merror:${ESC}39m unknown option`), wrong.text);
  const piped = await dietesp('vectors', '--nonsense');
  assert.match(piped.stderr, /^error: unknown option '--nonsense'/);
});

test('what a stream takes', () => {
  const tty = { isTTY: true };
  assert.equal(takesColour(tty, {}), true);
  assert.equal(takesColour({}, {}), false);
  assert.equal(takesColour(tty, { TERM: 'dumb' }), false);
  assert.equal(takesColour(tty, { NO_COLOR: '' }), true);
  assert.equal(takesColour(tty, { NO_COLOR: '0' }), false);
  assert.equal(takesColour({}, { FORCE_COLOR: '' }), true);
  assert.equal(takesColour(tty, { FORCE_COLOR: '0' }), false);
  assert.equal(takesColour({}, { FORCE_COLOR: '3', NO_COLOR: '1' }), false);
  assert.equal(styled({ width: 80, isColour: true }, 'yellow', 'x'), `${ESC}33mx${ESC}39m`);
  assert.equal(styled({ width: 80, isColour: false }, 'yellow', 'x'), 'x');
});

test('a table: text wraps, numbers do not, and the last way is a line for each cell', () => {
  const head = ['name', 'octets on air', 'what it is'];
  const rows = [
    ['one', '1234567', 'a text of several words'],
    ['two', '8', '0123456789abcdef'],
  ];
  const at = (width: number): string => table(head, rows, { width, isColour: false });
  assert.equal(
    at(Number.POSITIVE_INFINITY),
    'name  octets on air  what it is\none         1234567  a text of several words\ntwo               8  0123456789abcdef\n',
  );
  assert.equal(at(44), at(Number.POSITIVE_INFINITY));
  assert.equal(
    at(26),
    [
      'name   octets  what it is',
      '       on air',
      'one   1234567  a text of',
      '               several',
      '               words',
      'two         8  0123456789a',
      '               bcdef',
      '',
    ].join('\n'),
  );
  const narrow = at(20);
  assert.match(narrow, /^name {8}one$/m);
  assert.match(narrow, /^octets on {3}1234567$/m);
  for (let width = 20; width < 60; width++) {
    for (const line of at(width).split('\n')) assert.ok(line.length <= width, `${width}: ${line}`);
  }
});
