// The application of a board with Lua 5.4 and native AES-CCM, HMAC and X25519: without portable ciphers.

import { runApp } from '../board/app.ts';
import { engineBoard } from '../board/hooks.ts';
import { createNativeAsymmetric, createNativeProvider } from '../board/native.ts';

const board = engineBoard();

runApp(board, 'lua', createNativeProvider(board), createNativeAsymmetric(board));
