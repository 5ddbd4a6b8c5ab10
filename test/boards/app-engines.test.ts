// A board's application on every engine with C boards: it must print the same lines and send the same frames as on Node,
// whose lines are checked here. (test/espruino tests Espruino's.)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FLAG_DIET_ESP,
  FLAG_DOWNGRADE_PREVENTION,
  FLAG_INITIAL_CONTACT,
  FLAG_OPTIMIZED_REKEY,
} from '../../targets/board/blob-keys.ts';
import { BOARD_MEMBERS } from '../../targets/board/hooks.ts';
import { type Engine, engineMissing, engineVersion, runCases } from '../../targets/build/engines.ts';
import { encodeKeys, frameBlob } from '../../targets/node/lab/boards/provision.ts';
import { LIMIT_MS } from '../engines/everywhere.ts';
import { GATEWAY, OUTER, play, SENSOR, SERVER } from './app.entry.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
/** For the gateway of test/engines/ike-device.entry.ts. */
const blob = frameBlob(
  encodeKeys(
    new Map<number, unknown>([
      [1, 0xabcd],
      [2, 2],
      [3, hex('0200000000000002')],
      [4, hex('0000')],
      [6, hex(OUTER)],
      [7, hex(GATEWAY)],
      [9, hex(SERVER)],
      [12, 'r'],
      [13, hex(SENSOR)],
      [16, hex('73656e736f7231')],
      [19, hex('00112233445566778899aabbccddeeff')],
      [22, 500],
      [23, 3],
      [35, FLAG_DOWNGRADE_PREVENTION + FLAG_INITIAL_CONTACT + FLAG_OPTIMIZED_REKEY + FLAG_DIET_ESP],
    ]),
  ),
);
const [lines, frames] = play(Uint8Array.from(blob));

test('the lines on Node', () => {
  const plain = lines.replace(/ms=\d+/g, 'ms=N').replace(/spi=[0-9a-f]{8}/g, 'spi=X');
  assert.deepEqual(plain.split('|'), [
    'dietesp 0.2.0 engine native=0',
    'provision ok id=73656e736f7231 short=0002',
    'ike connecting',
    'child installed spi=X',
    'ike established messages=4 octets=851 ms=N resumed=0',
    'reading 1 acknowledged ms=N',
    'reading 2 acknowledged ms=N',
    'reading 3 acknowledged ms=N',
    'done 3 0',
    'child installed spi=X',
    'child removed',
    'child removed',
    'ike ended outcome=-9 retry=-1',
    'ike connecting',
    'child installed spi=X',
    'ike established messages=4 octets=851 ms=N resumed=0',
    'reading 4 acknowledged ms=N',
    'child removed',
    'ike ended outcome=-7 retry=-1',
  ]);
  assert.ok(frames.length > 2000);
});

for (const engine of ['node', 'lua', 'duktape', 'jerryscript'] as Engine[]) {
  for (const mangle of engine === 'lua' ? [false] : [false, BOARD_MEMBERS]) {
    const name = `the application on ${engine}${mangle === false ? '' : ', names mangled'}`;
    test(name, { skip: engineMissing(engine) }, async () => {
      const cases = [['app', Buffer.from(blob).toString('hex'), lines, frames]];
      const report = await runCases(engine, 'test/boards/app.entry.ts', cases, LIMIT_MS, { mangle });
      assert.deepEqual(report.failures, [], `${engine} ${engineVersion(engine)}`);
      assert.equal(report.passed, 1);
    });
  }
}
