// What a board with Duktape runs when AES-CCM, HMAC and X25519 are native: without the portable ciphers.

import { runApp } from '../board/app.ts';
import { engineBoard } from '../board/hooks.ts';
import { createNativeAsymmetric, createNativeProvider } from '../board/native.ts';

const board = engineBoard();

runApp(board, 'duktape', createNativeProvider(board), createNativeAsymmetric(board));
