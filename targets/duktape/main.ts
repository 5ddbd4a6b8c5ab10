// What a board with Duktape runs. Cryptography is the board's where `board.native` says so, else portable; a board that
// has all of it natively is built from main-native.ts, which leaves the portable code out.

import { runApp } from '../board/app.ts';
import { engineBoard } from '../board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../board/mixed.ts';

const board = engineBoard();

runApp(board, 'duktape', createMixedProvider(board), createMixedAsymmetric(board));
