// The application of a board with JerryScript and native AES-CCM, HMAC and X25519: without portable ciphers. It keeps its session
// over a restart where the board can.

import { runApp } from '../board/app.ts';
import { engineBoard } from '../board/hooks.ts';
import { createKeeper } from '../board/keep.ts';
import { createNativeAsymmetric, createNativeProvider } from '../board/native.ts';

const board = engineBoard();

runApp(board, 'jerryscript', createNativeProvider(board), createNativeAsymmetric(board), createKeeper);
