// Emulated boards and a sensor of this process share one radio with a gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listBoards, loadBoard } from '../../targets/build/board-file.ts';
import { boardMissing, PATIENCE, type Part, prove } from './world.ts';

const COUNT = 100;
const LOSS = 0.1;
const LUA: Part = { board: 'qemu-mps2-an386', engine: 'lua' };
const DUKTAPE: Part = { board: 'qemu-mps2-an385', engine: 'duktape' };
const JERRYSCRIPT: Part = { board: 'qemu-mps2-an386', engine: 'jerryscript' };
const PROGRAM: Part = { board: 'linux-program', engine: 'jerryscript' };
const WHAT = 'at 10 % loss: handshake, readings, rekeys, reboot, gateway restart';
const LIMIT = { timeout: 4 * PATIENCE };

/** Why one of the boards cannot be run here, or false. */
function skipOf(...parts: Part[]): string | false {
  return parts.map(({ board, engine }) => boardMissing(board, engine)).find((why) => why !== false) ?? false;
}

async function check(parts: Part[], count = COUNT, retransmit?: number): Promise<void> {
  const ports = await prove(parts, true, count, LOSS, retransmit);
  // Of fewer frames a share says little.
  const busy = ports.filter(({ to }) => to > 500);
  assert.ok(busy.length > 0 || count < COUNT);
  for (const { name, to, lost } of busy) {
    assert.ok(lost > (to * LOSS) / 2 && lost < to * LOSS * 2, `${name}: ${lost} of ${to} frames were lost`);
  }
}

test(`M4 with Lua, M3 with Duktape and Node ${WHAT}`, { ...LIMIT, skip: skipOf(LUA, DUKTAPE) }, () =>
  check([LUA, DUKTAPE]),
);

test(`M4 with JerryScript and Node ${WHAT}`, { ...LIMIT, skip: skipOf(JERRYSCRIPT) }, () => check([JERRYSCRIPT]));

test(`A program with JerryScript and Node ${WHAT}`, { ...LIMIT, skip: skipOf(PROGRAM) }, () => check([PROGRAM]));

// X25519 takes seconds there when it is not native, and everything else its time: fewer readings, all where DIETESP_LONG=1.
const FEW = process.env.DIETESP_LONG === '1' ? COUNT : 30;
const INTERPRETED = listBoards()
  .map(loadBoard)
  .filter(({ run, engines }) => run?.kind === 'interpreter' && engines.includes('espruino'))
  .map(({ name }): Part => ({ board: name, engine: 'espruino' }));
const NONE = INTERPRETED.length === 0 ? 'no board runs in the interpreter' : false;

test(`Espruino on Linux and Node ${WHAT}`, { ...LIMIT, skip: NONE || skipOf(...INTERPRETED) }, () =>
  check(INTERPRETED.slice(0, 1), FEW, 3),
);
