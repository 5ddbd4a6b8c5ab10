// The example of a sensor's file as the file of a board.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BLOB_MAX, readBlob } from '../../targets/board/blob.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import { specialProvision } from '../../targets/node/lab/boards/special.ts';
import { EXAMPLES } from '../cli/run.ts';

test('the file of a sensor provisions a board as it is', () => {
  const name = join(EXAMPLES, 'sensor-ike.yaml');
  const read = () => readBlob(readProvision(name, readFileSync(name, 'utf8')), BLOB_MAX);
  const { code, config } = read();
  assert.equal(code, 0);
  assert.equal(config!.extendedAddress[0] & 3, 2, 'a random one, locally administered');
  assert.notDeepEqual(config!.extendedAddress, read().config!.extendedAddress);
});

test('no board takes a gateway on its own address, on none, or on another port', () => {
  const name = join(EXAMPLES, 'sensor-ike.yaml');
  const text = readFileSync(name, 'utf8');
  const link = /link: "(\w{4})"/.exec(text)![0];
  const own = /shortAddress: (\d+)/.exec(text)![1].padStart(4, '0');
  for (const [changed, message] of [
    [text.replace(link, `link: "${own}"`), /sensor-ike\.yaml:\d+: gateway\.link: \w+: must not be the device's own$/],
    [text.replace(link, 'link: "ffff"'), /sensor-ike\.yaml:\d+: gateway\.link: ffff: must be 0000\.\.fffd$/],
    [text.replace(link, `${link}, port: 501`), /sensor-ike\.yaml:\d+: gateway\.port: 501: must be 500 on a board$/],
  ] as const) {
    assert.notEqual(changed, text);
    assert.throws(() => readProvision(name, changed), { message });
    assert.throws(() => specialProvision(name, changed), { message });
  }
});
