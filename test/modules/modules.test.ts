// The modules exactly as `dietesp build --module` writes them, on the engines: a sensor with IKEv2 with the gateway, and a
// device with SAs keyed by hand with one of the core. Both are recorded on Node; each engine must print the same lines and
// send the same frames.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Engine, engineMissing, onPath, runOn } from '../../targets/build/engines.ts';
import { bundleScript } from '../../targets/build/javascript.ts';
import { MODULE_ENGINES, type ModuleEngine } from '../../targets/build/modules.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { dietesp } from '../cli/run.ts';
import { LIMIT_MS } from '../engines/everywhere.ts';
import { packageMissing } from '../support/packages.ts';
import { type Recorded, recordDevice, recordSensor } from './record.ts';

const top = mkdtempSync(join(tmpdir(), 'dietesp-modules-'));
after(() => rmSync(top, { recursive: true, force: true }));

const programs = join(sourceRoot(), 'test', 'modules');
const script = join(top, 'replay.js');
writeFileSync(script, (await bundleScript(join(programs, 'replay.entry.ts'), 'duktape')).text);
const sensor = await recordSensor();
const device = recordDevice();

/** The folder that the command writes for an engine. */
const folders = new Map<ModuleEngine, string>();
for (const engine of MODULE_ENGINES) {
  const out = join(top, engine);
  const { code, stderr } = await dietesp('build', '--module', engine, '--out', out);
  assert.equal(code, 0, stderr);
  folders.set(engine, out);
}

/** A table or array in Lua's notation. */
function luaText(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(luaText).join(',')}}`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value as object).map(([name, of]) => `${name}=${luaText(of)}`)}}`;
}

function recordFile(kind: string, recorded: Recorded, isLua: boolean): string {
  mkdirSync(top, { recursive: true });
  const file = join(top, `${kind}.${isLua ? 'lua' : 'js'}`);
  const { replay } = recorded;
  writeFileSync(file, isLua ? `return ${luaText(replay)}\n` : `var replay = ${JSON.stringify(replay)};\n`);
  return file;
}

/** The lines that the engine must print. */
function expected(recorded: Recorded, engine: Engine): string {
  return recorded.lines.map((line) => line.replace('ENGINE', engine) + '\n').join('');
}

test('the records hold what they should', () => {
  const text = sensor.lines.join('\n');
  for (const part of ['ike established', 'reading 3 acknowledged', 'done 3 0', 'ike ended outcome=-7', 'over true']) {
    assert.ok(text.includes(part), text);
  }
  assert.equal(text.match(/child installed/g)?.length, 2, 'once more by the rekey');
  const got = device.lines.filter((line) => line.startsWith('received '));
  const reading = Buffer.from('a reading of 18 oc').reverse().toString('hex');
  assert.deepEqual(got, [`received ${reading}`, 'received 21', `received ${'78'.repeat(150)}`]);
  assert.deepEqual(
    device.lines.filter((line) => line.startsWith('done ')),
    ['done 0', 'done 0', 'done 0'],
  );
  assert.equal(device.lines.filter((line) => line.startsWith('reserve ')).join(), 'reserve 128');
});

for (const engine of ['duktape', 'jerryscript'] as const) {
  const snapshots = engine === 'jerryscript' ? ['dietesp.snap', 'dietlite.snap'] : [];
  for (const file of ['dietesp.js', 'dietesp.min.js', 'dietlite.js', 'dietlite.min.js', ...snapshots]) {
    const path = join(folders.get(engine)!, file);
    const skip =
      engineMissing(engine) ||
      (file.endsWith('.snap') && onPath('jerry-snapshot') === undefined ? 'jerry-snapshot not found on PATH' : false);
    for (const [kind, recorded] of file.startsWith('dietlite') ? [['device', device] as const] : both()) {
      test(`${file} on ${engine}: ${kind}`, { skip }, async () => {
        const more = [recordFile(kind, recorded, false), script];
        const program = engine === 'duktape' ? joined([path, ...more]) : path;
        const files = engine === 'duktape' ? [] : more;
        const { ok, stdout, stderr } = await runOn(engine, program, LIMIT_MS, undefined, files);
        assert.equal(stderr, '');
        assert.equal(stdout, expected(recorded, engine));
        assert.ok(ok);
      });
    }
  }
}

function both(): (readonly [string, Recorded])[] {
  return [
    ['sensor', sensor],
    ['device', device],
  ];
}

/** Duktape's command takes one file. */
function joined(files: readonly string[]): string {
  const file = join(top, 'joined.js');
  writeFileSync(file, files.map((name) => readFileSync(name, 'utf8')).join('\n'));
  return file;
}

for (const [command, skip] of [
  ['lua5.4', engineMissing('lua')],
  ['lua5.3', packageMissing('lua5.3')],
] as const) {
  for (const name of ['dietesp', 'dietlite']) {
    for (const [kind, recorded] of name === 'dietlite' ? [['device', device] as const] : both()) {
      test(`${name}.lua with ${command}: ${kind}`, { skip }, async () => {
        const args = [folders.get('lua')!, name, recordFile(kind, recorded, true)];
        const { ok, stdout, stderr } = await runOn('lua', join(programs, 'replay.lua'), LIMIT_MS, command, args);
        assert.equal(stderr, '');
        assert.equal(stdout, expected(recorded, 'lua'));
        assert.ok(ok);
      });
    }
  }
}

test('byte code of Lua 5.4 loads as the module', { skip: engineMissing('lua') }, async () => {
  for (const name of ['dietesp', 'dietlite']) {
    const path = join(folders.get('lua')!, `${name}.luac`);
    assert.ok(existsSync(path));
    const script = `local m = assert(loadfile(arg[1], 'b'))('${name}') print(m.text(m.hex('6f6b')))`;
    const file = join(top, 'bytecode.lua');
    writeFileSync(file, script);
    const { stdout, stderr } = await runOn('lua', file, LIMIT_MS, undefined, [path]);
    assert.equal(stdout + stderr, 'ok\n');
  }
});

test('the rockspec names the files that are there', { skip: engineMissing('lua') }, async () => {
  const folder = folders.get('lua')!;
  const spec = readdirSync(folder).find((name) => name.endsWith('.rockspec'))!;
  const file = join(top, 'rockspec.lua');
  writeFileSync(
    file,
    "local spec = {} assert(loadfile(arg[1], 't', spec))()\n" +
      "print(spec.package .. '-' .. spec.version .. '.rockspec', spec.build.type, spec.source.url ~= nil)\n" +
      'for name, path in pairs(spec.build.modules) do print(name, path) end',
  );
  const { stdout, stderr } = await runOn('lua', file, LIMIT_MS, undefined, [join(folder, spec)]);
  const lines = (stdout + stderr).trim().split('\n');
  assert.deepEqual(lines.sort(), ['dietesp\tdietesp.lua', `${spec}\tbuiltin\ttrue`, 'dietlite\tdietlite.lua'].sort());
});

/** The pieces of code on a module's page, in order. */
function examples(engine: ModuleEngine, language: string): string {
  const page = readFileSync(join(folders.get(engine)!, 'README.md'), 'utf8');
  const found = page.split('```' + language + '\n').slice(1);
  assert.equal(found.length, 2);
  return found.map((text) => text.split('```')[0]).join('\n');
}

// Both end when they wait for the eighth time: the sensor tells it, the device throws it.
const LUA_STUBS = `
package.path = arg[1] .. '/?.lua'
local time, waits = 0, 0
clock = function() return time / 1000 end
urandom = { read = function(_, length) return string.rep('a', length) end }
radio_send = function(_, _, length) print('frame ' .. length) end
radio_receive = function() return -1 end
radio_wait = function(ms)
  time, waits = time + ms, waits + 1
  if waits % 8 == 0 then error('waited') end
end
stored_number = function() return 0 end
store_number = function(number) print(string.format('stored %d', number)) end
UP_KEY, UP_SALT, DOWN_KEY, DOWN_SALT = ('01'):rep(16), '010203', ('02'):rep(16), '040506'
io.open = function()
  local octets = BLOB:gsub('..', function(digits) return string.char(tonumber(digits, 16)) end)
  return { read = function() return octets end }
end
`;
const SCRIPT_STUBS = `
var time = 0, waits = 0;
var board = {
  now: function () { return time; },
  random: function (buffer, offset, length) { for (var i = 0; i < length; i++) buffer[offset + i] = 97; return true; },
  transmit: function (buffer, offset, length) { print('frame ' + length); },
  receive: function () { return -1; },
  wait: function (ms) { time += ms; if (++waits % 8 === 0) throw new Error('waited'); },
  provision: function (buffer) { var blob = dietesp.hex(BLOB); for (var i = 0; i < blob.length; i++) buffer[i] = blob[i]; return blob.length; },
};
function storedNumber() { return 0; }
function storeNumber(number) { print('stored ' + number); }
var UP_KEY = '01010101010101010101010101010101', UP_SALT = '010203', DOWN_KEY = UP_KEY, DOWN_SALT = UP_SALT;
`;

for (const engine of MODULE_ENGINES) {
  test(`the examples of the page for ${engine} run`, { skip: engineMissing(engine) }, async () => {
    const isLua = engine === 'lua';
    const folder = folders.get(engine)!;
    const modules = ['dietesp.min.js', 'dietlite.min.js'].map((name) => join(folder, name));
    const blob = `${isLua ? '' : 'var '}BLOB = '${sensor.replay.provision}'\n`;
    const text = isLua
      ? blob + LUA_STUBS + examples(engine, 'lua')
      : modules.map((file) => readFileSync(file, 'utf8')).join('\n') + blob + SCRIPT_STUBS + examples(engine, 'js');
    const file = join(top, `page.${isLua ? 'lua' : 'js'}`);
    writeFileSync(file, text);
    const { ok, stdout, stderr } = await runOn(engine, file, LIMIT_MS, undefined, [folder].slice(isLua ? 0 : 1));
    assert.equal(ok, false);
    assert.match(
      stdout,
      /^ike connecting\n(frame \d+\n)+.*waited\nhalt 22 script error\nstored 128\n(frame \d+\n)+/m,
      stderr,
    );
    assert.match(stdout + stderr, /waited[\s\S]*waited/);
  });
}

test('a missing hook and a bad option are named, on every engine', async (t) => {
  for (const engine of MODULE_ENGINES) {
    if (engineMissing(engine) !== false) {
      t.diagnostic(`skipped: ${String(engineMissing(engine))}`);
      continue;
    }
    const cases: [string, RegExp][] =
      engine === 'lua'
        ? [
            ['device({})', /board: \(missing\)/],
            ['start({ board = { now = os.clock } })', /board\.random: \(missing\)/],
            ["hex('0g')", /hex: g is no hexadecimal digit/],
            ["hex('012')", /hex: an odd number of digits/],
            ['blob({ nonsense = 1 })', /provision\.nonsense: no such field/],
            ['blob({ channel = 99 })', /provision\.channel: 99: must be 11\.\.26/],
          ]
        : [
            ['device({})', /board: \(missing\)/],
            ['start({ board: { now: print } })', /board\.random: \(missing\)/],
            ["hex('0g')", /hex: g is no hexadecimal digit/],
            ["hex('012')", /hex: an odd number of digits/],
            ['blob({ nonsense: 1 })', /provision\.nonsense: no such field/],
            ['blob({ channel: 99 })', /provision\.channel: 99: must be 11\.\.26/],
          ];
    for (const [call, pattern] of cases) {
      const file = join(top, `bad.${engine === 'lua' ? 'lua' : 'js'}`);
      const folder = folders.get(engine)!;
      const text =
        engine === 'lua'
          ? `package.path = ${JSON.stringify(`${folder}/?.lua`)}\nrequire('dietesp').${call}`
          : `${readFileSync(join(folder, 'dietesp.min.js'), 'utf8')}\ndietesp.${call};`;
      writeFileSync(file, text);
      const { ok, stdout, stderr } = await runOn(engine, file, LIMIT_MS);
      assert.equal(ok, false, call);
      assert.match(stdout + stderr, pattern);
    }
  }
});
