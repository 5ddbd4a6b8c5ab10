// What specialised devices take of Espruino's variables: the figures of docs/results.md.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { engineMissing, runOn } from '../../targets/build/engines.ts';
import { specialProvision } from '../../targets/node/lab/boards/special.ts';
import { specialModule } from '../../targets/node/lab/boards/special-module.ts';
import { EXAMPLES } from '../cli/run.ts';

const VARIABLES_MAX = 700;
const IKE_VARIABLES_MAX = 2400;
const folder = mkdtempSync(join(tmpdir(), 'dietesp-variables-'));
after(() => rmSync(folder, { recursive: true }));

test(`portable data plane in ${VARIABLES_MAX} variables, a packet sent and one refused`, {
  skip: engineMissing('espruino'),
}, async (t) => {
  const file = join(EXAMPLES, 'device.yaml');
  const native = { ccm: false, hmac: false, x25519: false };
  const made = await specialModule(file, readFileSync(file, 'utf8'), native, 'espruino');
  const program = `
var frames = [];
var board = { random: function (b, o, n) { for (var i = 0; i < n; i++) b[o + i] = i; return true; },
  transmit: function (b, o, n) { frames.push(n); } };
var upper = { received: function () {}, done: function () {}, reserve: function () {} };
var before = process.memory().usage;
require("Storage").write("dd", ${JSON.stringify(made.script)});
before = process.memory().usage;
var device = require("dd");
device.start(new Uint8Array([${[...made.data!]}]));
device.send(0, new Uint8Array(20), 0, 20, 1000);
device.poll(1100);
device.receive(new Uint8Array(30), 30, 1200);
print('used ' + (process.memory().usage - before) + ' frames ' + frames.join());
`;
  const script = join(folder, 'variables.js');
  writeFileSync(script, program);
  const { ok, stdout, stderr } = await runOn('espruino', script, 60000);
  assert.ok(ok, stdout + stderr);
  const found = /^used (\d+) frames 44$/m.exec(stdout);
  assert.ok(found !== null, stdout);
  const used = Number(found[1]);
  t.diagnostic(`${used} variables`);
  assert.ok(used > 300 && used <= VARIABLES_MAX, `${used} variables`);
});

test(`sensor with IKEv2, native cryptography: ${IKE_VARIABLES_MAX} variables, its first message sent`, {
  skip: engineMissing('espruino'),
}, async (t) => {
  const file = join(EXAMPLES, 'sensor-ike.yaml');
  const text = readFileSync(file, 'utf8');
  const made = await specialModule(file, text, { ccm: true, hmac: true, x25519: true }, 'espruino');
  const blob = specialProvision(file, text);
  const program = `
var frames = [];
var blob = new Uint8Array([${[...blob]}]);
var board = { native: 7, now: function () { return 0; }, ticks: function () { return 0; },
  random: function (b, o, n) { for (var i = 0; i < n; i++) b[o + i] = i; return true; },
  tune: function () {}, transmit: function (b, o, n) { frames.push(n); }, receive: function () { return -1; },
  print: function (text) { if (text.indexOf('bad') >= 0) print(text); }, command: function () { return ''; },
  provision: function (b) { b.set(blob); return blob.length; }, save: function () { return true; }, load: function () { return 0; },
  exit: function () {}, restart: function () {}, memory: function () { return 0; }, heap: function () { return 0; },
  ccm: function () { return true; }, hmac: function () {}, x25519: function () { return true; } };
var before = process.memory().usage;
require("Storage").write("dd", ${JSON.stringify(made.script)});
before = process.memory().usage;
var device = require("dd");
var is = device.start();
for (var now = 1000; now < 1100; now += 10) device.step(now);
print('used ' + (process.memory().usage - before) + ' start ' + is + ' frames ' + frames.join());
`;
  const script = join(folder, 'ike-variables.js');
  writeFileSync(script, program);
  const { ok, stdout, stderr } = await runOn('espruino', script, 60000);
  assert.ok(ok, stdout + stderr);
  const found = /^used (\d+) start true frames 120\b/m.exec(stdout);
  assert.ok(found !== null, stdout);
  const used = Number(found[1]);
  t.diagnostic(`${used} variables`);
  assert.ok(used > 1000 && used <= IKE_VARIABLES_MAX, `${used} variables`);
});
