// Parts of the firmware build that need no compiler: package sources, byte code, board files.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listBoards, loadBoard, parseBoard } from '../../targets/build/board-file.ts';
import { type FlashScript, flashLua } from '../../targets/build/firmware/lua-code.ts';
import { luaSource } from '../../targets/build/firmware/lua-part.ts';
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

/** Reads a script as Lua does: all functions from the main one on, and the chains of strings. */
function readFlash({ octets, pointers }: FlashScript, width: 4 | 8): { functions: string[]; chains: string[][] } {
  const isAddress = new Set(pointers);
  const address = (at: number): number => {
    assert.equal(octets.readUInt32LE(at) !== 0, isAddress.has(at), `address at ${at}`);
    return octets.readUInt32LE(at);
  };
  const text = (at: number): string => {
    const length = octets[at + width] === 4 ? octets[at + width + 3] : octets.readUInt32LE(at + width + 8);
    assert.equal(octets[at + 2 * width + 8 + length], 0);
    return octets.toString('latin1', at + 2 * width + 8, at + 2 * width + 8 + length);
  };
  const value = (at: number): string => {
    const tag = octets[at + 8];
    if (tag === 3) return String(octets.readBigInt64LE(at));
    if (tag === 0x13) return octets.readDoubleLE(at).toFixed(2);
    return tag === 0x44 || tag === 0x54 ? text(address(at)) : `tag ${tag}`;
  };
  const functions: string[] = [];
  const read = (at: number): void => {
    const sizes = at + (width === 4 ? 12 : 16);
    const first = at + (width === 4 ? 48 : 56);
    const [upvalues, constants, instructions] = [0, 1, 2].map((n) => octets.readUInt32LE(sizes + 4 * n));
    const inner = octets.readUInt32LE(sizes + 16);
    const [k, code, list, descriptions] = [0, 1, 2, 3].map((n) => address(first + n * width));
    const values = Array.from({ length: constants }, (_none, n) => value(k + n * (8 + width)));
    const indices = Array.from({ length: upvalues }, (_none, n) => octets[descriptions + 2 * width * n + width + 1]);
    // Each function ends with RETURN, RETURN0 or RETURN1.
    assert.ok([70, 71, 72].includes(octets[code + 4 * (instructions - 1)] & 127));
    functions.push(`${octets[at + width + 2]}(${indices.join()}): ${values.join(', ')}`);
    for (let n = 0; n < inner; n++) read(address(list + n * width));
  };
  read(address(0));
  const chains: string[][] = [];
  for (let chain = 0; chain <= octets.readUInt32LE(width); chain++) {
    chains[chain] = [];
    for (let at = address(width * (2 + chain)); at !== 0; at = address(at + width + 8)) chains[chain].push(text(at));
  }
  return { functions, chains };
}

test('byte code of Lua: functions, constants and strings are found, and only what luac strips is taken', {
  skip: packageMissing('lua5.4'),
}, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-luac-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const long = 'long'.repeat(20);
  const source = `local a, b = ... ; function f(c) return a + c .. "text", 1.5, 300000, true, g, "${long}", b end`;
  writeFileSync(join(folder, 'a.lua'), source);
  const luac = (...args: string[]): Buffer => {
    execFileSync('luac5.4', [...args, '-o', 'a.luac', 'a.lua'], { cwd: folder });
    return readFileSync(join(folder, 'a.luac'));
  };
  const good = luac('-s');
  for (const width of [4, 8] as const) {
    const made = flashLua(good, width);
    assert.equal(made.octets.length % width, 0);
    assert.ok(made.pointers.every((at, n) => at % width === 0 && (n === 0 || at > made.pointers[n - 1])));
    const { functions, chains } = readFlash(made, width);
    assert.deepEqual(functions, ['0(0): f', `1(0,0,1): text, 1.50, 300000, g, ${long}`]);
    assert.deepEqual(chains.flat().sort(), ['f', 'g', 'text']);
    assert.deepEqual([...made.texts].sort(), ['f', 'g', long, 'text']);
  }
  assert.throws(() => flashLua(luac()), /has a source name: must be stripped/);
  for (let length = 0; length < good.length; length++) {
    assert.throws(() => flashLua(good.subarray(0, length)), /^Error: luac: /, String(length));
  }
  assert.throws(() => flashLua(Buffer.concat([good, Buffer.alloc(1)])), /goes on behind its end/);
  const swapped = Buffer.from(good);
  swapped.subarray(15, 23).reverse();
  assert.throws(() => flashLua(swapped), /is not little endian/);
});

test('a library of Lua keeps what the script names, and never what needs the compiler', () => {
  const library = [
    'static const luaL_Reg lib[] = {',
    '  {"byte", str_byte},',
    '  {"load",   luaB_load},',
    '  {"gsub", str_gsub},',
    '  {"pi", NULL},',
    '  {NULL, NULL}',
    '};',
    'static void open (lua_State *L) {',
    '  setrandfunc(L);',
    '}',
    '',
  ];
  const kept = (...texts: string[]): string[] => luaSource('lmathlib', library.join('\n'), new Set(texts)).split('\n');
  assert.deepEqual(
    kept('byte', 'load', 'pi'),
    library.filter((line) => !/load|gsub|setrand/.test(line)),
  );
  assert.deepEqual(
    kept('gsub', 'random'),
    library.filter((line) => !/byte|load/.test(line)),
  );
  assert.equal(luaSource('lapi', library.join('\n'), new Set()), library.join('\n'));
  assert.throws(() => luaSource('lstring', 'another', new Set()), /lua5\.4: lstring\.c: is not that of Lua 5\.4/);
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
  said('"uart-pipe"', '"smoke"', /radio\.kind: "smoke": must be one of uart-pipe, mrf24j40, frames/);
  said('"title"', '"colour": 1, "title"', /colour: 1: no such field/);
});
