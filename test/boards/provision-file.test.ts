// The example of a sensor's file as the file of a board.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BLOB_MAX, readBlob } from '../../targets/board/blob.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import { EXAMPLES } from '../cli/run.ts';

test('the file of a sensor provisions a board as it is', () => {
  const name = join(EXAMPLES, 'sensor-ike.yaml');
  const read = () => readBlob(readProvision(name, readFileSync(name, 'utf8')), BLOB_MAX);
  const { code, config } = read();
  assert.equal(code, 0);
  assert.equal(config!.extendedAddress[0] & 3, 2, 'a random one, locally administered');
  assert.notDeepEqual(config!.extendedAddress, read().config!.extendedAddress);
});
