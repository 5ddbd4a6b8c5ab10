// Lua tables with values that are no octets: a refused call must change nothing.

import { engineBoard } from '../../targets/board/hooks.ts';

const board = engineBoard();
const key = new Uint8Array(16);
const nonce = new Uint8Array(12);
const buffer = new Uint8Array(64);
const before = new Uint8Array(64);
const out = new Uint8Array(32);
const raw = buffer as unknown as unknown[];

function attempt(name: string, act: () => void): void {
  for (let i = 0; i < 64; i++) buffer[i] = i;
  // Somewhere behind the first blocks; where exactly depends on how the array is translated.
  raw[50] = name === 'text' ? 'x' : 256;
  for (let i = 0; i < 64; i++) before[i] = i < 48 ? buffer[i] : 0;
  let said = 'taken';
  try {
    act();
  } catch (_problem) {
    said = 'refused';
  }
  let same = true;
  for (let i = 0; i < 48; i++) if (buffer[i] !== before[i]) same = false;
  board.print(name + ' ' + said + (same ? ', as before' : ', changed'));
}

attempt('text', () => board.ccm(0, key, nonce, 12, nonce, 0, buffer, 0, 56, 8));
attempt('number', () => board.ccm(1, key, nonce, 12, nonce, 0, buffer, 0, 56, 8));
attempt('aad', () => board.ccm(1, key, nonce, 12, buffer, 64, out, 0, 16, 8));
attempt('hmac', () => board.hmac(key, key, 0, 16, buffer, 32));
board.print('end');
board.exit(0);
