// What a board with Lua 5.4 runs when AES-CCM, HMAC and X25519 are native: without the portable ciphers.

import { runApp } from '../board/app.ts';
import { engineBoard } from '../board/hooks.ts';
import { createNativeAsymmetric, createNativeProvider } from '../board/native.ts';

const board = engineBoard();

runApp(board, 'lua', createNativeProvider(board), createNativeAsymmetric(board));
