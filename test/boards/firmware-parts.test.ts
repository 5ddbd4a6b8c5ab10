// Parts of the firmware build that need no compiler: package sources, byte code, board files.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listBoards, loadBoard, parseBoard } from '../../targets/build/board-file.ts';
import { flashLua } from '../../targets/build/firmware/lua-code.ts';
import { sourceEntries } from '../../targets/build/firmware/sources.ts';
import { packageMissing } from '../support/packages.ts';

test('package sources are asked for sources', () => {
  const stanzas = `Types: deb
# a comment
URIs: http://example.org/debian
Suites: stable
Signed-By: /k.gpg

Types: deb-src
URIs: http://example.org/other

Enabled: no
Types: deb
URIs: http://example.org/off
`;
  assert.equal(
    sourceEntries(stanzas, true),
    'Types: deb-src\nURIs: http://example.org/debian\nSuites: stable\nSigned-By: /k.gpg\n',
  );
  assert.equal(sourceEntries('Types: deb-src\nURIs: http://example.org\n', true), undefined);
  assert.equal(
    sourceEntries('# deb http://example.org a b\ndeb [arch=amd64] http://example.org stable main\n', false),
    'deb-src [arch=amd64] http://example.org stable main\n',
  );
  assert.equal(sourceEntries('', false), undefined);
});

test('byte code of Lua: only what luac strips is taken', { skip: packageMissing('lua5.4') }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-luac-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const source = 'local a, b = ... ; return function(c) return a + c .. "text", 1.5, 7, true, false, nil, b end';
  writeFileSync(join(folder, 'a.lua'), source);
  const luac = (...args: string[]): Buffer => {
    execFileSync('luac5.4', [...args, '-o', 'a.luac', 'a.lua'], { cwd: folder });
    return readFileSync(join(folder, 'a.luac'));
  };
  const good = luac('-s');
  const made = flashLua(good);
  assert.equal(made.toString('latin1', 0, 4), '\x1bDSP');
  // The string is there once; the main function lies behind it.
  assert.equal(made.readUInt32LE(4), 12 + 4 + 8);
  assert.equal(made.toString('latin1', 16, 20), 'text');
  assert.equal(made.length % 4, 0);
  assert.throws(() => flashLua(luac()), /has a source name: must be stripped/);
  for (let length = 0; length < good.length; length++) {
    assert.throws(() => flashLua(good.subarray(0, length)), /^Error: luac: /, String(length));
  }
  assert.throws(() => flashLua(Buffer.concat([good, Buffer.alloc(1)])), /goes on behind its end/);
  const swapped = Buffer.from(good);
  swapped.subarray(15, 23).reverse();
  assert.throws(() => flashLua(swapped), /is not little endian/);
});

test('all board files are right, and what is wrong in one is said', () => {
  assert.ok(listBoards().length >= 3);
  for (const name of listBoards()) assert.equal(loadBoard(name).name, name);
  assert.throws(() => loadBoard('toaster'), /^CommandError: board: toaster: must be one of .*netduinoplus2/);
  const { folder } = loadBoard('netduinoplus2');
  const text = readFileSync(join(folder, 'board.json'), 'utf8');
  const said = (from: string, to: string, pattern: RegExp): void => {
    assert.ok(text.includes(from), from);
    assert.throws(() => parseBoard('b.json', text.replace(from, to), folder), pattern);
  };
  said('"lua"', '"luau"', /^FieldError: b\.json:\d+: engines\[1\]: "luau": must be one of lua, /);
  said('"0x08000000"', '"zero"', /b\.json:\d+: flash\.origin: "zero": must match /);
  said('"0x00020000"', '"0x00000400"', /^FieldError: b\.json:\d+: heap\.\w+: "0x\w+": more than the RAM of 1024$/);
  said('"name": "netd', '"name": "betd', /name: "betduinoplus2": must be the name of its folder, netduinoplus2/);
  said('"tested"', '"test"', /tested: \(missing\): is required/);
  said('"uart-pipe"', '"smoke"', /radio\.kind: "smoke": must be one of uart-pipe, mrf24j40/);
  said('"title"', '"colour": 1, "title"', /colour: 1: no such field/);
});
