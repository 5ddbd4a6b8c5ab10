// Boards with the device of their profile, on one radio with a gateway: IKEv2, readings at loss, rekeys, reboots, a restart of the
// gateway.

import { test } from 'node:test';
import { boardMissing, type Part, prove } from '../boards/world.ts';

const COUNT = 100;
const LOSS = 0.1;

const CASES: Part[][] = [
  [
    { board: 'qemu-mps2-an386', engine: 'lua', isSpecial: true },
    { board: 'qemu-mps2-an385', engine: 'duktape', isSpecial: true },
  ],
  [{ board: 'qemu-mps2-an386', engine: 'jerryscript', isSpecial: true }],
  // X25519 takes seconds there: minutes in all.
  ...(process.env['DIETESP_LONG'] === '1'
    ? [[{ board: 'espruino-linux', engine: 'espruino', isSpecial: true } satisfies Part]]
    : []),
];

for (const parts of CASES) {
  const skip =
    parts.map(({ board, engine }) => boardMissing(board, engine)).find((reason) => reason !== false) ?? false;
  const name = parts.map(({ board, engine }) => `${board} with ${engine}`).join(', ');
  test(`specialised: ${name}`, { skip, timeout: 1200000 }, async (t) => {
    const isSlow = parts.some(({ engine }) => engine === 'espruino');
    const ports = await prove(parts, false, isSlow ? COUNT / 4 : COUNT, LOSS, isSlow ? 3 : undefined);
    for (const port of ports) t.diagnostic(`${port.name}: ${port.to} frames, ${port.lost} lost`);
  });
}
