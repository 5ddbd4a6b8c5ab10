// The project's own order: import direction, cycles, length of files, and commands that the documents promise.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { filesBelow } from '../support/files.ts';

import { cycles, forbidden, importsOf } from './imports.ts';
import { longLists, MORE_PARAMETERS, MOST_PARAMETERS } from './parameters.ts';

const root = sourceRoot();
const MOST_LINES = 400;

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

test('the import rules can fail and pass', () => {
  const wrong: [string, string][] = [
    ['core/wire/udp.ts', '../schc/rule.ts'],
    ['core/base/bytes.ts', '../wire/udp.ts'],
    ['core/link/mac.ts', '../esp/sa.ts'],
    ['core/link/mac.ts', '../crypto/aes.ts'],
    ['core/crypto/aes.ts', '../wire/udp.ts'],
    ['core/dietesp/iipc.ts', '../crypto/aes.ts'],
    ['core/esp/sa.ts', '../device/device.ts'],
    ['core/esp/sa.ts', '../../targets/node/x.ts'],
    ['core/esp/sa.ts', 'node:crypto'],
    ['core/new/x.ts', '../base/bytes.ts'],
    ['core/esp/sa.ts', '../crypto/index.ts'],
    ['core/schc/index.ts', '../esp/index.ts'],
    ['core/ike/codec/message.ts', '../crypto/keys.ts'],
    ['core/ike/crypto/auth.ts', '../state/policy.ts'],
    ['core/ike/state/sa.ts', '../exchange/send.ts'],
    ['core/ike/exchange/session.ts', '../child/install.ts'],
    ['core/ike/exchange/session.ts', './endpoint.ts'],
    ['core/ike/child/rekey.ts', '../setup/init.ts'],
    ['core/ike/setup/responder.ts', '../ext/nat.ts'],
    ['core/ike/exchange/endpoint.ts', '../ext/nat.ts'],
    ['core/ike/ext/ppk-intermediate.ts', './ppk.ts'],
    ['core/ike/new/x.ts', '../codec/message.ts'],
    ['core/ike/sa.ts', './codec/message.ts'],
    ['core/esp/sa.ts', './suites'],
    ['targets/node/cli/main.ts', '../../../test/support/files.ts'],
    ['targets/node/cli/main.ts', '../../../boards/x/main.ts'],
    ['targets/node/host/keylog.ts', '../gateway/config.ts'],
    ['targets/node/host/config/x.ts', '../../sensor/sensor.ts'],
    ['targets/node/host/x.ts', '../index.ts'],
    ['targets/node/gateway/control.ts', '../sensor/describe.ts'],
    ['targets/node/sensor/sensor.ts', '../gateway/config.ts'],
    ['targets/node/sensor/sensor.ts', '../lab/medium.ts'],
    ['targets/node/lab/demo/view.ts', '../../tools/budget/model.ts'],
    ['targets/node/tools/explain/explain.ts', '../../cli/progress.ts'],
    ['targets/node/index.ts', './cli/main.ts'],
    ['targets/node/new/x.ts', '../host/log.ts'],
    ['targets/node/main.ts', './host/log.ts'],
    ['targets/lua/provider.ts', '../duktape/emit.ts'],
    ['targets/board/app.ts', '../lua/emit.ts'],
    ['targets/board/app.ts', '../node/radio/radio.ts'],
    ['targets/web/random.ts', 'node:crypto'],
    ['targets/web/random.ts', '../node/host/random.ts'],
    ['targets/page/api.ts', '../node/host/log.ts'],
    ['boards/x/main.ts', '../../targets/node/main.ts'],
    ['boards/x/main.ts', 'commander'],
  ];
  for (const [file, specifier] of wrong) assert.notEqual(forbidden(file, specifier), undefined, file + ' ' + specifier);
  const right: [string, string][] = [
    ['core/wire/udp.ts', '../base/bytes.ts'],
    ['core/esp/sa.ts', '../crypto/provider.ts'],
    ['core/ike/state/sa.ts', '../../esp/sa.ts'],
    ['core/ike/ext/nat.ts', '../state/sa.ts'],
    ['core/ike/exchange/endpoint.ts', '../setup/initiator.ts'],
    ['core/device/full-extensions.ts', '../ike/ext/nat.ts'],
    ['core/link/mac.ts', '../wire/ieee802154.ts'],
    ['core/device/device.ts', '../link/mac.ts'],
    ['core/index.ts', './device/device.ts'],
    ['core/index.ts', './ike/index.ts'],
    ['core/ike/index.ts', './ext/vendor.ts'],
    ['core/ike/index.ts', '../base/index.ts'],
    ['targets/node/cli/main.ts', 'commander'],
    ['targets/node/cli/main.ts', '../tools/budget/model.ts'],
    ['targets/node/tools/budget/compare.ts', '../../lab/demo/view.ts'],
    ['targets/node/lab/demo/run.ts', '../../sensor/sensor.ts'],
    ['targets/node/sensor/sensor.ts', '../host/keylog.ts'],
    ['targets/node/index.ts', './lab/medium.ts'],
    ['targets/node/host/radio/x.ts', '../../../build/root.ts'],
    ['targets/lua/provider.ts', '../../core/crypto/provider.ts'],
    ['targets/lua/main.ts', '../board/app.ts'],
    ['targets/web/noble.ts', '@noble/hashes/hmac.js'],
    ['targets/node/main.ts', '../web/noble.ts'],
    ['targets/board/app.ts', '../../core/device/device.ts'],
    ['boards/x/main.ts', '../../targets/espruino/provider.ts'],
    ['boards/x/main.ts', '../common/radio.ts'],
    ['test/x/y.test.ts', '../../boards/x/main.ts'],
  ];
  for (const [file, specifier] of right) assert.equal(forbidden(file, specifier), undefined, file + ' ' + specifier);
});

test('imports go one way', () => {
  const found: string[] = [];
  for (const file of ['core', 'targets', 'boards', 'test'].flatMap((folder) => filesBelow(folder, ['ts']))) {
    for (const specifier of importsOf(read(file))) {
      const why = forbidden(file, specifier);
      if (why !== undefined) found.push(file + ' imports ' + specifier + ': ' + why);
    }
  }
  assert.deepEqual(found, []);
});

test('no import cycles in core and in targets, types included', () => {
  assert.deepEqual(cycles(filesBelow('core', ['ts']), false), []);
  // An Sa is made of parts whose functions take an Sa.
  const isByNature = (cycle: string): boolean =>
    cycle.startsWith('core/esp/sa.ts -> core/esp/parts.ts -> ') ||
    cycle === 'core/esp/parts.ts -> core/esp/sa.ts -> core/esp/parts.ts';
  const ofTypes = cycles(filesBelow('core', ['ts']), true).filter((cycle) => !isByNature(cycle));
  assert.deepEqual(ofTypes, []);
  assert.deepEqual(cycles(filesBelow('targets', ['ts']), true), []);
});

test('no file has more than ' + MOST_LINES + ' lines', () => {
  const found: string[] = [];
  const files = ['core', 'targets', 'boards', 'test'].flatMap((folder) =>
    filesBelow(folder, ['ts', 'js', 'mjs', 'lua', 'c', 'h']),
  );
  assert.ok(files.length > 20);
  for (const file of files) {
    const lines = read(file).split('\n').length - 1;
    if (lines > MOST_LINES) found.push(file + ' ' + lines);
  }
  assert.deepEqual(found, []);
});

test('no function of the core takes more than ' + MOST_PARAMETERS + ' parameters', () => {
  const eight = 'a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1';
  const wrong = [
    `function x(${eight}): void {}`,
    `const x = (${eight}): void => {};`,
    `type x = (${eight}) => void;`,
    `interface I { x(${eight}): void }`,
    `interface I { x: (${eight}) => void }`,
    `class C { x(${eight}): void {} }`,
    'const y = { x: (a, b, c, d, e, f, g, h) => a };',
  ];
  for (const text of wrong) assert.deepEqual(longLists(text), ['x'], text);
  assert.deepEqual(longLists('call((a, b, c, d, e, f, g, h) => a);'), ['line 1']);
  assert.deepEqual(longLists('function x(a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1): void {}'), []);
  const found = filesBelow('core', ['ts']).flatMap((file) => longLists(read(file)).map((name) => file + ' ' + name));
  assert.deepEqual([...new Set(found)].sort(), Object.keys(MORE_PARAMETERS).sort());
});

/** `npm run x`, `npm test`, `npm start` in a document. */
function commandsOf(text: string): string[] {
  return [...text.matchAll(/\bnpm (?:run ([a-z][a-z:-]*)|(test|start)\b)/g)].map((match) => match[1] ?? match[2]);
}

test('commands in the documents are scripts of package.json', () => {
  const scripts = JSON.parse(read('package.json')).scripts as Record<string, string>;
  assert.deepEqual(commandsOf('`npm run size`, npm test -- x, npm ci'), ['size', 'test']);
  let seen = 0;
  for (const document of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...filesBelow('docs', ['md'])]) {
    for (const command of commandsOf(read(document))) {
      seen++;
      assert.ok(Object.hasOwn(scripts, command), document + ': npm run ' + command);
    }
  }
  assert.ok(seen > 0);
});

test('files that scripts of package.json run exist', () => {
  const scripts = JSON.parse(read('package.json')).scripts as Record<string, string>;
  for (const [name, script] of Object.entries(scripts)) {
    for (const file of script.match(/\b(?:targets|test)\/\S+\.ts\b/g) ?? []) {
      assert.ok(existsSync(join(root, file)), name + ': ' + file);
    }
  }
});
