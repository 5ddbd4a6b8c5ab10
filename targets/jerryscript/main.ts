// The application of a board with JerryScript. It uses the board's cryptography where `board.native` says so, else portable
// code. For a board that has everything natively, main-native.ts leaves the portable code out.

import { runApp } from '../board/app.ts';
import { engineBoard } from '../board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../board/mixed.ts';

const board = engineBoard();

runApp(board, 'jerryscript', createMixedProvider(board), createMixedAsymmetric(board), null);
