// Prints what is left of each secret on the stack, a line for each. leak.c replaces the board's own C.

import { engineBoard } from '../../targets/board/hooks.ts';

const board = engineBoard();
const SIZE = 12;
const masked = new Uint8Array(SIZE);
const spare = new Uint8Array(64);
const key = new Uint8Array(16);
const longKey = new Uint8Array(80);
const scalar = new Uint8Array(32);
const point = new Uint8Array(32);
const out = new Uint8Array(32);
const buffer = new Uint8Array(64);
const nonce = new Uint8Array(12);

function fillAll(octets: Uint8Array, first: number): void {
  for (let i = 0; i < octets.length; i++) octets[i] = (first + i * 7) & 0xff;
}

/** Runs `act`, and tells whether SIZE octets of `secret` are on the stack then. Before it the spy is told what to look for. */
function look(name: string, secret: Uint8Array, act: () => void): void {
  for (let i = 0; i < SIZE; i++) masked[i] = secret[i] ^ 0xff;
  board.transmit(masked, 0, SIZE);
  act();
  board.print(name + ' ' + (board.random(spare, 0, 4) ? 'found' : 'none'));
}

fillAll(key, 3);
fillAll(longKey, 11);
fillAll(scalar, 17);
fillAll(point, 29);
fillAll(buffer, 41);

const text = new Uint8Array(64);
fillAll(text, 41);
const mac = new Uint8Array(32);
board.hmac(key, text, 0, 40, mac, 0);
look('hmac out', mac, () => board.hmac(key, text, 0, 40, out, 0));
look('hmac key', key, () => board.hmac(key, text, 0, 40, out, 0));
look('hmac long key', longKey, () => board.hmac(longKey, text, 0, 40, out, 0));
look('hmac text', text, () => board.hmac(key, text, 0, 40, out, 0));
const shared = new Uint8Array(32);
board.x25519(shared, 0, scalar, 0, point, 0);
look('x25519 out', shared, () => board.x25519(out, 0, scalar, 0, point, 0));
look('x25519 scalar', scalar, () => board.x25519(out, 0, scalar, 0, point, 0));
look('ccm key', key, () => {
  board.ccm(1, key, nonce, 12, nonce, 8, buffer, 0, 40, 8);
});
look('ccm text', text, () => {
  board.ccm(0, key, nonce, 12, nonce, 8, buffer, 0, 40, 8);
});
let same = true;
for (let i = 0; i < 40; i++) if (buffer[i] !== text[i]) same = false;
board.print(same ? 'opened' : 'not opened');
board.print(board.random(spare, 0, 5) ? 'planted' : 'the spy is blind');
board.print('end');
board.exit(0);
