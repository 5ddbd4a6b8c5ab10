// Two emulated boards and a sensor of this process share one radio with a gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firmwareMissing } from '../../targets/build/firmware/firmware.ts';
import { qemuMissing } from '../../targets/node/boards/qemu.ts';
import { PATIENCE, prove } from './world.ts';

const skip = qemuMissing() || firmwareMissing('lua') || firmwareMissing('duktape');
const COUNT = 100;
const LOSS = 0.1;

test('M4 with Lua, M3 with Duktape and Node at 10 % loss: handshake, readings, rekeys, reboot, gateway restart', {
  skip,
  timeout: 4 * PATIENCE,
}, async () => {
  const ports = await prove(
    [
      { board: 'qemu-mps2-an386', engine: 'lua' },
      { board: 'qemu-mps2-an385', engine: 'duktape' },
    ],
    true,
    COUNT,
    LOSS,
  );
  for (const { name, to, lost } of ports.filter(({ to }) => to > 500)) {
    assert.ok(lost > (to * LOSS) / 2 && lost < to * LOSS * 2, `${name}: ${lost} of ${to} frames were lost`);
  }
});
