// The embedded store as a crash, a damage, an operator or another program leaves it.

import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openLevelStore } from '../../targets/node/host/state/level-store.ts';
import { defaultDirectory, openState } from '../../targets/node/host/state/open.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';

const root = mkdtempSync(join(tmpdir(), 'dietesp-state-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => join(root, `${++folders}`);
const octets = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const batch = (values: Record<string, string | null>): Map<string, Uint8Array | null> =>
  new Map(Object.entries(values).map(([key, value]) => [key, value === null ? null : octets(value)]));
const texts = (store: StateStore): Record<string, string> =>
  Object.fromEntries([...store.records].map(([key, value]) => [key, Buffer.from(value).toString()]));

const open = (directory: string, kind = 'gateway', sealKey?: Uint8Array): Promise<StateStore> =>
  openLevelStore({ directory, kind, ...(sealKey === undefined ? {} : { sealKey }) });

async function made(batches: Record<string, string | null>[]): Promise<string> {
  const directory = folder();
  const store = await open(directory);
  for (const one of batches) await store.write(batch(one));
  await store.close();
  return directory;
}

test('what was acknowledged is there again; files are their owner’s alone', async () => {
  const directory = await made([
    { a: '1', b: '2' },
    { a: '3', b: null, c: '4' },
  ]);
  const store = await open(directory);
  assert.deepEqual(texts(store), { a: '3', c: '4' });
  assert.deepEqual(store.problems, []);
  await store.write(batch({ c: null }));
  await store.close();
  const again = await open(directory);
  assert.deepEqual(texts(again), { a: '3' });
  await again.close();
  assert.equal(statSync(directory).mode & 0o77, 0);
  assert.equal(statSync(join(directory, 'records')).mode & 0o77, 0);
  assert.equal(statSync(join(directory, 'seal.key')).mode & 0o777, 0o600);
  const all = readdirSync(join(directory, 'records')).map((name) => readFileSync(join(directory, 'records', name)));
  assert.ok(!Buffer.concat(all).includes('secret'));
});

test('no value is readable in its files, nor does it open under another key or in another place', async () => {
  const directory = await made([{ a: 'a marker of a secret' }]);
  const files = readdirSync(join(directory, 'records')).map((name) => readFileSync(join(directory, 'records', name)));
  assert.ok(!Buffer.concat(files).includes('marker'));
  await assert.rejects(open(directory, 'gateway', new Uint8Array(32).fill(1)), /sealed with another key/);
  writeFileSync(join(directory, 'seal.key'), new Uint8Array(31));
  await assert.rejects(open(directory), /seal\.key: must be 32 octets: without it the records cannot be read/);
  // A fresh key would hide that the right one is missing.
  rmSync(join(directory, 'seal.key'));
  await assert.rejects(open(directory), /seal\.key: is missing: without it the records cannot be read/);
  assert.deepEqual(readdirSync(directory), ['records']);
  mkdirSync(join(directory, 'seal.key'));
  await assert.rejects(open(directory), /seal\.key: is a directory/);
});

test('in use, of another kind, of a newer format, of something else: refused by name', async () => {
  const directory = folder();
  const store = await open(directory);
  await assert.rejects(open(directory), new RegExp(`^CommandError: ${directory}: is in use by another process$`));
  await store.close();
  await assert.rejects(open(directory, 'sensor'), /is the state of a gateway: must be that of a sensor/);
  const strange = folder();
  mkdirSync(strange);
  writeFileSync(join(strange, 'letter.txt'), 'x');
  await assert.rejects(open(strange), /is not a state directory: it has "letter\.txt"/);
  assert.deepEqual(readdirSync(strange), ['letter.txt'], 'untouched');
  const file = join(root, 'file');
  writeFileSync(file, 'x');
  await assert.rejects(open(file), /file: not a directory/);
  await assert.rejects(open(join('/proc', 'none')), /\/proc\/none: no such file or directory/);
  const link = join(root, 'link');
  symlinkSync(join(root, 'nowhere'), link);
  await assert.rejects(open(link), /link: is a link to nothing/);
  const half = folder();
  mkdirSync(half);
  writeFileSync(join(half, 'records'), 'x');
  await assert.rejects(open(half), /records: must be a directory/);
  // A file system of its own.
  const mounted = folder();
  mkdirSync(join(mounted, 'lost+found'), { recursive: true });
  await (await open(mounted)).close();
  for (const empty of ['', ' ']) {
    const opened = openState('gateway', file, { directory: 'x', keyFile: '' }, empty);
    await assert.rejects(opened, /--state: must be a directory, or off/);
  }
});

test('a cut at any place of the last batch: that batch is there or is not, all else is', async () => {
  const directory = await made([
    { a: '1', b: '1' },
    { a: '2', c: '2' },
  ]);
  const log = readdirSync(join(directory, 'records')).find((name) => name.endsWith('.log'))!;
  const whole = readFileSync(join(directory, 'records', log));
  const seen = new Set<string>();
  // Behind the batches stands what opening wrote.
  for (let size = whole.length; size >= 0; size -= 3) {
    const copy = folder();
    cpSync(directory, copy, { recursive: true });
    writeFileSync(join(copy, 'records', log), whole.subarray(0, size));
    const store = await open(copy);
    seen.add(JSON.stringify(texts(store)));
    await store.close();
    rmSync(copy, { recursive: true });
  }
  assert.deepEqual([...seen].sort(), ['{"a":"1","b":"1"}', '{"a":"2","b":"1","c":"2"}', '{}']);
});

test('a changed octet anywhere: never an older value beside newer ones', async () => {
  // Longer than a block of LevelDB's log: it leaves a damaged block out, and goes on with the next.
  const pad = 'x'.repeat(40000);
  const directory = await made([
    { a: '1', b: '1', pad },
    { a: '2', b: '2', pad },
    { a: '3', pad },
    { c: '4', pad },
  ]);
  const log = readdirSync(join(directory, 'records')).find((name) => name.endsWith('.log'))!;
  const whole = readFileSync(join(directory, 'records', log));
  // What was acknowledged once, or nothing.
  const good = ['{}', '{"a":"1","b":"1"}', '{"a":"2","b":"2"}', '{"a":"3","b":"2"}', '{"a":"3","b":"2","c":"4"}'];
  const short = (store: StateStore): string => {
    const { pad: _pad, ...rest } = texts(store);
    return JSON.stringify(rest);
  };
  const told = new Set<string>();
  for (let at = 3; at < whole.length; at += 2999) {
    const copy = folder();
    cpSync(directory, copy, { recursive: true });
    const wrong = Buffer.from(whole);
    wrong[at] ^= 0x10;
    writeFileSync(join(copy, 'records', log), wrong);
    const store = await open(copy);
    const found = short(store);
    assert.ok(good.includes(found), `${at}: ${found}`);
    for (const problem of store.problems) told.add(problem);
    await store.close();
    const again = await open(copy);
    assert.deepEqual([short(again), again.problems], [found, []], 'nothing comes back');
    await again.close();
    rmSync(copy, { recursive: true });
  }
  assert.ok(told.has('some of its last changes are lost: no record is trusted'), [...told].join());
});

test('a destroyed store is empty, and can be used', async () => {
  const directory = await made([{ a: '1' }]);
  const store = await open(directory);
  await store.destroy();
  await store.write(batch({ b: '2' }));
  await store.close();
  const again = await open(directory);
  assert.deepEqual([texts(again), again.problems], [{ b: '2' }, []]);
  await again.close();
});

test('a directory that is removed or replaced while it is in use takes no change in silence, and begins anew', async () => {
  const directory = folder();
  const store = await open(directory);
  await store.write(batch({ a: '1' }));
  rmSync(directory, { recursive: true });
  await assert.rejects(store.write(batch({ a: '2' })), new RegExp(`${directory}: was removed while it is in use`));
  await store.destroy();
  await store.write(batch({ b: '3' }));
  // The key alone, or another directory in its place.
  rmSync(join(directory, 'seal.key'));
  await assert.rejects(store.write(batch({ b: '4' })), /was removed/);
  await store.destroy();
  await store.write(batch({ c: '5' }));
  renameSync(join(directory, 'records'), join(root, 'aside'));
  mkdirSync(join(directory, 'records'));
  await assert.rejects(store.write(batch({ c: '6' })), /was removed/);
  await store.destroy();
  // Where it cannot begin anew, a write says so, and the next one tries again.
  rmSync(directory, { recursive: true });
  writeFileSync(directory, 'x');
  await assert.rejects(store.write(batch({ d: '7' })), /: not a directory/);
  rmSync(directory);
  await store.write(batch({ d: '8' }));
  await store.close();
  const again = await open(directory);
  assert.deepEqual([texts(again), again.problems], [{ d: '8' }, []]);
  await again.close();
});

test('where a program keeps its state', async () => {
  const file = join(root, 'gateway.yaml');
  const name = defaultDirectory(file, { XDG_STATE_HOME: '/x' }).split('/').at(-1)!;
  assert.match(name, /^gateway-[0-9a-f]{8}$/);
  assert.equal(defaultDirectory(file, { STATE_DIRECTORY: '/s/one:/s/two' }), join('/s/one', name));
  assert.notEqual(defaultDirectory(join(root, 'other', 'gateway.yaml'), { STATE_DIRECTORY: '/s' }), join('/s', name));
  assert.equal(await openState('gateway', file, { directory: 'x', keyFile: '' }, 'off'), null);
  assert.equal(await openState('gateway', file, { directory: 'off', keyFile: '' }, undefined), null);
  const key = join(root, 'key.hex');
  writeFileSync(key, `${'ab'.repeat(32)}\n`, { mode: 0o600 });
  const store = await openState('gateway', file, { directory: 'beside', keyFile: 'key.hex' }, undefined);
  assert.ok(existsSync(join(root, 'beside', 'records')) && !existsSync(join(root, 'beside', 'seal.key')));
  await store!.close();
  chmodSync(key, 0o644);
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  await (await openState('gateway', file, { directory: 'beside', keyFile: 'key.hex' }, undefined, warn))!.close();
  await (await openState('gateway', file, { directory: 'own', keyFile: '' }, undefined, warn))!.close();
  chmodSync(join(root, 'own', 'seal.key'), 0o640);
  await (await openState('gateway', file, { directory: 'own', keyFile: '' }, undefined, warn))!.close();
  const end = 'chmod 600 closes it';
  assert.deepEqual(warnings, [
    `${key}: others may read the key in it (mode 0644); ${end}`,
    `${join(root, 'own', 'seal.key')}: others may read the key in it (mode 0640); ${end}`,
  ]);
  writeFileSync(key, 'ab');
  await assert.rejects(
    openState('gateway', file, { directory: 'beside', keyFile: 'key.hex' }, undefined),
    /key\.hex: must be 32 octets, or 64 hexadecimal digits/,
  );
});
