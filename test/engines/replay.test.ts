// No frame is accepted twice, by exactly the device of docs/api.md, on every engine. A window that the build cannot hold is
// refused when the SA is set up, though nothing checks the rest of the SA there.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { createFastProvider, loadSaFile } from '../../targets/node/index.ts';
import { everywhere } from './everywhere.ts';
import { replays } from './replay.entry.ts';

/** Of 230 frames every tenth is lost. */
const ACCEPTED = 207;
const FILE = join(sourceRoot(), 'targets', 'node', 'examples', 'sensor.yaml');
const refusal = 'replay_window: 64: must be a power of two up to 32';

test('the shipped SA file and the device of docs/api.md accept nothing again', () => {
  const [up, down] = loadSaFile(FILE);
  assert.deepEqual(replays(createFastProvider(), up.config, down.config), [ACCEPTED, 0]);
});

test('an SA file with a wider window is refused by that device, with the field', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'wide.yaml');
  writeFileSync(path, readFileSync(FILE, 'utf8').replaceAll('replay_window: 32', 'replay_window: 64'));
  const [up, down] = loadSaFile(path);
  let caught: unknown = null;
  assert.throws(
    () => replays(createFastProvider(), up.config, down.config),
    (error) => {
      caught = error;
      return (error as Error).message === refusal;
    },
  );
  assert.match(
    up.locate(caught).message,
    /wide\.yaml:\d+: sas\[0\]\.replay_window: 64: must be a power of two up to 32$/,
  );
});

// Engines without Error.message of their own print it as Node does.
everywhere('replays', 'test/engines/replay.entry.ts', [
  ['window-32', '32', `${ACCEPTED} 0`],
  ['window-64', '64', refusal],
]);
